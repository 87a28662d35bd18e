import { activeLoop } from "../internal/context.ts";
import { ensureFuture } from "../loop/ensure_future.ts";
import { Future, settle, settleAs, whenDone } from "../loop/future.ts";
import { internalsOf } from "../loop/internals.ts";
import { FAILED } from "../loop/outcome.ts";
import type { AbstractEventLoop, Coroutine } from "../types/loop.ts";

/**
 * Starts `coro` as a task of `loop`, from code that does not run in `loop`. The
 * future has the outcome of the task, can be awaited anywhere in this isolate,
 * and cancels the task when it is cancelled. From a Worker use `connectLoop`.
 *
 * Cancellation: the future is cancelled at once, the task in the next iteration
 * of its loop; a task that has not started never does.
 *
 * ```ts
 * import { newEventLoop, runCoroutineThreadsafe } from "@deno-asyncio/asyncio";
 *
 * const loop = newEventLoop();
 * const running = loop.runForever();
 * console.log(await runCoroutineThreadsafe(() => 42, loop));
 * loop.stop();
 * await running;
 * loop.close();
 * ```
 *
 * @throws {TypeError} if `coro` is not a function
 * @throws {RuntimeError} if the loop is closed
 */
export function runCoroutineThreadsafe<T>(
  coro: Coroutine<T>,
  loop: AbstractEventLoop,
): Future<T> {
  if (typeof coro !== "function") {
    throw new TypeError(`Cannot run ${Deno.inspect(coro)}: expected a function`);
  }
  const home = internalsOf(loop);
  const future = new RemoteFuture<T>({ loop: home });
  home.callSoonThreadsafe(function startTask() {
    if (future.done()) return;
    let task: Future<T>;
    try {
      task = ensureFuture(coro, { loop: home });
    } catch (error) {
      future[settle](FAILED, error);
      throw error;
    }
    task[whenDone](() => void (future.done() || settleAs(future, task)));
    future[whenDone](() => void task.cancel());
  });
  return future;
}

/** Can be awaited in its own loop, in another one, and outside of any. */
class RemoteFuture<T> extends Future<T> {
  override then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): Future<R1 | R2> {
    const loop = activeLoop();
    if (loop === this.getLoop()) return super.then(onFulfilled, onRejected);
    // A task of another loop would be refused: it waits for a promise instead.
    const outcome = new Promise<T>((resolve, reject) => {
      this[whenDone](() => {
        try {
          resolve(this.result());
        } catch (error) {
          reject(error);
        }
      });
    });
    return outcome.then(onFulfilled, onRejected) as unknown as Future<R1 | R2>;
  }
}
