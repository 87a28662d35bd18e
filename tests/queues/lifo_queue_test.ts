import { LifoQueue } from "../../queues/mod.ts";
import { QueueFull } from "../../errors.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { loopTest, start, tick } from "../sync/support.ts";

Deno.test("LifoQueue() gives the item first that was put last", () => {
  const queue = new LifoQueue<number>(3);
  for (const item of [1, 3, 2]) queue.putNowait(item);
  assertThrows(() => queue.putNowait(4), QueueFull);
  assertEquals([queue.getNowait(), queue.getNowait(), queue.getNowait()], [2, 3, 1]);
});

loopTest("put() and get() of a stack wait for room and items", async () => {
  const queue = new LifoQueue<number>(1);
  const getter = start(() => queue.get());
  await tick();
  await queue.put(1);
  assertEquals(await getter, 1);
  await queue.put(2);
  const putter = start(() => queue.put(3));
  await tick();
  assertEquals(queue.getNowait(), 2);
  await putter;
  assertEquals(queue.getNowait(), 3);
});
