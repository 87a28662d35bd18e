import { SoleWait } from "../../loop/sole_wait.ts";
import { WaitQueue } from "../../loop/wait_queue.ts";
import type { VirtualTimeLoop } from "../../testing/mod.ts";
import { assert, assertEquals, assertLess } from "../support/assert.ts";
import { assertCancelled, loopTest, start, tick } from "../sync/support.ts";

const COUNT = 1000;

/** How often `fn` asks a wait for its state. */
async function looksOf(fn: () => Promise<void> | void): Promise<number> {
  const { done, cancelled } = SoleWait.prototype;
  let looks = 0;
  SoleWait.prototype.done = function (): boolean {
    looks++;
    return done.call(this);
  };
  SoleWait.prototype.cancelled = function (): boolean {
    looks++;
    return cancelled.call(this);
  };
  try {
    await fn();
    return looks;
  } finally {
    Object.assign(SoleWait.prototype, { done, cancelled });
  }
}

function makeQueue(): WaitQueue {
  return new WaitQueue({ toString: () => "it" }, "wait()");
}

loopTest("wait() waits in the order of the calls", async () => {
  const queue = makeQueue();
  const order: number[] = [];
  const tasks = [0, 1, 2].map((i) => start(async () => void (await queue.wait(), order.push(i))));
  await tick();
  assertEquals(queue.pendingCount, 3);
  while (queue.wakeNext());
  for (const task of tasks) await task;
  assertEquals(order, [0, 1, 2]);
});

loopTest("wait() tells whether it had been granted when it gives up", async () => {
  const queue = makeQueue();
  const told: boolean[] = [];
  function wait(): Promise<void> {
    return queue.wait(undefined, (granted) => told.push(granted));
  }
  const [first, second, third] = [start(wait), start(wait), start(wait)];
  await tick();
  second.cancel();
  queue.wakeHead();
  first.cancel();
  await assertCancelled(second);
  await assertCancelled(first);
  assertEquals(told, [false, true]);
  queue.wakeHead();
  await third;
  assertEquals(told, [false, true]);
});

loopTest("isWanted counts who is granted and has not run, not who gave up", async () => {
  const queue = makeQueue();
  const [first, second] = [start(() => queue.wait()), start(() => queue.wait())];
  await tick();
  first.cancel();
  assert(queue.isWanted);
  queue.wakeNext();
  assert(queue.isWanted);
  second.cancel();
  assert(queue.isWanted, "it was granted, and has to pass it on");
  await assertCancelled(first);
  await assertCancelled(second);
  assertEquals(queue.isWanted, false);
});

loopTest("wakeHead() wakes nobody while the head is woken or gave up", async () => {
  const queue = makeQueue();
  const [first, second] = [start(() => queue.wait()), start(() => queue.wait())];
  await tick();
  queue.wakeHead();
  queue.wakeHead();
  await first;
  await tick(2);
  assertEquals(second.done(), false);
  queue.wakeHead();
  await second;
  queue.wakeHead();
});

loopTest("wakeNext() skips who is woken or gave up, and tells whether there was one", async () => {
  const queue = makeQueue();
  const tasks = [0, 1, 2, 3].map(() => start(() => queue.wait()));
  await tick();
  tasks[1]?.cancel();
  assertEquals(
    [queue.wakeNext(), queue.wakeNext(), queue.pendingCount],
    [true, true, 1],
  );
  await tasks[0];
  await tasks[2];
  assertEquals([queue.wakeNext(), queue.wakeNext()], [true, false]);
  await tasks[3];
  const late = start(() => queue.wait());
  await tick();
  assert(queue.wakeNext());
  await late;
});

loopTest("wakeNext() finds the next one without looking at those before", async () => {
  const queue = makeQueue();
  const tasks = Array.from({ length: COUNT }, () => start(() => queue.wait()));
  await tick();
  const looks = await looksOf(() => {
    for (let i = 0; i < COUNT; i++) queue.wakeNext();
  });
  assertLess(looks, 5 * COUNT);
  for (const task of tasks) await task;
});

loopTest("isWanted does not look at those who gave up", async (loop: VirtualTimeLoop) => {
  const queue = makeQueue();
  const tasks = Array.from({ length: COUNT }, () => start(() => queue.wait()));
  await tick();
  for (const task of tasks) task.cancel();
  assertEquals(
    await looksOf(() => {
      for (let i = 0; i < COUNT; i++) assertEquals(queue.isWanted, false);
    }),
    0,
  );
  assertEquals(loop.isRunning(), true);
  for (const task of tasks) await assertCancelled(task);
});

loopTest("a thousand waiters that give up are taken out without a search", async () => {
  const queue = makeQueue();
  const tasks = Array.from({ length: COUNT }, () => start(() => queue.wait()));
  await tick();
  // From the last to the first: a search from either end would find half of them late.
  for (const task of tasks.toReversed()) task.cancel();
  const looks = await looksOf(() => tick(2));
  assertLess(looks, 20 * COUNT);
  assertEquals(queue.pendingCount, 0);
  assert(tasks.every((task) => task.cancelled()));
});
