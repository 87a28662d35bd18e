import { activeTask } from "../internal/context.ts";
import { abortable } from "../loop/abortable.ts";
import { forget, Future, home, settleAs, stateOf, whenDone } from "../loop/future.ts";
import { ensureFuture as ensureFutureOf } from "../loop/ensure_future.ts";
import { internalsOf } from "../loop/internals.ts";
import { FAILED } from "../loop/outcome.ts";
import type { Task } from "../loop/task.ts";
import type { Awaitable } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { ensureFuture } from "./ensure_future.ts";

/**
 * A future with the outcome of `awaitable` that can be cancelled alone: what it
 * shields goes on. A future that is done is returned as it is.
 *
 * An error that comes after the shield was cancelled has no receiver any more
 * and goes to the exception handler of the loop, once.
 *
 * Cancellation: only the returned future is cancelled.
 *
 * ```ts
 * import { createTask, run, shield, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const saving = createTask(() => sleep(10, "saved"));
 *   console.log(await shield(saving));
 * });
 * ```
 *
 * @throws {TypeError} if it cannot be awaited
 * @throws {RuntimeError} where no loop is running and `awaitable` is not a future
 */
export function shield<T>(awaitable: Awaitable<T>, options: AbortableOptions = {}): Future<T> {
  const inner = awaitable instanceof Future
    ? ensureFutureOf<T>(awaitable, { loop: internalsOf(awaitable.getLoop()) })
    : ensureFuture(awaitable);
  if (inner.done()) return inner;
  const loop = inner[home];
  const outer = new Future<T>({ loop });
  const task = activeTask() as Task<unknown> | null;
  const passOn = inner[whenDone](() => {
    if (outer.cancelled()) return;
    if (inner.cancelled()) outer.cancel();
    else if (outer.done()) report(inner);
    else settleAs(outer, inner);
  }, task?.getLoop() === loop ? task : null);
  outer[whenDone](() => {
    if (inner.done()) return;
    inner[forget](passOn);
    inner[whenDone](report);
  });
  return abortable(outer, options.signal);
}

function report(inner: Future<unknown>): void {
  if (inner[stateOf] !== FAILED) return;
  const exception = inner.exception();
  const type = exception instanceof Error ? exception.name : typeof exception;
  inner.getLoop().callExceptionHandler({
    message: `${type} exception in shielded future`,
    exception,
    future: inner,
  });
}
