import { CancelledError } from "../errors.ts";
import { settle, whenDone } from "./future.ts";
import { CANCELLED, FAILED, type Outcome } from "./outcome.ts";

/** A future, or a wait that needs none. */
export interface Abortable {
  /** Whether it is over. */
  done(): boolean;
  /** Ends it. */
  [settle](outcome: Outcome, value: unknown): void;
  /** Calls a function in a later iteration, once it is over. */
  [whenDone](callback: () => void): unknown;
}

/**
 * Lets a wait end with `signal.reason` when `signal` aborts: `await
 * abortable(waiter, signal)`. The one mechanism behind every `signal` option.
 *
 * `future` must be the caller's own waiter, made for this wait: an abort makes
 * it fail, just as cancelling the task would cancel it, so that one `catch` or
 * `finally` of the caller takes the waiter out of its queue.
 *
 * An abort that comes once the future is done comes too late: what was handed
 * over stays handed over. The listener goes in the iteration after the future is done,
 * however it ended. Without a signal this does nothing.
 *
 * Whoever changes anything before it waits calls `signal?.throwIfAborted()` first.
 */
export function abortable<F extends Abortable>(
  future: F,
  signal: AbortSignal | undefined,
): F {
  if (signal === undefined || future.done()) return future;
  if (signal.aborted) {
    failWith(future, signal.reason);
    return future;
  }
  const onAbort = () => failWith(future, signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  future[whenDone](() => signal.removeEventListener("abort", onAbort));
  return future;
}

/** Ends `future` with `reason`, whatever was given to `abort()`; not if it is done. */
export function failWith(future: Abortable, reason: unknown): void {
  if (future.done()) return;
  future[settle](reason instanceof CancelledError ? CANCELLED : FAILED, reason);
}
