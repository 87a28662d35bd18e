import { CancelledError, RuntimeError, TimeoutError } from "../../errors.ts";
import { schedulerOf } from "../../loop/internals.ts";
import { allTasks, asCompleted, createTask, sleep } from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { Boom, loopTest, outcomeOf, tick, WatchedController } from "./support.ts";

function after(ms: number): () => Promise<number> {
  return () => sleep(ms, ms);
}

loopTest("asCompleted() yields the futures themselves to for await, done", async (loop) => {
  const tasks = [30, 10, 20].map((ms) => createTask(after(ms)));
  const seen: number[] = [];
  for await (const task of asCompleted(tasks)) {
    seen.push(tasks.indexOf(task), task.result(), loop.time());
  }
  assertEquals(seen, [1, 10, 10, 2, 20, 20, 0, 30, 30]);
});

loopTest("asCompleted() yields what gives the results to for", async () => {
  const results: unknown[] = [];
  const failing = () => {
    throw new Boom("first");
  };
  for (const next of asCompleted([after(20), failing, Promise.resolve("native")])) {
    results.push(await outcomeOf(next));
  }
  assertEquals(results.map(String), ["native", "Boom: first", "20"]);
});

loopTest(
  "asCompleted() waits once for what is there twice, and runs a function twice",
  async () => {
    const task = createTask(after(5));
    let runs = 0;
    const run = () => ++runs;
    const values: unknown[] = [];
    for await (const future of asCompleted([task, task, run, run])) values.push(future.result());
    assertEquals(values, [1, 2, 5]);
    for await (const _ of asCompleted([])) throw new Error("of nothing");
  },
);

loopTest("asCompleted() can be asked for several at once", async () => {
  const steps = [...asCompleted([after(30), after(10), after(20)])];
  assertEquals(await Promise.all(steps), [10, 20, 30]);
  assertEquals(await steps[0], 10, "awaited again");
});

loopTest("asCompleted() fails every step that is left when its time is over", async (loop) => {
  const tasks = [10, 100, 200].map((ms) => createTask(after(ms)));
  const seen: unknown[] = [];
  for (const next of asCompleted(tasks, { timeoutMs: 50 })) seen.push(await outcomeOf(next));
  assertEquals([seen[0], seen.length, loop.time()], [10, 3, 50]);
  assertInstanceOf(seen[1], TimeoutError);
  assertInstanceOf(seen[2], TimeoutError);
  const again = asCompleted(tasks, { timeoutMs: 10 });
  await assertRejects(async () => {
    for await (const task of again) seen.push(task.result());
  }, TimeoutError);
  assertEquals(seen[3], 10);
  for (const task of tasks) await task;
  for await (const task of asCompleted(tasks, { timeoutMs: 1000 })) seen.push(task.result());
  assertEquals(schedulerOf(loop).timerCount, 0);
});

loopTest("asCompleted() rejects with the reason of an abort, and leaves all alone", async () => {
  const aborter = new WatchedController();
  const tasks = [10, 20].map((ms) => createTask(after(ms)));
  const reason = { any: "value" };
  const seen: unknown[] = [];
  const task = createTask(async () => {
    const { signal } = aborter;
    for (const next of asCompleted(tasks, { signal })) seen.push(await outcomeOf(next));
  });
  await tick(2);
  aborter.abort(reason);
  await task;
  assertEquals([seen, aborter.listeners], [[reason, reason], 0]);
  assertStrictEquals(seen[0], reason);
  for (const [at, ms] of [10, 20].entries()) assertEquals(await tasks[at], ms);
});

loopTest(
  "asCompleted() lets go of everything when the loop is left, or all are done",
  async (loop) => {
    const tasks = [10, 20].map((ms) => createTask(after(ms)));
    const options = () => ({ signal: aborter.signal, timeoutMs: 1000 });
    const aborter = new WatchedController();
    for await (const _ of asCompleted(tasks, options())) break;
    assertEquals([aborter.listeners, schedulerOf(loop).timerCount], [0, 1]);
    for (const _ of asCompleted(tasks, options())) break;
    const [left] = asCompleted(tasks, options());
    assertEquals(await left, 10);
    assertEquals(aborter.listeners, 1, "that of the step nobody asked for, and no other");
    for (const next of asCompleted(tasks, options())) await next;
    await tick();
    assertEquals([aborter.listeners, schedulerOf(loop).timerCount], [0, 0]);
    aborter.abort();
  },
);

loopTest("asCompleted() hands on what a cancelled asker was woken for", async (loop) => {
  const future = loop.createFuture<string>();
  const [first, second] = asCompleted([future, loop.createFuture<string>()]);
  const one = createTask(async () => await first);
  const two = createTask(async () => await second);
  await tick(2);
  future.setResult("once");
  await tick(1);
  one.cancel();
  await assertRejects(() => one, CancelledError);
  assertEquals(await two, "once");
});

loopTest("asCompleted() leaves all alone when it is cancelled", async () => {
  const tasks = [10, 20].map((ms) => createTask(after(ms)));
  const task = createTask(async () => {
    for await (const done of asCompleted(tasks)) done.result();
  });
  await tick();
  task.cancel();
  await assertRejects(() => task, CancelledError);
  assertEquals(await Promise.all(tasks), [10, 20]);
});

loopTest("asCompleted() refuses bad input and starts nothing", async (loop) => {
  const bad = asCompleted as (awaitables: unknown, options?: object) => unknown;
  for (const wrong of [loop.createFuture(), () => 1, Promise.resolve(), 5, null, "text"]) {
    assertThrows(() => bad(wrong), TypeError, "Cannot iterate over");
  }
  assertThrows(() => bad([() => 1, 5]), TypeError, "Cannot iterate over 5");
  assertThrows(() => bad([() => 1], { timeoutMs: NaN }), RangeError, "NaN");
  assertThrows(() => bad([() => 1], { timeoutMs: "5" }), TypeError, "number");
  assertThrows(() => bad([() => 1], { signal: AbortSignal.abort(new Boom("no")) }), Boom, "no");
  const foreign = new VirtualTimeLoop();
  assertThrows(() => bad([foreign.createFuture()]), RangeError, "different loop");
  foreign.close();
  assertEquals(allTasks().size, 1);
  await tick();
});

Deno.test("asCompleted() is refused outside of a loop", () => {
  assertThrows(() => asCompleted([]), RuntimeError, "no event loop is running");
});
