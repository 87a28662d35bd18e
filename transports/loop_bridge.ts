import type { Future } from "../loop/future.ts";
import { internalsOf } from "../loop/internals.ts";
import type { AbstractEventLoop, AbstractHandle } from "../types/loop.ts";
import { checkPort, type LoopPort } from "./_bridge_port.ts";
import { LoopClient } from "./_loop_client.ts";
import { type LoopFunctions, LoopServer } from "./_loop_server.ts";

export type { LoopFunctions, LoopPort };

/** What {@linkcode exposeLoop} gives. */
export interface LoopExposure extends Disposable {
  /** Takes no more calls, and cancels those that run. Idempotent. */
  close(): void;
}

/** What {@linkcode connectLoop} gives: the loop of another Worker, as far as it is exposed. */
export interface LoopConnection extends Disposable {
  /**
   * Starts the function exposed as `name` as a task of the other loop
   * (`runCoroutineThreadsafe`). The future, of the running loop, has its outcome:
   * an error comes with class, message, stack and cause.
   *
   * Cancellation: the future is cancelled at once, the task over there when the
   * message comes. A task that is cancelled there cancels the future.
   *
   * @throws {RuntimeError} where no loop is running, and when this connection or
   * the other loop is closed
   */
  call<T = unknown>(name: string, ...args: unknown[]): Future<T>;
  /**
   * Schedules the function exposed as `name` as a callback of the other loop. What
   * becomes of it is told there only; the handle takes it back as long as it has
   * not run.
   *
   * @throws {RuntimeError} when this connection or the other loop is closed
   * @throws {DOMException} "DataCloneError" if the arguments cannot be cloned
   */
  callSoonThreadsafe(name: string, ...args: unknown[]): AbstractHandle;
  /** Ends it, and cancels what it has called, here and there. The port stays open. Idempotent. */
  close(): void;
}

/**
 * Lets the Worker at the other end of `port` schedule `functions` on `loop`, by
 * name: as callbacks, or as tasks whose outcome it awaits. Values are cloned;
 * see `transfer` for moving buffers. Exposing and connecting come in
 * any order, and a port may serve both ways.
 *
 * Closing the loop ends it. It does not keep the process alive.
 *
 * ```ts
 * import { connectLoop, exposeLoop, getRunningLoop, run } from "@deno-asyncio/asyncio";
 *
 * const { port1, port2 } = new MessageChannel(); // port2 would go to another Worker
 * await run(async () => {
 *   using _ = exposeLoop(getRunningLoop(), port1, { add: (a: number, b: number) => a + b });
 *   using there = connectLoop(port2);
 *   console.log(await there.call<number>("add", 1, 2)); // 3
 * });
 * port1.close();
 * ```
 *
 * @throws {TypeError} if an argument is not what it should be
 * @throws {RuntimeError} if the loop is closed, or the port leads to an exposed loop already
 */
export function exposeLoop(
  loop: AbstractEventLoop,
  port: LoopPort,
  functions: LoopFunctions,
): LoopExposure {
  const home = internalsOf(loop);
  checkPort("exposeLoop", port);
  for (const [name, fn] of Object.entries(functions)) {
    if (typeof fn === "function") continue;
    throw new TypeError(
      `Cannot call exposeLoop(): ${name} should be a function, and is ${Deno.inspect(fn)}`,
    );
  }
  const server = new LoopServer(home, port, functions);
  return { close: () => server.close(), [Symbol.dispose]: () => server.close() };
}

/**
 * Connects to the loop that the Worker at the other end of `port` exposes, or
 * will: calls wait until it does. When that loop closes, pending calls fail with
 * `RuntimeError`.
 *
 * So they do when the Worker ends, where Deno tells: of a `Worker`, that an error
 * ended it; of a Worker of `node:worker_threads`, every end; of a port, only if it
 * was made after `node:worker_threads` was loaded. Whoever calls `terminate()`
 * closes the connection too.
 *
 * ```ts
 * import { connectLoop, run, waitFor } from "@deno-asyncio/asyncio";
 *
 * async function ask(worker: Worker): Promise<number> {
 *   using there = connectLoop(worker);
 *   return await waitFor(there.call<number>("count"), 1000);
 * }
 * ```
 *
 * @throws {TypeError} if `port` is no port
 */
export function connectLoop(port: LoopPort): LoopConnection {
  checkPort("connectLoop", port);
  const client = new LoopClient(port);
  return {
    call: (name, ...args) => client.call(name, args),
    callSoonThreadsafe: (name, ...args) => client.callSoon(name, args),
    close: () => client.close(),
    [Symbol.dispose]: () => client.close(),
  };
}
