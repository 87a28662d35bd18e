import { callBack, enterCallback, Gate, leaveCallback } from "../internal/context.ts";
import { AFTER_MICROTASK, AT_ONCE, Entry, live, type Pace, run } from "../internal/entry.ts";
import { functionName } from "./format.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * A callback that runs again and again, each time in the async context of
 * whoever registered it: for signals and watched file descriptors. A gate opens
 * only once, so every run makes the next one, from inside the context.
 */
export class WatchHandle extends Entry {
  readonly #scheduler: Scheduler;
  readonly #callback: (...args: unknown[]) => unknown;
  readonly #args: readonly unknown[];
  #gate!: Gate;
  #queued = false;

  /** Binds `callback` to the context of the caller. */
  constructor(
    scheduler: Scheduler,
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ) {
    super();
    this.#scheduler = scheduler;
    this.#callback = callback as (...args: unknown[]) => unknown;
    this.#args = args;
    this.#arm();
  }

  /** Runs the callback in the next iteration; once, however often this is called until then. */
  notify(): void {
    if (this.#queued || !this[live]) return;
    this.#queued = true;
    this.#scheduler.push(this);
  }

  /** Never runs again. */
  cancel(): void {
    this[live] = false;
  }

  [run](): Pace {
    this.#queued = false;
    if (!this[live]) return AT_ONCE;
    this.#gate.open();
    return AFTER_MICROTASK;
  }

  #arm(): void {
    this.#gate = new Gate();
    this.#gate.passed.then(() => this.#call());
  }

  #call(): void {
    this.#arm();
    const outer = enterCallback(this.#scheduler.scope.loop);
    try {
      const result = callBack(this.#scheduler.scope, this.#callback, this.#args);
      if (result instanceof Promise) {
        this.#scheduler.wantDrain();
        result.catch((exception) => this.#report(exception));
      }
    } catch (exception) {
      this.#report(exception);
    } finally {
      leaveCallback(outer);
    }
  }

  #report(exception: unknown): void {
    this.#scheduler.callbackFailed({ message: `Exception in callback ${this}`, exception });
  }

  /** For messages. */
  override toString(): string {
    return `<WatchHandle ${functionName(this.#callback)}>`;
  }
}
