import { RuntimeError } from "../../errors.ts";
import { internalsOf, schedulerOf } from "../../loop/internals.ts";
import { EventLoop, Future, Task } from "../../loop/mod.ts";
import type { LoopInternals } from "../../loop/internals.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { Bench } from "./bench.ts";

type Callback = () => void;

const nothing: Callback = () => {};

/** Nothing is scheduled after a refusal. */
function assertUntouched(loop: EventLoop): void {
  const engine = schedulerOf(loop);
  assertEquals([engine.readyCount, engine.timerCount], [0, 0]);
}

Deno.test("scheduling refuses what cannot be called, by the name of the call", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const calls: [string, (callback: Callback) => unknown][] = [
    ["callSoon", (callback) => loop.callSoon(callback)],
    ["callSoonThreadsafe", (callback) => loop.callSoonThreadsafe(callback)],
    ["callLater", (callback) => loop.callLater(1, callback)],
    ["callAt", (callback) => loop.callAt(1, callback)],
  ];
  for (const [name, call] of calls) {
    for (const bad of [undefined, null, 5, "text", { nested: true }, Promise.resolve()]) {
      const error = assertThrows(() => call(bad as unknown as Callback), TypeError);
      assertEquals(
        error.message,
        `Cannot call ${name}(): expected a function as callback, got ${
          Deno.inspect(bad).replaceAll("'", '"')
        }`,
      );
    }
  }
  assertUntouched(loop);
});

Deno.test("callLater() and callAt() refuse NaN and what is no number", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  assertThrows(
    () => loop.callLater(NaN, nothing),
    RangeError,
    "Cannot call callLater(): delayMs is NaN",
  );
  assertThrows(() => loop.callAt(NaN, nothing), RangeError, "Cannot call callAt(): whenMs is NaN");
  for (const bad of [undefined, null, "5", 5n, {}, new Date(), nothing]) {
    assertThrows(
      () => loop.callLater(bad as number, nothing),
      TypeError,
      "Cannot call callLater(): expected a number as delayMs, got ",
    );
    assertThrows(
      () => loop.callAt(bad as number, nothing),
      TypeError,
      "Cannot call callAt(): expected a number as whenMs, got ",
    );
  }
  assertUntouched(loop);
});

Deno.test("Future and Task refuse a loop that is not built on ours, or closed", () => {
  const loop = { toString: () => "<other>" } as unknown as LoopInternals;
  assertThrows(() => new Future({ loop }), TypeError, "Cannot use <other> as an event loop");
  assertThrows(() => new Task(nothing, { loop }), TypeError, "Cannot use <other> as an event loop");
  const closed = new EventLoop();
  closed.close();
  assertThrows(
    () => new Task(nothing, { loop: internalsOf(closed) }),
    RuntimeError,
    "Cannot create a task: Event loop is closed",
  );
});
