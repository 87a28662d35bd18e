import { Event } from "../../sync/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import { assert, assertEquals, assertFalse } from "../support/assert.ts";
import { iterationsOf, loopTest, start, testWaiting, tick } from "./support.ts";

testWaiting("Event.wait()", () => {
  const event = new Event();
  return Promise.resolve({
    wait: (options) => event.wait(options),
    wake: () => event.set(),
    undo: () => event.clear(),
    count: () => event.statistics().tasksWaiting,
  });
});

loopTest("wait() returns true in no iteration when it is set", async () => {
  const event = new Event();
  event.set();
  assertEquals(await iterationsOf(event.wait()), 0);
  assertEquals(await event.wait(), true);
});

Deno.test("wait() needs no loop when it is set", async () => {
  const event = new Event();
  event.set();
  assertEquals(await event.wait(), true);
});

loopTest("set() wakes all, in the order of arrival, in the next iteration", async (loop) => {
  const event = new Event();
  const woken: unknown[] = [];
  const tasks = [];
  for (const name of ["a", "b", "c"]) {
    tasks.push(
      start(async () => {
        assertEquals(await event.wait(), true);
        woken.push([name, iterationOf(loop) - set]);
      }),
    );
  }
  await tick();
  assertFalse(event.isSet());
  const set = iterationOf(loop);
  event.set();
  assert(event.isSet());
  for (const task of tasks) await task;
  assertEquals(woken, [["a", 1], ["b", 1], ["c", 1]]);
});

// CPython EventTests.test_clear_with_waiters
loopTest("set() wakes who waits though it is cleared at once", async () => {
  const event = new Event();
  const woken: number[] = [];
  const task = start(async () => {
    await event.wait();
    woken.push(1);
  });
  await tick();
  event.set();
  event.clear();
  assertFalse(event.isSet());
  event.set();
  event.set();
  await task;
  assertEquals(woken, [1]);
  assertEquals(event.statistics().tasksWaiting, 0);
});

loopTest("clear() makes wait() wait again", async () => {
  const event = new Event();
  event.set();
  event.clear();
  const task = start(() => event.wait());
  await tick(3);
  assertFalse(task.done());
  event.set();
  await task;
});

loopTest("statistics() tells the flag and how many wait", async () => {
  const event = new Event();
  const task = start(() => event.wait());
  await tick();
  assertEquals(event.statistics(), { isSet: false, tasksWaiting: 1 });
  assertEquals(task.getStack()[0], "waits for <Future pending for wait() of <Event unset>>");
  event.set();
  assertEquals(event.statistics(), { isSet: true, tasksWaiting: 0 });
  await task;
});
