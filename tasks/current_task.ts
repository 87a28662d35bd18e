import { activeTask } from "../internal/context.ts";
import { internalsOf, taskSet } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { Task } from "../loop/task.ts";
import type { AbstractEventLoop } from "../types/loop.ts";

/**
 * The task whose code runs now in `loop`, by default the running one; `null` in
 * a plain callback, and in a loop that runs no task now.
 *
 * ```ts
 * import { currentTask, run } from "@deno-asyncio/asyncio";
 *
 * await run(() => console.log(currentTask()?.getName()));
 * ```
 *
 * @throws {RuntimeError} where no loop is running and none is given
 */
export function currentTask(loop?: AbstractEventLoop): Task<unknown> | null {
  const asked = loop ?? getRunningLoop();
  const task = activeTask();
  return task !== null && task.getLoop() === asked ? task as Task<unknown> : null;
}

/**
 * The tasks of `loop`, by default the running one, that are not done.
 *
 * ```ts
 * import { allTasks, createTask, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(() => {
 *   createTask(() => sleep(1000), { name: "sleeper" });
 *   console.log([...allTasks()].map((task) => task.getName())); // this one and the sleeper
 * });
 * ```
 *
 * @throws {RuntimeError} where no loop is running and none is given
 */
export function allTasks(loop?: AbstractEventLoop): Set<Task<unknown>> {
  return new Set(internalsOf(loop ?? getRunningLoop())[taskSet] as Set<Task<unknown>>);
}
