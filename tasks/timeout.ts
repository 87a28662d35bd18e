import { CancelledError, ExceptionGroup, RuntimeError, TimeoutError } from "../errors.ts";
import { activeTask } from "../internal/context.ts";
import { type Entry, live } from "../internal/entry.ts";
import { schedulerOf } from "../loop/internals.ts";
import { DirectTimer } from "../loop/scheduler.ts";
import type { AbstractTask } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";

/**
 * Runs `body` in the current task, and cancels what it waits for when `ms`
 * milliseconds have passed; `null` for no limit. Resolves to what it returns.
 *
 * It rejects with a {@linkcode TimeoutError} if, and only if, the cancellation
 * was its own: a task that is cancelled from outside at the same time stays
 * cancelled. It ends when `body` has ended, clean-up included. When `signal`
 * aborts, the same happens, with `signal.reason` instead of the error.
 *
 * A native promise that `body` awaits cannot be interrupted: await
 * `wrapFuture(promise)`, or pass `currentTask().signal` to what makes it.
 *
 * ```ts
 * import { run, sleep, timeout, TimeoutError } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   try {
 *     await timeout(10, () => sleep(1000));
 *   } catch (error) {
 *     if (!(error instanceof TimeoutError)) throw error;
 *     console.log("too slow");
 *   }
 * });
 * ```
 *
 * Also rejects with a {@linkcode RuntimeError} outside of a task, and with a
 * `RangeError` if `ms` is NaN, a `TypeError` if it is no number.
 */
export function timeout<T>(
  ms: number | null,
  body: (timeout: Timeout) => PromiseLike<T> | T,
  options?: AbortableOptions,
): Promise<T> {
  return runTimeout("timeout", ms, body, options?.signal);
}

/**
 * As {@linkcode timeout}, with a deadline on the clock of `loop.time()`, in milliseconds.
 *
 * ```ts
 * import { getRunningLoop, run, sleep, timeoutAt } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const deadline = getRunningLoop().time() + 1000;
 *   for (const step of [1, 2]) console.log(await timeoutAt(deadline, () => sleep(5, step)));
 * });
 * ```
 */
export function timeoutAt<T>(
  when: number | null,
  body: (timeout: Timeout) => PromiseLike<T> | T,
  options?: AbortableOptions,
): Promise<T> {
  return runTimeout("timeoutAt", when, body, options?.signal);
}

async function runTimeout<T>(
  what: "timeout" | "timeoutAt",
  time: number | null,
  body: (timeout: Timeout) => PromiseLike<T> | T,
  signal: AbortSignal | undefined,
): Promise<T> {
  checkTime(what, time);
  if (typeof body !== "function") {
    throw new TypeError(`Cannot call ${what}(): expected a function, got ${Deno.inspect(body)}`);
  }
  signal?.throwIfAborted();
  const task = activeTask();
  if (task === null) throw new RuntimeError(`Cannot call ${what}() outside of a task`);
  const now = task.getLoop().time();
  const limit = new Timeout(time !== null && what === "timeout" ? now + time : time, task);
  limit[enter](now);
  const onAbort = () => limit[expire](signal);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const value = await body(limit);
    limit[exit]();
    return value;
  } catch (error) {
    throw limit[exit]() ? limit[translate](error) : error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

const enter: unique symbol = Symbol("enter");
const expire: unique symbol = Symbol("expire");
const exit: unique symbol = Symbol("exit");
const translate: unique symbol = Symbol("translate");

type State = "created" | "active" | "expiring" | "expired" | "finished";

/**
 * A time limit, as `timeout()` hands it to its callback.
 *
 * States: `created -> active -> expiring -> expired`, or `active -> finished`. It
 * is *expiring* once it has cancelled the task, and *expired* once the body has
 * ended after that (CPython `timeouts.py`).
 *
 * ```ts
 * import { getRunningLoop, run, sleep, timeout } from "@deno-asyncio/asyncio";
 *
 * await run(() =>
 *   timeout(1000, async (limit) => {
 *     await sleep(10);
 *     limit.reschedule(getRunningLoop().time() + 60_000); // it went well so far
 *     await sleep(10);
 *     console.log(limit.expired()); // false
 *   })
 * );
 * ```
 */
export class Timeout {
  readonly #task: AbstractTask<unknown>;
  /** How often the task had been asked to stop before the body began. */
  readonly #baseline: number;
  #state: State = "created";
  #when: number | null;
  #timer: Entry | null = null;
  /** What made it expire, where that was not the time. */
  #aborted: AbortSignal | undefined;

  /** @internal */
  constructor(when: number | null, task: AbstractTask<unknown>) {
    this.#when = when;
    this.#task = task;
    this.#baseline = task.cancelling();
  }

  /** The deadline, on the clock of `loop.time()`; `null` for none. */
  when(): number | null {
    return this.#when;
  }

  /** Whether it has cancelled the body because the time was over. */
  expired(): boolean {
    return (this.#state === "expiring" || this.#state === "expired") && this.#aborted === undefined;
  }

  /**
   * Moves the deadline; one in the past is due in the next iteration.
   *
   * @throws {RuntimeError} if the body has ended, or is cancelled already
   * @throws {RangeError} if `when` is NaN
   */
  reschedule(when: number | null): void {
    checkTime("reschedule", when);
    if (this.#state !== "active") {
      throw new RuntimeError(`Cannot reschedule ${this}: it is ${this.#state}`);
    }
    this.#unschedule();
    this.#when = when;
    this.#schedule(this.#task.getLoop().time());
  }

  /** For messages. */
  toString(): string {
    return `<Timeout ${this.#state}${this.#when === null ? "" : ` when=${this.#when}`}>`;
  }

  /**
   * The body begins.
   *
   * @internal
   */
  [enter](now: number): void {
    this.#state = "active";
    this.#schedule(now);
  }

  /**
   * The body has ended; whether its error is the doing of this, and of nobody else.
   *
   * @internal
   */
  [exit](): boolean {
    this.#unschedule();
    if (this.#state !== "expiring") {
      this.#state = "finished";
      return false;
    }
    this.#state = "expired";
    return this.#task.uncancel() <= this.#baseline;
  }

  /**
   * Stops the body.
   *
   * @internal
   */
  [expire](signal?: AbortSignal): void {
    if (this.#state !== "active") return;
    this.#unschedule();
    this.#state = "expiring";
    this.#aborted = signal;
    this.#task.cancel();
  }

  /**
   * What to throw in place of an error that the cancellation led to.
   *
   * @internal
   */
  [translate](error: unknown): unknown {
    if (error instanceof CancelledError) {
      return this.#aborted === undefined ? this.#timeoutError(error) : this.#aborted.reason;
    }
    if (this.#aborted === undefined) {
      this.#explain(error);
      if (error instanceof ExceptionGroup) error.errors.forEach((member) => this.#explain(member));
    }
    return error;
  }

  /** Puts the TimeoutError between an error and the cancellation that is its cause. */
  #explain(error: unknown): void {
    const seen = new Set<unknown>();
    for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
      seen.add(at);
      if (at.cause instanceof CancelledError) {
        // A frozen error keeps the cause it has.
        Reflect.set(at, "cause", this.#timeoutError(at.cause));
        return;
      }
    }
  }

  #timeoutError(cause: CancelledError): TimeoutError {
    return new TimeoutError(`Timed out: the deadline, ${this.#when} ms, passed before the end`, {
      cause,
    });
  }

  #schedule(now: number): void {
    if (this.#when === null || this.#when === Infinity) return;
    const queue = schedulerOf(this.#task.getLoop());
    this.#timer = this.#when <= now
      ? queue.callSoon(timeIsOver, this)
      : queue.callAt(this.#when, timeIsOver, this);
  }

  #unschedule(): void {
    if (this.#timer instanceof DirectTimer) this.#timer.cancel();
    else if (this.#timer !== null) this.#timer[live] = false;
    this.#timer = null;
  }
}

function timeIsOver(limit: Timeout): void {
  limit[expire]();
}

function checkTime(what: string, time: number | null): void {
  if (time === null) return;
  if (typeof time !== "number") {
    throw new TypeError(`Cannot call ${what}(): expected a number or null, got ${time}`);
  }
  if (Number.isNaN(time)) throw new RangeError(`Cannot call ${what}(): the time is NaN`);
}
