import { CancelledError, RuntimeError } from "../../errors.ts";
import { schedulerOf } from "../../loop/internals.ts";
import { createTask, gather, shield, sleep, wait, waitFor } from "../../tasks/mod.ts";
import { nextMacrotask } from "../support/poll.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "../support/assert.ts";
import {
  assertCancelled,
  Boom,
  iterationsOf,
  loopTest,
  reportsOf,
  tick,
  WatchedController,
} from "./support.ts";

loopTest("sleep() resolves to its result when its time has come", async (loop) => {
  assertEquals(await sleep(250, "rested"), "rested");
  assertEquals(loop.time(), 250);
  assertEquals(await sleep(0.5), undefined);
  assertEquals(loop.time(), 250.5);
});

loopTest("sleep() of zero or less takes one iteration and no time", async (loop) => {
  for (const ms of [0, -0, -1, -Infinity]) {
    assertEquals(await iterationsOf(sleep(ms)), 1, String(ms));
    assertEquals(await iterationsOf(sleep(ms, "result")), 1, String(ms));
    assertEquals(await sleep(ms, "result"), "result");
    const { signal } = new AbortController();
    assertEquals(await iterationsOf(sleep(ms, "result", { signal })), 1, String(ms));
  }
  assertEquals(loop.time(), 0);
});

loopTest("sleep() of zero lets everything run that is ready", async (loop) => {
  const log: string[] = [];
  loop.callSoon(() => void log.push("before"));
  const task = createTask(() => void log.push("task"));
  await sleep(0);
  assertEquals(log, ["before", "task"]);
  await task;
});

loopTest("sleep() is cancelled at once, whatever its time", async (loop) => {
  for (const ms of [0, 1000, Infinity]) {
    const task = createTask(() => sleep(ms, "never"));
    await tick();
    task.cancel("enough");
    const error = await assertRejects(() => task, CancelledError);
    assertEquals(error.message, "enough");
    assert(task.cancelled());
  }
  assertEquals([loop.time(), schedulerOf(loop).timerCount], [0, 0]);
});

loopTest("sleep() for ever needs no timer", async (loop) => {
  const task = createTask(() => sleep(Infinity));
  await tick();
  assertEquals(schedulerOf(loop).timerCount, 0);
  task.cancel();
  await assertCancelled(task);
});

loopTest("sleep() counts as waiting for whoever looks at it without awaiting it", async () => {
  assertEquals(await iterationsOf(gather(sleep(0), sleep(0, 1))), 3);
  assertEquals(await gather(sleep(0), sleep(0, 1)), [undefined, 1]);
  assertEquals(await shield(sleep(0, 1)), 1);
  assertEquals((await wait([sleep(0, 1)])).done.size, 1);
  assertEquals(await iterationsOf(waitFor(sleep(0), 1000)), 1);
});

loopTest("sleep() can be chained like a promise", async () => {
  assertEquals(await sleep(0, 1).then((value) => value + 1), 2);
  assertEquals(await sleep(5, 1).finally(() => {}), 1);
});

loopTest("sleep() rejects with the reason of an abort and leaves no listener", async (loop) => {
  const reason = { any: "value" };
  for (const ms of [-1, 0, 1000, Infinity]) {
    const aborter = new WatchedController();
    const task = createTask(() => sleep(ms, "never", { signal: aborter.signal }));
    await tick();
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(() => task), reason);
    assertEquals([aborter.listeners, schedulerOf(loop).timerCount], [0, 0], String(ms));
    const again = sleep(ms, "never", { signal: aborter.signal });
    assertStrictEquals(await assertRejects(() => again), reason);
  }
  assertEquals(loop.time(), 0);
});

loopTest("sleep() leaves no listener when it ends or is cancelled", async () => {
  const aborter = new WatchedController();
  await sleep(10, "done", { signal: aborter.signal });
  assertEquals(aborter.listeners, 0);
  const task = createTask(() => sleep(10, "done", { signal: aborter.signal }));
  await tick();
  assertEquals(aborter.listeners, 1);
  task.cancel();
  await assertCancelled(task);
  assertEquals(aborter.listeners, 0);
  aborter.abort();
});

Deno.test("sleep() that nobody awaits is told of when it fails, and ends no process", async () => {
  const aborter = new AbortController();
  const reports = await reportsOf(async () => {
    sleep(10, "never", { signal: aborter.signal });
    aborter.abort(new Boom("unseen"));
    await sleep(20);
  });
  await nextMacrotask();
  assertEquals(reports.length, 1);
  assertStringIncludes(reports[0]!.message, "never retrieved");
});

Deno.test("sleep() refuses what is no time, and code outside of a loop", async () => {
  await reportsOf(async (loop) => {
    await assertRejects(() => sleep(NaN), RangeError, "NaN");
    for (const ms of ["5", null, undefined, {}]) {
      await assertRejects(() => sleep(ms as unknown as number), TypeError, "number");
    }
    assertEquals(schedulerOf(loop).timerCount, 0);
  });
  await assertRejects(() => sleep(1), RuntimeError, "no event loop is running");
  await assertRejects(() => sleep(0), RuntimeError, "no event loop is running");
});
