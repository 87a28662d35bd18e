import { CancelledError, RuntimeError, TimeoutError } from "../errors.ts";
import { activeTask } from "../internal/context.ts";
import { abortable } from "../loop/abortable.ts";
import { ensureFuture } from "../loop/ensure_future.ts";
import { forget, Future, settle, whenDone } from "../loop/future.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { FINISHED } from "../loop/outcome.ts";
import { Task } from "../loop/task.ts";
import type { Awaitable, Coroutine } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { checkAwaitables, deadlineOf } from "./_awaitables.ts";
import { timeout } from "./timeout.ts";

/**
 * Waits for `awaitable`, `timeoutMs` milliseconds at most; `null` for no limit.
 *
 * A function runs inline, in the current task. When the time is over, what is
 * waited for is cancelled, and its clean-up is awaited, so this may take longer;
 * if it gives a result all the same, that is the result. With a limit of zero or
 * less a future that is done gives its result, and a function is never called.
 *
 * Cancellation: what is waited for is cancelled too; shield it to prevent that.
 * The same happens when `signal` aborts; then this rejects with `signal.reason`.
 *
 * ```ts
 * import { run, sleep, waitFor } from "@deno-asyncio/asyncio";
 *
 * await run(async () => console.log(await waitFor(() => sleep(5, "in time"), 1000)));
 * ```
 *
 * Rejects with a {@linkcode TimeoutError} when the time was over, with a
 * {@linkcode RuntimeError} outside of a task, with a `RangeError` if `timeoutMs`
 * is NaN or a future belongs to another loop, and with a `TypeError` for what
 * cannot be awaited.
 */
export async function waitFor<T>(
  awaitable: Awaitable<T>,
  timeoutMs: number | null,
  options: AbortableOptions = {},
): Promise<T> {
  const task = activeTask();
  if (task === null) throw new RuntimeError("Cannot call waitFor() outside of a task");
  const loop = internalsOf(task.getLoop());
  checkAwaitables("wait for", [awaitable], loop);
  deadlineOf("wait", timeoutMs, 0);
  options.signal?.throwIfAborted();
  if (timeoutMs !== null && timeoutMs <= 0) {
    return await withoutWaiting(awaitable, loop, options.signal);
  }
  const body: () => PromiseLike<T> | T = typeof awaitable === "function"
    ? () => awaitable(task)
    : () => awaitable instanceof Future ? awaitable : ensureFuture(awaitable, { loop });
  return await timeout(timeoutMs, body, options);
}

async function withoutWaiting<T>(
  awaitable: Awaitable<T>,
  loop: LoopInternals,
  signal: AbortSignal | undefined,
): Promise<T> {
  // Not by the task factory: one that starts eagerly would call the function.
  const future = typeof awaitable === "function"
    ? new Task<T>(awaitable as Coroutine<T>, { loop })
    : ensureFuture(awaitable, { loop });
  if (future.done()) return future.result();
  const waiter = new Future<void>({ loop });
  const watch = future[whenDone](() => void (waiter.done() || waiter[settle](FINISHED, undefined)));
  try {
    future.cancel();
    // Not on the future itself: whoever cancels this wait must not wait for what refuses to stop.
    await abortable(waiter, signal);
  } finally {
    future[forget](watch);
  }
  try {
    return future.result();
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    throw new TimeoutError("Timed out: there was no time to wait", { cause: error });
  }
}
