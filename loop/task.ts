import { CancelledError, KeyboardInterrupt, RuntimeError } from "../errors.ts";
import type { AbstractTask, Coroutine, CreateTaskOptions } from "../types/loop.ts";
import { enterCallback, Gate, leaveCallback, type Scope, scope } from "../internal/context.ts";
import { AFTER_DRAIN, Entry, type Pace, run } from "../internal/entry.ts";
import { functionName } from "./format.ts";
import { Future, settle } from "./future.ts";
import { type LoopInternals, scheduler, taskSet } from "./internals.ts";
import { type Wait, type Waiter, waitFor, wake } from "./waiting.ts";

const FINISHED = 1;
const FAILED = 2;
const CANCELLED = 3;

let taskCounter = 0;

/** What a task waits for now. */
export const waitedFor: unique symbol = Symbol("waitedFor");
const begin: unique symbol = Symbol("begin");

function startBody(task: { [begin](): void }): void {
  task[begin]();
}

/** Starts a task, in the async context of whoever made it. */
class Start extends Entry {
  readonly #gate = new Gate();
  readonly #task: unknown;

  constructor(task: unknown, step: () => void) {
    super();
    this.#task = task;
    this.#gate.passed.then(step);
  }

  [run](): Pace {
    this.#gate.open();
    return AFTER_DRAIN;
  }

  override toString(): string {
    return String(this.#task);
  }
}

/**
 * A coroutine that runs: a plain function, async or not, called once with the
 * task. Whenever its code awaits a future, the task waits for that future, and
 * cancelling the task cancels it, so that {@linkcode CancelledError} is thrown
 * at the innermost `await` and every `finally` runs (CPython `tasks.py`).
 *
 * A native promise cannot be interrupted: pass {@linkcode Task.signal} to what
 * makes it, or await `wrapFuture(promise)`.
 */
export class Task<T> extends Future<T> implements AbstractTask<T>, Scope, Waiter {
  /** The loop it runs in. */
  readonly loop: LoopInternals;
  #coro: Coroutine<T> | null;
  #name: string | number;
  #waits: Wait | Wait[] | null = null;
  #cancelRequests = 0;
  #mustCancel = false;
  #cancelMessage: string | undefined;
  #controller: AbortController | null = null;
  #signalTook = false;
  #stopListening: (() => void) | null = null;

  /** Makes a task and schedules its first step; `createTask()` is the usual way. */
  constructor(
    coro: Coroutine<T>,
    options: CreateTaskOptions & { loop: LoopInternals },
  ) {
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
    this.loop = options.loop;
    this.#coro = coro;
    this.#name = options.name ?? ++taskCounter;
    this.#listen(options.signal);
    const eager = options.eagerStart === true && this.loop.isRunning();
    if (!eager) {
      this.loop[taskSet].add(this);
      this.loop[scheduler].push(new Start(this, () => this.#start()));
      return;
    }
    const outer = enterCallback(null);
    try {
      this.#start();
    } finally {
      leaveCallback(outer);
    }
    if (this.done()) this.#coro = null;
    else {
      this.loop[taskSet].add(this);
      this.loop[scheduler].wantDrain();
    }
  }

  /** The task, as the scope of its own code. */
  get task(): this {
    return this;
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
    for (const wait of waits) {
      if (wait.future.cancel(message)) accepted = true;
    }
    if (!accepted) {
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
    if (this.#cancelRequests > 0 && --this.#cancelRequests === 0) {
      this.#mustCancel = false;
    }
    return this.#cancelRequests;
  }

  /**
   * Aborted, with a {@linkcode CancelledError}, when the task is cancelled.
   * Pass it to `fetch` and the like. Once the task has handled a cancellation
   * this is a new signal.
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#mustCancel && !this.#controller.signal.aborted) {
      this.#controller.abort(new CancelledError(this.#cancelMessage));
    }
    return this.#controller.signal;
  }

  /** Where it is, as far as JavaScript tells: what it waits for, and in debug mode where it was made. */
  getStack(options: { limit?: number } = {}): string[] {
    const frames = this.done() ? [] : this.#allWaits().map((wait) => `waits for ${wait.future}`);
    const made = this.sourceTraceback?.split("\n").map((line) => line.trim()) ??
      [];
    return [...frames, ...made].slice(0, options.limit ?? Infinity);
  }

  /** Writes {@linkcode getStack} to `write`, by default the console's error stream. */
  printStack(
    options: { limit?: number; write?: (line: string) => void } = {},
  ): void {
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
    if (this.#signalTook) this.#delivered();
    else if (wait.future.cancel(this.#cancelMessage)) this.#mustCancel = false;
  }

  /** @internal */
  [wake](wait: Wait): Error | null {
    if (this.#waits === wait) this.#waits = null;
    else if (Array.isArray(this.#waits)) {
      const at = this.#waits.indexOf(wait);
      if (at >= 0) this.#waits.splice(at, 1);
    }
    const cancelled = wait.future.cancelled();
    if (!this.#mustCancel) {
      if (cancelled) this.#controller = null;
      return null;
    }
    const message = this.#cancelMessage;
    this.#delivered();
    return cancelled ? null : new CancelledError(message);
  }

  /** What it waits for now. @internal */
  get [waitedFor](): unknown[] {
    return this.#allWaits().map((wait) => wait.future);
  }

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
    this.#controller = null;
  }

  /**
   * A body that waits for a native promise hears of a cancellation by the
   * signal only. If it goes on before the next iteration, it was heard; else
   * the next await must throw, or the cancellation would be lost.
   */
  #abortSignal(message: string | undefined, isOnlyWay: boolean): void {
    if (this.#controller === null || this.#controller.signal.aborted) return;
    if (isOnlyWay && scope.getStore()?.task !== this) {
      this.#signalTook = true;
      this.loop[scheduler].callSoon(() => this.#signalTook = false, undefined);
    }
    this.#controller.abort(new CancelledError(message));
  }

  #listen(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const onAbort = () => void this.cancel(String(signal.reason?.message ?? signal.reason));
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      this.#stopListening = () => signal.removeEventListener("abort", onAbort);
    }
  }

  #start(): void {
    if (this.#mustCancel) {
      this.#finish(CANCELLED, this.#cancelMessage);
      return;
    }
    scope.run(this as Scope, startBody, this);
  }

  /** Runs the body up to its first `await`. @internal */
  [begin](): void {
    let outcome: PromiseLike<T> | T;
    try {
      outcome = (this.#coro as Coroutine<T>)(this);
    } catch (error) {
      return this.#failed(error);
    }
    if (outcome instanceof Promise) {
      outcome.then(
        (value) => this.#returned(value),
        (error) => this.#failed(error),
      );
    } else if (
      typeof (outcome as PromiseLike<T> | undefined)?.then === "function"
    ) {
      Promise.resolve(outcome).then(
        (value) => this.#returned(value),
        (error) => this.#failed(error),
      );
    } else {
      this.#returned(outcome as T);
    }
  }

  #returned(value: T): void {
    if (this.#mustCancel) return this.#finish(CANCELLED, this.#cancelMessage);
    this.#finish(FINISHED, value);
    if (this.#cancelRequests > 0 && this.loop[scheduler].debug) {
      this.loop.callExceptionHandler({
        message:
          `Task swallowed a cancellation: ${this} ended normally; rethrow CancelledError, or call uncancel()`,
        task: this,
      });
    }
  }

  #failed(error: unknown): void {
    if (error instanceof CancelledError) return this.#finish(CANCELLED, error);
    this.#finish(FAILED, error);
    if (error instanceof KeyboardInterrupt) this.loop[scheduler].escape(error);
  }

  #finish(state: 1 | 2 | 3, value: unknown): void {
    this.#mustCancel = false;
    this.loop[taskSet].delete(this);
    this.#stopListening?.();
    this[settle](state, value);
  }
}
