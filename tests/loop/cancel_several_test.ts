import { CancelledError } from "../../errors.ts";
import type { Future } from "../../loop/mod.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { Bench } from "./bench.ts";

// What JavaScript adds to asyncio: one task may wait for several futures at once.

function futures(bench: Bench, count: number): Future<string>[] {
  return Array.from({ length: count }, () => bench.loop.createFuture<string>());
}

Deno.test("Task.cancel() cancels everything a Promise.all() of the task waits for", async () => {
  await using bench = new Bench();
  const waits = futures(bench, 3);
  const task = bench.loop.createTask(() => Promise.all(waits));
  await bench.turn();
  task.cancel("all");
  await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError, "all");
  assertEquals(waits.map((future) => future.cancelled()), [true, true, true]);
});

Deno.test("Task.cancel() in the iteration in which one of several futures was completed", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const [first, second] = futures(bench, 2) as [Future<string>, Future<string>];
  const task = loop.createTask(async () => {
    const error = await assertRejects(() => Promise.all([first, second]), CancelledError);
    seen.push(error.message);
    await bench.sleep(5);
    seen.push("cleaned up undisturbed");
    throw error;
  });
  await bench.turn();
  first.setResult("late");
  task.cancel("one error only");
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals(seen, ["one error only", "cleaned up undisturbed"]);
});

Deno.test("Task.cancel() is not lost to the loser of a Promise.race() of before", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const [winner, loser, next] = futures(bench, 3) as [
    Future<string>,
    Future<string>,
    Future<string>,
  ];
  const task = loop.createTask(async () => {
    await Promise.race([winner, loser]);
    return await next;
  });
  await bench.turn();
  winner.setResult("won");
  await bench.turn();
  // The task is on its way from `next`; the loser, which it no longer awaits, is still pending.
  next.setResult("too late");
  task.cancel();
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertStrictEquals(task.cancelled(), true);
});

Deno.test("a task that cancels itself after a Promise.race() is cancelled at its next await", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const [winner, loser] = futures(bench, 2) as [Future<string>, Future<string>];
  const task = loop.createTask(async () => {
    await Promise.race([winner, loser]);
    task.cancel();
    await bench.sleep(1000);
  });
  await bench.turn();
  winner.setResult("won");
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertStrictEquals(bench.clock.time, 1000);
});

Deno.test("Task.cancel() reaches what a function waits for that the task did not await", async () => {
  await using bench = new Bench();
  const [own, other] = futures(bench, 2) as [Future<string>, Future<string>];
  const task = bench.loop.createTask(async () => {
    const started = (async () => await other)();
    const caught = assertRejects(() => started, CancelledError);
    await assertRejects(async () => await own, CancelledError);
    await caught;
    return "both were told";
  });
  await bench.turn();
  task.cancel();
  assertStrictEquals(await bench.loop.runUntilComplete(task), "both were told");
});

Deno.test("Task.cancel() does not reach what another task's function waits for", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const [own, other] = futures(bench, 2) as [Future<string>, Future<string>];
  const task = loop.createTask(async () => {
    loop.createTask(async () => await other);
    loop.callSoon(async () => await other);
    await bench.pause();
    await own;
  });
  await bench.turn(3);
  task.cancel();
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals([own.cancelled(), other.done()], [true, false]);
  other.setResult("end");
  await bench.turn(2);
});

Deno.test("an async callback may await the task that scheduled it", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const task = loop.createTask(async () => {
    loop.callSoon(async () => seen.push(await task));
    await bench.sleep(5);
    return "value";
  });
  await loop.runUntilComplete(task);
  await bench.turn();
  assertEquals(seen, ["value"]);
});
