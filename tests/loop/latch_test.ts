import { CancelledError } from "../../errors.ts";
import { internalsOf } from "../../loop/internals.ts";
import { Latch } from "../../loop/latch.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { Bench } from "./bench.ts";

function latchOf(bench: Bench): Latch {
  return new Latch(internalsOf(bench.loop));
}

Deno.test("Latch lets all who wait go on in the iteration after open(), in their order", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const latch = latchOf(bench);
  const waiters = ["a", "b"].map((name) =>
    loop.createTask(async () => {
      await latch.wait();
      mark(name);
    })
  );
  loop.callSoon(() => {
    assertStrictEquals(latch.isOpen, false);
    latch.open();
    latch.open(new Error("too late"));
    assertStrictEquals(latch.isOpen, true);
    mark("opened");
  });
  for (const waiter of waiters) await loop.runUntilComplete(waiter);
  assertEquals(trace, [["opened", 1], ["a", 2], ["b", 2]]);
});

Deno.test("Latch.wait() of an open latch does not wait", async () => {
  await using bench = new Bench();
  const latch = latchOf(bench);
  latch.open();
  await bench.loop.runUntilComplete(() => latch.wait());
  assertStrictEquals(bench.iteration, 2, "one, and one for the stop");
});

Deno.test("Latch.open(error) makes every wait fail, now and later", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const latch = latchOf(bench);
  const error = new Error("lost");
  const waiter = loop.createTask(() => latch.wait());
  await bench.turn();
  latch.open(error);
  assertStrictEquals(await assertRejects(() => loop.runUntilComplete(waiter)), error);
  assertStrictEquals(await assertRejects(() => loop.runUntilComplete(() => latch.wait())), error);
});

Deno.test("Latch.wait() may be cancelled or aborted, and leaves the other waiters waiting", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const latch = latchOf(bench);
  const controller = new AbortController();
  const wait = (signal?: AbortSignal) => loop.createTask(() => latch.wait(signal));
  const [cancelled, aborted, patient] = [wait(), wait(controller.signal), wait()];
  await bench.turn();
  cancelled.cancel();
  controller.abort(new Error("user left"));
  await assertRejects(() => loop.runUntilComplete(cancelled), CancelledError);
  await assertRejects(() => loop.runUntilComplete(aborted), Error, "user left");
  assertStrictEquals(patient.done(), false);
  latch.open();
  await loop.runUntilComplete(patient);
  await assertRejects(
    () => loop.runUntilComplete(() => latchOf(bench).wait(controller.signal)),
    Error,
    "user left",
  );
});
