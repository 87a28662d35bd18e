import { Semaphore } from "../../sync/mod.ts";
import { assert, assertEquals, assertFalse, assertThrows } from "../support/assert.ts";
import { assertCancelled, iterationsOf, loopTest, start, testWaiting, tick } from "./support.ts";

testWaiting("Semaphore.acquire()", () => {
  const semaphore = new Semaphore(0);
  return Promise.resolve({
    wait: (options) => semaphore.acquire(options),
    wake: () => semaphore.release(),
    count: () => semaphore.statistics().tasksWaiting,
  });
});

Deno.test("Semaphore() refuses what is no count of permits", () => {
  for (const value of [-1, NaN, 1.5, -Infinity]) {
    assertThrows(() => new Semaphore(value), RangeError, String(value));
  }
  for (const value of ["1", null, 1n, {}]) {
    assertThrows(() => new Semaphore(value as number), TypeError, "Semaphore");
  }
});

loopTest("acquire() takes a free permit in no iteration", async () => {
  const semaphore = new Semaphore(2);
  assertEquals(await iterationsOf(semaphore.acquire()), 0);
  assertFalse(semaphore.locked());
  assertEquals(await iterationsOf(semaphore.acquire()), 0);
  assert(semaphore.locked());
});

Deno.test("acquire() of infinitely many never waits", async () => {
  const semaphore = new Semaphore(Infinity);
  for (let i = 0; i < 3; i++) await semaphore.acquire();
  semaphore.release();
  assertEquals(semaphore.statistics().value, Infinity);
});

loopTest("using gives the permit back once, whatever the block throws", async () => {
  const semaphore = new Semaphore(2);
  for (let i = 0; i < 6; i++) {
    try {
      using permit = await semaphore.acquire();
      assertEquals(semaphore.statistics().value, 1);
      if (i % 2 === 0) permit[Symbol.dispose]();
      if (i % 3 === 0) throw new Error("boom");
    } catch (error) {
      assertEquals((error as Error).message, "boom");
    }
    assertEquals(semaphore.statistics().value, 2);
  }
});

loopTest("release() pays for whom it wakes: a newcomer finds nothing", async () => {
  const semaphore = new Semaphore(0);
  const order: string[] = [];
  const waiting = start(async () => void (await semaphore.acquire(), order.push("waited")));
  await tick();
  semaphore.release();
  assertEquals(semaphore.statistics().value, 0);
  assert(semaphore.locked());
  const newcomer = start(async () => void (await semaphore.acquire(), order.push("newcomer")));
  await tick();
  await waiting;
  semaphore.release();
  await newcomer;
  assertEquals(order, ["waited", "newcomer"]);
});

loopTest("locked() is true while somebody waits, though permits are free", async () => {
  const semaphore = new Semaphore(0);
  const waiting = start(() => semaphore.acquire());
  await tick();
  semaphore.release();
  semaphore.release();
  assertEquals(semaphore.statistics().value, 1);
  assert(semaphore.locked());
  await waiting;
  assertFalse(semaphore.locked());
});

// CPython SemaphoreTests.test_acquire_fifo_order
loopTest("acquire() is first come first served when everybody comes twice", async () => {
  const semaphore = new Semaphore(1);
  const result: string[] = [];
  async function use(name: string): Promise<void> {
    await semaphore.acquire();
    result.push(`${name}_1`);
    await tick(2);
    semaphore.release();
    await semaphore.acquire();
    result.push(`${name}_2`);
    await tick(2);
    semaphore.release();
  }
  const tasks = [];
  for (const name of ["c1", "c2", "c3"]) tasks.push(start(() => use(name)));
  await tick();
  for (const task of tasks) await task;
  assertEquals(result, ["c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"]);
});

// CPython SemaphoreTests.test_acquire_fifo_order_2
loopTest("acquire() does not overtake by releasing and acquiring at once", async () => {
  const semaphore = new Semaphore(1);
  const result: number[] = [];
  const holder = start(async () => {
    await semaphore.acquire();
    result.push(1);
    await tick(3);
    semaphore.release();
  });
  const greedy = start(async () => {
    await semaphore.acquire();
    result.push(2);
    semaphore.release();
    await semaphore.acquire();
    result.push(4);
    semaphore.release();
  });
  const patient = start(async () => {
    await semaphore.acquire();
    result.push(3);
    semaphore.release();
  });
  await tick();
  for (const task of [holder, greedy, patient]) await task;
  assertEquals(result, [1, 2, 3, 4]);
});

// CPython SemaphoreTests.test_acquire_fifo_order_3
loopTest("acquire() serves the rest in order when the first one is cancelled", async () => {
  const semaphore = new Semaphore(0);
  const result: number[] = [];
  async function use(number: number): Promise<void> {
    await semaphore.acquire();
    result.push(number);
    semaphore.release();
  }
  const [first, second, third] = [
    start(() => use(1)),
    start(() => use(2)),
    start(() => use(3)),
  ];
  await tick();
  first.cancel();
  await tick();
  semaphore.release();
  await second;
  await third;
  await assertCancelled(first);
  assertEquals(result, [2, 3]);
});

// CPython SemaphoreTests.test_acquire_fifo_order_4
loopTest("acquire() wakes those who queued behind a waiter though permits were free", async () => {
  const semaphore = new Semaphore(1);
  const result: number[] = [];
  async function use(number: number): Promise<void> {
    await semaphore.acquire();
    result.push(number);
  }
  await use(1);
  const second = start(() => use(2));
  await tick();
  semaphore.release();
  semaphore.release();
  semaphore.release();
  assertEquals(semaphore.statistics().value, 2);
  // They come while a permit is paid for that has not been taken yet.
  const third = use(3);
  const fourth = use(4);
  await second;
  await third;
  await fourth;
  assertEquals(result, [1, 2, 3, 4]);
});

// CPython SemaphoreTests.test_acquire_cancel_before_awoken
loopTest(
  "one of two gets the permits when the others are cancelled before they are woken",
  async () => {
    const semaphore = new Semaphore(0);
    const tasks = [];
    for (let i = 0; i < 4; i++) tasks.push(start(() => semaphore.acquire()));
    await tick();
    const [first, second, third, fourth] = tasks;
    first?.cancel();
    second?.cancel();
    semaphore.release();
    await tick();
    assertEquals([third?.done(), fourth?.done()], [true, false]);
    semaphore.release();
    await fourth;
    assertEquals(semaphore.statistics(), { value: 0, bound: null, tasksWaiting: 0 });
  },
);

// CPython SemaphoreTests.test_acquire_hang
loopTest("a waiter that is paid for and then cancelled passes the permit on", async () => {
  const semaphore = new Semaphore(0);
  const first = start(() => semaphore.acquire());
  const second = start(() => semaphore.acquire());
  await tick();
  first.cancel();
  semaphore.release();
  await second;
  await assertCancelled(first);
  assert(semaphore.locked());
});

// CPython SemaphoreTests.test_acquire_no_hang
loopTest("a permit of a cancelled waiter is free for the next one to come", async () => {
  const semaphore = new Semaphore(1);
  const holder = start(async () => {
    using _one = await semaphore.acquire();
    await tick(2);
  });
  const waiting = start(() => semaphore.acquire());
  await tick(2);
  waiting.cancel();
  await holder;
  await assertCancelled(waiting);
  assertEquals(await iterationsOf(semaphore.acquire()), 0);
});

loopTest("a cancelled waiter gives its permit back when nobody else waits", async () => {
  const semaphore = new Semaphore(0);
  const waiting = start(() => semaphore.acquire());
  await tick();
  semaphore.release();
  waiting.cancel();
  await assertCancelled(waiting);
  assertEquals(semaphore.statistics().value, 1);
  assertFalse(semaphore.locked());
});

loopTest("a task that waits says for what", async () => {
  const semaphore = new Semaphore(0);
  const task = start(() => semaphore.acquire());
  await tick();
  assertEquals(
    task.getStack()[0],
    "waits for <Future pending for acquire() of <Semaphore locked value=0>>",
  );
  semaphore.release();
  await task;
});
