import { CancelledError } from "../errors.ts";
import { type Future, settle } from "./future.ts";
import { CANCELLED, FAILED } from "./outcome.ts";

/**
 * What to await instead of `future`, so that the wait ends with `signal.reason`
 * when `signal` aborts. `future` must be the caller's own waiter, made for this
 * wait: the abort makes it fail, just as cancelling the task would cancel it, so
 * that one `catch` or `finally` of the caller takes the waiter out of its queue.
 *
 * An abort that comes once the future is done comes too late: what was handed
 * over stays handed over. The listener is gone when the wait is over, however it
 * ends. Without a signal this is `future` itself, at no cost.
 *
 * Whoever changes anything before it waits calls `signal?.throwIfAborted()` first.
 */
export function abortable<T>(
  future: Future<T>,
  signal: AbortSignal | undefined,
): PromiseLike<T> {
  return signal === undefined ? future : waitUnlessAborted(future, signal);
}

async function waitUnlessAborted<T>(future: Future<T>, signal: AbortSignal): Promise<T> {
  const onAbort = () => failWith(future, signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await future;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Ends `future` with `reason`, whatever was given to `abort()`; not if it is done. */
export function failWith(future: Future<unknown>, reason: unknown): void {
  if (future.done()) return;
  future[settle](reason instanceof CancelledError ? CANCELLED : FAILED, reason);
}
