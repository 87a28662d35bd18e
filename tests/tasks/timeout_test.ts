import { CancelledError, ExceptionGroup, RuntimeError, TimeoutError } from "../../errors.ts";
import { schedulerOf } from "../../loop/internals.ts";
import {
  createTask,
  currentTask,
  sleep,
  TaskGroup,
  Timeout,
  timeout,
  timeoutAt,
} from "../../tasks/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import {
  assertCancelled,
  Boom,
  iterationsOf,
  loopTest,
  outcomeOf,
  tick,
  WatchedController,
} from "./support.ts";

/** The task was cancelled no more often than it took back. */
function assertLevel(count: number): void {
  assertEquals(currentTask()!.cancelling(), count);
}

loopTest("timeout() resolves to what its body returns, in no iteration", async (loop) => {
  assertEquals(await iterationsOf(timeout(10, () => 1)), 0);
  assertEquals(await timeout(10, () => "plain"), "plain");
  assertEquals(await timeout(10, (t) => [t instanceof Timeout, t.when(), t.expired()]), [
    true,
    10,
    false,
  ]);
  assertEquals(await timeout(10, () => sleep(5, "in time")), "in time");
  assertEquals([schedulerOf(loop).timerCount, loop.time()], [0, 5]);
});

loopTest("timeout() expires: the body is cancelled, and TimeoutError tells why", async (loop) => {
  const log: unknown[] = [];
  let scope!: Timeout;
  const error = await assertRejects(() =>
    timeout(10, async (t) => {
      scope = t;
      try {
        await sleep(1000);
      } catch (error) {
        log.push(error, t.expired(), currentTask()!.cancelling());
        throw error;
      } finally {
        await sleep(5);
      }
    }), TimeoutError);
  assertInstanceOf(log[0], CancelledError);
  assertStrictEquals(error.cause, log[0]);
  assertEquals([...log.slice(1), scope.expired(), loop.time()], [true, 1, true, 15]);
  assertLevel(0);
  await sleep(1);
});

loopTest("timeout() of null or Infinity never expires", async (loop) => {
  for (const ms of [null, Infinity]) {
    const when = await timeout(ms, async (t) => {
      assertEquals(schedulerOf(loop).timerCount, 0);
      await sleep(100_000);
      return t.when();
    });
    assertEquals(when, ms);
  }
});

loopTest("timeout() whose time is over expires at the first await", async (loop) => {
  for (const ms of [0, -1, -Infinity]) {
    const log: string[] = [];
    await assertRejects(() =>
      timeout(ms, async () => {
        log.push("begins");
        await sleep(0);
        log.push("not here");
      }), TimeoutError);
    assertEquals(log, ["begins"]);
    assertEquals(await timeout(ms, () => "without an await"), "without an await");
  }
  await assertRejects(() => timeoutAt(loop.time() - 5, () => sleep(1)), TimeoutError);
  assertEquals(loop.time(), 0);
});

loopTest("timeoutAt() takes a time of the loop", async (loop) => {
  await sleep(50);
  await assertRejects(() => timeoutAt(60, () => sleep(1000)), TimeoutError);
  assertEquals(loop.time(), 60);
  assertEquals(await timeoutAt(null, (t) => t.when()), null);
});

loopTest("timeout() does not hide a body that swallowed its cancellation", async () => {
  let scope!: Timeout;
  const value = await timeout(10, async (t) => {
    scope = t;
    await assertRejects(() => sleep(1000), CancelledError);
    return "all the same";
  });
  assertEquals([value, scope.expired()], ["all the same", true]);
  assertLevel(0);
});

loopTest("timeout() nested: only the one that expired throws TimeoutError", async (loop) => {
  const both = async (outerMs: number, innerMs: number): Promise<[unknown, unknown]> => {
    let inner: unknown;
    const outer = await outcomeOf(timeout(outerMs, async () => {
      inner = await outcomeOf(timeout(innerMs, () => sleep(1000)));
      if (inner instanceof CancelledError) throw inner;
      await sleep(50);
      return "outer body goes on";
    }));
    assertLevel(0);
    return [inner, outer];
  };
  const [inner, outer] = await both(100, 10);
  assertInstanceOf(inner, TimeoutError);
  assertEquals(outer, "outer body goes on");
  const [cancelled, expired] = await both(10, 100);
  assertInstanceOf(cancelled, CancelledError);
  assertInstanceOf(expired, TimeoutError);
  const [first, second] = await both(10, 10);
  assertInstanceOf(first, CancelledError, "the outer one is due first");
  assertInstanceOf(second, TimeoutError);
  assertEquals(loop.time(), 80);
});

loopTest(
  "timeout() nested: both are due while the loop is busy, and only the outer one throws",
  async (loop) => {
    // CPython test_timeouts.py::test_nested_timeouts_loop_busy and test_nested_timeouts
    let inner!: Timeout;
    let outer!: Timeout;
    const error = await outcomeOf(timeout(20, async (t) => {
      outer = t;
      await timeout(10, async (t) => {
        inner = t;
        loop.advance(100);
        await sleep(1);
      });
    }));
    assertInstanceOf(error, TimeoutError);
    assertEquals([inner.expired(), outer.expired()], [true, true]);
    assertLevel(0);
  },
);

loopTest("timeout() is rescheduled later, earlier, to never and back", async (loop) => {
  await timeout(10, async (t) => {
    t.reschedule(100);
    await sleep(50);
    assertEquals([t.when(), t.expired()], [100, false]);
    t.reschedule(null);
    await sleep(100);
    t.reschedule(1000);
    t.reschedule(Infinity);
    assertEquals(schedulerOf(loop).timerCount, 0);
  });
  const error = await outcomeOf(timeout(1000, async (t) => {
    t.reschedule(loop.time() + 5);
    await sleep(500);
  }));
  assertInstanceOf(error, TimeoutError);
  assertEquals(loop.time(), 155);
  const past = await outcomeOf(timeout(null, async (t) => {
    t.reschedule(loop.time() - 1);
    await sleep(500);
  }));
  assertInstanceOf(past, TimeoutError);
  assertEquals(loop.time(), 155);
});

loopTest("timeout() cannot be rescheduled once it expired or is finished", async () => {
  let scope!: Timeout;
  await timeout(10, async (t) => {
    scope = t;
    await outcomeOf(sleep(1000));
    assertThrows(() => t.reschedule(1000), RuntimeError, "expiring");
  });
  assertThrows(() => scope.reschedule(1000), RuntimeError, "expired");
  await timeout(10, (t) => {
    assertThrows(() => t.reschedule(NaN), RangeError, "NaN");
    assertThrows(() => t.reschedule("5" as unknown as number), TypeError, "number");
    assertEquals(t.when(), 20);
    scope = t;
  });
  assertThrows(() => scope.reschedule(null), RuntimeError, "finished");
  assertFalse(scope.expired());
});

loopTest("timeout() passes on a cancellation from outside", async (loop) => {
  let scope!: Timeout;
  const task = createTask(() =>
    timeout(10, (t) => {
      scope = t;
      return sleep(1000);
    })
  );
  await sleep(5);
  task.cancel("outside");
  const error = await assertRejects(() => task, CancelledError);
  assertEquals([error.message, scope.expired(), task.cancelling()], ["outside", false, 1]);
  assertEquals(schedulerOf(loop).timerCount, 0);
});

loopTest("timeout() that expires while it is cancelled from outside stays cancelled", async () => {
  for (const outsideFirst of [true, false]) {
    let scope!: Timeout;
    const task = createTask(() =>
      timeout(10, async (t) => {
        scope = t;
        try {
          await sleep(1000);
        } finally {
          await sleep(20);
        }
      })
    );
    if (outsideFirst) {
      await sleep(9);
      task.cancel();
      await sleep(5);
    } else {
      await sleep(12);
      task.cancel();
    }
    await assertCancelled(task);
    assertEquals([scope.expired(), task.cancelling()], [true, 1], String(outsideFirst));
  }
});

loopTest("timeout() and a cancellation from outside in one iteration: cancelled", async (loop) => {
  for (const outsideFirst of [true, false]) {
    const deadline = loop.time() + 10;
    const make = () => createTask(() => timeoutAt(deadline, () => sleep(1000)));
    let task = make();
    if (outsideFirst) loop.callAt(deadline, () => task.cancel());
    await tick(2);
    if (!outsideFirst) loop.callAt(deadline, () => task.cancel());
    await assertCancelled(task);
    assertEquals([task.cancelling(), loop.time()], [1, deadline]);
    task = make();
    await assertRejects(() => task, TimeoutError);
  }
});

loopTest("timeout() works in a task that was cancelled before, and went on", async () => {
  const task = createTask(async () => {
    await outcomeOf(sleep(1000));
    assertLevel(1);
    await assertRejects(() => timeout(0, () => sleep(1000)), TimeoutError);
    assertLevel(1);
    return "went on";
  });
  await tick();
  task.cancel();
  assertEquals(await task, "went on");
});

loopTest("timeout() passes on other errors, and explains those it caused", async () => {
  await assertRejects(() =>
    timeout(10, () => {
      throw new Boom("own");
    }), Boom);
  const cleanup = async (cause?: true) => {
    try {
      await sleep(1000);
    } catch (error) {
      const wrapped = cause ? new Boom("wrapped", { cause: error }) : new Boom("unrelated");
      throw new Error("outer", { cause: wrapped });
    }
  };
  const explained = await assertRejects(() => timeout(10, () => cleanup(true)), Error, "outer");
  const timeoutError = (explained.cause as Error).cause;
  assertInstanceOf(timeoutError, TimeoutError);
  assertInstanceOf(timeoutError.cause, CancelledError);
  const plain = await assertRejects(() => timeout(10, () => cleanup()), Error, "outer");
  assertEquals((plain.cause as Error).cause, undefined);
  const frozen = await outcomeOf(timeout(10, async () => {
    try {
      await sleep(1000);
    } catch (error) {
      throw Object.freeze(new Boom("frozen", { cause: error }));
    }
  }));
  assertEquals(String(frozen), "Boom: frozen");
  const circle = await outcomeOf(timeout(10, async () => {
    await outcomeOf(sleep(1000));
    const boom = new Boom("circle");
    boom.cause = boom;
    throw boom;
  }));
  assertEquals(String(circle), "Boom: circle");
});

loopTest("timeout() explains the members of a group it cancelled", async () => {
  const error = await assertRejects(() =>
    timeout(10, () =>
      TaskGroup.run((group) => {
        group.createTask(async () => {
          try {
            await sleep(1000);
          } catch (cause) {
            throw new Boom("clean-up", { cause });
          }
        });
      })), ExceptionGroup);
  assertInstanceOf((error.errors[0] as Error).cause, TimeoutError);
  assertLevel(0);
});

loopTest("timeout() rejects with the reason of an abort", async (loop) => {
  const reason = { any: "value" };
  const aborter = new WatchedController();
  const { signal } = aborter;
  let scope!: Timeout;
  const task = createTask(async () => {
    const error = await outcomeOf(timeout(100, (t) => {
      scope = t;
      return sleep(1000);
    }, { signal }));
    assertLevel(0);
    await sleep(1);
    return error;
  });
  await tick();
  assertEquals(aborter.listeners, 1);
  aborter.abort(reason);
  assertStrictEquals(await task, reason);
  assertEquals([scope.expired(), aborter.listeners, loop.time()], [false, 0, 1]);
  let called = false;
  const late = timeout(100, () => void (called = true), { signal });
  assertStrictEquals(await assertRejects(() => late), reason);
  assertFalse(called);
});

loopTest("timeout() and an abort: the first one counts, and leaves no listener", async () => {
  const aborter = new WatchedController();
  const { signal } = aborter;
  const error = await outcomeOf(timeout(10, async () => {
    try {
      await sleep(1000);
    } finally {
      aborter.abort(new Boom("too late"));
    }
  }, { signal }));
  assertInstanceOf(error, TimeoutError);
  assertEquals(aborter.listeners, 0);
  const other = new WatchedController();
  await timeout(10, () => sleep(1), { signal: other.signal });
  await assertRejects(() =>
    timeout(10, () => {
      throw new Boom("own");
    }, { signal: other.signal }), Boom);
  assertEquals(other.listeners, 0);
  const both = createTask(() => timeout(100, () => sleep(1000), { signal: other.signal }));
  await tick();
  other.abort(new Boom("abort"));
  both.cancel();
  await assertCancelled(both);
});

loopTest("timeout() refuses what is no time, and calls nothing", async () => {
  let called = false;
  const body = () => void (called = true);
  for (const limit of [timeout, timeoutAt]) {
    await assertRejects(() => limit(NaN, body), RangeError, "NaN");
    for (const wrong of ["5", undefined, {}]) {
      await assertRejects(() => limit(wrong as unknown as number, body), TypeError, "number");
    }
    const named = `Cannot call ${limit.name}(): expected a function, got 5`;
    await assertRejects(() => limit(5, 5 as unknown as () => void), TypeError, named);
  }
  assertFalse(called);
  assert(currentTask() !== null);
});

Deno.test("timeout() is refused outside of a task", async () => {
  await assertRejects(() => timeout(10, () => 1), RuntimeError, "outside of a task");
  await assertRejects(() => timeoutAt(10, () => 1), RuntimeError, "outside of a task");
});
