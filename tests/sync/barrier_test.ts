import { Barrier } from "../../sync/mod.ts";
import { BrokenBarrierError, RuntimeError } from "../../errors.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";
import {
  assertCancelled,
  iterationsOf,
  loopTest,
  start,
  tick,
  WatchedController,
} from "./support.ts";

Deno.test("Barrier() refuses what is no count of parties", () => {
  for (const parties of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => new Barrier(parties), RangeError, String(parties));
  }
  for (const parties of ["1", null, undefined, 2n]) {
    assertThrows(() => new Barrier(parties as unknown as number), TypeError, "Barrier");
  }
});

loopTest("wait() of one party passes in no iteration, again and again", async () => {
  const barrier = new Barrier(1);
  for (let i = 0; i < 3; i++) {
    const passing = barrier.wait();
    assertEquals(await iterationsOf(passing), 0);
    assertEquals(await passing, 0);
  }
  assertEquals([barrier.nWaiting, barrier.broken, barrier.parties], [0, false, 1]);
});

loopTest(
  "wait() lets all go in the iteration after the last one came, with their indexes",
  async (loop) => {
    const barrier = new Barrier(3);
    for (let round = 0; round < 3; round++) {
      const passed: unknown[] = [];
      const tasks = ["a", "b"].map((name) =>
        start(async () => {
          const index = await barrier.wait();
          passed.push([name, index, iterationOf(loop) - last]);
        })
      );
      await tick();
      assertEquals(barrier.nWaiting, 2);
      const last = iterationOf(loop);
      assertEquals(await iterationsOf(barrier.wait()), 0);
      for (const task of tasks) await task;
      assertEquals(passed, [["a", 0, 1], ["b", 1, 1]]);
      assertEquals(barrier.nWaiting, 0);
    }
  },
);

loopTest("wait() of more than fit passes in groups", async () => {
  const barrier = new Barrier(3);
  const indexes: number[] = [];
  const tasks = Array.from(
    { length: 9 },
    () => start(async () => void indexes.push(await barrier.wait())),
  );
  for (const task of tasks) await task;
  assertEquals(indexes.toSorted(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
  assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
});

// CPython BarrierTests.test_draining_state
loopTest("newcomers wait while those before them leave", async () => {
  const barrier = new Barrier(2);
  const order: string[] = [];
  async function pass(name: string): Promise<void> {
    await barrier.wait();
    order.push(`${name}, ${barrier.nWaiting} waiting`);
  }
  const first = start(() => pass("first"));
  await tick();
  await barrier.wait();
  // Draining: the first one has not left yet.
  const newcomer = start(() => pass("newcomer"));
  assertEquals(barrier.nWaiting, 0);
  await first;
  await tick(2);
  assertEquals(barrier.nWaiting, 1);
  assertFalse(newcomer.done());
  await barrier.wait();
  await newcomer;
  assertEquals(order, ["first, 0 waiting", "newcomer, 0 waiting"]);
});

// CPython BarrierTests.test_filling_tasks_cancel_one
loopTest("a cancelled wait() leaves its place to somebody else", async () => {
  const barrier = new Barrier(3);
  const counts: number[] = [];
  const first = start(() => barrier.wait());
  await tick();
  counts.push(barrier.nWaiting);
  const second = start(() => barrier.wait());
  await tick();
  counts.push(barrier.nWaiting);
  first.cancel();
  await assertCancelled(first);
  counts.push(barrier.nWaiting);
  const third = start(() => barrier.wait());
  await tick();
  counts.push(barrier.nWaiting);
  const index = await barrier.wait();
  assertEquals([await second, await third, index], [1, 0, 2]);
  counts.push(barrier.nWaiting);
  assertEquals(counts, [1, 2, 1, 2, 0]);
  assertFalse(barrier.broken);
});

loopTest("indexes start anew when all who waited gave up", async () => {
  const barrier = new Barrier(3);
  const quitters = [start(() => barrier.wait()), start(() => barrier.wait())];
  await tick();
  for (const task of quitters) task.cancel();
  for (const task of quitters) await assertCancelled(task);
  const tasks = [start(() => barrier.wait()), start(() => barrier.wait())];
  await tick();
  const last = await barrier.wait();
  assertEquals([await tasks[0], await tasks[1], last], [0, 1, 2]);
});

loopTest("wait() that is cancelled while others leave takes no place", async () => {
  const barrier = new Barrier(2);
  const first = start(() => barrier.wait());
  await tick();
  await barrier.wait();
  const newcomer = start(() => barrier.wait());
  const other = start(() => barrier.wait());
  newcomer.cancel();
  await first;
  await assertCancelled(newcomer);
  await tick(2);
  assertEquals(barrier.nWaiting, 1);
  await barrier.wait();
  await other;
});

// CPython BarrierTests.test_reset_barrier_while_tasks_waiting
loopTest("reset() throws out those who wait, and the barrier is as new", async () => {
  const barrier = new Barrier(3);
  const waiting = [start(() => barrier.wait()), start(() => barrier.wait())];
  await tick();
  await barrier.reset();
  assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
  // They come while it empties.
  const newcomers = [start(() => barrier.wait()), start(() => barrier.wait())];
  for (const task of waiting) await assertRejects(() => task, BrokenBarrierError, "reset");
  await tick(2);
  assertEquals(barrier.nWaiting, 2);
  assertEquals(await barrier.wait(), 2);
  for (const task of newcomers) await task;
});

loopTest("reset() of an empty barrier changes nothing", async () => {
  const barrier = new Barrier(2);
  await barrier.reset();
  assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
});

// CPython BarrierTests.test_abort_barrier
loopTest("abort() throws out those who wait and those who come, until reset()", async () => {
  const barrier = new Barrier(3);
  const waiting = [start(() => barrier.wait()), start(() => barrier.wait())];
  await tick();
  await barrier.abort();
  assertEquals([barrier.nWaiting, barrier.broken], [0, true]);
  for (const task of waiting) await assertRejects(() => task, BrokenBarrierError, "aborted");
  await assertRejects(() => barrier.wait(), BrokenBarrierError, "aborted");
  assert(barrier.broken);

  await barrier.reset();
  assertFalse(barrier.broken);
  const tasks = [start(() => barrier.wait()), start(() => barrier.wait())];
  await tick();
  assertEquals(await barrier.wait(), 2);
  assertEquals([await tasks[0], await tasks[1]], [0, 1]);
});

loopTest("abort() throws out a newcomer that waits for others to leave", async () => {
  const barrier = new Barrier(2);
  const first = start(() => barrier.wait());
  await tick();
  await barrier.wait();
  const newcomer = start(async () => {
    await assertRejects(() => barrier.wait(), BrokenBarrierError);
  });
  await barrier.abort();
  await assertRejects(() => first, BrokenBarrierError);
  await newcomer;
});

loopTest("a signal takes exactly its own wait() out", async () => {
  const barrier = new Barrier(3);
  const reason = new Error("enough");
  await assertRejects(() => barrier.wait({ signal: AbortSignal.abort(reason) }), Error, "enough");
  await assertRejects(() => barrier.reset({ signal: AbortSignal.abort(reason) }), Error, "enough");
  await assertRejects(() => barrier.abort({ signal: AbortSignal.abort(reason) }), Error, "enough");
  assertEquals([barrier.nWaiting, barrier.broken], [0, false]);

  const aborter = new WatchedController();
  const other = start(() => barrier.wait());
  const quitter = start(() => barrier.wait({ signal: aborter.signal }));
  await tick();
  assertEquals([barrier.nWaiting, aborter.listeners], [2, 1]);
  aborter.abort(reason);
  await assertRejects(() => quitter, Error, "enough");
  assertEquals([barrier.nWaiting, aborter.listeners], [1, 0]);
  const third = start(() => barrier.wait());
  await tick();
  assertEquals([await barrier.wait(), await other, await third], [2, 0, 1]);
});

loopTest("a signal that aborts when the last one came is too late", async () => {
  const barrier = new Barrier(2);
  const aborter = new WatchedController();
  const first = start(() => barrier.wait({ signal: aborter.signal }));
  await tick();
  await barrier.wait();
  aborter.abort();
  assertEquals([await first, aborter.listeners], [0, 0]);
});

loopTest("wait() that is cancelled when the last one came lets the others pass", async () => {
  const barrier = new Barrier(3);
  const [first, second] = [start(() => barrier.wait()), start(() => barrier.wait())];
  await tick();
  await barrier.wait();
  first.cancel();
  await assertCancelled(first);
  assertEquals(await second, 1);
  assertEquals([barrier.nWaiting, barrier.broken], [0, false]);
});

Deno.test("wait() is refused in another loop, and outside of any, and takes no place", async () => {
  const [one, two] = [new VirtualTimeLoop(), new VirtualTimeLoop()];
  try {
    const barrier = new Barrier(3);
    const waiting = one.createTask(() => barrier.wait());
    one.stop();
    await one.runForever();
    await two.runUntilComplete(async () => {
      await assertRejects(() => barrier.wait(), RuntimeError, "different event loop");
    });
    await assertRejects(() => barrier.wait(), RuntimeError, "no event loop is running");
    assertEquals(barrier.nWaiting, 1);
    await one.runUntilComplete(async () => {
      const second = start(() => barrier.wait());
      await tick();
      assertEquals([await barrier.wait(), await waiting, await second], [2, 0, 1]);
    });
  } finally {
    one.close();
    two.close();
  }
});

loopTest("statistics() tells how many wait", async () => {
  const barrier = new Barrier(2);
  const task = start(() => barrier.wait());
  await tick();
  assertEquals(barrier.statistics(), { parties: 2, tasksWaiting: 1, broken: false });
  assertEquals(String(barrier), "<Barrier filling 1/2>");
  await barrier.wait();
  await task;
});
