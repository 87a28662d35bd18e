import { Future } from "../loop/future.ts";
import { ensureFuture as ensureFutureOf } from "../loop/ensure_future.ts";
import { internalsOf } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { AbstractEventLoop, Awaitable } from "../types/loop.ts";

/** Options of {@linkcode ensureFuture}. */
export interface EnsureFutureOptions {
  /** The loop it must belong to. @default {the running loop} */
  loop?: AbstractEventLoop;
}

/**
 * A future of what can be awaited: a future stays itself, a function is started
 * as a task, a promise is wrapped as by `wrapFuture`.
 *
 * ```ts
 * import { ensureFuture, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => console.log(await ensureFuture(() => 42)));
 * ```
 *
 * @throws {RangeError} if the future belongs to another loop than the one given
 * @throws {TypeError} if it cannot be awaited
 * @throws {RuntimeError} where no loop is running and none is given
 */
export function ensureFuture<T>(
  awaitable: Awaitable<T>,
  options: EnsureFutureOptions = {},
): Future<T> {
  if (awaitable instanceof Future && options.loop === undefined) return awaitable;
  return ensureFutureOf(awaitable, { loop: internalsOf(options.loop ?? getRunningLoop()) });
}
