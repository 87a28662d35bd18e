import { CancelledError, KeyboardInterrupt, RuntimeError } from "../../errors.ts";
import type { Awaitable } from "../../types.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "../support/assert.ts";
import { Bench } from "./bench.ts";

Deno.test("runUntilComplete() gives the result of a function, a task, a future and a promise", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  assertStrictEquals(await loop.runUntilComplete(() => 1), 1);
  assertStrictEquals(await loop.runUntilComplete(async () => (await bench.pause(), 2)), 2);
  assertStrictEquals(await loop.runUntilComplete(loop.createTask(() => 3)), 3);
  const future = loop.createFuture<number>();
  loop.callLater(5, () => future.setResult(4));
  assertStrictEquals(await loop.runUntilComplete(future), 4);
  assertStrictEquals(await loop.runUntilComplete(Promise.resolve(5)), 5);
});

Deno.test("runUntilComplete() throws the error, and is ready to run again", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const error = new Error("boom");
  const thrown = await assertRejects(() =>
    loop.runUntilComplete(async () => {
      await bench.pause();
      throw error;
    })
  );
  assertStrictEquals(thrown, error);
  assertStrictEquals(loop.isRunning(), false);
  assertStrictEquals(await loop.runUntilComplete(() => "again"), "again");
});

Deno.test("runUntilComplete() of a cancelled task throws CancelledError", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(async () => await bench.sleep(1000));
  bench.loop.callLater(1, () => task.cancel("enough"));
  const thrown = await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError);
  assertStrictEquals(thrown.message, "enough");
});

Deno.test("runUntilComplete() ends one iteration after the future is done, with its batch", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const future = loop.createFuture<string>();
  loop.callSoon(() => {
    mark("set");
    future.setResult("value");
    loop.callSoon(() => {
      mark("with the stop");
      loop.callSoon(mark, "next run");
    });
  });
  assertStrictEquals(await loop.runUntilComplete(future), "value");
  assertEquals(trace, [["set", 1], ["with the stop", 2]]);
  await bench.turn();
  assertEquals(trace.slice(2), [["next run", 3]]);
});

Deno.test("runUntilComplete() of a future that is done takes one iteration", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  future.setResult(7);
  assertStrictEquals(await bench.loop.runUntilComplete(future), 7);
  assertStrictEquals(bench.iteration, 1);
});

Deno.test("runUntilComplete() says so when it was stopped early, and can be resumed", async () => {
  // CPython test_events.py test_run_until_complete_stopped
  await using bench = new Bench();
  const { loop } = bench;
  const task = loop.createTask(async () => {
    loop.stop();
    await bench.sleep(100);
    return "late";
  });
  const error = await assertRejects(() => loop.runUntilComplete(task), RuntimeError);
  assertStrictEquals(error.message, "Event loop stopped before Future completed.");
  assertStrictEquals(task.done(), false);
  assertStrictEquals(await loop.runUntilComplete(task), "late");
});

Deno.test("runUntilComplete() takes its stop back when the run ends otherwise", async () => {
  // CPython test_base_events.py test_run_until_complete_loop_orphan_future_close_loop
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<void>();
  loop.callSoon(() => {
    throw new KeyboardInterrupt("stop it");
  });
  await assertRejects(() => loop.runUntilComplete(future), KeyboardInterrupt);
  loop.callSoon(() => future.setResult());
  await loop.runUntilComplete(async () => await bench.sleep(5));
  // The same when the future was done in the very iteration that ended the run.
  const other = loop.createFuture<number>();
  loop.callSoon(() => {
    other.setResult(1);
    loop.stop();
  });
  assertStrictEquals(await loop.runUntilComplete(other), 1);
  await loop.runUntilComplete(async () => await bench.sleep(5));
});

Deno.test("a run keeps other tasks for the next one", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  let steps = 0;
  const worker = loop.createTask(async () => {
    for (; steps < 10; steps++) await bench.pause();
    return "worked";
  });
  await loop.runUntilComplete(async () => await bench.pause());
  assertEquals([worker.done(), steps], [false, 2]);
  assertStrictEquals(await loop.runUntilComplete(worker), "worked");
});

Deno.test("run*() refuses a loop that runs, also from its own callbacks, and goes on", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const messages: string[] = [];
  async function refused(run: () => Promise<unknown>): Promise<void> {
    messages.push((await assertRejects(run, RuntimeError)).message);
  }
  const ran = loop.runUntilComplete(async () => {
    await refused(() => loop.runForever());
    await refused(() => loop.runUntilComplete(() => 1));
    await bench.pause();
    return "done";
  });
  await refused(() => loop.runForever());
  assertStrictEquals(await ran, "done");
  assertEquals(
    messages,
    ["runForever", "runForever", "runUntilComplete"].map((name) =>
      `Cannot call ${name}(): This event loop is already running`
    ),
  );
});

Deno.test("run*() refuses to run one loop inside another", async () => {
  await using outer = new Bench();
  await using inner = new Bench();
  const seen: string[] = [];
  await outer.loop.runUntilComplete(async () => {
    const inTask = await assertRejects(() => inner.loop.runForever(), RuntimeError);
    seen.push(inTask.message);
    const done = outer.loop.createFuture<void>();
    outer.loop.callSoon(() => {
      inner.loop.runUntilComplete(() => 1).catch((error) => seen.push(error.message))
        .finally(() => done.setResult());
    });
    await done;
  });
  const because = "Cannot run the event loop while another loop is running";
  assertEquals(seen, [
    `Cannot call runForever(): ${because}`,
    `Cannot call runUntilComplete(): ${because}`,
  ]);
  assertStrictEquals(inner.iteration, 0);
});

Deno.test("runUntilComplete() refuses what cannot be awaited, and a future of another loop", async () => {
  await using bench = new Bench();
  await using other = new Bench();
  const { loop } = bench;
  const text = await assertRejects(
    () => loop.runUntilComplete("text" as unknown as Awaitable<string>),
    TypeError,
  );
  assertStringIncludes(text.message, `"text"`);
  const error = await assertRejects(
    () => loop.runUntilComplete(other.loop.createFuture()),
    RangeError,
  );
  assertStringIncludes(error.message, "a different loop");
  assertStrictEquals(bench.iteration, 0);
});

Deno.test("two loops run side by side, each with its own callbacks", async () => {
  await using first = new Bench();
  await using second = new Bench();
  async function count(bench: Bench, name: string): Promise<string> {
    for (let i = 0; i < 100; i++) await bench.pause();
    return name;
  }
  assertEquals(
    await Promise.all([
      first.loop.runUntilComplete(() => count(first, "first")),
      second.loop.runUntilComplete(() => count(second, "second")),
    ]),
    ["first", "second"],
  );
});

Deno.test("runUntilComplete() and runForever() end with the reason of an abort, and leave all as it is", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<string>();
  for (
    const run of [
      (signal: AbortSignal) => loop.runUntilComplete(future, { signal }),
      (signal: AbortSignal) => loop.runForever({ signal }),
    ]
  ) {
    const aborter = new AbortController();
    const reason = new Error("enough");
    loop.callSoon(() => aborter.abort(reason));
    assertStrictEquals(await assertRejects(() => run(aborter.signal)), reason);
    assertEquals([loop.isRunning(), future.done()], [false, false]);
    // Once it has aborted, nothing begins.
    let ran = false;
    const handle = loop.callSoon(() => ran = true);
    assertStrictEquals(await assertRejects(() => run(aborter.signal)), reason);
    assertEquals(ran, false);
    handle.cancel();
  }
  loop.callSoon(() => future.setResult("went on"));
  assertEquals(await loop.runUntilComplete(future), "went on");
});
