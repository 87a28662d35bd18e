import type { AbstractEventLoop } from "../types/loop.ts";
import { AFTER_DRAIN, dropped, Entry, type Pace, run } from "../internal/entry.ts";
import { Handle } from "./handle.ts";
import { schedulerOf } from "./internals.ts";
import { DirectCall, type Scheduler } from "./scheduler.ts";
import { type Wait, type Waiter, wake } from "./waiting.ts";

/** A future, as an `await` on it sees it. */
export interface AwaitedFuture {
  /** Cancels it. */
  cancel(message?: string): boolean;
  /** Whether it has ended. */
  done(): boolean;
  /** Whether it was cancelled. */
  cancelled(): boolean;
  /** Its loop. */
  getLoop(): AbstractEventLoop;
  /** Lets the `await` go on with its outcome. */
  takeOutcome(wakeup: Wakeup): void;
  /** The `await` will never go on: nobody has seen the error. */
  outcomeUntaken(): void;
}

/** A user's callback on a future: a handle that knows its function. */
export class DoneCallback extends Handle {
  /** The function. */
  readonly callback: (future: never) => void;

  /** Made by `addDoneCallback`. */
  constructor(
    queue: Scheduler,
    callback: (future: never) => void,
    future: unknown,
  ) {
    super(queue, callback as (...args: never[]) => unknown, [future]);
    this.callback = callback;
  }
}

/** A call of the library on behalf of a task that waits. */
export class Watch<T> extends DirectCall<T> {
  /** Who waits; `null` if nobody does. */
  readonly task: Waiter | null;

  /** Made by `whenDone`. */
  constructor(
    queue: Scheduler,
    callback: (future: T) => void,
    future: T,
    task: Waiter | null,
  ) {
    super(queue, callback, future);
    this.task = task;
  }
}

/** An `await` on a future: where its function goes on. */
export class Wakeup extends Entry implements Wait {
  /** What is awaited. */
  readonly future: AwaitedFuture;
  /** Goes on with a value. */
  readonly resolve: (value: unknown) => void;
  /** Goes on by throwing. */
  readonly reject: (reason: unknown) => void;
  /** Who waits; `null` for code outside of any task. */
  readonly task: Waiter | null;
  #error: unknown = undefined;

  /** Made by `then`. */
  constructor(
    future: AwaitedFuture,
    task: Waiter | null,
    resolve: (value: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    super();
    this.future = future;
    this.task = task;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Makes the `await` throw `error` in the next iteration, whatever becomes of the future. */
  fail(error: unknown): void {
    this.#error = error;
    // Of the task: that of the future may be another, and may never run.
    schedulerOf((this.task ?? this.future).getLoop()).push(this);
  }

  [run](): Pace {
    const cancellation = this.task === null ? null : this.task[wake](this);
    if (cancellation !== null) this.reject(cancellation);
    else if (this.#error !== undefined) this.reject(this.#error);
    else this.future.takeOutcome(this);
    return AFTER_DRAIN;
  }

  override [dropped](): void {
    this.future.outcomeUntaken();
  }

  /** For messages. */
  override toString(): string {
    return String(this.task ?? this.future);
  }
}
