import type { Awaitable, Coroutine } from "../types/loop.ts";
import { CancelledError } from "../errors.ts";
import { abortable } from "./abortable.ts";
import { Future, home, settle, settleAs, yieldOnce } from "./future.ts";
import { type LoopInternals, scheduler } from "./internals.ts";
import { CANCELLED, FAILED } from "./outcome.ts";

/**
 * Makes a future of what can be awaited: a future stays itself, a function is
 * started as a task, a promise is wrapped.
 *
 * @throws {RangeError} if a future belongs to another loop
 * @throws {TypeError} if it cannot be awaited
 */
export function ensureFuture<T>(
  awaitable: Awaitable<T>,
  options: { loop: LoopInternals },
): Future<T> {
  const { loop } = options;
  if (awaitable instanceof Future) {
    if (awaitable.getLoop() !== loop) {
      throw new RangeError(
        `Cannot use ${awaitable} here: it belongs to a different loop`,
      );
    }
    return awaitable[yieldOnce] ? afterOneIteration(awaitable) : awaitable;
  }
  if (typeof awaitable === "function") {
    return loop.createTask(awaitable as Coroutine<T>) as unknown as Future<T>;
  }
  if (typeof (awaitable as PromiseLike<T> | undefined)?.then === "function") {
    return wrapFuture(awaitable, { loop });
  }
  throw new TypeError(
    `Cannot await ${Deno.inspect(awaitable)}: expected a future, a promise, or a function`,
  );
}

/**
 * A future with the outcome of `promise`. Cancelling the future lets whoever
 * awaits it go on at once; the promise itself cannot be stopped. If it fails
 * later all the same, the exception handler is told, unless the failure is the
 * abort itself. An abort of `signal` fails the future at once.
 */
export function wrapFuture<T>(
  promise: PromiseLike<T>,
  options: { loop: LoopInternals; signal?: AbortSignal | undefined },
): Future<T> {
  if (promise instanceof Future) return promise;
  const { loop, signal } = options;
  const future = new Future<T>({ loop });
  Promise.resolve(promise).then(
    (value) => void (future.done() || future.setResult(value)),
    (error) => {
      if (!future.done()) {
        future[settle](
          error instanceof CancelledError ? CANCELLED : FAILED,
          error,
        );
      } else if (!isAbort(error, signal)) {
        loop.callExceptionHandler({
          message: "A promise failed after the future that wrapped it was done",
          exception: error,
          future,
        });
      }
    },
  );
  return abortable(future, signal);
}

/** What only an `await` makes wait is made to wait for whoever else looks at it. */
function afterOneIteration<T>(done: Future<T>): Future<T> {
  const loop = done[home];
  const future = new Future<T>({ loop });
  loop[scheduler].callSoon(() => future.done() || settleAs(future, done), undefined);
  return future;
}

/** Whether it fails because it was told to stop: by the signal that the future heard too, maybe. */
function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return error instanceof CancelledError || (signal?.aborted === true && error === signal.reason) ||
    (error instanceof DOMException && error.name === "AbortError");
}
