import { RuntimeError } from "../errors.ts";
import { activeLoop } from "../internal/context.ts";
import { abortable } from "../loop/abortable.ts";
import { Future, settle, yieldOnce } from "../loop/future.ts";
import { internalsOf, type LoopInternals, scheduler } from "../loop/internals.ts";
import { FINISHED, type Outcome } from "../loop/outcome.ts";
import type { DirectTimer } from "../loop/scheduler.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";

/**
 * Waits for `ms` milliseconds. Zero or less takes exactly one iteration of the
 * loop: everything that is ready runs first.
 *
 * Cancellation: the timer is taken back, nothing else happened.
 *
 * ```ts
 * import { run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => console.log(await sleep(10, "slept well")));
 * ```
 *
 * The promise rejects with `signal.reason` when `signal` aborts, with a
 * `RangeError` if `ms` is NaN, a `TypeError` if it is no number, and a
 * {@linkcode RuntimeError} where no loop is running.
 */
export function sleep(ms: number): Promise<void>;
/** As above; the promise resolves to `result`. */
export function sleep<T>(ms: number, result: T, options?: AbortableOptions): Promise<T>;
export function sleep(
  ms: number,
  result?: unknown,
  options: AbortableOptions = {},
): Promise<unknown> {
  const loop = activeLoop();
  if (loop === null) {
    return Promise.reject(
      new RuntimeError(`Cannot sleep for ${ms} ms: no event loop is running here`),
    );
  }
  if (typeof ms !== "number") {
    return Promise.reject(new TypeError(`Cannot sleep: expected a number as ms, got ${ms}`));
  }
  if (ms <= 0 && options.signal === undefined) {
    return result === undefined ? oneIteration(loop) : new Yield(internalsOf(loop), result);
  }
  if (Number.isNaN(ms)) return Promise.reject(new RangeError("Cannot sleep: ms is NaN"));
  return ms <= 0
    ? yieldUnlessAborted(loop, result, options.signal as AbortSignal)
    : abortable(new Sleep(internalsOf(loop), ms, result), options.signal);
}

/** Is done, and yet its `await` takes one iteration. Cannot be cancelled: the task that awaits it is. */
class Yield<T> extends Future<T> {
  constructor(loop: LoopInternals, result: T) {
    super({ loop });
    this[settle](FINISHED, result);
  }

  override get [yieldOnce](): boolean {
    return true;
  }
}

/** Waits for its time. */
class Sleep<T> extends Future<T> {
  readonly #ms: number;
  readonly #timer: DirectTimer<this> | null = null;
  readonly #result: T;

  constructor(loop: LoopInternals, ms: number, result: T) {
    super({ loop });
    this.#ms = ms;
    this.#result = result;
    // A loop must not count on waking up from eternal sleep.
    if (ms === Infinity) return;
    const queue = loop[scheduler];
    this.#timer = queue.callAt(queue.now() + ms, Sleep.#wakeUp, this);
  }

  static #wakeUp<T>(sleeping: Sleep<T>): void {
    sleeping[settle](FINISHED, sleeping.#result);
  }

  override [settle](outcome: Outcome, value: unknown): void {
    this.#timer?.cancel();
    super[settle](outcome, value);
  }

  protected override describe(): string {
    return `${super.describe()} sleep(${this.#ms})`;
  }
}

/** It has no state, so all `sleep(0)` of a loop can share it; making one for each takes 80 ns. */
const yields = new WeakMap<AbstractEventLoop, Yield<void>>();

function oneIteration(loop: AbstractEventLoop): Yield<void> {
  let shared = yields.get(loop);
  if (shared === undefined) {
    shared = new Yield(internalsOf(loop), undefined);
    yields.set(loop, shared);
  }
  return shared;
}

async function yieldUnlessAborted<T>(
  loop: AbstractEventLoop,
  result: T,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  await oneIteration(loop);
  signal.throwIfAborted();
  return result;
}
