import type { AbstractHandle, AbstractTimerHandle } from "../types/loop.ts";
import { callBack, enterCallback, Gate, leaveCallback } from "../internal/context.ts";
import { AFTER_MICROTASK, Entry, live, type Pace, run } from "../internal/entry.ts";
import { brief, creationStack, functionName } from "./format.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * A callback in the ready queue, bound to the async context of whoever
 * scheduled it. Made by `callSoon`.
 *
 * ```ts
 * import { getRunningLoop, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const handle = getRunningLoop().callSoon(() => console.log("never"));
 *   handle.cancel();
 *   await sleep(0);
 * });
 * ```
 */
export class Handle extends Entry implements AbstractHandle {
  /** One function for all handles: a closure for each made a burst of them 1.6 times slower. */
  static readonly #passed = (handle: Handle): void => handle.#call();
  readonly #scheduler: Scheduler;
  readonly #open: (handle: Handle) => void;
  #callback: ((...args: never[]) => unknown) | null;
  #args: readonly unknown[];
  readonly #sourceTraceback: string | undefined;

  /** Made by the loop. */
  constructor(
    scheduler: Scheduler,
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ) {
    super();
    this.#scheduler = scheduler;
    this.#callback = callback;
    this.#args = args;
    if (scheduler.debug) this.#sourceTraceback = creationStack();
    const gate = new Gate<Handle>();
    gate.passed.then(Handle.#passed);
    this.#open = gate.open;
  }

  /** Takes the callback back; without effect once it ran. Idempotent. */
  cancel(): void {
    if (!this[live]) return;
    this[live] = false;
    // Whatever the callback holds must not live on with a timer that is far away.
    this.#callback = null;
    this.#args = [];
  }

  /** Whether it was taken back. */
  cancelled(): boolean {
    return !this[live];
  }

  /**
   * Lets the callback go.
   *
   * @internal
   */
  [run](): Pace {
    this.#open(this);
    return AFTER_MICROTASK;
  }

  #call(): void {
    const callback = this.#callback as ((...args: unknown[]) => unknown) | null;
    if (callback === null) return;
    const outer = enterCallback(this.#scheduler.scope.loop);
    try {
      const result = callBack(this.#scheduler.scope, callback, this.#args);
      if (result !== undefined) this.#watch(result);
    } catch (exception) {
      this.#report(exception);
    } finally {
      leaveCallback(outer);
    }
  }

  /** An async callback is on its own; at least its error must not be lost. */
  #watch(result: unknown): void {
    if (!(result instanceof Promise)) return;
    this.#scheduler.wantDrain();
    result.catch((exception) => this.#report(exception));
  }

  #report(exception: unknown): void {
    this.#scheduler.callbackFailed({
      message: `Exception in callback ${this}`,
      exception,
      handle: this,
      ...(this.#sourceTraceback !== undefined &&
        { sourceTraceback: this.#sourceTraceback }),
    });
  }

  /** For messages. */
  override toString(): string {
    const args = this.#scheduler.debug
      ? this.#args.map(brief).join(", ")
      : this.#args.length > 0
      ? "..."
      : "";
    const what = this.#callback === null ? "cancelled" : `${functionName(this.#callback)}(${args})`;
    return `<${this.constructor.name} ${what}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/**
 * A {@linkcode Handle} with a time. Made by `callLater` and `callAt`.
 *
 * ```ts
 * import { getRunningLoop, run } from "@deno-asyncio/asyncio";
 *
 * await run(() => {
 *   const loop = getRunningLoop();
 *   const timer = loop.callLater(1000, () => console.log("never"));
 *   console.log(timer.when() > loop.time()); // true
 *   timer.cancel();
 * });
 * ```
 */
export class TimerHandle extends Handle implements AbstractTimerHandle {
  /** When it is due, on the clock of `loop.time()`. */
  readonly deadline: number;
  /** Order of scheduling among equal deadlines. */
  readonly seq: number;
  /** Whether it still waits for its time. */
  scheduled = true;
  readonly #timers: Scheduler;

  /** Made by the loop. */
  constructor(
    scheduler: Scheduler,
    deadline: number,
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ) {
    super(scheduler, callback, args);
    this.#timers = scheduler;
    this.deadline = deadline;
    this.seq = scheduler.nextSeq();
  }

  /** Its time, on the clock of `loop.time()`; also after it ran or was cancelled. */
  when(): number {
    return this.deadline;
  }

  /** Takes the callback back; without effect once it ran. Idempotent. */
  override cancel(): void {
    if (this[live] && this.scheduled) this.#timers.timerCancelled();
    super.cancel();
  }
}
