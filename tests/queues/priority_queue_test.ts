import { PriorityQueue } from "../../queues/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { loopTest, start, tick } from "../sync/support.ts";

function drain<T>(queue: PriorityQueue<T>): T[] {
  const items = [];
  while (!queue.empty()) items.push(queue.getNowait());
  return items;
}

Deno.test("PriorityQueue() gives the least item first", () => {
  const queue = new PriorityQueue<number>();
  for (const item of [1, 3, 2, -5, 10]) queue.putNowait(item);
  assertEquals(drain(queue), [-5, 1, 2, 3, 10]);
});

Deno.test("PriorityQueue() orders arrays as Python orders tuples", () => {
  const queue = new PriorityQueue<[number, string]>();
  const items: [number, string][] = [[10, "a"], [2, "b"], [2, "a"], [1, "z"]];
  for (const item of items) queue.putNowait(item);
  assertEquals(drain(queue), [[1, "z"], [2, "a"], [2, "b"], [10, "a"]]);
});

Deno.test("PriorityQueue() takes a comparator, and keeps the order of equal items", () => {
  const queue = new PriorityQueue<string>(0, (a, b) => b.length - a.length);
  for (const item of ["a", "bbb", "cc", "dd", "eee", "f"]) queue.putNowait(item);
  assertEquals(drain(queue), ["bbb", "eee", "cc", "dd", "a", "f"]);
});

Deno.test("putNowait() refuses what has no order, and changes nothing", () => {
  const queue = new PriorityQueue<unknown>();
  queue.putNowait(1);
  for (const item of ["text", {}, [1], null, undefined, new Date(0)]) {
    assertThrows(() => queue.putNowait(item), TypeError, "Cannot order");
  }
  assertEquals(queue.statistics().unfinished, 1);
  assertEquals(drain(queue), [1]);
});

Deno.test("PriorityQueue() refuses a comparator that is no function", () => {
  assertThrows(
    () => new PriorityQueue(0, "up" as unknown as () => number),
    TypeError,
    "comparator",
  );
});

loopTest("put() and get() of a priority queue wait for room and items", async () => {
  const queue = new PriorityQueue<number>(2);
  const producer = start(async () => {
    for (const item of [5, 4, 3, 2, 1]) await queue.put(item);
  });
  await tick();
  assertEquals([queue.maxsize, queue.qsize()], [2, 2]);
  const got = [];
  for (let i = 0; i < 5; i++) {
    got.push(await queue.get());
    await tick(2);
  }
  await producer;
  assertEquals(got, [4, 3, 2, 1, 5]);
});
