import { CancelledError, RuntimeError } from "../../errors.ts";
import type { Future } from "../../loop/mod.ts";
import { allTasks, createTask, currentTask, gather, sleep } from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import {
  assertCancelled,
  Boom,
  iterationsOf,
  loopTest,
  reportsOf,
  tick,
  WatchedController,
} from "./support.ts";

function boomAfter(ms: number, message = "bad"): () => Promise<never> {
  return async () => {
    await sleep(ms);
    throw new Boom(message);
  };
}

loopTest("gather() gives the results in the order of its arguments", async (loop) => {
  const future = loop.createFuture<string>();
  loop.callLater(5, () => future.setResult("future"));
  const results = gather(
    () => sleep(20, "slow"),
    future,
    Promise.resolve("native"),
    () => "plain" as const,
  );
  const [slow, fromFuture, native, plain] = await results;
  assertEquals([slow, fromFuture, native, plain], ["slow", "future", "native", "plain"]);
  assertEquals(loop.time(), 20);
});

loopTest("gather() takes a list, any iterable, and nothing", async () => {
  assertEquals(await gather([() => 1, () => 2]), [1, 2]);
  assertEquals(await gather(new Set([() => 1, () => 2])), [1, 2]);
  for (const empty of [gather(), gather([]), gather([], { returnExceptions: true })]) {
    assert(empty.done());
    assertEquals(await iterationsOf(empty), 0);
    assertEquals(await empty, []);
  }
});

loopTest("gather() awaits a future twice given once, and runs a function twice", async (loop) => {
  const future = loop.createFuture<number>();
  const promise = Promise.resolve(2);
  let runs = 0;
  const run = () => ++runs;
  const all = gather(future, future, promise, promise, run, run);
  future.setResult(1);
  assertEquals(await all, [1, 1, 2, 2, 1, 2]);
});

loopTest("gather() is done at once where all is done", async (loop) => {
  const future = loop.createFuture<number>();
  future.setResult(1);
  const all = gather(future, future);
  assert(all.done());
  assertEquals(all.result(), [1, 1]);
  const failed = loop.createFuture<number>();
  failed.setException(new Boom("done"));
  const other = loop.createFuture<number>();
  const some = gather(failed, other);
  await assertRejects(() => some, Boom, "done");
  assertFalse(other.done());
  await Promise.resolve();
});

loopTest("gather() fails with the first error, and the others go on", async () => {
  const log: string[] = [];
  const slow = createTask(async () => {
    await sleep(20);
    log.push("slow ends");
  });
  await assertRejects(() => gather(slow, boomAfter(10), boomAfter(15, "second")), Boom, "bad");
  assertEquals([log, allTasks().size], [[], 3]);
  await slow;
  assertEquals(log, ["slow ends"]);
});

loopTest("gather() with returnExceptions puts errors into the list", async (loop) => {
  const cancelled = loop.createFuture<number>();
  cancelled.cancel("message");
  const [error, value, cancellation] = await gather(
    [boomAfter(10), () => 1, cancelled] as const,
    { returnExceptions: true },
  );
  assertEquals([String(error), value], ["Boom: bad", 1]);
  assert(cancellation as unknown instanceof CancelledError);
  assertEquals((cancellation as unknown as Error).message, "message");
});

loopTest("gather() treats a cancelled part as failed, without being cancelled", async () => {
  const part = createTask(() => sleep(1000));
  const other = createTask(() => sleep(5, "other"));
  const all = gather(part, other);
  await tick();
  part.cancel("part");
  const error = await assertRejects(() => all, CancelledError);
  assertEquals([error.message, all.cancelled()], ["part", false]);
  assertEquals(await other, "other");
});

loopTest("gather() can be cancelled: it waits for its parts and tells of it", async () => {
  for (const returnExceptions of [false, true]) {
    const log: string[] = [];
    const task = createTask(() =>
      gather([async () => {
        try {
          await sleep(1000);
        } finally {
          log.push("clean-up begins");
          await sleep(10);
          log.push("clean-up ends");
        }
      }, () => sleep(1, "first")], { returnExceptions })
    );
    await sleep(5);
    task.cancel("stop");
    await assertCancelled(task);
    assertEquals(log, ["clean-up begins", "clean-up ends"]);
  }
});

loopTest("gather() that is done cannot be cancelled, nor one whose parts are", async (loop) => {
  const [one, two] = [loop.createFuture<number>(), loop.createFuture<number>()];
  const all = gather(one, two);
  one.setResult(1);
  two.setResult(2);
  assertFalse(all.cancel());
  assertEquals(await all, [1, 2]);
  assertFalse(all.cancel());
  const failed = gather(boomAfter(0), loop.createFuture<number>());
  await assertRejects(() => failed, Boom);
  assertFalse(failed.cancel());
});

loopTest("gather() rejects at once with the reason of an abort", async (loop) => {
  const aborter = new WatchedController();
  const foreign = loop.createFuture<number>();
  const log: string[] = [];
  const own = async () => {
    try {
      await sleep(1000);
    } finally {
      log.push("own task stopped");
    }
  };
  const all = gather([foreign, own], { signal: aborter.signal });
  await tick();
  const reason = new Boom("abort");
  aborter.abort(reason);
  assertStrictEquals(await assertRejects(() => all), reason);
  await tick(2);
  assertEquals([log, foreign.done(), loop.time()], [["own task stopped"], false, 0]);
  assertEquals(aborter.listeners, 0);
  const late = gather([foreign], { signal: aborter.signal });
  assertStrictEquals(await assertRejects(() => late), reason);
  foreign.setResult(1);
  const other = new WatchedController();
  assertEquals(await gather([foreign, () => 2], { signal: other.signal }), [1, 2]);
  await tick();
  assertEquals(other.listeners, 0);
});

loopTest("gather() refuses bad members before it starts any", async (loop) => {
  const foreign = new VirtualTimeLoop();
  const future = foreign.createFuture<number>();
  const wrong = 5 as unknown as () => void;
  assertThrows(() => gather(() => 1, wrong), TypeError, "Cannot gather 5");
  assertThrows(() => gather(() => 1, null as unknown as () => void), TypeError, "null");
  assertThrows(() => gather(() => 1, future), RangeError, "different loop");
  assertEquals([...allTasks()], [currentTask()]);
  assertEquals(loop.time(), 0);
  await tick();
  foreign.close();
});

Deno.test("gather() takes the loop of a future where none runs, else it is refused", async () => {
  assertThrows(() => gather(() => 1), RuntimeError, "no event loop is running");
  const loop = new VirtualTimeLoop();
  const future: Future<number> = loop.createFuture<number>();
  const all = gather(future, () => 2);
  future.setResult(1);
  assertEquals(await loop.runUntilComplete(all), [1, 2]);
  loop.close();
});

Deno.test("gather() whose error nobody sees is reported once, and ends no process", async () => {
  const reports = await reportsOf(async () => {
    gather(boomAfter(1), boomAfter(1, "silent"));
    await sleep(10);
  });
  await nextMacrotask();
  assertEquals(reports.map(({ exception }) => String(exception)), ["Boom: bad"]);
});
