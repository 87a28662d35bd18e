import { CancelledError, InvalidStateError, RuntimeError } from "../../errors.ts";
import { activeTask } from "../../internal/context.ts";
import { internalsOf, taskSet } from "../../loop/internals.ts";
import { getRunningLoop, Task } from "../../loop/mod.ts";
import type { Coroutine } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { Bench } from "./bench.ts";

Deno.test("createTask() starts in the next iteration, in order, with the task as argument", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const tasks = ["a", "b"].map((name) =>
    loop.createTask((task: Task<void>) => mark(task.getName()), { name })
  );
  assertEquals(trace, []);
  await bench.turn();
  assertEquals(trace, [["a", 1], ["b", 1]]);
  assert(tasks.every((task) => task.done()));
});

Deno.test("a task ends with what its function returns, throws, or resolves to", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const error = new Error("boom");
  const outcomes: [Coroutine<unknown>, unknown][] = [
    [() => 1, 1],
    [() => undefined, undefined],
    [() => null, null],
    [async () => await Promise.resolve(2), 2],
    [() => loop.createTask(() => 3), 3],
    [() => ({ then: (resolve: (value: number) => void) => resolve(4) }), 4],
    [() => {
      throw error;
    }, error],
    [() => Promise.reject(error), error],
    [() => ({
      get then(): never {
        throw error;
      },
    }), error],
  ];
  for (const [coro, expected] of outcomes) {
    const task = loop.createTask(coro);
    const outcome = await loop.runUntilComplete(task).catch((thrown) => thrown);
    assertStrictEquals(outcome, expected);
    assertStrictEquals(task.done(), true);
  }
});

Deno.test("a task is done in the iteration of its last step; who awaits it goes on in the next", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const inner = loop.createTask(async () => {
    await bench.pause();
    mark("inner ends");
    return "value";
  });
  inner.addDoneCallback(() => mark("callback"));
  const outer = loop.createTask(async () => mark(`outer got ${await inner}`));
  await loop.runUntilComplete(outer);
  assertEquals(trace, [["inner ends", 2], ["callback", 3], ["outer got value", 3]]);
});

Deno.test("createTask() refuses what is no function, and says what to pass for a promise", async () => {
  await using bench = new Bench();
  const bad = (coro: unknown) => () => bench.loop.createTask(coro as Coroutine<unknown>);
  assertThrows(bad(Promise.resolve(1)), TypeError, "pass () => promise");
  for (const value of [undefined, null, 1, "text", {}]) {
    assertThrows(bad(value), TypeError, "Cannot create a task: expected a function");
  }
  assertStrictEquals(internalsOf(bench.loop)[taskSet].size, 0);
});

Deno.test("Task.setResult() and setException() are refused", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(async () => await bench.sleep(1), { name: "mine" });
  assertThrows(() => task.setResult(undefined), RuntimeError, "name='mine'");
  assertThrows(() => task.setException(new Error("x")), RuntimeError, "name='mine'");
  assertThrows(() => task.result(), InvalidStateError);
  await bench.loop.runUntilComplete(task);
});

Deno.test("Task.getName() is Task-N with a growing N, or what it was given", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const [first, named, second] = [
    loop.createTask(() => {}),
    loop.createTask(() => {}, { name: "named" }),
    loop.createTask(() => {}),
  ];
  assertMatch(first.getName(), /^Task-\d+$/);
  const number = (task: Task<unknown>) => Number(task.getName().slice("Task-".length));
  assertStrictEquals(number(second), number(first) + 1);
  assertStrictEquals(named.getName(), "named");
  first.setName("renamed");
  assertStrictEquals(first.getName(), "renamed");
  await bench.turn();
});

Deno.test("Task.getCoro() is the function, also when the task is done", async () => {
  await using bench = new Bench();
  const coro = () => 1;
  const task = bench.loop.createTask(coro);
  assertStrictEquals(task.getCoro(), coro);
  await bench.loop.runUntilComplete(task);
  assertStrictEquals(task.getCoro(), coro);
});

Deno.test("the function of a task is called without a receiver", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(function (this: unknown) {
    return this;
  });
  assertStrictEquals(await bench.loop.runUntilComplete(task), undefined);
});

Deno.test("the running task is known in its code, after each await, and nowhere else", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const tasks = ["a", "b"].map((name) =>
    loop.createTask(async (self: Task<void>) => {
      for (const wait of [bench.pause, () => Promise.resolve(), bench.pause]) {
        seen.push(activeTask() === self, getRunningLoop() === loop);
        await wait.call(bench);
      }
      await (async () => {
        await bench.pause();
        seen.push(activeTask() === self);
      })();
      loop.callSoon(() => seen.push(activeTask() === null, getRunningLoop() === loop));
    }, { name })
  );
  for (const task of tasks) await loop.runUntilComplete(task);
  await bench.turn();
  assertEquals(seen.length, 18);
  assert(seen.every(Boolean));
  assertStrictEquals(activeTask(), null);
  assertThrows(() => getRunningLoop(), RuntimeError, "no event loop is running here");
});

Deno.test("a task that awaits itself gets an error instead of waiting for ever", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(async (self: Task<unknown>) => {
    await self;
  }, { name: "narcissus" });
  const error = await assertRejects(() => bench.loop.runUntilComplete(task), RuntimeError);
  assertStringIncludes(error.message, "Cannot await <Task pending name='narcissus'");
  assertStringIncludes(error.message, "in itself");
});

Deno.test("a task that awaits itself may handle the error, one iteration later", async () => {
  await using bench = new Bench();
  const { trace, mark } = bench.tracer();
  const task = bench.loop.createTask(async (self: Task<unknown>) => {
    mark("before");
    await assertRejects(() => self, RuntimeError);
    mark("after");
  });
  await bench.loop.runUntilComplete(task);
  assertEquals(trace, [["before", 1], ["after", 2]]);
});

Deno.test("the loop holds a task until it is done", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const tasks = internalsOf(loop)[taskSet];
  const short = loop.createTask(() => 1);
  const long = loop.createTask(async () => await bench.sleep(1));
  assertEquals([...tasks], [short, long]);
  await bench.turn();
  assertEquals([...tasks], [long]);
  await loop.runUntilComplete(long);
  assertEquals([...tasks], []);
});

Deno.test("setTaskFactory() makes the tasks, with loop, function and options", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  class Special<T> extends Task<T> {}
  const seen: unknown[] = [];
  assertStrictEquals(loop.getTaskFactory(), null);
  const factory = <T>(of: unknown, coro: Coroutine<T>, options: object) => {
    seen.push([of === loop, options]);
    return new Special<T>(coro, { ...options, loop: internalsOf(loop) });
  };
  loop.setTaskFactory(factory);
  assertStrictEquals(loop.getTaskFactory(), factory);
  const task = loop.createTask(() => 1, { name: "made" });
  assertInstanceOf(task, Special);
  assertEquals(seen, [[true, { name: "made" }]]);
  assertStrictEquals(await loop.runUntilComplete(() => 2), 2);
  loop.setTaskFactory(null);
  assert(!(loop.createTask(() => 3) instanceof Special));
  assertThrows(() => loop.setTaskFactory("factory" as unknown as null), TypeError, "got string");
  await bench.turn();
});

Deno.test("createTask() with a signal cancels the task when it aborts, with its reason", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const controller = new AbortController();
  const task = loop.createTask(async () => await bench.sleep(1000), { signal: controller.signal });
  loop.callLater(5, () => controller.abort(new Error("user left")));
  const error = await assertRejects(() => loop.runUntilComplete(task), CancelledError);
  assertEquals([error.message, bench.clock.time], ["user left", 1005]);
  let started = false;
  const never = loop.createTask(() => started = true, { signal: AbortSignal.abort("already") });
  await assertRejects(() => loop.runUntilComplete(never), CancelledError, "already");
  assertStrictEquals(started, false);
});

Deno.test("createTask() listens to its signal no longer than the task lives", async () => {
  await using bench = new Bench();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    },
    removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    },
  });
  const task = bench.loop.createTask(async () => await bench.pause(), { signal });
  assertStrictEquals(listeners, 1);
  await bench.loop.runUntilComplete(task);
  assertStrictEquals(listeners, 0);
});

Deno.test("Task.toString() tells name, state, function and what it waits for", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<string>();
  async function work(): Promise<string> {
    return await future;
  }
  const task = loop.createTask(work, { name: "w" });
  assertEquals(`${task}`, "<Task pending name='w' coro=<work>>");
  await bench.turn();
  assertEquals(`${task}`, "<Task pending name='w' coro=<work> waitFor=<Future>>");
  assertEquals(task.getStack(), ["waits for <Future pending>"]);
  future.setResult("a  b");
  await loop.runUntilComplete(task);
  assertEquals(`${task}`, `<Task finished name='w' result="a  b" coro=<work>>`);
  const cancelled = loop.createTask(work, { name: "c" });
  cancelled.cancel();
  assertEquals(`${cancelled}`, "<Task cancelling name='c' coro=<work>>");
  await bench.turn();
  assertEquals(`${cancelled}`, "<Task cancelled name='c' coro=<work>>");
});

Deno.test("Task.printStack() writes where the task is", async () => {
  await using bench = new Bench();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const task = bench.loop.createTask(async () => await bench.sleep(1), { name: "t" });
  await bench.turn();
  task.printStack({ write });
  await bench.loop.runUntilComplete(task);
  task.printStack({ write });
  assertEquals(lines.length, 3);
  assertStringIncludes(lines[0] ?? "", "Stack for <Task pending name='t'");
  assertEquals(lines[1], "  waits for <Future pending>");
  assertStringIncludes(lines[2] ?? "", "No stack for <Task finished name='t'");
});
