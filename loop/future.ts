import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError, InvalidStateError, RuntimeError } from "../errors.ts";
import type { AbstractEventLoop, AbstractFuture } from "../types/loop.ts";
import { activeLoop } from "../internal/context.ts";
import { Entry, live } from "../internal/entry.ts";
import { brief, creationStack } from "./format.ts";
import { type LoopInternals, scheduler, schedulerOf } from "./internals.ts";
import { CANCELLED, FAILED, FINISHED, type Outcome, PENDING } from "./outcome.ts";
import type { UnretrievedError } from "./unretrieved.ts";
import { DoneCallback, Wakeup, Watch } from "./future_waiters.ts";
import { refusal, runningTask, type Waiter, waitFor } from "./waiting.ts";

const sourceOf = Function.prototype.toString;
const NATIVE = sourceOf.call(Promise.withResolvers<void>().resolve);

/**
 * Whether `then` was called by the platform: by an `await`, or to resolve a
 * promise. Its two functions need no async context, and no answer. Either may
 * come with one of the user's: `then((value) => resolve(f(value)), reject)`. 90 ns.
 */
function isPlatform(onFulfilled: unknown, onRejected: unknown): boolean {
  return isResolver(onRejected) && isResolver(onFulfilled);
}

/** Bound functions have that source too, but names. */
function isResolver(callback: unknown): boolean {
  return typeof callback === "function" && callback.name === "" &&
    sourceOf.call(callback) === NATIVE;
}

/** The loop of a future, as the library sees it. */
export const home: unique symbol = Symbol("home");
/** Sets a future's outcome, also of a task, whose public setters refuse. */
export const settle: unique symbol = Symbol("settle");
/** Calls a function of the library when a future is done. */
export const whenDone: unique symbol = Symbol("whenDone");
/** Takes such a call back. */
export const forget: unique symbol = Symbol("forget");
/** Where a future was made, in debug mode. */
export const madeAt: unique symbol = Symbol("madeAt");
/** The tasks that await a future. */
export const waitingTasks: unique symbol = Symbol("waitingTasks");
/** How a future ended, if it did. */
export const stateOf: unique symbol = Symbol("stateOf");
/** What a cancelled future was cancelled with. */
export const cancelMessage: unique symbol = Symbol("cancelMessage");
/** Makes the `then` of a done future wait for one iteration: `sleep(0)`. */
export const yieldOnce: unique symbol = Symbol("yieldOnce");

/** Options of `new Future()`. */
export interface FutureOptions {
  /** The loop it belongs to. @default {the running loop} */
  loop?: AbstractEventLoop;
}

/**
 * The outcome of an operation that is not finished yet. It can be awaited,
 * cancelled, and asked. Callbacks and waiting tasks run in a later iteration of
 * the loop, in the order in which they came.
 *
 * An error that nobody looks at is reported to the exception handler of the
 * loop; it never becomes an unhandled rejection of the process.
 *
 * ```ts
 * import { getRunningLoop, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const loop = getRunningLoop();
 *   const future = loop.createFuture<string>();
 *   future.addDoneCallback((done) => console.log("done:", done.result()));
 *   loop.callLater(1, () => future.setResult("result"));
 *   console.log(await future); // result
 * });
 * ```
 */
export class Future<T> implements AbstractFuture<T> {
  readonly #loop: LoopInternals;
  #state: typeof PENDING | Outcome = PENDING;
  #value: unknown = undefined;
  #waiters: Entry | Entry[] | null = null;
  #unretrieved: UnretrievedError | null = null;
  #sourceTraceback: string | undefined;

  /**
   * Makes a pending future; `loop.createFuture()` is the usual way.
   *
   * @throws {RuntimeError} where no loop is running and none is given
   */
  constructor(options: FutureOptions = {}) {
    const loop = options.loop ?? activeLoop();
    if (loop === null) {
      throw new RuntimeError(
        `Cannot create a ${new.target.name}: no event loop is running here and none was given`,
      );
    }
    this.#loop = loop as LoopInternals;
    if (schedulerOf(loop).debug) this.#sourceTraceback = creationStack();
  }

  /** The loop it belongs to. */
  getLoop(): AbstractEventLoop {
    return this.#loop;
  }

  /**
   * The loop, as the library sees it.
   *
   * @internal
   */
  get [home](): LoopInternals {
    return this.#loop;
  }

  /** Whether it has a result, an error, or was cancelled. */
  done(): boolean {
    return this.#state !== PENDING;
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state === CANCELLED;
  }

  /**
   * The result.
   *
   * @throws the error it failed with, {@linkcode CancelledError} if it was
   * cancelled, {@linkcode InvalidStateError} if it is not done
   */
  result(): T {
    if (this.#state === FINISHED) return this.#value as T;
    if (this.#state === PENDING) {
      throw new InvalidStateError(
        `Cannot get the result of ${this}: it is not done`,
      );
    }
    throw this.#takeError();
  }

  /**
   * The error it failed with, or `null`.
   *
   * @throws {CancelledError} if it was cancelled
   * @throws {InvalidStateError} if it is not done
   */
  exception(): unknown {
    if (this.#state === FINISHED) return null;
    if (this.#state === PENDING) {
      throw new InvalidStateError(
        `Cannot get the exception of ${this}: it is not done`,
      );
    }
    const error = this.#takeError();
    if (this.#state === CANCELLED) throw error;
    return error;
  }

  /**
   * Makes `value` the result.
   *
   * @throws {InvalidStateError} if it is done
   */
  setResult(value: T): void {
    this.#mustBePending("set the result of");
    this[settle](FINISHED, value);
  }

  /**
   * Makes it fail with `error`, an error or a class of errors.
   *
   * @throws {InvalidStateError} if it is done
   */
  setException(error: unknown): void {
    this.#mustBePending("set the exception of");
    const made = typeof error === "function" && error.prototype instanceof Error
      ? new (error as new () => Error)()
      : error;
    if (made === undefined || made === null) {
      throw new TypeError(
        `Cannot set the exception of ${this}: expected an error, got ${made}`,
      );
    }
    this[settle](FAILED, made);
  }

  /** Cancels it: whoever awaits it gets a {@linkcode CancelledError} with `message`. `false` if it is done. */
  cancel(message?: string): boolean {
    if (this.#state !== PENDING) return false;
    this[settle](CANCELLED, message);
    return true;
  }

  /**
   * Calls `callback(this)` in a later iteration once it is done, in the async
   * context of the caller; in the next one if it is done already.
   */
  addDoneCallback(callback: (future: this) => void): void {
    if (typeof callback !== "function") {
      throw new TypeError(
        `Cannot add a done callback to ${this}: expected a function, got ${typeof callback}`,
      );
    }
    this.#addWaiter(new DoneCallback(this.#loop[scheduler], callback, this));
  }

  /** Takes a callback away that is not scheduled yet; how many there were. */
  removeDoneCallback(callback: (future: this) => void): number {
    return this.#remove((entry) => entry instanceof DoneCallback && entry.callback === callback);
  }

  /**
   * Waits for it; what `await` calls. Inside a task this means that the task
   * waits for it, and cancelling the task cancels it: use `addDoneCallback` to
   * only look on.
   */
  then<R1 = T, R2 = never>(
    onFulfilled?: ((value: T) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): Future<R1 | R2> {
    if (!isPlatform(onFulfilled, onRejected)) {
      return derive(
        this,
        new Promise<T>((resolve, reject) => void this.then(resolve, reject))
          .then(onFulfilled, onRejected),
      );
    }
    this.#await(onFulfilled as (value: T) => void, onRejected as (reason: unknown) => void);
    // The platform does not look at the answer.
    return undefined as unknown as Future<R1 | R2>;
  }

  #await(resolve: (value: T) => void, reject: (reason: unknown) => void): void {
    if (this.#state !== PENDING && !this[yieldOnce]) {
      if (this.#state === FINISHED) resolve(this.#value as T);
      else reject(this.#takeError());
      return;
    }
    const task = runningTask();
    const wakeup = new Wakeup(
      this as Future<unknown>,
      task,
      resolve as (value: unknown) => void,
      reject,
    );
    const problem = task === null ? null : refusal(this, task);
    if (problem !== null) return wakeup.fail(problem);
    this.#addWaiter(wakeup);
    task?.[waitFor](wakeup);
  }

  /** As of a promise. */
  catch<R = never>(
    onRejected?: ((reason: unknown) => R | PromiseLike<R>) | null,
  ): Future<T | R> {
    return this.then(undefined, onRejected);
  }

  /** As of a promise. */
  finally(onFinally?: (() => void) | null): Future<T> {
    return derive(
      this,
      new Promise<T>((resolve, reject) => void this.then(resolve, reject))
        .finally(onFinally),
    );
  }

  /** @internal */
  get [stateOf](): typeof PENDING | Outcome {
    return this.#state;
  }

  /**
   * The message it was cancelled with, if the cancellation did not come out of a coroutine.
   *
   * @internal
   */
  get [cancelMessage](): string | undefined {
    return this.#state === CANCELLED && typeof this.#value === "string" ? this.#value : undefined;
  }

  /** @internal */
  get [yieldOnce](): boolean {
    return false;
  }

  /** @internal */
  [settle](state: Outcome, value: unknown): void {
    this.#state = state;
    this.#value = value;
    if (state === FAILED) this.#watchError();
    const waiters = this.#waiters;
    if (waiters === null) return;
    this.#waiters = null;
    const queue = this.#loop[scheduler];
    if (waiters instanceof Entry) queue.push(waiters);
    else for (const waiter of waiters) queue.push(waiter);
  }

  /**
   * The tasks that wait for it.
   *
   * @internal
   */
  get [waitingTasks](): Waiter[] {
    const waiters = this.#waiters instanceof Entry ? [this.#waiters] : this.#waiters ?? [];
    return waiters.flatMap((entry) =>
      (entry instanceof Wakeup || entry instanceof Watch) && entry.task !== null ? [entry.task] : []
    );
  }

  /**
   * Takes an entry of {@linkcode whenDone} back that has not run yet.
   *
   * @internal
   */
  [forget](entry: Entry): void {
    entry[live] = false;
    this.#remove((other) => other === entry);
  }

  /**
   * Calls `callback(this)` once it is done, outside any async context. `task`
   * waits for it by this callback: the call graph shows it.
   *
   * @internal
   */
  [whenDone](callback: (future: this) => void, task: Waiter | null = null): Entry {
    const entry = new Watch(this.#loop[scheduler], callback, this, task);
    this.#addWaiter(entry);
    return entry;
  }

  /**
   * The error, counted as seen.
   *
   * @internal
   */
  takeOutcome(wakeup: Wakeup): void {
    if (this.#state === FINISHED) wakeup.resolve(this.#value);
    else wakeup.reject(this.#takeError());
  }

  /**
   * Nobody comes to take the outcome.
   *
   * @internal
   */
  outcomeUntaken(): void {
    if (this.#state === FAILED && this.#unretrieved === null) this.#reportUnlessSeen();
  }

  /** What it says of itself in messages. */
  protected describe(): string {
    const outcome = this.#state === FINISHED
      ? `finished result=${brief(this.#value)}`
      : this.#state === FAILED
      ? `finished exception=${brief(this.#value)}`
      : this.#state === CANCELLED
      ? "cancelled"
      : "pending";
    return `Future ${outcome}`;
  }

  /** For messages. */
  toString(): string {
    return `<${this.describe()}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Lets TypeScript take a future where a promise is wanted. */
  get [Symbol.toStringTag](): string {
    return this.constructor.name;
  }

  /**
   * Where it was made, in debug mode.
   *
   * @internal
   */
  get [madeAt](): string | undefined {
    return this.#sourceTraceback;
  }

  #takeError(): unknown {
    if (this.#unretrieved !== null) {
      this.#loop[scheduler].unretrieved.delete(this.#unretrieved);
      this.#unretrieved = null;
    }
    if (this.#state === CANCELLED) {
      // The error that ended the coroutine is thrown once; who comes later gets one of his own (CPython).
      const original = this.#value;
      if (!(original instanceof CancelledError)) return new CancelledError(original as string);
      this.#value = undefined;
      return original;
    }
    return this.#value;
  }

  /** A waiting task will look at the error; without one somebody has to be told. */
  #watchError(): void {
    const waiters = this.#waiters;
    if (
      waiters instanceof Wakeup ||
      (Array.isArray(waiters) &&
        waiters.some((entry) => entry instanceof Wakeup))
    ) return;
    this.#reportUnlessSeen();
  }

  #reportUnlessSeen(): void {
    this.#unretrieved = {
      label: this.toString(),
      exception: this.#value,
      enter: AsyncLocalStorage.snapshot(),
      future: new WeakRef<AbstractFuture<unknown>>(this),
      sourceTraceback: this.#sourceTraceback,
    };
    this.#loop[scheduler].unretrieved.add(this, this.#unretrieved);
  }

  #addWaiter(entry: Entry): void {
    if (this.#state !== PENDING) this.#loop[scheduler].push(entry);
    else if (this.#waiters === null) this.#waiters = entry;
    else if (this.#waiters instanceof Entry) {
      this.#waiters = [this.#waiters, entry];
    } else this.#waiters.push(entry);
  }

  /**
   * Takes waiters out that have not been scheduled.
   *
   * @internal
   */
  #remove(matches: (entry: Entry) => boolean): number {
    const waiters = this.#waiters;
    if (waiters === null) return 0;
    const all = waiters instanceof Entry ? [waiters] : waiters;
    const kept = all.filter((entry) => !matches(entry));
    this.#waiters = kept.length === 0 ? null : kept;
    return all.length - kept.length;
  }

  #mustBePending(what: string): void {
    if (this.#state !== PENDING) {
      throw new InvalidStateError(`Cannot ${what} ${this}: it is done`);
    }
  }
}

/** The future of what a user's `then` makes of another one. */
function derive<T, R>(source: Future<T>, outcome: Promise<R>): Future<R> {
  const derived = new Future<R>({ loop: source[home] });
  outcome.then(
    (value) => void (derived.done() || derived.setResult(value)),
    (error) =>
      void (derived.done() ||
        derived[settle](
          error instanceof CancelledError ? CANCELLED : FAILED,
          error,
        )),
  );
  return derived;
}

/** Ends `target` as `source` ended, and counts the error of `source` as seen. */
export function settleAs<T>(target: Future<T>, source: Future<T>): void {
  const state = source[stateOf] as Outcome;
  try {
    target[settle](state, source.result());
  } catch (error) {
    target[settle](state, error);
  }
}
