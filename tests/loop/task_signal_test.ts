import { CancelledError } from "../../errors.ts";
import type { Task } from "../../loop/mod.ts";
import { wrapFuture } from "../../loop/ensure_future.ts";
import { internalsOf } from "../../loop/internals.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import { Bench } from "./bench.ts";

/** An operation of the platform that only its signal can end. */
function native(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

Deno.test("Task.signal aborts with CancelledError, and so ends a native promise", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask((self: Task<never>) => native(self.signal));
  await bench.turn();
  assertStrictEquals(task.signal.aborted, false);
  bench.loop.callSoon(() => task.cancel("stop"));
  const error = await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError);
  assertEquals([error.message, task.cancelled()], ["stop", true]);
});

Deno.test("a body told by its signal may clean up with awaits, undisturbed", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const seen: string[] = [];
  const task = loop.createTask(async (self: Task<void>) => {
    try {
      await native(self.signal);
    } finally {
      await bench.sleep(5);
      seen.push("cleaned up");
    }
  });
  await bench.turn();
  loop.callSoon(() => task.cancel());
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals([seen, clock.time], [["cleaned up"], 1005]);
});

Deno.test("a body told by its signal may return", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(async (self: Task<string>) => {
    const error = await assertRejects(() => native(self.signal));
    assertInstanceOf(error, CancelledError);
    return "stopped";
  });
  await bench.turn();
  bench.loop.callSoon(() => task.cancel());
  assertStrictEquals(await bench.loop.runUntilComplete(task), "stopped");
  assertEquals([task.cancelled(), task.cancelling()], [false, 1]);
});

Deno.test("a body that does not listen to its signal is cancelled at its next await", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const task = loop.createTask(async (self: Task<void>) => {
    seen.push(`${self.signal.aborted}`);
    await promise;
    seen.push("went on");
    await bench.sleep(1000);
    seen.push("never");
  });
  await bench.turn();
  task.cancel();
  await bench.turn(2);
  resolve();
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals([seen, bench.clock.time], [["false", "went on"], 1000]);
});

Deno.test("a body that has no signal is cancelled at its next await", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { promise, resolve } = Promise.withResolvers<void>();
  const task = loop.createTask(async () => {
    await promise;
    await bench.sleep(1000);
  });
  await bench.turn();
  task.cancel("as soon as it can");
  resolve();
  await assertRejects(() => loop.runUntilComplete(task), CancelledError, "as soon as it can");
  assertStrictEquals(bench.clock.time, 1000);
});

Deno.test("Task.signal is the same until a cancellation was delivered, then a new one", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const task = loop.createTask(async (self: Task<string>) => {
    const { signal } = self;
    await bench.pause();
    assertStrictEquals(self.signal, signal);
    await assertRejects(() => bench.sleep(1000), CancelledError);
    assertStrictEquals(signal.aborted, true);
    assertNotStrictEquals(self.signal, signal);
    assertStrictEquals(self.signal.aborted, false);
    return "done";
  });
  loop.callLater(5, () => task.cancel());
  assertStrictEquals(await loop.runUntilComplete(task), "done");
});

Deno.test("Task.signal is new when a task below swallowed the cancellation", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const inner = loop.createTask(async () => {
    await assertRejects(() => bench.sleep(1000), CancelledError);
    return "swallowed";
  });
  const task = loop.createTask(async (self: Task<string>) => {
    const { signal } = self;
    const value = await inner;
    assertEquals([signal.aborted, self.signal.aborted], [true, false]);
    return value;
  });
  loop.callLater(5, () => task.cancel());
  assertStrictEquals(await loop.runUntilComplete(task), "swallowed");
});

Deno.test("Task.signal stays the same when only the awaited future was cancelled", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<void>();
  const task = loop.createTask(async (self: Task<void>) => {
    const { signal } = self;
    await assertRejects(async () => await future, CancelledError);
    assertStrictEquals(self.signal, signal);
    await native(signal);
  });
  await bench.turn();
  future.cancel();
  await bench.turn();
  loop.callSoon(() => task.cancel());
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
});

Deno.test("Task.signal of a task that cancelled itself is aborted", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask((self: Task<unknown>) => {
    self.cancel("myself");
    return self.signal.reason;
  });
  await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError, "myself");
});

Deno.test("wrapFuture() lets a task leave a native promise at once", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const task = loop.createTask(async () => {
    await wrapFuture(native(), { loop: internalsOf(loop) });
  });
  await bench.turn();
  task.cancel();
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
});

Deno.test("what a native promise does after its task was cancelled is none of the task's", async () => {
  await using bench = new Bench();
  const { promise, reject } = Promise.withResolvers<void>();
  const future = wrapFuture(promise, { loop: internalsOf(bench.loop) });
  future.cancel();
  reject(new Error("too late"));
  await nextMacrotask();
  assertStrictEquals(future.cancelled(), true);
  const [report] = bench.takeReports();
  assertEquals((report?.exception as Error).message, "too late");
});
