import { CancelledError, RuntimeError, TimeoutError } from "../../errors.ts";
import { schedulerOf } from "../../loop/internals.ts";
import {
  allTasks,
  createTask,
  currentTask,
  eagerTaskFactory,
  sleep,
  waitFor,
} from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import {
  assertCancelled,
  Boom,
  iterationsOf,
  loopTest,
  tick,
  WatchedController,
} from "./support.ts";

loopTest("waitFor() gives the result of a function it runs inline", async (loop) => {
  const inside = await waitFor((task) => [task, currentTask(), allTasks().size], 1000);
  assertEquals(inside, [currentTask(), currentTask(), 1]);
  for (const limit of [1000, null, Infinity]) {
    assertEquals(await waitFor(() => sleep(5, "in time"), limit), "in time");
  }
  assertEquals(schedulerOf(loop).timerCount, 0);
});

loopTest("waitFor() rejects with TimeoutError, caused by the cancellation", async (loop) => {
  const future = loop.createFuture<void>();
  const task = createTask(() => sleep(1000));
  for (const awaitable of [() => sleep(1000), future, task, new Promise<void>(() => {})]) {
    const error = await assertRejects(() => waitFor<void>(awaitable, 10), TimeoutError);
    assertInstanceOf(error.cause, CancelledError);
  }
  assertEquals([future.cancelled(), task.cancelled(), loop.time()], [true, true, 40]);
  assertEquals(currentTask()!.cancelling(), 0);
});

loopTest(
  "waitFor() waits for the clean-up, and takes a result that comes all the same",
  async (loop) => {
    const slow = waitFor(async () => {
      try {
        await sleep(1000);
      } finally {
        await sleep(50);
      }
    }, 10);
    await assertRejects(() => slow, TimeoutError);
    assertEquals(loop.time(), 60);
    const stubborn = createTask(async () => {
      await assertRejects(() => sleep(1000), CancelledError);
      return "all the same";
    });
    assertEquals(await waitFor(stubborn, 10), "all the same");
    const failing = createTask(async () => {
      await assertRejects(() => sleep(1000), CancelledError);
      throw new Boom("on the way out");
    });
    await assertRejects(() => waitFor(failing, 10), Boom, "on the way out");
  },
);

loopTest("waitFor() without any time never calls a function", async (loop) => {
  let called = false;
  const call = () => {
    called = true;
    return Promise.resolve();
  };
  for (const limit of [0, -1, -Infinity]) {
    const waiting = waitFor(call, limit);
    assertEquals(await iterationsOf(assertRejects(() => waiting, TimeoutError)), 3);
  }
  loop.setTaskFactory(eagerTaskFactory);
  await assertRejects(() => waitFor(call, 0), TimeoutError);
  assertFalse(called);
});

loopTest("waitFor() without any time takes a result that is there", async (loop) => {
  const future = loop.createFuture<string>();
  future.setResult("there");
  assertEquals(await waitFor(future, 0), "there");
  assertEquals(await waitFor(future, -5), "there");
  const pending = loop.createFuture<string>();
  await assertRejects(() => waitFor(pending, 0), TimeoutError);
  assert(pending.cancelled());
});

loopTest("waitFor() is cancelled with what it waits for", async (loop) => {
  for (const limit of [1000, null]) {
    const inner = loop.createFuture<void>();
    const task = createTask(() => waitFor(inner, limit));
    await tick();
    task.cancel("outside");
    const error = await assertRejects(() => task, CancelledError);
    assertEquals([error.message, inner.cancelled()], ["outside", true]);
  }
  assertEquals(schedulerOf(loop).timerCount, 0);
});

loopTest("waitFor() is cancelled though the result came in the same iteration", async (loop) => {
  // CPython gh-86296
  const inner = loop.createFuture<string>();
  const task = createTask(() => waitFor(inner, 1000));
  await tick();
  inner.setResult("kept");
  task.cancel();
  await assertCancelled(task);
  assertEquals(inner.result(), "kept");
});

loopTest("waitFor() rejects with the reason of an abort", async (loop) => {
  const reason = { any: "value" };
  for (const awaitable of [() => sleep(1000), loop.createFuture<void>()]) {
    const aborter = new WatchedController();
    const task = createTask(() => waitFor<void>(awaitable, 500, { signal: aborter.signal }));
    await tick();
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(() => task), reason);
    assertEquals([aborter.listeners, task.cancelling()], [0, 0]);
    const { signal } = aborter;
    assertStrictEquals(await assertRejects(() => waitFor(() => 1, 500, { signal })), reason);
  }
  assertEquals([loop.time(), schedulerOf(loop).timerCount], [0, 0]);
  const unused = new WatchedController();
  await waitFor(() => sleep(1), 500, { signal: unused.signal });
  assertEquals(unused.listeners, 0);
});

loopTest("waitFor() refuses bad input and calls nothing", async () => {
  const bad = waitFor as (awaitable: unknown, limit: unknown) => Promise<unknown>;
  let called = false;
  const call = () => void (called = true);
  await assertRejects(() => bad(call, NaN), RangeError, "NaN");
  await assertRejects(() => bad(call, "5"), TypeError, "number");
  for (const wrong of [5, null, undefined, {}]) {
    await assertRejects(() => bad(wrong, 5), TypeError, "Cannot wait for");
  }
  const foreign = new VirtualTimeLoop();
  await assertRejects(() => bad(foreign.createFuture(), 5), RangeError, "different loop");
  foreign.close();
  assertFalse(called);
});

Deno.test("waitFor() is refused outside of a task", async () => {
  await assertRejects(() => waitFor(() => 1, 5), RuntimeError, "outside of a task");
});
