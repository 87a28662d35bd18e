import { type ItemStore, LifoQueue, Queue } from "../../queues/mod.ts";
import { QueueEmpty, QueueFull, QueueShutDown } from "../../errors.ts";
import { iterationOf } from "../../testing/iteration.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import {
  assertCancelled,
  iterationsOf,
  loopTest,
  start,
  testWaiting,
  tick,
} from "../sync/support.ts";

testWaiting("Queue.get()", () => {
  const queue = new Queue<number>();
  return Promise.resolve({
    wait: (options) => queue.get(options),
    wake: () => queue.putNowait(1),
    count: () => queue.statistics().tasksWaitingGet,
  });
});

testWaiting("Queue.put()", () => {
  const queue = new Queue<number>(1);
  queue.putNowait(0);
  return Promise.resolve({
    wait: (options) => queue.put(1, options),
    wake: () => void queue.getNowait(),
    count: () => queue.statistics().tasksWaitingPut,
  });
});

testWaiting("Queue.join()", () => {
  const queue = new Queue<number>();
  queue.putNowait(0);
  return Promise.resolve({
    wait: (options) => queue.join(options),
    wake: () => queue.taskDone(),
    undo: () => queue.putNowait(0),
    count: () => queue.statistics().tasksWaitingJoin,
  });
});

Deno.test("Queue() refuses a maxsize that is no number", () => {
  assertThrows(() => new Queue(NaN), RangeError, "NaN");
  assertThrows(() => new LifoQueue(NaN), RangeError, "LifoQueue");
  for (const maxsize of ["1", null, 1n]) {
    assertThrows(() => new Queue(maxsize as unknown as number), TypeError, "Queue");
  }
});

Deno.test("Queue() takes any number as maxsize, as asyncio does", () => {
  for (const maxsize of [0, -1, Infinity]) {
    const queue = new Queue<number>(maxsize);
    assertEquals(queue.maxsize, maxsize);
    for (let i = 0; i < 100; i++) queue.putNowait(i);
    assertFalse(queue.full());
  }
  const queue = new Queue<number>(1.3);
  queue.putNowait(1);
  queue.putNowait(2);
  assert(queue.full());
  assertThrows(() => queue.putNowait(3), QueueFull);
});

Deno.test("putNowait() and getNowait() keep the order, and need no loop", async () => {
  const queue = new Queue<number>(3);
  assert(queue.empty());
  for (const item of [1, 3, 2]) queue.putNowait(item);
  assertEquals([queue.qsize(), queue.full(), queue.empty()], [3, true, false]);
  assertThrows(() => queue.putNowait(4), QueueFull, "full");
  assertEquals([queue.getNowait(), await queue.get(), queue.getNowait()], [1, 3, 2]);
  assertThrows(() => queue.getNowait(), QueueEmpty, "empty");
  assertEquals(queue.statistics().unfinished, 3);
});

loopTest("put() and get() take no iteration when they need not wait", async () => {
  const queue = new Queue<number>(1);
  assertEquals(await iterationsOf(queue.put(1)), 0);
  assertEquals(await iterationsOf(queue.get()), 0);
});

loopTest("get() is served in the order of arrival, in the next iteration", async (loop) => {
  const queue = new Queue<string>();
  const got: unknown[] = [];
  const tasks = [1, 2, 3].map((number) =>
    start(async () => void got.push([number, await queue.get(), iterationOf(loop) - put]))
  );
  await tick();
  const put = iterationOf(loop);
  for (const item of ["a", "b", "c"]) queue.putNowait(item);
  for (const task of tasks) await task;
  assertEquals(got, [[1, "a", 1], [2, "b", 1], [3, "c", 1]]);
});

loopTest("put() is served in the order of arrival", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  const tasks = ["a", "b", "c"].map((item) => start(() => queue.put(item)));
  await tick();
  const got = [];
  for (let i = 0; i < 4; i++) got.push(await queue.get());
  for (const task of tasks) await task;
  assertEquals(got, ["first", "a", "b", "c"]);
});

loopTest("get() waits again when somebody was quicker", async () => {
  const queue = new Queue<string>();
  const task = start(() => queue.get());
  await tick();
  queue.putNowait("stolen");
  assertEquals(queue.getNowait(), "stolen");
  await tick(2);
  assertEquals([task.done(), queue.statistics().tasksWaitingGet], [false, 1]);
  queue.putNowait("kept");
  assertEquals(await task, "kept");
});

loopTest("put() waits again when somebody was quicker", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  const task = start(() => queue.put("second"));
  await tick();
  queue.getNowait();
  queue.putNowait("quicker");
  await tick(2);
  assertEquals([task.done(), queue.statistics().tasksWaitingPut], [false, 1]);
  assertEquals(queue.getNowait(), "quicker");
  await task;
  assertEquals(queue.getNowait(), "second");
});

// CPython QueueGetTests.test_get_cancelled_race
loopTest("an item goes to the next one when the first getter is cancelled", async () => {
  const queue = new Queue<string>();
  const [first, second] = [start(() => queue.get()), start(() => queue.get())];
  await tick();
  first.cancel();
  await tick();
  assert(first.cancelled());
  queue.putNowait("a");
  await tick();
  assertEquals(second.result(), "a");
});

// CPython QueueGetTests.test_get_cancel_drop_one_pending_reader
loopTest("an item is not lost when its getter is cancelled before it runs", async () => {
  const queue = new Queue<number>();
  const reader = start(() => queue.get());
  await tick();
  queue.putNowait(1);
  queue.putNowait(2);
  reader.cancel();
  await assertCancelled(reader);
  assertEquals([queue.getNowait(), queue.getNowait()], [1, 2]);
});

loopTest("a getter that gave up wakes nobody: who waits keeps the place", async () => {
  const queue = new Queue<number>();
  const got: string[] = [];
  async function get(name: string): Promise<void> {
    got.push(`${name} ${await queue.get()}`);
  }
  const [a, b, c] = ["a", "b", "c"].map((name) => start(() => get(name)));
  await tick();
  b?.cancel();
  queue.putNowait(1);
  // It starts to wait before the others could, if they were woken for nothing.
  const d = start(() => get("d"));
  await tick(3);
  queue.putNowait(2);
  queue.putNowait(3);
  for (const task of [a, c, d]) await task;
  assertEquals(got, ["a 1", "c 2", "d 3"]);
});

loopTest("a putter that gave up wakes nobody: who waits keeps the place", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  const [a, b, c] = ["a", "b", "c"].map((item) => start(() => queue.put(item)));
  await tick();
  b?.cancel();
  const got = [queue.getNowait()];
  const d = start(() => queue.put("d"));
  await tick(3);
  for (let i = 0; i < 3; i++) got.push(await queue.get());
  for (const task of [a, c, d]) await task;
  assertEquals(got, ["first", "a", "c", "d"]);
});

// CPython QueueGetTests.test_why_are_getters_waiting
loopTest("a burst of items wakes as many getters", async () => {
  const queue = new Queue<number>();
  let put = 0;
  const consumers = Array.from({ length: 5 }, () => start(() => queue.get()));
  const producer = start(async () => {
    for (; put < 5; put++) await queue.put(put);
  });
  await producer;
  const got = [];
  for (const task of consumers) got.push(await task);
  assertEquals(got, [0, 1, 2, 3, 4]);
});

// CPython QueuePutTests.test_why_are_putters_waiting
loopTest("getNowait() of several items wakes as many putters", async () => {
  const queue = new Queue<number>(2);
  await queue.put(0);
  await queue.put(1);
  const putters = [2, 3, 4].map((item) => start(() => queue.put(item)));
  await tick();
  const got = [queue.getNowait(), queue.getNowait()];
  while (putters.some((task) => !task.done())) {
    await tick();
    while (!queue.empty()) got.push(queue.getNowait());
  }
  assertEquals(got, [0, 1, 2, 3, 4]);
});

// CPython QueuePutTests.test_put_cancelled_race
loopTest("room goes to the next one when the first putter is cancelled", async () => {
  const queue = new Queue<string>(1);
  const a = start(() => queue.put("a"));
  const b = start(() => queue.put("b"));
  const c = start(() => queue.put("X"));
  await tick();
  assertEquals([a.done(), b.done()], [true, false]);
  c.cancel();
  await assertCancelled(c);
  assertEquals(queue.getNowait(), "a");
  await tick();
  assertEquals(queue.getNowait(), "b");
  assert(b.done());
});

loopTest("room is not lost when its putter is cancelled before it runs", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("a");
  const [b, c] = [start(() => queue.put("b")), start(() => queue.put("c"))];
  await tick();
  queue.getNowait();
  b.cancel();
  await assertCancelled(b);
  await c;
  assertEquals(queue.getNowait(), "c");
});

loopTest("a cancelled putter adds nothing", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("a");
  const b = start(() => queue.put("b"));
  await tick();
  b.cancel();
  await assertCancelled(b);
  assertEquals([queue.qsize(), queue.statistics().unfinished], [1, 1]);
});

loopTest("put() with a signal adds what there is room for, unless it aborted before", async () => {
  const queue = new Queue<string>();
  const { signal } = new AbortController();
  await queue.put("a", { signal });
  await assertRejects(() => queue.put("b", { signal: AbortSignal.abort() }), DOMException);
  await assertRejects(() => queue.get({ signal: AbortSignal.abort() }), DOMException);
  assertEquals(queue.qsize(), 1);
  assertEquals(await queue.get({ signal }), "a");
});

loopTest(
  "a future in a queue is resolved by get(), and given as it is by getNowait() and for await",
  async (loop) => {
    const queue = new Queue<PromiseLike<number>>();
    const future = loop.createFuture<number>();
    future.setResult(42);
    for (let i = 0; i < 3; i++) queue.putNowait(future);
    queue.shutdown();
    assertEquals(await queue.get(), 42);
    assertStrictEquals(queue.getNowait(), future);
    for await (const item of queue) assertStrictEquals(item, future);
  },
);

Deno.test("taskDone() refuses to be called for more than was put", () => {
  const queue = new Queue<number>();
  assertThrows(() => queue.taskDone(), RangeError, "every item");
  queue.putNowait(1);
  queue.taskDone();
  assertThrows(() => queue.taskDone(), RangeError);
  assertEquals(queue.statistics().unfinished, 0);
  assertEquals(queue.qsize(), 1);
});

loopTest(
  "join() waits until the work on all items is done, also of those put meanwhile",
  async () => {
    const queue = new Queue<number>();
    assertEquals(await iterationsOf(queue.join()), 0);
    for (let i = 0; i < 20; i++) queue.putNowait(i);
    let sum = 0;
    const workers = [0, 1].map(() =>
      start(async () => {
        for await (const item of queue) {
          sum += item;
          if (item === 5) queue.putNowait(1000);
          await tick();
          queue.taskDone();
        }
      })
    );
    await queue.join();
    assertEquals(sum, 190 + 1000);
    queue.shutdown();
    for (const worker of workers) await worker;
  },
);

loopTest("for await takes items until the queue is shut down and empty", async () => {
  const queue = new Queue<number>(2);
  const producer = start(async () => {
    for (let i = 0; i < 10; i++) await queue.put(i);
    queue.shutdown();
  });
  const got: number[] = [];
  for await (const item of queue) got.push(item);
  await producer;
  assertEquals(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for await (const _ of queue) assert(false, "it is shut down");
});

loopTest("for await that is left takes nothing more", async () => {
  const queue = new Queue<number>();
  for (const item of [1, 2, 3]) queue.putNowait(item);
  for await (const item of queue) if (item === 2) break;
  assertEquals(queue.getNowait(), 3);
});

loopTest("for await ends in all tasks, and each item goes to one of them", async () => {
  const queue = new Queue<number>();
  const got: number[] = [];
  const consumers = [0, 1, 2].map(() =>
    start(async () => {
      for await (const item of queue) got.push(item);
    })
  );
  for (let i = 0; i < 10; i++) {
    queue.putNowait(i);
    if (i % 3 === 0) await tick();
  }
  queue.shutdown();
  for (const task of consumers) await task;
  assertEquals(got.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

loopTest("for await is cancelled where it waits", async () => {
  const queue = new Queue<number>();
  const task = start(async () => {
    for await (const _ of queue);
  });
  await tick();
  task.cancel();
  await assertCancelled(task);
  assertEquals(queue.statistics().tasksWaitingGet, 0);
});

Deno.test("Queue() keeps items where a subclass wants them, and stays whole when that refuses", () => {
  class Picky implements ItemStore<number> {
    readonly items: number[] = [];
    get size(): number {
      return this.items.length;
    }
    push(item: number): void {
      if (item < 0) throw new RangeError("negative");
      this.items.push(item);
    }
    shift(): number | undefined {
      return this.items.shift();
    }
  }
  class PickyQueue extends Queue<number> {
    constructor() {
      super(0, new Picky());
    }
  }
  const queue = new PickyQueue();
  assertThrows(() => queue.putNowait(-1), RangeError, "negative");
  assertEquals([queue.qsize(), queue.statistics().unfinished], [0, 0]);
  queue.putNowait(1);
  assertEquals(queue.getNowait(), 1);
  assertEquals(String(queue), "<PickyQueue size=0 maxsize=0>");
});

loopTest("statistics() tells who waits for what", async () => {
  const queue = new Queue<number>(1);
  const getter = start(() => queue.get());
  await tick();
  assertEquals(
    getter.getStack()[0],
    "waits for <Future pending for get() of <Queue size=0 maxsize=1>>",
  );
  assertEquals(queue.statistics().tasksWaitingGet, 1);
  queue.putNowait(1);
  await getter;
  queue.putNowait(2);
  const tasks = [start(() => queue.put(3)), start(() => queue.join())];
  await tick();
  assertEquals(queue.statistics(), {
    size: 1,
    maxsize: 1,
    unfinished: 2,
    tasksWaitingGet: 0,
    tasksWaitingPut: 1,
    tasksWaitingJoin: 1,
    isShutDown: false,
  });
  queue.shutdown({ immediate: true });
  queue.taskDone();
  await assertRejects(() => tasks[0] as PromiseLike<void>, QueueShutDown);
  await tasks[1];
});
