/**
 * Tasks: starting them, waiting for them, grouping them, limiting their time,
 * and asking what they are doing. None of it needs a permission.
 *
 * ```ts
 * import { run } from "@deno-asyncio/asyncio";
 * import { sleep, TaskGroup, timeout } from "@deno-asyncio/asyncio/tasks";
 *
 * async function fetchOne(name: string): Promise<string> {
 *   await sleep(10);
 *   return name.toUpperCase();
 * }
 *
 * await run(() =>
 *   timeout(1000, async () => {
 *     const tasks = await TaskGroup.run((group) =>
 *       ["a", "b"].map((name) => group.createTask(() => fetchOne(name)))
 *     );
 *     console.log(tasks.map((task) => task.result()));
 *   })
 * );
 * ```
 *
 * @module
 */

export {
  asCompleted,
  type AsCompletedIterator,
  type AsCompletedOptions,
  type Completed,
  type CompletedIterator,
  type Completions,
} from "./as_completed.ts";
export {
  captureCallGraph,
  type CaptureCallGraphOptions,
  formatCallGraph,
  type FrameCallGraphEntry,
  type FutureCallGraph,
  printCallGraph,
  type PrintCallGraphOptions,
} from "./call_graph.ts";
export { createTask } from "./create_task.ts";
export { allTasks, currentTask } from "./current_task.ts";
export {
  createEagerTaskFactory,
  eagerTaskFactory,
  type TaskConstructor,
} from "./eager_task_factory.ts";
export { ensureFuture, type EnsureFutureOptions } from "./ensure_future.ts";
export {
  gather,
  type GatherOptions,
  type ResultOf,
  type ResultsOf,
  type SettledOf,
} from "./gather.ts";
export { runCoroutineThreadsafe } from "./run_coroutine_threadsafe.ts";
export { shield } from "./shield.ts";
export { sleep } from "./sleep.ts";
export { TaskGroup } from "./task_group.ts";
export { Timeout, timeout, timeoutAt } from "./timeout.ts";
export { toThread } from "./to_thread.ts";
export {
  ALL_COMPLETED,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type ReturnWhen,
  wait,
  type Waited,
  type WaitOptions,
  type WaitResult,
} from "./wait.ts";
export { waitFor } from "./wait_for.ts";
export { wrapFuture, type WrapFutureOptions } from "./wrap_future.ts";
