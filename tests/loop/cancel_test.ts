import { CancelledError } from "../../errors.ts";
import type { Future, Task } from "../../loop/mod.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import { Bench } from "./bench.ts";

/** How a task or future ended. */
function outcome(future: Future<unknown>): unknown {
  if (!future.done()) return "pending";
  if (future.cancelled()) return "cancelled";
  return future.exception() ?? future.result();
}

Deno.test("Task.cancel() three awaits deep: innermost await throws, every finally runs in order", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const future = loop.createFuture<void>();
  async function innermost(): Promise<void> {
    try {
      mark("waits");
      await future;
      mark("never");
    } catch (error) {
      assertInstanceOf(error, CancelledError);
      mark(`innermost: ${error.message}`);
      throw error;
    } finally {
      await bench.pause();
      mark("innermost cleaned up");
    }
  }
  async function middle(): Promise<void> {
    try {
      await innermost();
    } finally {
      await bench.pause();
      await bench.pause();
      mark("middle cleaned up");
    }
  }
  async function outermost(): Promise<void> {
    try {
      await middle();
    } finally {
      await bench.sleep(5);
      mark("outermost cleaned up");
    }
  }
  const task = loop.createTask(outermost);
  await bench.turn();
  assertStrictEquals(task.cancel("stop"), true);
  assertEquals([future.cancelled(), task.done(), task.cancelling()], [true, false, 1]);
  const error = await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertStrictEquals(error.message, "stop");
  assertEquals([task.cancelled(), bench.clock.time], [true, 1005]);
  // A sleep is a timer that sets the future, and then the wake-up.
  assertEquals(trace, [
    ["waits", 1],
    ["innermost: stop", 2],
    ["innermost cleaned up", 3],
    ["middle cleaned up", 5],
    ["outermost cleaned up", 7],
  ]);
});

Deno.test("Task.cancel() before the start: the body never runs", async () => {
  await using bench = new Bench();
  const { trace, mark } = bench.tracer();
  const task = bench.loop.createTask(() => mark("never"));
  assertStrictEquals(task.cancel("not today"), true);
  assertStrictEquals(task.done(), false, "the task ends in its iteration, not at once");
  task.addDoneCallback(() => mark("done callback"));
  const error = await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError);
  assertEquals([error.message, task.cancelled()], ["not today", true]);
  assertEquals(trace, [["done callback", 2]]);
});

Deno.test("Task.cancel() goes through a task that is awaited", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<void>();
  const inner = loop.createTask(async () => await future);
  const outer = loop.createTask(async () => await inner);
  await bench.turn();
  outer.cancel("all of you");
  await assertRejects(() => loop.runUntilComplete(outer), CancelledError, "all of you");
  assertEquals([future, inner, outer].map(outcome), ["cancelled", "cancelled", "cancelled"]);
  assertEquals([inner.cancelling(), outer.cancelling()], [1, 1]);
});

Deno.test("a cancelled future cancels the task that does not catch it, which was not asked", async () => {
  // CPython test_tasks.py test_cancel_inner_future
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const task = bench.loop.createTask(async () => await future);
  await bench.turn();
  future.cancel("just me");
  await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError, "just me");
  assertEquals([task.cancelled(), task.cancelling()], [true, 0]);
});

Deno.test("a task may swallow a cancellation and return", async () => {
  // CPython test_tasks.py test_cancel_task_catching
  await using bench = new Bench();
  const task = bench.loop.createTask(async () => {
    await assertRejects(() => bench.sleep(1000), CancelledError);
    return 42;
  });
  await bench.turn();
  task.cancel();
  assertStrictEquals(await bench.loop.runUntilComplete(task), 42);
  assertEquals([task.cancelled(), task.cancelling()], [false, 1]);
});

Deno.test("a task may swallow a cancellation and go on waiting", async () => {
  // CPython test_tasks.py test_cancel_task_ignoring
  await using bench = new Bench();
  const { loop } = bench;
  const futures = [1, 2, 3].map(() => loop.createFuture<number>());
  const task = loop.createTask(async () => {
    await futures[0];
    await assertRejects(async () => await futures[1], CancelledError);
    return await futures[2];
  });
  futures[0]?.setResult(1);
  await bench.turn();
  task.cancel();
  await bench.turn();
  futures[2]?.setResult(42);
  assertStrictEquals(await loop.runUntilComplete(task), 42);
  assertEquals(futures.map(outcome), [1, "cancelled", 42]);
});

Deno.test("Task.cancel() twice delivers two errors when the first is swallowed in between", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const task = loop.createTask(async () => {
    for (let i = 0; i < 3; i++) {
      const error = await assertRejects(() => bench.sleep(1000), CancelledError);
      seen.push(error.message);
      if (i === 1) return "gave in";
    }
  });
  await bench.turn();
  task.cancel("one");
  await bench.turn();
  task.cancel("two");
  assertStrictEquals(await loop.runUntilComplete(task), "gave in");
  assertEquals([seen, task.cancelling()], [["one", "two"], 2]);
});

Deno.test("Task.cancel() twice in one iteration delivers one error, and counts two", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const task = loop.createTask(async () => {
    const error = await assertRejects(() => bench.sleep(1000), CancelledError);
    seen.push(error.message);
    await bench.sleep(5);
    seen.push("slept undisturbed");
    throw error;
  });
  await bench.turn();
  assertEquals([task.cancel("one"), task.cancel("two")], [true, true]);
  await assertRejects(() => loop.runUntilComplete(task), CancelledError, "one");
  assertEquals([seen, task.cancelling()], [["one", "slept undisturbed"], 2]);
});

Deno.test("a task that cancels itself and awaits is cancelled there", async () => {
  // CPython test_tasks.py test_cancel_current_task
  await using bench = new Bench();
  const task = bench.loop.createTask(async (self: Task<string>) => {
    self.cancel("myself");
    await bench.sleep(100);
    return "never";
  });
  await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError, "myself");
  assertEquals([task.cancelled(), bench.clock.time], [true, 1000]);
});

Deno.test("a task that cancels itself and returns is cancelled", async () => {
  // CPython test_tasks.py test_cancel_at_end
  await using bench = new Bench();
  for (
    const coro of [
      (self: Task<number>) => {
        self.cancel("at the end");
        return 12;
      },
      async (self: Task<number>) => {
        await bench.pause();
        self.cancel("at the end");
        return 12;
      },
    ]
  ) {
    const task = bench.loop.createTask(coro);
    await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError, "at the end");
    assertStrictEquals(task.cancelled(), true);
  }
});

Deno.test("a task that cancels itself and then awaits a task cancels that", async () => {
  // CPython test_tasks.py test_cancel_awaited_task
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<void>();
  const nested = loop.createTask(async () => await future);
  const task = loop.createTask(async (self: Task<void>) => {
    self.cancel();
    await nested;
  });
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals([task, nested, future].map(outcome), ["cancelled", "cancelled", "cancelled"]);
});

Deno.test("a task that cancels itself and then awaits a task that refuses gets its result", async () => {
  // The cancellation went to the other task: it is delivered, whatever became of it (CPython __step).
  await using bench = new Bench();
  const { loop } = bench;
  const stubborn = loop.createTask(async () => {
    try {
      return await loop.createFuture<string>();
    } catch {
      return "refused";
    }
  });
  const task = loop.createTask(async (self: Task<string>) => {
    await bench.pause();
    self.cancel();
    return await stubborn;
  });
  assertEquals(await loop.runUntilComplete(task), "refused");
  assertEquals([task.cancelling(), task.cancelled()], [1, false]);
});

Deno.test("a task that cancels itself passes a done future, and is cancelled at the next wait", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const done = loop.createFuture<string>();
  done.setResult("kept");
  const seen: unknown[] = [];
  const task = loop.createTask(async (self: Task<void>) => {
    self.cancel();
    seen.push(await done);
    await bench.sleep(1);
    seen.push("never");
  });
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals(seen, ["kept"]);
});

Deno.test("a future completed and the task cancelled in the same iteration: the value stays in the future", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<string>();
  const task = loop.createTask(async () => await future);
  await bench.turn();
  future.setResult("kept");
  assertStrictEquals(task.cancel("late"), true);
  await assertRejects(() => loop.runUntilComplete(task), CancelledError, "late");
  assertEquals([outcome(future), task.cancelled()], ["kept", true]);
});

Deno.test("a task cancelled and then the future completed in the same iteration: it is too late", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<string>();
  const task = loop.createTask(async () => await future);
  await bench.turn();
  task.cancel();
  assertEquals([future.done(), future.cancelled()], [true, true]);
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
});

Deno.test("a future failed and the task cancelled in the same iteration: CancelledError wins", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<string>();
  const task = loop.createTask(async () => await future);
  await bench.turn();
  future.setException(new Error("boom"));
  task.cancel();
  await assertRejects(() => loop.runUntilComplete(task), CancelledError);
});

Deno.test("Task.cancel() during a yield of one iteration", async () => {
  await using bench = new Bench();
  let steps = 0;
  const task = bench.loop.createTask(async () => {
    for (;; steps++) await bench.pause();
  });
  await bench.turn(4);
  task.cancel();
  await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError);
  assertStrictEquals(steps, 3);
});

Deno.test("Task.cancel() of a done task says false and changes nothing", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(() => 1);
  await bench.loop.runUntilComplete(task);
  assertEquals([task.cancel(), task.cancelling(), outcome(task)], [false, 0, 1]);
});

Deno.test("a task that throws CancelledError of its own is cancelled, with that error", async () => {
  await using bench = new Bench();
  const own = new CancelledError("own");
  const task = bench.loop.createTask(async () => {
    await bench.pause();
    throw own;
  });
  assertStrictEquals(await assertRejects(() => bench.loop.runUntilComplete(task)), own);
  assertEquals([task.cancelled(), task.cancelling()], [true, 0]);
});

Deno.test("a task that answers a cancellation with an error fails with it", async () => {
  await using bench = new Bench();
  const error = new Error("cleanup failed");
  const task = bench.loop.createTask(async () => {
    try {
      await bench.sleep(1000);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw error;
    }
  });
  await bench.turn();
  task.cancel();
  assertStrictEquals(await assertRejects(() => bench.loop.runUntilComplete(task)), error);
  assertStrictEquals(task.cancelled(), false);
});

Deno.test("uncancel() counts down, not below zero, and makes cancellable again", async () => {
  // CPython test_tasks.py test_uncancel_basic
  await using bench = new Bench();
  const { loop } = bench;
  const counts: number[] = [];
  const task = loop.createTask(async (self: Task<void>) => {
    await assertRejects(() => bench.sleep(1000), CancelledError, "first");
    counts.push(self.cancelling(), self.uncancel(), self.uncancel(), self.cancelling());
    await bench.sleep(5);
    counts.push(-1);
    await bench.sleep(1000);
  });
  await bench.turn();
  task.cancel("first");
  loop.callLater(10, () => task.cancel("second"));
  await assertRejects(() => loop.runUntilComplete(task), CancelledError, "second");
  assertEquals([counts, task.cancelling()], [[1, 0, 0, 0, -1], 1]);
});

Deno.test("uncancel() takes back a cancellation that was not delivered yet", async () => {
  // CPython test_tasks.py test_uncancel_resets_must_cancel
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<number>();
  const task = loop.createTask(async () => await future);
  await bench.turn();
  future.setResult(42);
  task.cancel();
  task.cancel();
  assertStrictEquals(task.uncancel(), 1);
  assertStrictEquals(task.uncancel(), 0);
  assertStrictEquals(await loop.runUntilComplete(task), 42);
});

Deno.test("a hand-made timeout tells its own cancellation from another's", async () => {
  // CPython test_tasks.py test_uncancel_structured_blocks
  await using bench = new Bench();
  const { loop } = bench;
  async function withTimeout(self: Task<unknown>, ms: number): Promise<string> {
    const timer = loop.callLater(ms, () => self.cancel("timeout"));
    try {
      await bench.sleep(100);
      return "in time";
    } catch (error) {
      if (self.uncancel() > 0) throw error;
      return "timed out";
    } finally {
      timer.cancel();
    }
  }
  const run = (ms: number) => loop.createTask((self: Task<string>) => withTimeout(self, ms));
  assertEquals(await loop.runUntilComplete(run(10)), "timed out");
  assertEquals(await loop.runUntilComplete(run(1000)), "in time");
  const both = run(10);
  loop.callLater(10, () => both.cancel("outside"));
  await assertRejects(() => loop.runUntilComplete(both), CancelledError);
  assertStrictEquals(both.cancelling(), 1);
});
