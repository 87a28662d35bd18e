import type { Clock, Io } from "../types/io.ts";
import type {
  AbstractEventLoop,
  Executor,
  ExecutorFunction,
  ShutdownDefaultExecutorOptions,
} from "../types/loop.ts";
import { enterCallback, leaveCallback } from "../internal/context.ts";
import { SystemClock } from "./clock.ts";
import { DefaultExecutor } from "./default_executor.ts";
import { ensureFuture } from "./ensure_future.ts";
import { FdHandles } from "./fd_handles.ts";
import { brief } from "./format.ts";
import type { Future } from "./future.ts";
import { receiveSignal, scheduler } from "./internals.ts";
import { IoEventLoop } from "./io_loop.ts";
import { SignalHandles } from "./signal_handles.ts";

/** What an event loop is made of. */
export interface EventLoopOptions {
  /** The way to the outside; without it everything that needs one is refused. */
  io?: Io;
  /** The time. @default {the clock of the machine} */
  clock?: Clock;
}

/**
 * An event loop with every method of asyncio's. Made by `newEventLoop()`, which
 * gives it the I/O of Deno; a bare `new EventLoop()` has none.
 *
 * ```ts
 * import { newEventLoop } from "@deno-asyncio/asyncio";
 *
 * await using loop = newEventLoop();
 * loop.callLater(10, () => loop.stop());
 * await loop.runForever();
 * ```
 */
export class EventLoop extends IoEventLoop implements AbstractEventLoop {
  readonly #executor = new DefaultExecutor(this);
  readonly #signals = new SignalHandles();
  readonly #fds = new FdHandles();

  /** Makes a loop. */
  constructor(options: EventLoopOptions = {}) {
    super(options.clock ?? new SystemClock(), options.io ?? {});
  }

  /** What is watched may be waited for. */
  protected override onRunBegin(): void {
    this.io.fds?.resume(this);
  }

  /** A loop that stands still must not keep the process alive by what it watches. */
  protected override onRunEnd(): Promise<void> | void {
    return this.io.fds?.suspend(this);
  }

  /** Closes what belongs to the platform. */
  protected override onClose(): void {
    this.#signals.clear();
    this.#executor.abandon();
    this.io.close?.(this);
    this.#fds.clear();
  }

  /**
   * Runs `fn(...args)` in `executor`, by default in a pool of Workers of this
   * loop: there `fn` is self-contained, or made by `workerFunction`, whose module
   * needs `--allow-read`.
   *
   * Cancellation: a job that has not started never does; one that runs goes on, unseen.
   *
   * @throws {TypeError} if `fn` is not a function; what else keeps it from running fails the future
   * @throws {RuntimeError} if the loop is closed, or `shutdownDefaultExecutor` was called
   */
  runInExecutor<A extends unknown[], T>(
    executor: Executor | null,
    fn: ExecutorFunction<A, T>,
    ...args: A
  ): Future<T> {
    this.checkOpen("runInExecutor");
    if (typeof fn !== "function") {
      throw new TypeError(`Cannot call runInExecutor(): expected a function, got ${brief(fn)}`);
    }
    const chosen = executor ?? this.#executor.get(this.io);
    // Called as a callback of this loop, which need not be running yet: the executor makes its future in it.
    const outer = enterCallback(this);
    try {
      return ensureFuture(chosen.submit(fn, ...args), { loop: this });
    } finally {
      leaveCallback(outer);
    }
  }

  /**
   * Sets the executor that `null` stands for.
   *
   * @throws {TypeError} if it has no `submit()` and `shutdown()`
   */
  setDefaultExecutor(executor: Executor): void {
    this.#executor.set(executor);
  }

  /**
   * Waits until the default executor has ended; from now on it takes no more work.
   * When `timeoutMs` is over, the exception handler is told, and nobody waits any more.
   *
   * Cancellation: it goes on ending, and nobody waits.
   */
  shutdownDefaultExecutor(options: ShutdownDefaultExecutorOptions = {}): Promise<void> {
    return this.#executor.shutdown(options);
  }

  /**
   * Calls `callback(...args)`, in the context of the caller, in every iteration in
   * which `fd` is readable: it has to read, or `removeReader`. Replaces the callback
   * there was.
   *
   * Requires `--allow-ffi` permission.
   *
   * @throws {RuntimeError} if a transport uses the fd
   * @throws {TypeError} or {RangeError} for what is no fd
   * @throws {Deno.errors.NotCapable} without permission
   */
  addReader<A extends unknown[]>(
    fd: number | { fileno(): number },
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    this.checkOpen("addReader");
    this.#fds.add(
      "Reader",
      this.need("fds", "addReader"),
      this,
      fd,
      callback as (...args: never[]) => unknown,
      args,
    );
  }

  /** Stops watching; whether there was a callback. One that is due is not called any more. */
  removeReader(fd: number | { fileno(): number }): boolean {
    if (this.isClosed()) return false;
    return this.#fds.remove("Reader", this.need("fds", "removeReader"), this, fd);
  }

  /**
   * As {@linkcode addReader}, for writing: most of the time an fd is writable, so
   * watch it only while there is something to write.
   *
   * Requires `--allow-ffi` permission.
   */
  addWriter<A extends unknown[]>(
    fd: number | { fileno(): number },
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    this.checkOpen("addWriter");
    this.#fds.add(
      "Writer",
      this.need("fds", "addWriter"),
      this,
      fd,
      callback as (...args: never[]) => unknown,
      args,
    );
  }

  /** Stops watching; whether there was a callback. One that is due is not called any more. */
  removeWriter(fd: number | { fileno(): number }): boolean {
    if (this.isClosed()) return false;
    return this.#fds.remove("Writer", this.need("fds", "removeWriter"), this, fd);
  }

  /**
   * Calls `callback(...args)` in the loop when the process receives `signal`, in
   * the context of the caller; replaces the one before. A handler that throws is
   * reported and stays. Of several signals of one kind that come before its turn,
   * it hears once. SIGUSR1 also makes `deno run` open its inspector.
   *
   * @throws {RangeError} if there is no such signal
   * @throws {RuntimeError} if it cannot be caught
   */
  addSignalHandler<A extends unknown[]>(
    signal: Deno.Signal,
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    this.checkOpen("addSignalHandler");
    this.#signals.add(
      this[scheduler],
      this.need("watchSignal", "addSignalHandler"),
      signal,
      callback as (...args: never[]) => unknown,
      args,
    );
  }

  /**
   * Takes the handler of a signal away; whether there was one. The platform's
   * default action is back when nobody else listens.
   *
   * @throws {RangeError} if there is no such signal
   */
  removeSignalHandler(signal: Deno.Signal): boolean {
    return this.#signals.remove(signal);
  }

  /** @internal */
  [receiveSignal](signal: Deno.Signal, deliver: () => void): () => void {
    const call = "new SignalReceiver";
    this.checkOpen(call);
    return this.#signals.receive(this.need("watchSignal", call), signal, deliver);
  }
}
