import { Future } from "../loop/future.ts";
import { wrapFuture as wrapFutureOf } from "../loop/ensure_future.ts";
import { internalsOf } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";

/** Options of {@linkcode wrapFuture}. */
export interface WrapFutureOptions extends AbortableOptions {
  /** The loop of the future. @default {the running loop} */
  loop?: AbstractEventLoop;
}

/**
 * A future with the outcome of `promise`: the bridge from native promises. A
 * task that awaits the promise itself cannot be interrupted; a task that awaits
 * the future can.
 *
 * Cancellation: whoever awaits the future goes on at once. The promise cannot be
 * stopped and goes on; pass `task.signal` to what made it to stop that too. If
 * it fails afterwards, the exception handler of the loop is told, unless it
 * fails because of the abort.
 *
 * ```ts
 * import { run, waitFor, wrapFuture } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const digest = crypto.subtle.digest("SHA-256", new Uint8Array(8));
 *   console.log(await waitFor(wrapFuture(digest), 1000));
 * });
 * ```
 *
 * @throws {TypeError} if it is no promise
 * @throws {RuntimeError} where no loop is running and none is given
 */
export function wrapFuture<T>(promise: PromiseLike<T>, options: WrapFutureOptions = {}): Future<T> {
  if (typeof (promise as PromiseLike<T> | null)?.then !== "function") {
    throw new TypeError(`Cannot wrap ${Deno.inspect(promise)}: expected a promise`);
  }
  if (promise instanceof Future) return promise;
  const loop = internalsOf(options.loop ?? getRunningLoop());
  return wrapFutureOf(promise, { loop, signal: options.signal });
}
