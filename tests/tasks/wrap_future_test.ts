import { CancelledError, RuntimeError, TimeoutError } from "../../errors.ts";
import {
  createTask,
  currentTask,
  gather,
  sleep,
  TaskGroup,
  timeout,
  waitFor,
  wrapFuture,
} from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import { assertCancelled, Boom, loopTest, reportsOf, tick, WatchedController } from "./support.ts";

/** As `fetch`: never ends, unless its signal aborts; knows whether that happened. */
function fetchLike(signal?: AbortSignal): Promise<never> & { aborted: boolean } {
  const { promise, reject } = Promise.withResolvers<never>();
  const request = Object.assign(promise, { aborted: false });
  signal?.addEventListener("abort", () => {
    request.aborted = true;
    reject(signal.reason);
  }, { once: true });
  return request;
}

loopTest("wrapFuture() has the outcome of the promise", async () => {
  assertEquals(await wrapFuture(Promise.resolve(1)), 1);
  await assertRejects(() => wrapFuture(Promise.reject(new Boom("no"))), Boom, "no");
  const cancelled = wrapFuture(Promise.reject(new CancelledError("so")));
  await assertRejects(() => cancelled, CancelledError, "so");
  assert(cancelled.cancelled());
});

loopTest("wrapFuture() lets a cancelled task leave a native promise at once", async () => {
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await wrapFuture(fetchLike());
    } finally {
      log.push("clean-up");
    }
  });
  await tick();
  task.cancel("leave");
  const error = await assertRejects(() => task, CancelledError);
  assertEquals([error.message, log, task.cancelled()], ["leave", ["clean-up"], true]);
});

loopTest("wrapFuture() makes a native promise subject to timeout() and waitFor()", async (loop) => {
  await assertRejects(() => timeout(10, () => wrapFuture(fetchLike())), TimeoutError);
  await assertRejects(() => waitFor(fetchLike(), 10), TimeoutError);
  await assertRejects(() => waitFor(fetchLike(), 0), TimeoutError);
  assertEquals(loop.time(), 20);
});

loopTest("wrapFuture() rejects with the reason of an abort and leaves no listener", async () => {
  const aborter = new WatchedController();
  const future = wrapFuture(fetchLike(), { signal: aborter.signal });
  const reason = new Boom("abort");
  aborter.abort(reason);
  assertStrictEquals(await assertRejects(() => future), reason);
  await tick();
  assertEquals(aborter.listeners, 0);
  const early = wrapFuture(Promise.resolve(1), { signal: aborter.signal });
  assertStrictEquals(await assertRejects(() => early), reason);
  const other = new WatchedController();
  await wrapFuture(Promise.resolve(1), { signal: other.signal });
  await tick();
  assertEquals(other.listeners, 0);
});

Deno.test("wrapFuture() tells of a promise that fails after it was left, but not of its abort", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  const reports = await reportsOf(async () => {
    const future = wrapFuture(promise);
    future.cancel();
    await assertRejects(() => future, CancelledError);
    const request = fetchLike(AbortSignal.abort());
    const aborting = wrapFuture(Promise.reject(new DOMException("stop", "AbortError")));
    aborting.cancel();
    await assertRejects(() => aborting, CancelledError);
    assertFalse(request.aborted);
    reject(new Boom("late"));
    await tick();
  });
  assertEquals(reports.map(({ exception }) => (exception as Error).message), ["late"]);
  assertStringIncludes(reports[0]!.message, "failed after");
});

Deno.test("wrapFuture() that fails unseen is reported, and ends no process", async () => {
  const reports = await reportsOf(async () => {
    wrapFuture(Promise.reject(new Boom("unseen")));
    createTask(() => Promise.reject(new Boom("unseen too")));
    gather(() => Promise.reject(new Boom("nor that")));
    await sleep(10);
  });
  await nextMacrotask();
  assertEquals(reports.map(({ exception }) => (exception as Error).message).sort(), [
    "nor that",
    "unseen",
    "unseen too",
  ]);
});

loopTest("wrapFuture() and its promise may hear of the same abort", async () => {
  const aborter = new AbortController();
  const { signal } = aborter;
  const future = wrapFuture(fetchLike(signal), { signal });
  aborter.abort(new Boom("heard twice, told once"));
  await assertRejects(() => future, Boom, "told once");
  await tick();
});

loopTest(
  "task.signal aborts what a task awaits natively, and the task ends cancelled",
  async () => {
    let request!: ReturnType<typeof fetchLike>;
    const task = createTask(async (self) => {
      request = fetchLike(self.signal);
      await request;
    });
    await tick();
    task.cancel("stop it");
    const error = await assertRejects(() => task, CancelledError);
    assertEquals([error.message, request.aborted, task.cancelled()], ["stop it", true, true]);
  },
);

loopTest("task.signal lets timeout() and TaskGroup end native promises", async () => {
  const expired = timeout(10, () => fetchLike(currentTask()!.signal));
  await assertRejects(() => expired, TimeoutError);
  assertEquals(currentTask()!.cancelling(), 0);
  assertFalse(currentTask()!.signal.aborted, "handled: the next fetch must not be aborted");
  const error = await assertRejects(() =>
    TaskGroup.run((group) => {
      group.createTask((self) => fetchLike(self.signal));
      group.createTask(() => {
        throw new Boom("sibling");
      });
    }), AggregateError);
  assertEquals(error.errors.map(String), ["Boom: sibling"]);
});

loopTest("Promise.all() over futures in a task cancels all of them", async (loop) => {
  const futures = [1, 2, 3].map(() => loop.createFuture<number>());
  const task = createTask(async () => await Promise.all(futures));
  await tick();
  futures[1]!.setResult(2);
  await tick();
  task.cancel("all");
  await assertCancelled(task);
  assertEquals(futures.map((future) => future.cancelled()), [true, false, true]);
});

loopTest("Promise.race() leaves nothing behind that swallows a cancellation", async (loop) => {
  const loser = loop.createFuture<void>();
  const log: string[] = [];
  const task = createTask(async (self) => {
    await Promise.race([loser, sleep(1)]);
    self.cancel();
    log.push("goes on to the next await");
    await sleep(1000);
    log.push("not here");
  });
  await assertCancelled(task);
  assertEquals(log, ["goes on to the next await"]);
});

Deno.test("wrapFuture() needs a promise, and a loop", async () => {
  assertThrows(() => wrapFuture(Promise.resolve()), RuntimeError, "no event loop is running");
  const loop = new VirtualTimeLoop();
  const wrong = 5 as unknown as Promise<void>;
  assertThrows(() => wrapFuture(wrong, { loop }), TypeError, "expected a promise");
  assertEquals(await loop.runUntilComplete(wrapFuture(Promise.resolve(7), { loop })), 7);
  const future = loop.createFuture<void>();
  assertStrictEquals(wrapFuture(future), future);
  loop.close();
});
