import { CancelledError, KeyboardInterrupt, RuntimeError } from "../errors.ts";
import type { EventLoop } from "../loop/event_loop.ts";
import type { Awaitable, Coroutine } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { activeLoop } from "../internal/context.ts";
import { internalsOf, taskSet } from "../loop/internals.ts";
import { gather } from "../tasks/gather.ts";
import { newEventLoop, setEventLoop } from "./current_loop.ts";

/** Longest wait for executor threads at the end, in milliseconds (CPython `constants.py`). */
const EXECUTOR_SHUTDOWN_MS = 300_000;

/** Options of {@linkcode Runner}. */
export interface RunnerOptions {
  /** Debug mode of the loop. @default {that of a new loop} */
  debug?: boolean;
  /** Makes the loop. @default {the policy's, which also becomes the current loop} */
  loopFactory?: () => EventLoop;
}

/** Options of {@linkcode run}. An abort of `signal` cancels main first. */
export interface RunOptions extends RunnerOptions, AbortableOptions {}

/**
 * Runs coroutines one after the other in a loop of its own, and cleans up at the
 * end (CPython `runners.py`).
 *
 * SIGINT (Ctrl-C) cancels what is running, so that it can clean up, and `run()`
 * rejects with {@linkcode KeyboardInterrupt}; a second one ends the run at once.
 *
 * ```ts
 * import { Runner } from "@deno-asyncio/asyncio";
 *
 * await using runner = new Runner();
 * console.log(await runner.run(() => "first"));
 * console.log(await runner.run(async () => await Promise.resolve("second")));
 * ```
 */
export class Runner implements AsyncDisposable {
  readonly #options: RunnerOptions;
  #loop: EventLoop | null = null;
  #closed = false;
  /** SIGINT came twice: nothing is waited for any more. */
  #inHaste = false;

  /** Makes a runner; the loop is made when it is needed. */
  constructor(options: RunnerOptions = {}) {
    this.#options = options;
  }

  /**
   * The loop of the runner.
   *
   * @throws {RuntimeError} once the runner is closed
   */
  getLoop(): EventLoop {
    if (this.#closed) throw new RuntimeError("Cannot use Runner: it is closed");
    if (this.#loop === null) {
      const { debug, loopFactory } = this.#options;
      this.#loop = (loopFactory ?? newEventLoop)();
      if (loopFactory === undefined) setEventLoop(this.#loop);
      if (debug !== undefined) this.#loop.setDebug(debug);
    }
    return this.#loop;
  }

  /**
   * Runs `main`, a function or something else that can be awaited, to its end, and
   * resolves to its result. The loop stays, with all that runs in it, for the next.
   *
   * Cancellation: an abort of `signal` cancels `main`, so that it can clean up. What
   * it returns all the same is the result.
   *
   * @throws {RuntimeError} inside a running loop, or once the runner is closed
   * @throws {KeyboardInterrupt} if SIGINT ended it
   */
  async run<T>(main: Awaitable<T>, options: AbortableOptions = {}): Promise<T> {
    if (activeLoop() !== null) {
      throw new RuntimeError("Cannot call run(): it cannot be called from a running event loop");
    }
    const { signal } = options;
    signal?.throwIfAborted();
    const loop = this.getLoop();
    const task = loop.createTask<T>(asCoroutine(main));
    let cancels = 0;
    let interrupts = 0;
    function cancel(): void {
      if (task.cancel()) cancels++;
    }
    const removeHandler = onInterrupt(loop, () => {
      if (++interrupts > 1 || task.done()) {
        this.#inHaste = true;
        throw new KeyboardInterrupt("Interrupted by SIGINT");
      }
      cancel();
    });
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await loop.runUntilComplete(task);
    } catch (error) {
      // Who else cancelled it, has cancelled it.
      if (!(error instanceof CancelledError) || cancels === 0 || task.cancelling() > cancels) {
        throw error;
      }
      if (interrupts === 0) throw signal?.reason;
      throw new KeyboardInterrupt("Interrupted by SIGINT", { cause: error });
    } finally {
      signal?.removeEventListener("abort", cancel);
      removeHandler();
    }
  }

  /**
   * Ends the runner: cancels the tasks that are left and lets them clean up,
   * closes async generators and the executor, closes the loop. Idempotent.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const loop = this.#loop;
    if (loop === null) return;
    try {
      if (this.#inHaste) return await cancelInHaste(loop);
      await cancelAllTasks(loop);
      await loop.runUntilComplete(() => loop.shutdownAsyncgens());
      await loop.runUntilComplete(() =>
        loop.shutdownDefaultExecutor({ timeoutMs: EXECUTOR_SHUTDOWN_MS })
      );
    } finally {
      if (this.#options.loopFactory === undefined) setEventLoop(null);
      loop.close();
    }
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Runs `main` in a new loop and cleans up after it: the usual way to start a
 * program. Resolves to what `main` returned. What it leaves behind is cancelled,
 * and its servers are closed.
 *
 * Cancellation: SIGINT cancels `main`, and so does an abort of `signal`; it can clean
 * up, and what it returns all the same is the result.
 *
 * ```ts
 * import { run } from "@deno-asyncio/asyncio";
 *
 * const answer = await run(async () => await Promise.resolve(42));
 * console.log(answer);
 * ```
 *
 * @throws {RuntimeError} inside a running loop
 * @throws {KeyboardInterrupt} if SIGINT ended it
 */
export async function run<T>(main: Awaitable<T>, options: RunOptions = {}): Promise<T> {
  if (activeLoop() !== null) {
    throw new RuntimeError("Cannot call run(): it cannot be called from a running event loop");
  }
  await using runner = new Runner(options);
  return await runner.run(main, options);
}

function asCoroutine<T>(main: Awaitable<T>): Coroutine<T> {
  if (typeof main === "function") return main;
  if (typeof main?.then === "function") return () => main;
  throw new TypeError(
    `Cannot run ${Deno.inspect(main)}: expected a function, a future, or a promise`,
  );
}

/** Calls `interrupt` on SIGINT, unless the I/O of the loop knows no signals; returns how to stop. */
function onInterrupt(loop: EventLoop, interrupt: () => void): () => void {
  try {
    loop.addSignalHandler("SIGINT", interrupt);
  } catch (error) {
    if (error instanceof Deno.errors.NotSupported) return () => {};
    throw error;
  }
  return () => void (loop.isClosed() || loop.removeSignalHandler("SIGINT"));
}

async function cancelAllTasks(loop: EventLoop): Promise<void> {
  const left = [...internalsOf(loop)[taskSet]];
  if (left.length === 0) return;
  for (const task of left) task.cancel();
  await loop.runUntilComplete(gather(left, { returnExceptions: true }));
  for (const task of left) {
    if (task.cancelled() || task.exception() === null) continue;
    loop.callExceptionHandler({
      message: "unhandled exception during run() shutdown",
      exception: task.exception(),
      task,
    });
  }
}

/**
 * Tells the tasks that they are cancelled, and does not wait. A task that
 * swallows cancellations would hold up the end for ever, until a third Ctrl-C,
 * as it does in CPython (python/cpython#111358).
 */
async function cancelInHaste(loop: EventLoop): Promise<void> {
  for (const task of internalsOf(loop)[taskSet]) task.cancel();
  loop.stop();
  await loop.runForever();
}
