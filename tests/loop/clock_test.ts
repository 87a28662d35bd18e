import { SystemClock } from "../../loop/mod.ts";
import { assert, assertEquals, assertStrictEquals } from "../support/assert.ts";
import { nextMacrotask, until } from "../support/poll.ts";

/** Replaces the timers of the platform; what was asked of them. */
class FakeTimers implements Disposable {
  readonly delays: number[] = [];
  readonly pending = new Map<number, () => void>();
  readonly #original = { setTimeout, clearTimeout };
  #ids = 0;

  constructor() {
    const fake = {
      setTimeout: (callback: () => void, delay: number) => {
        this.delays.push(delay);
        this.pending.set(++this.#ids, callback);
        return this.#ids;
      },
      clearTimeout: (id: number) => void this.pending.delete(id),
    };
    Object.assign(globalThis, fake);
  }

  fire(): void {
    for (const [id, callback] of [...this.pending]) {
      this.pending.delete(id);
      callback();
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#original);
  }
}

Deno.test("SystemClock.now() goes on, in milliseconds", async () => {
  const clock = new SystemClock();
  const before = clock.now();
  await nextMacrotask();
  const passed = clock.now() - before;
  assert(passed > 0 && passed < 10_000, `${passed}`);
});

Deno.test("SystemClock keeps one timer from start() to stop(), so that the process stays", () => {
  using timers = new FakeTimers();
  const clock = new SystemClock();
  assertStrictEquals(timers.pending.size, 0);
  clock.start(() => {});
  assertStrictEquals(timers.pending.size, 1);
  clock.sleepUntil(clock.now() + 5);
  clock.sleepUntil(Infinity);
  assertStrictEquals(timers.pending.size, 1);
  clock.stop();
  assertStrictEquals(timers.pending.size, 0);
});

Deno.test("SystemClock.sleepUntil() sets a timer anew for an earlier deadline only", () => {
  using timers = new FakeTimers();
  const clock = new SystemClock();
  let wakes = 0;
  clock.start(() => wakes++);
  const now = clock.now();
  clock.sleepUntil(now + 1000);
  clock.sleepUntil(now + 5000);
  clock.sleepUntil(now + 500);
  assertStrictEquals(timers.delays.length, 3);
  timers.fire();
  assertEquals([wakes, timers.pending.size], [1, 0]);
  // The loop goes back to sleep: only now a timer is needed again.
  clock.sleepUntil(now + 5000);
  assertStrictEquals(timers.pending.size, 1);
  clock.stop();
});

Deno.test("SystemClock.sleepUntil() never asks for what setTimeout() cannot do", () => {
  using timers = new FakeTimers();
  const clock = new SystemClock();
  clock.start(() => {});
  for (const deadline of [Infinity, clock.now() + 2 ** 40, clock.now() - 100, -Infinity]) {
    clock.stop();
    clock.sleepUntil(deadline);
  }
  // NaN, negative and too large delays would fire at once, with a warning.
  assert(timers.delays.every((delay) => delay >= 0 && delay < 2 ** 31), `${timers.delays}`);
  assertEquals(timers.delays.slice(-2), [0, 0]);
  clock.stop();
});

Deno.test("SystemClock wakes whom start() named", async () => {
  const clock = new SystemClock();
  let wakes = 0;
  clock.start(() => wakes++);
  clock.sleepUntil(clock.now() + 1);
  await until(() => wakes === 1);
  clock.stop();
});
