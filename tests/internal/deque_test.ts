import { Deque } from "../../internal/deque.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { untilCollected } from "../support/garbage.ts";
import { numbers } from "./numbers.ts";

function filled(count: number): Deque<number> {
  const deque = new Deque<number>();
  for (let i = 0; i < count; i++) deque.push(i);
  return deque;
}

Deno.test("Deque gives back first in, first out", () => {
  const deque = filled(3);
  assertEquals([deque.shift(), deque.shift(), deque.shift()], [0, 1, 2]);
  assertStrictEquals(deque.shift(), undefined);
  assertStrictEquals(deque.pop(), undefined);
  assertStrictEquals(deque.peek(), undefined);
  assertStrictEquals(deque.size, 0);
});

Deno.test("Deque keeps its order when it grows while it is wrapped around", () => {
  const deque = filled(16);
  for (let i = 0; i < 10; i++) deque.shift();
  for (let i = 16; i < 100; i++) deque.push(i);
  assertEquals([...deque], Array.from({ length: 90 }, (_, i) => i + 10));
});

Deno.test("Deque.unshift() puts to the front, also when it has to grow", () => {
  const deque = filled(16);
  deque.unshift(-1);
  deque.unshift(-2);
  assertEquals([...deque].slice(0, 4), [-2, -1, 0, 1]);
  assertStrictEquals(deque.peek(), -2);
  assertStrictEquals(deque.size, 18);
});

Deno.test("Deque.delete() takes out the first of equal values, and says whether it found one", () => {
  const deque = filled(3);
  deque.push(1);
  assertStrictEquals(deque.delete(1), true);
  assertEquals([...deque], [0, 2, 1]);
  assertStrictEquals(deque.delete(7), false);
  assertStrictEquals(deque.size, 3);
});

Deno.test("Deque.clear() empties it", () => {
  const deque = filled(40);
  deque.clear();
  assertStrictEquals(deque.size, 0);
  assertEquals([...deque], []);
  deque.push(5);
  assertStrictEquals(deque.shift(), 5);
});

Deno.test("Deque lets go of what it gave back", async () => {
  // A slot that still held the value would keep a callback and all it refers to.
  const deque = new Deque<object>();
  function pass(): WeakRef<object>[] {
    const values = [{}, {}, {}];
    for (const value of values) deque.push(value);
    deque.shift();
    deque.pop();
    deque.delete(values[1] as object);
    return values.map((value) => new WeakRef(value));
  }
  const seen = pass();
  await untilCollected(() => seen.every((ref) => ref.deref() === undefined), "the values");
  assertStrictEquals(deque.size, 0);
});

Deno.test("Deque does what an array does, whatever the operations", () => {
  const random = numbers(1);
  const deque = new Deque<number>();
  const model: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    // More pushes than takes at first, then the other way round: it grows, wraps and runs empty.
    const growing = step % 2000 < 1000;
    const choice = random(growing ? 6 : 9);
    if (choice <= 2) {
      deque.push(step);
      model.push(step);
    } else if (choice === 3) {
      deque.unshift(step);
      model.unshift(step);
    } else if (choice === 4) {
      const victim = model[random(model.length + 1)] ?? -1;
      const at = model.indexOf(victim);
      if (at >= 0) model.splice(at, 1);
      assertStrictEquals(deque.delete(victim), at >= 0);
    } else if (choice === 5 || choice === 6) {
      assertStrictEquals(deque.pop(), model.pop());
    } else {
      assertStrictEquals(deque.shift(), model.shift());
    }
    assertStrictEquals(deque.size, model.length);
    assertStrictEquals(deque.peek(), model[0]);
  }
  assertEquals([...deque], model);
});
