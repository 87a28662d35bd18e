import { type Timed, TimerHeap } from "../../internal/timer_heap.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { numbers } from "./numbers.ts";

function drain(heap: TimerHeap<Timed>): Timed[] {
  const items: Timed[] = [];
  while (heap.size > 0) items.push(heap.pop() as Timed);
  return items;
}

function inOrder(items: readonly Timed[]): Timed[] {
  return items.toSorted((a, b) => a.deadline - b.deadline || a.seq - b.seq);
}

/** Few different deadlines, so that many are equal. */
function randomItems(count: number, seed: number): Timed[] {
  const random = numbers(seed);
  return Array.from({ length: count }, (_, seq) => ({ deadline: random(20), seq }));
}

Deno.test("TimerHeap gives the earliest first, and equal ones in the order of their age", () => {
  for (let count = 0; count < 40; count++) {
    const heap = new TimerHeap<Timed>();
    const items = randomItems(count, count + 1);
    for (const item of items) heap.push(item);
    assertStrictEquals(heap.size, count);
    assertStrictEquals(heap.peek(), inOrder(items)[0]);
    assertEquals(drain(heap), inOrder(items));
  }
});

Deno.test("TimerHeap keeps its order when taking and adding alternate", () => {
  const random = numbers(3);
  const heap = new TimerHeap<Timed>();
  let model: Timed[] = [];
  for (let seq = 0; seq < 3000; seq++) {
    const item = { deadline: random(50), seq };
    heap.push(item);
    model.push(item);
    if (random(3) === 0) continue;
    model = inOrder(model);
    assertStrictEquals(heap.pop(), model.shift());
  }
  assertEquals(drain(heap), inOrder(model));
});

Deno.test("TimerHeap.retain() drops the others and stays a heap", () => {
  for (const count of [0, 1, 2, 7, 100]) {
    const heap = new TimerHeap<Timed>();
    const items = randomItems(count, 11);
    for (const item of items) heap.push(item);
    heap.retain(({ seq }) => seq % 3 !== 1);
    assertEquals(drain(heap), inOrder(items.filter(({ seq }) => seq % 3 !== 1)));
  }
});

Deno.test("TimerHeap takes infinite deadlines", () => {
  const heap = new TimerHeap<Timed>();
  heap.push({ deadline: Infinity, seq: 0 });
  heap.push({ deadline: 5, seq: 1 });
  heap.push({ deadline: -Infinity, seq: 2 });
  assertEquals(drain(heap).map(({ seq }) => seq), [2, 1, 0]);
});

Deno.test("TimerHeap.clear() empties it", () => {
  const heap = new TimerHeap<Timed>();
  heap.push({ deadline: 1, seq: 0 });
  heap.clear();
  assertStrictEquals(heap.size, 0);
  assertStrictEquals(heap.peek(), undefined);
  assertStrictEquals(heap.pop(), undefined);
});
