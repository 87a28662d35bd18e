import { CancelledError, RuntimeError } from "../../errors.ts";
import { schedulerOf } from "../../loop/internals.ts";
import {
  ALL_COMPLETED,
  allTasks,
  createTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type ReturnWhen,
  sleep,
  wait,
} from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { assertCancelled, Boom, loopTest, tick, WatchedController } from "./support.ts";

function after(ms: number): () => Promise<number> {
  return () => sleep(ms, ms);
}

loopTest("wait() sorts tasks into done and pending, as it is told", async (loop) => {
  const names: [ReturnWhen, number, number][] = [
    [FIRST_COMPLETED, 1, 10],
    [FIRST_EXCEPTION, 2, 20],
    [ALL_COMPLETED, 3, 30],
  ];
  for (const [returnWhen, count, ms] of names) {
    const start = loop.time();
    const tasks = [
      createTask(after(10)),
      createTask(async () => {
        await sleep(20);
        throw new Boom("of the second");
      }),
      createTask(after(30)),
    ];
    const { done, pending } = await wait(tasks, { returnWhen });
    assertEquals([done.size, pending.size, loop.time() - start], [count, 3 - count, ms]);
    assertEquals([...done], tasks.slice(0, count));
    await wait(tasks);
    assert(tasks[1]!.exception() instanceof Boom);
  }
  assertEquals([FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED], [
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "ALL_COMPLETED",
  ]);
});

loopTest("wait() throws nothing and cancels nothing when its time is over", async (loop) => {
  const tasks = [createTask(after(10)), createTask(after(100))];
  const { done, pending } = await wait(tasks, { timeoutMs: 50 });
  assertEquals([[...done], [...pending], loop.time()], [[tasks[0]], [tasks[1]], 50]);
  assertEquals((await wait(pending, { timeoutMs: 0 })).pending, pending);
  assertEquals((await wait(tasks, { timeoutMs: Infinity })).done.size, 2);
  assertEquals((await wait(tasks, { timeoutMs: null })).done.size, 2);
  assertEquals(schedulerOf(loop).timerCount, 0);
});

loopTest("wait() wraps promises and counts what is given twice once", async () => {
  const task = createTask(after(1));
  const promise = Promise.resolve("native");
  const { done } = await wait([task, promise, task, promise]);
  assertEquals([...done].map((future) => future.result()), [1, "native"]);
});

loopTest("wait() leaves what it waited for alone when it is cancelled", async (loop) => {
  const task = createTask(after(100));
  const waiting = createTask(() => wait([task], { timeoutMs: 1000 }));
  await tick();
  waiting.cancel("no more");
  const error = await assertRejects(() => waiting, CancelledError);
  assertEquals([error.message, schedulerOf(loop).timerCount], ["no more", 1]);
  assertEquals(await task, 100);
});

loopTest("wait() rejects with the reason of an abort, and only itself", async (loop) => {
  const task = createTask(after(100));
  const aborter = new WatchedController();
  const waiting = createTask(() => wait([task], { signal: aborter.signal, timeoutMs: 1000 }));
  const other = createTask(() => wait([task]));
  await tick();
  const reason = new Boom("abort");
  aborter.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
  assertEquals([aborter.listeners, schedulerOf(loop).timerCount], [0, 1]);
  assertStrictEquals(await assertRejects(() => wait([task], { signal: aborter.signal })), reason);
  assertEquals((await other).done, new Set([task]));
  const unused = new WatchedController();
  await wait([task], { signal: unused.signal });
  assertEquals(unused.listeners, 0);
});

loopTest("wait() refuses bad input and starts nothing", async (loop) => {
  const task = createTask(after(1));
  const bad = wait as (awaitables: unknown, options?: object) => Promise<unknown>;
  for (const wrong of [task, () => 1, Promise.resolve(), 5, null, "text"]) {
    await assertRejects(() => bad(wrong), TypeError, "Cannot wait");
  }
  await assertRejects(() => bad([task, () => 1]), TypeError, "createTask");
  await assertRejects(() => bad([task, 5]), TypeError, "Cannot wait for 5");
  await assertRejects(() => bad([]), RangeError, "empty");
  await assertRejects(() => bad([task], { returnWhen: "SOME" }), RangeError, "SOME");
  await assertRejects(() => bad([task], { timeoutMs: NaN }), RangeError, "NaN");
  await assertRejects(() => bad([task], { timeoutMs: "5" }), TypeError, "number");
  const foreign = new VirtualTimeLoop();
  await assertRejects(() => bad([foreign.createFuture()]), RangeError, "different loop");
  foreign.close();
  assertEquals(allTasks().size, 2);
  await task;
  assertEquals(loop.time(), 1);
});

Deno.test("wait() is refused outside of a loop", async () => {
  await assertRejects(() => wait([Promise.resolve()]), RuntimeError, "no event loop is running");
});

loopTest("wait() counts the error it waited for as seen", async () => {
  const task = createTask(() => {
    throw new Boom("seen");
  });
  const cancelled = createTask(after(5));
  const last = createTask(after(10));
  cancelled.cancel();
  const { done } = await wait([cancelled, task, last], { returnWhen: FIRST_EXCEPTION });
  assertEquals(done, new Set([cancelled, task]));
  await assertCancelled(cancelled);
  await last;
});
