import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError } from "../../errors.ts";
import { activeTask } from "../../internal/context.ts";
import { internalsOf, taskSet } from "../../loop/internals.ts";
import type { Task } from "../../loop/mod.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { Bench } from "./bench.ts";

const EAGER = { eagerStart: true };

Deno.test("an eager task of a plain function is done at once, and takes no iteration", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  await loop.runUntilComplete(() => {
    const before = bench.iteration;
    const task = loop.createTask(() => 42, EAGER);
    assertEquals([task.done(), task.result(), task.getCoro()], [true, 42, null]);
    const failed = loop.createTask(() => {
      throw new Error("boom");
    }, EAGER);
    assertEquals((failed.exception() as Error).message, "boom");
    assertStrictEquals(bench.iteration, before);
    assertEquals([task, failed].map((each) => internalsOf(loop)[taskSet].has(each)), [
      false,
      false,
    ]);
  });
});

Deno.test("an eager task of an async function runs its first step at once", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  await loop.runUntilComplete(async () => {
    const task = loop.createTask(async () => {
      seen.push("first step");
      await bench.pause();
      seen.push("second step");
      return "value";
    }, EAGER);
    seen.push("after createTask()");
    assertEquals([task.done(), internalsOf(loop)[taskSet].has(task)], [false, true]);
    seen.push(await task);
    assertStrictEquals(internalsOf(loop)[taskSet].has(task), false);
  });
  assertEquals(seen, ["first step", "after createTask()", "second step", "value"]);
});

Deno.test("an eager async function that ends in its first step is done before the next callback", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  let task: Task<string> | undefined;
  loop.callSoon(() => {
    task = loop.createTask(async () => {
      await Promise.resolve();
      return "value";
    }, EAGER);
    task.addDoneCallback(() => mark("done callback"));
  });
  loop.callSoon(() => mark(`done: ${task?.done()}`));
  await bench.turn(2);
  assertEquals(trace, [["done: true", 1], ["done callback", 2]]);
});

Deno.test("an eager task is the running one in its first step, and its maker again afterwards", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  await loop.runUntilComplete(async (maker: Task<void>) => {
    const inner = loop.createTask(async (self: Task<boolean>) => {
      const first = activeTask() === self;
      await bench.pause();
      return first && activeTask() === self;
    }, EAGER);
    assertStrictEquals(activeTask(), maker);
    assertStrictEquals(await inner, true);
    assertStrictEquals(activeTask(), maker);
  });
  const seen: unknown[] = [];
  await loop.runUntilComplete(async () => {
    loop.callSoon(() => {
      const task = loop.createTask(() => void seen.push(activeTask()), EAGER);
      // The callback is no task's code, though it has the context of one.
      seen.push(task, activeTask());
    });
    await bench.pause();
  });
  assertStrictEquals(seen[0], seen[1]);
  assertStrictEquals(seen[2], null);
});

Deno.test("an eager task may be cancelled after its first step", async () => {
  // CPython test_eager_task_factory.py test_cancellation_after_eager_step_blocks
  await using bench = new Bench();
  const { loop } = bench;
  await loop.runUntilComplete(async () => {
    const seen: string[] = [];
    const task = loop.createTask(async () => {
      seen.push("first step");
      await bench.sleep(1000);
      seen.push("never");
    }, EAGER);
    await bench.pause();
    task.cancel("stop");
    await assertRejects(async () => await task, CancelledError, "stop");
    assertEquals(seen, ["first step"]);
  });
});

Deno.test("eagerStart without a running loop starts in the next iteration", async () => {
  await using bench = new Bench();
  let started = false;
  const task = bench.loop.createTask(() => started = true, EAGER);
  assertStrictEquals(started, false);
  await bench.loop.runUntilComplete(task);
  assertStrictEquals(started, true);
});

Deno.test("an eager task whose signal is aborted never starts", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  await loop.runUntilComplete(() => {
    let started = false;
    const task = loop.createTask(() => started = true, { ...EAGER, signal: AbortSignal.abort() });
    assertEquals([task.cancelled(), started], [true, false]);
  });
});

Deno.test("an eager task's stores are its own after its first step", async () => {
  // CPython test_eager_task_factory.py test_context_vars
  await using bench = new Bench();
  const { loop } = bench;
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  await loop.runUntilComplete(() =>
    storage.run("maker", async () => {
      const inner = loop.createTask(() =>
        storage.run("inner", async () => {
          seen.push(storage.getStore());
          await bench.pause();
          seen.push(storage.getStore());
        }), EAGER);
      seen.push(storage.getStore());
      await inner;
      seen.push(storage.getStore());
    })
  );
  assertEquals(seen, ["inner", "maker", "inner", "maker"]);
});
