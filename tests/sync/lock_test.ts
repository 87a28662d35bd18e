import { Lock } from "../../sync/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import { RuntimeError } from "../../errors.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { assertCancelled, iterationsOf, loopTest, start, testWaiting, tick } from "./support.ts";

testWaiting("Lock.acquire()", async () => {
  const lock = new Lock();
  await lock.acquire();
  return {
    wait: (options) => lock.acquire(options),
    wake: () => lock.release(),
    count: () => lock.statistics().tasksWaiting,
  };
});

loopTest("acquire() takes a free lock in no iteration", async () => {
  const lock = new Lock();
  assertEquals(await iterationsOf(lock.acquire()), 0);
  assert(lock.locked());
});

Deno.test("acquire() takes a free lock without a loop", async () => {
  const lock = new Lock();
  await lock.acquire();
  lock.release();
  assertFalse(lock.locked());
});

loopTest(
  "acquire() is served in the order of arrival, one iteration after release()",
  async (loop) => {
    const lock = new Lock();
    await lock.acquire();
    const served: unknown[] = [];
    const tasks = [];
    for (const name of ["a", "b", "c"]) {
      tasks.push(
        start(async () => {
          using _held = await lock.acquire();
          served.push([name, iterationOf(loop) - released]);
        }),
      );
    }
    await tick();
    const released = iterationOf(loop);
    lock.release();
    for (const task of tasks) await task;
    assertEquals(served, [["a", 1], ["b", 2], ["c", 3]]);
  },
);

loopTest("release() frees the lock, and yet nobody overtakes who waits", async () => {
  const lock = new Lock();
  const order: string[] = [];
  await lock.acquire();
  const waiting = start(async () => {
    using _held = await lock.acquire();
    order.push("waited");
  });
  await tick();
  lock.release();
  assertFalse(lock.locked());
  using _held = await lock.acquire();
  order.push("newcomer");
  await waiting;
  assertEquals(order, ["waited", "newcomer"]);
});

loopTest("acquire() overtakes those who gave up", async () => {
  const lock = new Lock();
  await lock.acquire();
  const waiting = [start(() => lock.acquire()), start(() => lock.acquire())];
  await tick();
  for (const task of waiting) task.cancel();
  lock.release();
  assertEquals(await iterationsOf(lock.acquire()), 0);
  for (const task of waiting) await assertCancelled(task);
  assert(lock.locked());
});

// CPython LockTests.test_cancel_race
loopTest(
  "release() reaches the next one when the head is cancelled at the same moment",
  async (loop) => {
    const lock = new Lock();
    const blocker = loop.createFuture<void>();
    async function use(blocked?: PromiseLike<void>): Promise<void> {
      using _held = await lock.acquire();
      await blocked;
    }
    const a = start(() => use(blocker));
    const b = start(() => use());
    const c = start(() => use());
    await tick();
    blocker.setResult();
    b.cancel();
    await a;
    await assertCancelled(b);
    await c;
    assertFalse(lock.locked());
  },
);

// CPython LockTests.test_cancel_release_race
loopTest("a lock freed between a cancellation and its turn is taken exactly once", async () => {
  const lock = new Lock();
  await lock.acquire();
  const first = start(() => lock.acquire());
  const second = start(() => lock.acquire());
  await tick();
  first.cancel();
  lock.release();
  assertFalse(lock.locked());
  await assertCancelled(first);
  await second;
  assert(lock.locked());
  assertEquals(lock.statistics().tasksWaiting, 0);
});

// CPython LockTests.test_finished_waiter_cancelled
loopTest("a waiter that is woken and then cancelled wakes the next one", async () => {
  const lock = new Lock();
  await lock.acquire();
  const first = start(() => lock.acquire());
  const second = start(() => lock.acquire());
  await tick();
  lock.release();
  first.cancel();
  await assertCancelled(first);
  await second;
  assert(lock.locked());
});

loopTest(
  "release() leaves it to a cancelled head to wake the next one, as CPython does",
  async (loop) => {
    const lock = new Lock();
    await lock.acquire();
    const first = start(() => lock.acquire());
    const second = start(async () => {
      using _held = await lock.acquire();
      return iterationOf(loop) - released;
    });
    await tick();
    const released = iterationOf(loop);
    first.cancel();
    lock.release();
    assertEquals(await second, 2);
    await assertCancelled(first);
  },
);

loopTest("a cancelled waiter wakes nobody while the lock is held", async () => {
  const lock = new Lock();
  await lock.acquire();
  const first = start(() => lock.acquire());
  const second = start(() => lock.acquire());
  await tick();
  first.cancel();
  await assertCancelled(first);
  await tick(3);
  assertFalse(second.done());
  lock.release();
  await second;
});

loopTest("using releases the lock, whatever the block throws", async () => {
  const lock = new Lock();
  let count = 0;
  async function use(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      try {
        using _held = await lock.acquire();
        count++;
        if (i % 2 === 0) await tick();
        if (i % 3 === 0) throw new Error("boom");
      } catch (error) {
        assertEquals((error as Error).message, "boom");
      }
    }
  }
  const tasks = [start(use), start(use), start(use)];
  await tick();
  for (const task of tasks) await task;
  assertEquals(count, 30);
  assertFalse(lock.locked());
  assertEquals(lock.statistics().tasksWaiting, 0);
});

loopTest("a permit gives back once, and only its own hold", async () => {
  const lock = new Lock();
  const first = await lock.acquire();
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertFalse(lock.locked());

  const second = await lock.acquire();
  lock.release();
  const third = await lock.acquire();
  second[Symbol.dispose]();
  assert(lock.locked(), "the hold of another must not end");
  third[Symbol.dispose]();
  assertFalse(lock.locked());
});

Deno.test("release() refuses a free lock", () => {
  const lock = new Lock();
  assertThrows(() => lock.release(), RuntimeError, "not held");
  assertFalse(lock.locked());
});

loopTest("statistics() tells the owner and how many wait", async () => {
  const lock = new Lock();
  assertEquals(lock.statistics(), { locked: false, owner: null, tasksWaiting: 0 });
  const task = start(async () => {
    using _held = await lock.acquire();
    await tick(3);
  });
  const waiting = start(() => lock.acquire());
  await tick();
  const { owner, ...rest } = lock.statistics();
  assertStrictEquals(owner, task);
  assertEquals(rest, { locked: true, tasksWaiting: 1 });
  await waiting;
  assertStrictEquals(lock.statistics().owner, waiting);
});

loopTest("a task that waits says for what", async () => {
  const lock = new Lock();
  await lock.acquire();
  const task = start(() => lock.acquire());
  await tick();
  assertEquals(task.getStack()[0], "waits for <Future pending for acquire() of <Lock locked>>");
  lock.release();
  await task;
});

loopTest("acquire() refuses a signal that is none, and changes nothing", async () => {
  const lock = new Lock();
  await assertRejects(() => lock.acquire({ signal: {} as AbortSignal }), TypeError);
  assertEquals(lock.statistics(), { locked: false, owner: null, tasksWaiting: 0 });

  const odd = { throwIfAborted() {} } as AbortSignal;
  await lock.acquire({ signal: odd });
  await assertRejects(() => lock.acquire({ signal: odd }), TypeError);
  assertEquals(lock.statistics().tasksWaiting, 0);
  lock.release();
  assertEquals(await iterationsOf(lock.acquire()), 0);
});
