import { internalsOf } from "../loop/internals.ts";
import { Task } from "../loop/task.ts";
import type {
  AbstractEventLoop,
  AbstractTask,
  Coroutine,
  CreateTaskOptions,
  TaskFactory,
} from "../types/loop.ts";

/** A class of tasks, made as {@linkcode Task} is. */
export type TaskConstructor = new <T>(
  coro: Coroutine<T>,
  // What a subclass asks of the loop is its own affair.
  // deno-lint-ignore no-explicit-any
  options: CreateTaskOptions & { loop: any },
) => AbstractTask<T>;

/**
 * A task factory that makes tasks of class `constructor` and runs their first
 * step at once, inside `createTask()`, unless `eagerStart: false` is asked for.
 *
 * ```ts
 * import { createEagerTaskFactory, getRunningLoop, run, Task } from "@deno-asyncio/asyncio";
 *
 * class NamedTask<T> extends Task<T> {}
 * await run(() => getRunningLoop().setTaskFactory(createEagerTaskFactory(NamedTask)));
 * ```
 *
 * @throws {TypeError} if it is no class
 */
export function createEagerTaskFactory(constructor: TaskConstructor): TaskFactory {
  if (typeof constructor !== "function") {
    throw new TypeError(
      `Cannot create a task factory: expected a class of tasks, got ${typeof constructor}`,
    );
  }
  return function factory<T>(
    loop: AbstractEventLoop,
    coro: Coroutine<T>,
    options: CreateTaskOptions,
  ): AbstractTask<T> {
    return new constructor<T>(coro, { eagerStart: true, ...options, loop: internalsOf(loop) });
  };
}

/**
 * A task factory that runs the first step of every task at once. A task that
 * ends in it never waits for an iteration.
 *
 * An async function that ends in its first step is `done()` after the microtasks
 * of that step, a plain function at once.
 *
 * ```ts
 * import { createTask, eagerTaskFactory, getRunningLoop, run } from "@deno-asyncio/asyncio";
 *
 * await run(() => {
 *   getRunningLoop().setTaskFactory(eagerTaskFactory);
 *   console.log(createTask(() => "cached").done());
 * });
 * ```
 */
export const eagerTaskFactory: TaskFactory = createEagerTaskFactory(Task);
