import { getRunningLoop } from "../loop/running.ts";
import type { Task } from "../loop/task.ts";
import type { Coroutine, CreateTaskOptions } from "../types/loop.ts";

/**
 * Starts `coro` as a task of the running loop. Its first step runs in the next
 * iteration, in the async context of the caller. The loop holds the task until
 * it is done; keep it, or use a `TaskGroup`, to learn how it ends.
 *
 * ```ts
 * import { createTask, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(10, "done"), { name: "sleeper" });
 *   console.log(await task);
 * });
 * ```
 *
 * @throws {RuntimeError} where no loop is running
 * @throws {TypeError} if `coro` is not a function: a promise runs already
 */
export function createTask<T>(coro: Coroutine<T>, options?: CreateTaskOptions): Task<T> {
  return getRunningLoop().createTask(coro, options) as Task<T>;
}
