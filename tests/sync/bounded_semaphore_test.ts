import { BoundedSemaphore, Semaphore } from "../../sync/mod.ts";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "../support/assert.ts";
import { loopTest, start, testWaiting, tick } from "./support.ts";

testWaiting("BoundedSemaphore.acquire()", async () => {
  const semaphore = new BoundedSemaphore(1);
  await semaphore.acquire();
  return {
    wait: (options) => semaphore.acquire(options),
    wake: () => semaphore.release(),
    count: () => semaphore.statistics().tasksWaiting,
  };
});

Deno.test("BoundedSemaphore() refuses what is no count of permits", () => {
  assertThrows(() => new BoundedSemaphore(-1), RangeError, "BoundedSemaphore");
  assertThrows(() => new BoundedSemaphore("1" as unknown as number), TypeError, "BoundedSemaphore");
  assertInstanceOf(new BoundedSemaphore(), Semaphore);
});

Deno.test("release() refuses a permit too many, and changes nothing", async () => {
  const semaphore = new BoundedSemaphore(2);
  assertThrows(() => semaphore.release(), RangeError, "all of its 2 permits are free");
  const permit = await semaphore.acquire();
  semaphore.release();
  assertThrows(() => semaphore.release(), RangeError);
  assertThrows(() => permit[Symbol.dispose](), RangeError);
  permit[Symbol.dispose]();
  assertEquals(semaphore.statistics(), { value: 2, bound: 2, tasksWaiting: 0 });
});

Deno.test("release() of infinitely many is never one too many", async () => {
  const semaphore = new BoundedSemaphore(Infinity);
  await semaphore.acquire();
  semaphore.release();
  assertEquals(semaphore.statistics().value, Infinity);
});

loopTest("release() gives the permit to who waits", async () => {
  const semaphore = new BoundedSemaphore();
  const permit = await semaphore.acquire();
  const waiting = start(() => semaphore.acquire());
  await tick();
  assertEquals(semaphore.statistics(), { value: 0, bound: 1, tasksWaiting: 1 });
  permit[Symbol.dispose]();
  await waiting;
  assert(semaphore.locked());
});
