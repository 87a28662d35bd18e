import { RuntimeError } from "../errors.ts";
import type { Clock } from "../types/io.ts";
import type {
  AbstractTask,
  Awaitable,
  Coroutine,
  CreateTaskOptions,
  ExceptionContext,
  ExceptionHandler,
  TaskFactory,
} from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { activeLoop } from "../internal/context.ts";
import { abortable } from "./abortable.ts";
import { ensureFuture } from "./ensure_future.ts";
import { formatContext, reportTo } from "./exception_handler.ts";
import { brief } from "./format.ts";
import { FdOwners } from "./fd_owners.ts";
import { forget, Future, madeAt, whenDone } from "./future.ts";
import { Handle, TimerHandle } from "./handle.ts";
import {
  fdOwners,
  type LoopInternals,
  type LoopResource,
  resources,
  scheduler,
  taskSet,
} from "./internals.ts";
import { Scheduler } from "./scheduler.ts";
import { Task } from "./task.ts";

/** The half of an event loop that needs no platform: running, scheduling, tasks, errors. */
export abstract class BaseEventLoop {
  /** @internal */
  readonly [scheduler]: Scheduler;
  /** @internal */
  readonly [taskSet]: Set<AbstractTask<unknown>> = new Set();
  /** @internal */
  readonly [resources]: Set<LoopResource> = new Set();
  /** @internal */
  readonly [fdOwners]: FdOwners = new FdOwners();
  /** Tasks of `runUntilComplete`: its caller learns that the run ended too early. */
  readonly #mains: WeakSet<object> = new WeakSet();
  #closed = false;
  #taskFactory: TaskFactory | null = null;
  /** The options of most tasks. Copying them for each takes 60 ns. */
  readonly #plain: { loop: LoopInternals } = { loop: this.#self };
  #exceptionHandler: ExceptionHandler | null = null;
  #asyncgens: Set<AsyncGenerator<unknown, unknown, unknown>> = new Set();

  /** Makes a loop on `clock`. */
  constructor(clock: Clock) {
    this[scheduler] = new Scheduler(this.#self, clock);
    this.setDebug(debugIsWanted());
  }

  /** Called once, when the loop closes. */
  protected abstract onClose(): void;

  /** Called when a run begins. */
  protected abstract onRunBegin(): void;

  /** Called when a run has ended; the run's promise waits for it. */
  protected abstract onRunEnd(): Promise<void> | void;

  async #run(signal: AbortSignal | undefined): Promise<void> {
    const onAbort = () => this.stop();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.onRunBegin();
    try {
      await this[scheduler].start();
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await this.onRunEnd();
    }
  }

  get #self(): LoopInternals {
    return this as unknown as LoopInternals;
  }

  /**
   * Runs until `future` is done. A function is started as a task, a promise is
   * wrapped. Keeps the process alive meanwhile.
   *
   * Cancellation: an abort of `signal` ends the run, and leaves everything as it is.
   *
   * @returns its result
   * @throws the error of the future; {@linkcode RuntimeError} if the loop runs
   * already, is closed, is called from a running loop, or was stopped early
   */
  async runUntilComplete<T>(future: Awaitable<T>, options: AbortableOptions = {}): Promise<T> {
    this.#checkCanRun("runUntilComplete");
    options.signal?.throwIfAborted();
    const awaited = ensureFuture(future, { loop: this.#self }) as Future<T>;
    const isOurs = typeof future === "function";
    if (isOurs) this.#mains.add(awaited);
    const stop = awaited[whenDone](() => this.stop());
    try {
      await this.#run(options.signal);
    } catch (error) {
      // An error that comes with the interrupt: nobody but us has the task (CPython run_until_complete).
      if (isOurs && awaited.done() && !awaited.cancelled()) awaited.exception();
      throw error;
    } finally {
      awaited[forget](stop);
    }
    if (!awaited.done()) {
      options.signal?.throwIfAborted();
      throw new RuntimeError("Event loop stopped before Future completed.");
    }
    return awaited.result();
  }

  /**
   * Runs until `stop()` is called, and keeps the process alive meanwhile.
   *
   * Cancellation: an abort of `signal` ends the run, and leaves everything as it is.
   *
   * @throws {RuntimeError} if the loop runs already, is closed, or is called from a running loop
   */
  async runForever(options: AbortableOptions = {}): Promise<void> {
    this.#checkCanRun("runForever");
    options.signal?.throwIfAborted();
    await this.#run(options.signal);
    options.signal?.throwIfAborted();
  }

  /** Ends the run once everything that is ready has run. Before a run: the run is one iteration. */
  stop(): void {
    this[scheduler].stop();
  }

  /** Whether it runs. */
  isRunning(): boolean {
    return this[scheduler].running;
  }

  /** Whether it was closed. */
  isClosed(): boolean {
    return this.#closed;
  }

  /**
   * Closes the loop: drops what is scheduled, closes its servers, endpoints and
   * signal handlers, and reports the tasks that are still pending and the errors
   * that nobody looked at. Idempotent; cannot be undone.
   *
   * @throws {RuntimeError} while the loop runs
   */
  close(): void {
    if (this.isRunning()) {
      throw new RuntimeError(
        "Cannot close a running event loop: stop it first",
      );
    }
    if (this.#closed) return;
    this.#closed = true;
    this[scheduler].clear();
    this.#release();
    for (const task of this[taskSet]) {
      if (this.#mains.has(task)) continue;
      const context: ExceptionContext = {
        message: `Task was destroyed but it is pending: ${task}`,
        task,
      };
      const sourceTraceback = (task as Task<unknown>)[madeAt];
      if (sourceTraceback !== undefined) context.sourceTraceback = sourceTraceback;
      this.callExceptionHandler(context);
    }
    this[taskSet].clear();
    this[scheduler].unretrieved.flush();
  }

  /** Closes the loop; the same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Makes `shutdownAsyncgens` close this generator: JavaScript has no hook that tells of new ones. */
  registerAsyncgen(generator: AsyncGenerator<unknown, unknown, unknown>): void {
    if (typeof generator?.return !== "function") {
      throw new TypeError(
        `Cannot register ${brief(generator)}: expected an async generator`,
      );
    }
    this.#asyncgens.add(generator);
  }

  /**
   * Closes all registered async generators at the same time; errors go to the
   * exception handler.
   *
   * Cancellation: they go on closing, and nobody waits.
   */
  async shutdownAsyncgens(options: AbortableOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const closing = [...this.#asyncgens];
    this.#asyncgens.clear();
    if (closing.length === 0) return;
    // A task for each, as gather() of their aclose() makes them in CPython.
    const tasks = closing.map((asyncgen) => this.createTask(() => asyncgen.return(undefined)));
    const all = this.createFuture<void>();
    let left = tasks.length;
    for (const task of tasks) {
      task[whenDone](() => void (--left > 0 || all.done() || all.setResult()));
    }
    await abortable(all, options.signal);
    tasks.forEach((task, at) => {
      if (task.cancelled() || task.exception() === null) return;
      this.callExceptionHandler({
        message: "An error occurred during closing of an asynchronous generator",
        exception: task.exception(),
        asyncgen: closing[at] as AsyncGenerator<unknown, unknown, unknown>,
      });
    });
  }

  /** Switches debug mode: creation stacks, slow callbacks, swallowed cancellations. */
  setDebug(on: boolean): void {
    this[scheduler].debug = on;
  }

  /** Whether debug mode is on; at first if the environment variable ASYNCIO_DEBUG is set and may be read. */
  getDebug(): boolean {
    return this[scheduler].debug;
  }

  /** In debug mode a callback or step that takes longer is reported, in milliseconds. */
  get slowCallbackDurationMs(): number {
    return this[scheduler].slowMs;
  }
  set slowCallbackDurationMs(ms: number) {
    checkTime("set slowCallbackDurationMs", "the duration", ms);
    this[scheduler].slowMs = ms;
  }

  /**
   * Calls `callback(...args)` in the next iteration, in the async context of the
   * caller. Callbacks run in the order in which they were given.
   *
   * @throws {RuntimeError} if the loop is closed
   */
  callSoon<A extends unknown[]>(
    callback: (...args: A) => unknown,
    ...args: A
  ): Handle {
    this.#checkCallback(callback, "callSoon");
    const handle = new Handle(
      this[scheduler],
      callback as (...args: never[]) => unknown,
      args,
    );
    this[scheduler].push(handle);
    return handle;
  }

  /** As `callSoon`. Within one isolate there is one thread; from a Worker use `connectLoop`. */
  callSoonThreadsafe<A extends unknown[]>(
    callback: (...args: A) => unknown,
    ...args: A
  ): Handle {
    this.#checkCallback(callback, "callSoonThreadsafe");
    return this.callSoon(callback, ...args);
  }

  /**
   * Calls `callback(...args)` after `delayMs` milliseconds. A negative delay
   * means the next iteration, in the order of the deadlines; equal deadlines
   * keep the order of scheduling.
   *
   * @throws {RangeError} if the delay is not a number
   * @throws {RuntimeError} if the loop is closed
   */
  callLater<A extends unknown[]>(
    delayMs: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle {
    checkTime("call callLater()", "delayMs", delayMs);
    this.#checkCallback(callback, "callLater");
    return this.callAt(this.time() + delayMs, callback, ...args);
  }

  /** Calls `callback(...args)` when the clock of `time()` shows `whenMs`; otherwise as `callLater`. */
  callAt<A extends unknown[]>(
    whenMs: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle {
    checkTime("call callAt()", "whenMs", whenMs);
    this.#checkCallback(callback, "callAt");
    const timer = new TimerHandle(
      this[scheduler],
      whenMs,
      callback as (...args: never[]) => unknown,
      args,
    );
    this[scheduler].addTimer(timer);
    return timer;
  }

  /** The time of the loop: milliseconds that never go back, from an arbitrary start. */
  time(): number {
    return this[scheduler].now();
  }

  /** A new future of this loop. */
  createFuture<T>(): Future<T> {
    return new Future<T>({ loop: this.#self });
  }

  /**
   * Starts `coro` as a task of this loop; the first step runs in the next
   * iteration, in the async context of the caller.
   *
   * @throws {TypeError} if `coro` is not a function
   * @throws {RuntimeError} if the loop is closed
   */
  createTask<T>(coro: Coroutine<T>, options?: CreateTaskOptions): Task<T> {
    this.checkOpen("createTask");
    if (this.#taskFactory !== null) {
      return this.#taskFactory(this.#self, coro, options ?? {}) as Task<T>;
    }
    return new Task(coro, options === undefined ? this.#plain : { ...options, loop: this.#self });
  }

  /** Sets what makes the tasks of this loop; `null` for the default. */
  setTaskFactory(factory: TaskFactory | null): void {
    if (factory !== null && typeof factory !== "function") {
      throw new TypeError(
        `Cannot set the task factory: expected a function or null, got ${typeof factory}`,
      );
    }
    this.#taskFactory = factory;
  }

  /** What makes the tasks of this loop; `null` for the default. */
  getTaskFactory(): TaskFactory | null {
    return this.#taskFactory;
  }

  /** Reports an error that has no other receiver to the exception handler. */
  callExceptionHandler(context: ExceptionContext): void {
    reportTo(this.#self, this.#exceptionHandler, context);
  }

  /** Sets who hears of errors without a receiver, called `(loop, context)`; `null` for the default. */
  setExceptionHandler(handler: ExceptionHandler | null): void {
    if (handler !== null && typeof handler !== "function") {
      throw new TypeError(
        `Cannot set the exception handler: expected a function or null, got ${typeof handler}`,
      );
    }
    this.#exceptionHandler = handler;
  }

  /** Who hears of errors without a receiver; `null` for the default. */
  getExceptionHandler(): ExceptionHandler | null {
    return this.#exceptionHandler;
  }

  /** Writes the context to the console's error stream. */
  defaultExceptionHandler(context: ExceptionContext): void {
    // deno-lint-ignore no-console
    console.error(formatContext(context));
  }

  /** Gives back what the loop holds of the platform. One that fails must not keep the others, or the reports that follow. */
  #release(): void {
    const releases = [...this[resources]].map((resource) => () => resource.release());
    this[resources].clear();
    for (const release of [() => this.onClose(), ...releases]) {
      try {
        release();
      } catch (exception) {
        this.callExceptionHandler({
          message: "A resource of the event loop could not be released",
          exception,
        });
      }
    }
  }

  /**
   * Refuses `what` on a closed loop.
   *
   * @internal
   */
  protected checkOpen(what: string): void {
    if (this.#closed) {
      throw new RuntimeError(`Cannot call ${what}(): Event loop is closed`);
    }
  }

  #checkCallback(callback: unknown, what: string): void {
    this.checkOpen(what);
    if (typeof callback !== "function") {
      throw new TypeError(
        `Cannot call ${what}(): expected a function as callback, got ${brief(callback)}`,
      );
    }
  }

  #checkCanRun(what: string): void {
    this.checkOpen(what);
    if (this.isRunning()) {
      throw new RuntimeError(
        `Cannot call ${what}(): This event loop is already running`,
      );
    }
    if (activeLoop() !== null) {
      throw new RuntimeError(
        `Cannot call ${what}(): Cannot run the event loop while another loop is running`,
      );
    }
  }
}

function checkTime(what: string, name: string, ms: number): void {
  if (typeof ms !== "number") {
    throw new TypeError(`Cannot ${what}: expected a number as ${name}, got ${brief(ms)}`);
  }
  if (Number.isNaN(ms)) {
    throw new RangeError(`Cannot ${what}: ${name} is NaN`);
  }
}

/** Asks for no permission: a library must not make the user answer prompts. */
function debugIsWanted(): boolean {
  const query = { name: "env", variable: "ASYNCIO_DEBUG" } as const;
  return Deno.permissions.querySync(query).state === "granted" &&
    Boolean(Deno.env.get("ASYNCIO_DEBUG"));
}
