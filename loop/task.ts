import { CancelledError, KeyboardInterrupt, RuntimeError } from "../errors.ts";
import type { AbstractTask, Coroutine, CreateTaskOptions } from "../types/loop.ts";
import {
  activeTask,
  enterCallback,
  Gate,
  leaveCallback,
  type Scope,
  scope,
} from "../internal/context.ts";
import { AFTER_DRAIN, Entry, type Pace, run } from "../internal/entry.ts";
import { functionName } from "./format.ts";
import { Future, type FutureOptions, home, madeAt, settle } from "./future.ts";
import { type LoopInternals, scheduler, taskSet } from "./internals.ts";
import { CANCELLED, FAILED, FINISHED, type Outcome } from "./outcome.ts";
import { type Wait, waitFor, wake } from "./waiting.ts";

let taskCounter = 0;

/** What a task waits for now. */
export const waitedFor: unique symbol = Symbol("waitedFor");
/**
 * The body of a task: its place in the ready queue, and the scope of its code.
 * It lets go of a task that is done. What an AsyncLocalStorage holds survives
 * one collection more than the code that ran in it; that must not be the task
 * and its result.
 */
class Body extends Entry implements Scope {
  readonly loop: LoopInternals;
  task: AbstractTask<unknown> | null;
  /** What is left of the task in debug mode, which may have to report its last step. */
  epitaph = "<Task that has ended>";
  #open: ((body: Body) => void) | null = null;

  constructor(task: AbstractTask<unknown>, loop: LoopInternals) {
    super();
    this.task = task;
    this.loop = loop;
  }

  /** Calls `start(this)` when the entry runs, in the async context of now. */
  startLater(start: (body: Body) => void): void {
    const gate = new Gate<Body>();
    gate.passed.then(start);
    this.#open = gate.open;
  }

  [run](): Pace {
    (this.#open as (body: Body) => void)(this);
    this.#open = null;
    return AFTER_DRAIN;
  }

  override toString(): string {
    return String(this.task ?? this.epitaph);
  }
}

/** What few tasks need. */
interface Extras {
  /** Of {@linkcode Task.signal}. */
  controller: AbortController | null;
  /** The signal was the only way to tell the body of a cancellation, this iteration. */
  signalTook: boolean;
  /** Stops listening to the `signal` option. */
  stopListening: (() => void) | null;
}

/** Options of `new Task()`. */
export interface TaskOptions extends CreateTaskOptions, FutureOptions {}

/** Options of {@linkcode Task.getStack}. */
export interface GetStackOptions {
  /** Keep so many of the innermost lines. @default {all} */
  limit?: number;
}

/** Options of {@linkcode Task.printStack}. */
export interface PrintStackOptions extends GetStackOptions {
  /** Receives each line. @default {console.error} */
  write?: (line: string) => void;
}

/**
 * A coroutine that runs: a plain function, async or not, called once with the
 * task. Whenever its code awaits a future, the task waits for that future, and
 * cancelling the task cancels it, so that {@linkcode CancelledError} is thrown
 * at the innermost `await` and every `finally` runs (CPython `tasks.py`).
 *
 * A native promise cannot be interrupted: pass {@linkcode Task.signal} to what
 * makes it, or await `wrapFuture(promise)`.
 *
 * ```ts
 * import { createTask, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(10, "slept"), { name: "sleeper" });
 *   console.log(task.getName(), task.done()); // sleeper false
 *   console.log(await task); // slept
 * });
 * ```
 */
export class Task<T> extends Future<T> implements AbstractTask<T> {
  readonly #body: Body;
  #coro: Coroutine<T> | null;
  #name: string | number;
  #waits: Wait | Wait[] | null = null;
  #cancelRequests = 0;
  #mustCancel = false;
  #cancelMessage: string | undefined;
  #extras: Extras | null = null;

  /**
   * Makes a task and schedules its first step; `createTask()` is the usual way,
   * and this is for task factories.
   *
   * @throws {TypeError} if `coro` is not a function
   * @throws {RuntimeError} if the loop is closed, or none is running here and none was given
   */
  constructor(coro: Coroutine<T>, options: TaskOptions = {}) {
    if (typeof coro !== "function") {
      throw new TypeError(
        `Cannot create a task: expected a function that makes the coroutine, got ${
          (coro as unknown) instanceof Promise
            ? "a promise, which runs already; pass () => promise"
            : typeof coro
        }`,
      );
    }
    super(options);
    const loop = this[home];
    const { signal } = options;
    if (loop.isClosed()) {
      throw new RuntimeError("Cannot create a task: Event loop is closed");
    }
    this.#body = new Body(this, loop);
    this.#coro = coro;
    this.#name = options.name ?? ++taskCounter;
    loop[taskSet].add(this);
    if (signal !== undefined) this.#listen(signal);
    if (options.eagerStart === true && loop.isRunning()) {
      this.#startNow();
    } else {
      this.#body.startLater(Task.#start);
      loop[scheduler].push(this.#body);
    }
  }

  /** The function it runs; `null` once an eager task is complete. */
  getCoro(): Coroutine<T> | null {
    return this.#coro;
  }

  /** Its name, `Task-N` unless it was given one. */
  getName(): string {
    return typeof this.#name === "number" ? `Task-${this.#name}` : this.#name;
  }

  /** Names it. */
  setName(name: string): void {
    this.#name = String(name);
  }

  /** Refused: the coroutine gives the result. */
  override setResult(_value: T): never {
    throw new RuntimeError(
      `Cannot set the result of ${this}: its coroutine does`,
    );
  }

  /** Refused: the coroutine gives the error. */
  override setException(_error: unknown): never {
    throw new RuntimeError(
      `Cannot set the exception of ${this}: its coroutine does`,
    );
  }

  /**
   * Asks the task to stop: {@linkcode CancelledError} is thrown at the `await`
   * where it waits, or else at the next one. The task may clean up, and may
   * refuse by catching the error. A task that has not started never will.
   *
   * @returns `false` if the task is done
   */
  override cancel(message?: string): boolean {
    if (this.done()) return false;
    this.#cancelRequests++;
    const waits = this.#allWaits();
    let accepted = false;
    // Code that runs does not wait: what is left from a Promise.race() does not count.
    // Nor does it where the body is on its way from another future, which is done.
    let goesOn = activeTask() === this;
    for (const wait of waits) {
      if (wait.future.done()) goesOn = true;
      else if (wait.future.cancel(message)) accepted = true;
    }
    if (!accepted || goesOn) {
      this.#mustCancel = true;
      this.#cancelMessage = message;
    }
    this.#abortSignal(message, !accepted && waits.length === 0);
    return true;
  }

  /** How many cancellations were asked for and not taken back. */
  cancelling(): number {
    return this.#cancelRequests;
  }

  /** Takes one cancellation back, as whoever handled it must; how many remain. */
  uncancel(): number {
    if (this.#cancelRequests === 0) return 0;
    if (--this.#cancelRequests === 0) this.#mustCancel = false;
    // Also where the signal itself delivered the cancellation, and no await did.
    this.#renewSignal();
    return this.#cancelRequests;
  }

  /**
   * Aborted, with a {@linkcode CancelledError}, when the task is cancelled.
   * Pass it to `fetch` and the like. Once the task has handled a cancellation
   * this is a new signal.
   */
  get signal(): AbortSignal {
    const extras = this.#more();
    extras.controller ??= new AbortController();
    if (this.#mustCancel && !extras.controller.signal.aborted) {
      extras.controller.abort(new CancelledError(this.#cancelMessage));
    }
    return extras.controller.signal;
  }

  /** Where it is, as far as JavaScript tells: what it waits for, and in debug mode where it was made. */
  getStack(options: GetStackOptions = {}): string[] {
    const frames = this.done() ? [] : this.#allWaits().map((wait) => `waits for ${wait.future}`);
    const made = this[madeAt]?.split("\n").map((line) => line.trim()) ??
      [];
    return [...frames, ...made].slice(0, options.limit ?? Infinity);
  }

  /** Writes {@linkcode getStack} to `write`, by default the console's error stream. */
  printStack(options: PrintStackOptions = {}): void {
    // deno-lint-ignore no-console
    const write = options.write ?? console.error;
    const stack = this.getStack(options);
    write(
      stack.length > 0 ? `Stack for ${this} (most recent call first):` : `No stack for ${this}`,
    );
    for (const frame of stack) write(`  ${frame}`);
  }

  /** @internal */
  [waitFor](wait: Wait): void {
    if (this.#waits === null) this.#waits = wait;
    else if (Array.isArray(this.#waits)) this.#waits.push(wait);
    else this.#waits = [this.#waits, wait];
    if (!this.#mustCancel) return;
    if (this.#extras?.signalTook) this.#delivered();
    else if (wait.future.cancel(this.#cancelMessage)) this.#mustCancel = false;
  }

  /** @internal */
  [wake](wait: Wait): Error | null {
    if (this.#waits === wait) this.#waits = null;
    else if (Array.isArray(this.#waits)) {
      const at = this.#waits.indexOf(wait);
      if (at >= 0) this.#waits.splice(at, 1);
    }
    if (!this.#mustCancel) {
      this.#renewSignal();
      return null;
    }
    const message = this.#cancelMessage;
    this.#delivered();
    return wait.future.cancelled() ? null : new CancelledError(message);
  }

  /**
   * What it waits for now.
   *
   * @internal
   */
  get [waitedFor](): unknown[] {
    return this.#allWaits().map((wait) => wait.future);
  }

  /** What it says of itself in messages. */
  protected override describe(): string {
    const state = super.describe().slice("Future ".length);
    const [word, ...rest] = state.split(" ");
    const shown = word === "pending" && this.#cancelRequests > 0 ? "cancelling" : word;
    const waiting = this.done() ? [] : this.#allWaits();
    const parts = [`Task ${shown} name='${this.getName()}'`, ...rest];
    if (this.#coro !== null) parts.push(`coro=<${functionName(this.#coro)}>`);
    if (waiting.length > 0) {
      parts.push(
        `waitFor=<${waiting.map((wait) => wait.future.constructor.name).join(", ")}>`,
      );
    }
    return parts.join(" ");
  }

  #allWaits(): Wait[] {
    return this.#waits === null
      ? []
      : Array.isArray(this.#waits)
      ? [...this.#waits]
      : [this.#waits];
  }

  #delivered(): void {
    this.#mustCancel = false;
    this.#renewSignal();
  }

  /** An aborted signal has told its tale: the next operation must not hear it again. */
  #renewSignal(): void {
    const extras = this.#extras;
    if (extras !== null && extras.controller?.signal.aborted) extras.controller = null;
  }

  #more(): Extras {
    return this.#extras ??= { controller: null, signalTook: false, stopListening: null };
  }

  /**
   * A body that waits for a native promise hears of a cancellation by the
   * signal only. If it goes on before the next iteration, it was heard; else
   * the next await must throw, or the cancellation would be lost.
   */
  #abortSignal(message: string | undefined, isOnlyWay: boolean): void {
    const extras = this.#extras;
    if (extras === null || extras.controller === null) return;
    if (extras.controller.signal.aborted) return;
    const queue = this[home][scheduler];
    if (isOnlyWay && activeTask() !== this) {
      extras.signalTook = true;
      queue.callSoon(() => extras.signalTook = false, undefined);
    }
    queue.wantDrain();
    extras.controller.abort(new CancelledError(message));
  }

  #listen(signal: AbortSignal): void {
    const onAbort = () => void this.cancel(String(signal.reason?.message ?? signal.reason));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#more().stopListening = () => signal.removeEventListener("abort", onAbort);
  }

  #startNow(): void {
    const outer = enterCallback(null);
    try {
      Task.#start(this.#body);
    } finally {
      leaveCallback(outer);
    }
    if (this.done()) this.#coro = null;
    else this[home][scheduler].wantDrain();
  }

  // What the body runs in is static: an error holds the functions and the `this`
  // of the frames it came through. A task among them is not collected while its
  // error waits to be looked at, and so nobody would be told before the loop closes.
  static #start(body: Body): void {
    const task = body.task as Task<unknown>;
    if (task.#mustCancel) task.#finish(CANCELLED, task.#cancelMessage);
    else scope.run(body as Scope, Task.#drive, task);
  }

  /** Runs the coroutine. Never rejects. */
  static async #drive(task: Task<unknown>): Promise<void> {
    const coro = task.#coro as Coroutine<unknown>;
    let value: unknown;
    try {
      const outcome = coro(task);
      // What is no promise ends an eager task at once.
      value = isThenable(outcome) ? await outcome : outcome;
    } catch (error) {
      return task.#failed(error);
    }
    task.#returned(value);
  }

  #returned(value: T): void {
    // What the signal told the body is delivered, though no await threw it.
    if (this.#mustCancel && !this.#extras?.signalTook) {
      return this.#finish(CANCELLED, this.#cancelMessage);
    }
    this.#finish(FINISHED, value);
    const queue = this[home][scheduler];
    if (this.#cancelRequests > 0 && queue.debug) {
      queue.report({
        message:
          `Task swallowed a cancellation: ${this} ended normally; rethrow CancelledError, or call uncancel()`,
        task: this,
      });
    }
  }

  #failed(error: unknown): void {
    if (error instanceof CancelledError) return this.#finish(CANCELLED, error);
    this.#finish(FAILED, error);
    if (error instanceof KeyboardInterrupt) this[home][scheduler].escape(error);
  }

  #finish(outcome: Outcome, value: unknown): void {
    this.#mustCancel = false;
    this.#body.task = null;
    this[home][taskSet].delete(this);
    this.#extras?.stopListening?.();
    this[settle](outcome, value);
    if (this[home][scheduler].debug) this.#body.epitaph = this.toString();
  }
}

function isThenable<T>(value: PromiseLike<T> | T): value is PromiseLike<T> {
  return value instanceof Promise || typeof (value as PromiseLike<T> | null)?.then === "function";
}
