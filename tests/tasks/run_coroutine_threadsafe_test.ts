import { CancelledError, RuntimeError } from "../../errors.ts";
import { currentTask, runCoroutineThreadsafe, sleep } from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Boom } from "./support.ts";

/** Runs `body` outside of any loop while a loop runs. */
async function beside(body: (loop: VirtualTimeLoop) => Promise<void>): Promise<void> {
  const loop = new VirtualTimeLoop();
  // A loop with nothing to do is a deadlock in virtual time.
  const beat = () => void loop.callLater(1, beat);
  beat();
  const running = loop.runForever();
  try {
    await body(loop);
  } finally {
    loop.stop();
    await running;
    loop.close();
  }
}

Deno.test("runCoroutineThreadsafe() gives the outcome of a task to code outside of its loop", async () => {
  await beside(async (loop) => {
    const inside = runCoroutineThreadsafe(async (task) => {
      await sleep(5);
      assertStrictEquals(currentTask(), task);
      return "value";
    }, loop);
    assertFalse(inside.done());
    assertEquals(await inside, "value");
    assertEquals(await inside, "value", "awaited again");
    await assertRejects(() =>
      runCoroutineThreadsafe(() => {
        throw new Boom("inside");
      }, loop), Boom);
    assertEquals(await runCoroutineThreadsafe(() => 1, loop).finally(() => {}), 1);
  });
});

Deno.test("runCoroutineThreadsafe() can be awaited in another loop, and in its own", async () => {
  await beside(async (loop) => {
    const other = new VirtualTimeLoop({ graceMs: 1000 });
    const there = async () => await runCoroutineThreadsafe(() => sleep(5, "there"), loop);
    assertEquals(await other.runUntilComplete(there), "there");
    assertEquals(await runCoroutineThreadsafe(there, loop), "there");
    other.close();
  });
});

Deno.test("runCoroutineThreadsafe() cancels the task with the future", async () => {
  await beside(async (loop) => {
    let ended = false;
    let started = false;
    const future = runCoroutineThreadsafe(async () => {
      started = true;
      try {
        await sleep(Infinity);
      } finally {
        ended = true;
      }
    }, loop);
    await until(() => started);
    assert(future.cancel());
    assert(future.cancelled());
    await assertRejects(() => future, CancelledError);
    await until(() => ended);
    assertFalse(future.cancel());
  });
});

Deno.test("runCoroutineThreadsafe() never starts what is cancelled before", async () => {
  await beside(async (loop) => {
    let called = false;
    const future = runCoroutineThreadsafe(() => void (called = true), loop);
    future.cancel();
    await assertRejects(() => future, CancelledError);
    await runCoroutineThreadsafe(() => sleep(5), loop);
    assertFalse(called);
  });
});

Deno.test("runCoroutineThreadsafe() passes on that its task was cancelled", async () => {
  await beside(async (loop) => {
    const future = runCoroutineThreadsafe(async (task) => {
      task.cancel();
      await sleep(5);
    }, loop);
    await assertRejects(() => future, CancelledError);
    assert(future.cancelled());
  });
});

Deno.test("runCoroutineThreadsafe() refuses what is no function, and a closed loop", () => {
  const loop = new VirtualTimeLoop();
  const wrong = Promise.resolve() as unknown as () => void;
  assertThrows(() => runCoroutineThreadsafe(wrong, loop), TypeError, "expected a function");
  loop.close();
  assertThrows(() => runCoroutineThreadsafe(() => 1, loop), RuntimeError, "closed");
});
