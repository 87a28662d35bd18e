import { compareNaturally, Heap } from "../../queues/heap.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

/** A small generator of numbers, the same ones every time. */
function numbers(count: number, below: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return state % below;
  });
}

function drain<T>(heap: Heap<T>): T[] {
  const values: T[] = [];
  while (heap.size > 0) values.push(heap.shift() as T);
  return values;
}

Deno.test("Heap sorts, keeping the order of equal values", () => {
  const heap = new Heap<[number, number]>((a, b) => a[0] - b[0]);
  const values = numbers(500, 40).map((value, at): [number, number] => [value, at]);
  for (const value of values) heap.push(value);
  assertEquals(heap.size, 500);
  assertEquals(drain(heap), values.toSorted((a, b) => a[0] - b[0]));
  assertEquals(heap.shift(), undefined);
});

Deno.test("Heap sorts when values come and go", () => {
  const heap = new Heap<number>((a, b) => a - b);
  const kept: number[] = [];
  for (const value of numbers(2000, 100)) {
    if (value % 3 === 0 && kept.length > 0) {
      kept.sort((a, b) => a - b);
      assertEquals(heap.shift(), kept.shift());
    } else {
      heap.push(value);
      kept.push(value);
    }
  }
  assertEquals(drain(heap), kept.toSorted((a, b) => a - b));
});

Deno.test("push() and shift() change nothing when the comparator throws", () => {
  let patience = Infinity;
  const heap = new Heap<number>((a, b) => {
    if (patience-- <= 0) throw new Error("boom");
    return a - b;
  });
  const values = numbers(50, 1000);
  for (const value of values) heap.push(value);
  for (let allowed = 0; allowed < 4; allowed++) {
    patience = allowed;
    assertThrows(() => heap.push(-1), Error, "boom");
    patience = allowed;
    assertThrows(() => heap.shift(), Error, "boom");
    assertEquals(heap.size, 50);
  }
  patience = Infinity;
  assertEquals(drain(heap), values.toSorted((a, b) => a - b));
});

Deno.test("compareNaturally() orders as Python's < does", () => {
  const ascending: [unknown, unknown][] = [
    [1, 2],
    [-Infinity, 0],
    [1n, 2n],
    [1n, 1.5],
    ["a", "b"],
    ["B", "a"],
    [false, true],
    [new Date(1), new Date(2)],
    [[2, "a"], [10, "b"]],
    [[1], [1, 0]],
    [[], [0]],
    [[1, [2, "a"]], [1, [2, "b"]]],
  ];
  for (const [a, b] of ascending) {
    assert(compareNaturally(a, b) < 0, Deno.inspect([a, b]));
    assert(compareNaturally(b, a) > 0, Deno.inspect([b, a]));
    assertEquals(compareNaturally(a, a), 0);
  }
  const shared = {};
  assert(compareNaturally([1, shared, 2], [1, shared, 3]) < 0, "equal elements need no order");
});

Deno.test("compareNaturally() refuses values without an order", () => {
  const refused: [unknown, unknown][] = [
    [1, "1"],
    [{}, {}],
    [null, null],
    [undefined, 1],
    [1, [1]],
    [[1, {}], [1, {}]],
    [new Date(0), 0],
    [Symbol.iterator, Symbol.iterator],
  ];
  for (const [a, b] of refused) {
    assertThrows(() => compareNaturally(a, b), TypeError, "Cannot order");
  }
});
