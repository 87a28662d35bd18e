import { Condition, Lock } from "../../sync/mod.ts";
import { CancelledError, RuntimeError } from "../../errors.ts";
import type { Task } from "../../loop/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { assertCancelled, loopTest, start, testWaiting, tick } from "./support.ts";

testWaiting("Condition.waitFor()", () => {
  const condition = new Condition();
  let ready = false;
  return Promise.resolve({
    wait: async (options) => {
      using _held = await condition.acquire();
      await condition.waitFor(() => ready, options);
    },
    wake: async () => {
      using _held = await condition.acquire();
      ready = true;
      condition.notify();
    },
    undo: () => ready = false,
    count: () => condition.statistics().tasksWaiting,
  });
});

Deno.test("Condition() refuses what is no Lock", () => {
  for (const lock of [{}, 1, "lock", new Condition()]) {
    assertThrows(() => new Condition(lock as Lock), TypeError, "expected a Lock");
  }
  assertFalse(new Condition(null).locked());
});

loopTest("acquire(), release() and locked() are those of its lock", async () => {
  const lock = new Lock();
  const condition = new Condition(lock);
  await condition.acquire();
  assertEquals([condition.locked(), lock.locked()], [true, true]);
  condition.release();
  assertEquals([condition.locked(), lock.locked()], [false, false]);
  assertThrows(() => condition.release(), RuntimeError, "not held");
});

loopTest("wait() and notify() refuse when the lock is not acquired", async () => {
  const condition = new Condition();
  await assertRejects(() => condition.wait(), RuntimeError, "not acquired");
  assertThrows(() => condition.notify(), RuntimeError, "not acquired");
  assertThrows(() => condition.notifyAll(), RuntimeError, "not acquired");
  assertEquals(condition.statistics(), {
    tasksWaiting: 0,
    lock: { locked: false, owner: null, tasksWaiting: 0 },
  });
});

loopTest("notify() refuses what is no number, and wakes nobody", async () => {
  const condition = new Condition();
  const task = start(async () => {
    using _held = await condition.acquire();
    await condition.wait();
  });
  await tick();
  using _held = await condition.acquire();
  assertThrows(() => condition.notify(NaN), RangeError, "NaN");
  assertThrows(() => condition.notify("1" as unknown as number), TypeError);
  condition.notify(0);
  condition.notify(-1);
  assertEquals(condition.statistics().tasksWaiting, 1);
  condition.notify();
  condition.release();
  await task;
  await condition.acquire();
});

// CPython ConditionTests.test_wait
loopTest("notify() wakes in the order of arrival, each when it gets the lock", async () => {
  const condition = new Condition();
  const result: number[] = [];
  const tasks = [1, 2, 3].map((number) =>
    start(async () => {
      await condition.acquire();
      assertEquals(await condition.wait(), true);
      result.push(number);
    })
  );
  await tick();
  assertFalse(condition.locked());

  await condition.acquire();
  condition.notify();
  await tick(2);
  assertEquals([result, condition.locked()], [[], true]);

  condition.release();
  await tick();
  assertEquals([result, condition.locked()], [[1], true]);

  condition.notify(2);
  await tick(2);
  assertEquals([result, condition.locked()], [[1], true]);

  condition.release();
  await tick();
  assertEquals(result, [1, 2]);
  condition.release();
  await tick();
  assertEquals(result, [1, 2, 3]);
  for (const task of tasks) assert(task.done());
});

loopTest("notifyAll() wakes all, in one iteration if nobody holds the lock", async (loop) => {
  const condition = new Condition();
  const woken: unknown[] = [];
  const tasks = ["a", "b", "c"].map((name) =>
    start(async () => {
      using _held = await condition.acquire();
      await condition.wait();
      woken.push([name, iterationOf(loop) - notified]);
    })
  );
  await tick();
  const notified = iterationOf(loop);
  await condition.acquire();
  condition.notifyAll();
  condition.release();
  for (const task of tasks) await task;
  assertEquals(woken, [["a", 1], ["b", 1], ["c", 1]]);
  assertFalse(condition.locked());
});

loopTest("waitFor() looks before it waits, and returns what the predicate returned", async () => {
  const condition = new Condition();
  assertEquals(
    await condition.waitFor(() => "at once, without the lock"),
    "at once, without the lock",
  );
  await assertRejects(() => condition.waitFor(() => false), RuntimeError, "not acquired");
  await assertRejects(
    () => condition.waitFor(true as unknown as () => boolean),
    TypeError,
    "predicate",
  );
});

loopTest("waitFor() looks again after every notification", async () => {
  const condition = new Condition();
  let looks = 0;
  let answer = "";
  const task = start(async () => {
    using _held = await condition.acquire();
    return await condition.waitFor(() => (looks++, answer));
  });
  await tick();
  for (const next of ["", "", "yes"]) {
    assertFalse(task.done());
    using _held = await condition.acquire();
    answer = next;
    condition.notify();
    condition.release();
    await tick(2);
  }
  assertEquals([await task, looks], ["yes", 4]);
});

loopTest("waitFor() passes on what the predicate throws, with the lock held", async () => {
  const condition = new Condition();
  let broken = false;
  const task = start(async () => {
    using _held = await condition.acquire();
    await assertRejects(
      () =>
        condition.waitFor(() => {
          if (broken) throw new Error("boom");
          return false;
        }),
      Error,
      "boom",
    );
    assert(condition.locked());
  });
  await tick();
  using _held = await condition.acquire();
  broken = true;
  condition.notify();
  condition.release();
  await task;
  assertFalse(condition.locked());
});

// CPython ConditionTests.test_wait_cancel_contested
loopTest("a cancelled wait() takes the lock again before it throws", async () => {
  const condition = new Condition();
  await condition.acquire();
  let held = false;
  const task = start(async () => {
    using _held = await condition.acquire();
    try {
      await condition.wait();
    } finally {
      held = condition.locked();
    }
  });
  await tick();
  condition.release();
  await tick();
  await condition.acquire();
  task.cancel();
  await tick(3);
  assertFalse(task.done(), "the lock is not free yet");
  condition.release();
  await assertCancelled(task);
  assert(held);
  assertFalse(condition.locked());
});

// CPython ConditionTests.test_cancelled_error_re_aquire
loopTest("wait() throws the last cancellation, the very instance", async () => {
  class Odd extends Lock {
    refuse: Error[] = [];
    override acquire(...args: Parameters<Lock["acquire"]>): ReturnType<Lock["acquire"]> {
      const error = this.refuse.shift();
      return error === undefined ? super.acquire(...args) : Promise.reject(error);
    }
  }
  const lock = new Odd();
  const condition = new Condition(lock);
  const [first, last] = [new CancelledError("first"), new CancelledError("last")];
  const task = start(async () => {
    using _held = await condition.acquire();
    lock.refuse = [first, last];
    const error = await assertRejects(() => condition.wait());
    assertStrictEquals(error, last);
    assert(condition.locked());
  });
  await tick();
  task.cancel("before");
  await task;
  assertFalse(condition.locked());
});

loopTest(
  "wait() that is cancelled again and again while it takes the lock counts each",
  async () => {
    const condition = new Condition();
    const task = start(async () => {
      using _held = await condition.acquire();
      const error = await assertRejects(() => condition.wait(), CancelledError);
      assertEquals(error.message, "third");
      assert(condition.locked());
      assertEquals([task.cancelling(), task.uncancel(), task.uncancel(), task.uncancel()], [
        3,
        2,
        1,
        0,
      ]);
    });
    await tick();
    using _held = await condition.acquire();
    for (const message of ["first", "second", "third"]) {
      task.cancel(message);
      await tick(2);
    }
    assertFalse(task.done());
    condition.release();
    await task;
  },
);

for (const when of ["before it runs", "while it takes the lock again"]) {
  // CPython ConditionTests.test_cancelled_wakeup, test_cancelled_wakeup_relock
  loopTest(`a notification is not lost when its receiver is cancelled ${when}`, async () => {
    const condition = new Condition();
    let state = 0;
    async function consume(): Promise<void> {
      using _held = await condition.acquire();
      for (;;) {
        await condition.waitFor(() => state !== 0);
        if (state < 0) return;
        state--;
      }
    }
    const [first, second] = [start(consume), start(consume)];
    await tick();
    {
      using _held = await condition.acquire();
      state++;
      condition.notify(1);
      if (when !== "before it runs") await tick();
      first.cancel();
    }
    for (let i = 0; i < 10 && state > 0; i++) await tick();
    assertEquals(state, 0);
    state = -1;
    await condition.acquire();
    condition.notifyAll();
    condition.release();
    await second;
    await assertCancelled(first);
  });
}

loopTest("a cancelled wait() wakes somebody else, needed or not", async () => {
  const condition = new Condition();
  async function wait(): Promise<void> {
    using _held = await condition.acquire();
    await condition.wait();
  }
  const tasks = [start(wait), start(wait), start(wait)];
  await tick();
  tasks[1]?.cancel();
  await tick(2);
  assertEquals(tasks.map((task) => task.done()), [true, true, false]);
  tasks[2]?.cancel();
  await tick();
  assertEquals(tasks.map((task) => task.cancelled()), [false, true, true]);
});

loopTest("wait() does not give the lock up for a signal that is aborted", async () => {
  const condition = new Condition();
  await condition.acquire();
  const other = start(() => condition.acquire());
  await tick();
  const waiting = condition.wait({ signal: AbortSignal.abort() });
  assert(condition.locked());
  await assertRejects(() => waiting, DOMException);
  assertFalse(other.done());
  condition.release();
  await other;
});

/** Aborts after some iterations. */
function abortAfter(iterations: number): AbortSignal {
  const aborter = new AbortController();
  start(async () => {
    await tick(iterations);
    aborter.abort(new Error("enough"));
  });
  return aborter.signal;
}

// CPython ConditionTests.test_timeout_in_block
loopTest("the block holds the lock after a wait() that was given up", async () => {
  const condition = new Condition();
  {
    using _held = await condition.acquire();
    await assertRejects(() => condition.wait({ signal: abortAfter(2) }), Error, "enough");
    assert(condition.locked());
  }
  assertFalse(condition.locked());
});

loopTest(
  "using releases the lock once, also after wait() gave it up and took it again",
  async () => {
    const condition = new Condition();
    const task: Task<void> = start(async () => {
      using permit = await condition.acquire();
      await condition.wait();
      assert(condition.locked());
      assertStrictEquals(condition.statistics().lock.owner, task);
      permit[Symbol.dispose]();
      assertFalse(condition.locked());
      await condition.acquire();
    });
    await tick();
    await condition.acquire();
    condition.notify();
    condition.release();
    await task;
    assert(condition.locked(), "the permit of before must not release what was acquired later");
  },
);

loopTest("conditions that share a lock wake only their own", async () => {
  const lock = new Lock();
  const [full, empty] = [new Condition(lock), new Condition(lock)];
  const order: string[] = [];
  const tasks = [full, empty].map((condition) =>
    start(async () => {
      using _held = await lock.acquire();
      await condition.wait();
      order.push(condition === full ? "full" : "empty");
    })
  );
  await tick();
  for (const condition of [empty, full]) {
    using _held = await lock.acquire();
    condition.notifyAll();
    lock.release();
    await tick(2);
  }
  for (const task of tasks) await task;
  assertEquals(order, ["empty", "full"]);
  assertFalse(lock.locked());
});

loopTest("a block that is left while its wait() goes on does not keep the lock", async () => {
  const condition = new Condition();
  let waiting: Promise<unknown> | undefined;
  {
    using _held = await condition.acquire();
    waiting = condition.wait();
    await Promise.race([waiting, tick()]);
  }
  assertFalse(condition.locked());
  await condition.acquire();
  condition.notify();
  condition.release();
  await waiting;
  assertFalse(condition.locked(), "there is no block any more that would release it");
});

loopTest("statistics() tells how many wait, for what", async () => {
  const condition = new Condition();
  const task = start(async () => {
    using _held = await condition.acquire();
    await condition.wait();
  });
  await tick();
  assertEquals(task.getStack()[0], "waits for <Future pending for wait() of <Condition unlocked>>");
  const { tasksWaiting, lock } = condition.statistics();
  assertEquals([tasksWaiting, lock.locked], [1, false]);
  await condition.acquire();
  condition.notify();
  condition.release();
  await task;
});
