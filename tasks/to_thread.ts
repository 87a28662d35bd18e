import type { Future } from "../loop/future.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { ExecutorFunction } from "../types/loop.ts";

/**
 * Runs `fn(...args)` in the default executor of the running loop: in a Worker, so
 * that work for the CPU, or a call that blocks, leaves the loop alone. `fn` is
 * self-contained, or made by `workerFunction`; arguments and result are cloned.
 *
 * In Python the function sees the context variables of its caller. Here it does
 * not: AsyncLocalStorage ends at the border of a Worker.
 *
 * Cancellation: a job that has not started never does; one that runs goes on, unseen.
 *
 * ```ts
 * import { run, toThread } from "@deno-asyncio/asyncio";
 *
 * function countPrimes(limit: number): number {
 *   let count = 0;
 *   candidate: for (let n = 2; n < limit; n++) {
 *     for (let d = 2; d * d <= n; d++) if (n % d === 0) continue candidate;
 *     count++;
 *   }
 *   return count;
 * }
 *
 * await run(async () => console.log(await toThread(countPrimes, 1000)));
 * ```
 *
 * @throws {TypeError} if `fn` is not a function; what else keeps it from running fails the future
 * @throws {RuntimeError} where no loop is running, or after `shutdownDefaultExecutor`
 */
export function toThread<A extends unknown[], T>(
  fn: ExecutorFunction<A, T>,
  ...args: A
): Future<T> {
  return getRunningLoop().runInExecutor(null, fn, ...args);
}
