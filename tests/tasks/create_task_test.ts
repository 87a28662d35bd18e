import { AsyncLocalStorage } from "node:async_hooks";
import { RuntimeError } from "../../errors.ts";
import { Task } from "../../loop/mod.ts";
import {
  allTasks,
  createEagerTaskFactory,
  createTask,
  currentTask,
  eagerTaskFactory,
  sleep,
} from "../../tasks/mod.ts";
import type { TaskFactory } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { assertCancelled, Boom, loopTest, tick } from "./support.ts";

loopTest("createTask() starts in the next iteration, in the context of its caller", async () => {
  const storage = new AsyncLocalStorage<string>();
  const task = storage.run("caller's", () =>
    createTask(async (self) => {
      assertStrictEquals(currentTask(), self);
      await sleep(1);
      return [self.getName(), storage.getStore()];
    }, { name: "worker" }));
  assertInstanceOf(task, Task);
  assertFalse(task.done());
  assertEquals(await task, ["worker", "caller's"]);
});

loopTest("createTask() cancels its task when the signal aborts", async () => {
  const aborter = new AbortController();
  const task = createTask(() => sleep(1000), { signal: aborter.signal });
  await tick();
  aborter.abort(new Boom("give up"));
  await assertCancelled(task);
  let started = false;
  const late = createTask(() => void (started = true), { signal: aborter.signal });
  await assertCancelled(late);
  assertFalse(started);
});

Deno.test("createTask() is refused outside of a loop", () => {
  assertThrows(() => createTask(() => 1), RuntimeError, "no event loop is running");
});

loopTest("createTask() refuses what is no function, and starts nothing", async () => {
  for (const wrong of [Promise.resolve(1), null, undefined, 5, {}]) {
    assertThrows(() => createTask(wrong as unknown as () => void), TypeError, "function");
  }
  assertEquals(allTasks().size, 1);
  await tick();
});

loopTest("currentTask() is the task whose code runs, also after an await", async (loop) => {
  const main = currentTask();
  assert(main !== null);
  assertStrictEquals(currentTask(loop), main);
  const other = createTask(() => [currentTask()]);
  assertStrictEquals((await other)[0], other);
  assertStrictEquals(currentTask(), main);
  const seen = Promise.withResolvers<unknown>();
  loop.callSoon(() => seen.resolve(currentTask()));
  await sleep(0);
  assertStrictEquals(await seen.promise, null);
});

loopTest("allTasks() is a copy of the tasks that are not done", async () => {
  const main = currentTask()!;
  const task = createTask(() => sleep(1));
  const tasks = allTasks();
  assertEquals([...tasks], [main, task]);
  tasks.clear();
  await task;
  assertEquals([...allTasks()], [main]);
});

Deno.test("currentTask() and allTasks() are refused outside of a loop", () => {
  assertThrows(() => currentTask(), RuntimeError, "no event loop is running");
  assertThrows(() => allTasks(), RuntimeError, "no event loop is running");
});

loopTest("eagerTaskFactory() runs the first step inside createTask()", async (loop) => {
  loop.setTaskFactory(eagerTaskFactory);
  assert(createTask(() => 1).done());
  const log: string[] = [];
  const task = createTask(async () => {
    log.push("first step");
    await sleep(1);
    log.push("second step");
    return "end";
  });
  log.push("created");
  assertEquals(await task, "end");
  assertEquals(log, ["first step", "created", "second step"]);
  const lazy = createTask(() => 1, { eagerStart: false });
  assertFalse(lazy.done());
  await lazy;
});

loopTest("createEagerTaskFactory() makes tasks of the class it is given", async (loop) => {
  class Special<T> extends Task<T> {}
  loop.setTaskFactory(createEagerTaskFactory(Special));
  const task = createTask(() => 1, { name: "special" });
  assertInstanceOf(task, Special);
  assertEquals([task.done(), task.getName(), await task], [true, "special", 1]);
  assertThrows(
    () => createEagerTaskFactory({} as unknown as typeof Task),
    TypeError,
    "class of tasks",
  );
});

loopTest("createTask() leaves a factory its say", async (loop) => {
  const made: unknown[] = [];
  const factory: TaskFactory = (inside, coro, options) => {
    made.push([inside === loop, options.name]);
    return new Task(coro, { ...options, loop: inside as never });
  };
  loop.setTaskFactory(factory);
  assertEquals(await createTask(() => 1, { name: "named" }), 1);
  assertEquals(made, [[true, "named"]]);
});

loopTest("a task can be awaited by many, and again", async () => {
  const task = createTask(() => sleep(1, {}));
  const [one, two] = await Promise.all([task, task]);
  assertStrictEquals(one, two);
  assertStrictEquals(await task, one);
  const failing = createTask(async () => {
    await sleep(1);
    throw new Boom("once");
  });
  const error = await assertRejects(() => failing, Boom);
  assertStrictEquals(await assertRejects(() => failing, Boom), error);
});
