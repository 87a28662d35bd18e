import { WaitQueue } from "../loop/wait_queue.ts";
import type { AbortableOptions } from "../types/options.ts";
import { Permit, takeBack } from "./permit.ts";

/** What {@linkcode Semaphore.statistics} tells. */
export interface SemaphoreStatistics {
  /** How many permits are free. */
  value: number;
  /** How many there may be at most; `null` if there is no bound. */
  bound: number | null;
  /** How many wait for a permit. */
  tasksWaiting: number;
}

/**
 * A number of permits for the tasks of one loop. Whoever waits longest gets the
 * next one that is released (CPython `locks.py`).
 *
 * ```ts
 * import { Semaphore } from "@deno-asyncio/asyncio/sync";
 *
 * const connections = new Semaphore(10);
 * async function download(url: string): Promise<void> {
 *   using _one = await connections.acquire();
 *   console.log(`${url}, with at most nine others`);
 * }
 * await download("https://example.com/");
 * ```
 */
export class Semaphore {
  readonly #waiters: WaitQueue = new WaitQueue(this, "acquire()");
  #value: number;

  /**
   * Makes a semaphore with `value` free permits; `Infinity` is allowed.
   *
   * @throws {RangeError} if `value` is negative or not a whole number
   * @throws {TypeError} if `value` is not a number
   */
  constructor(value = 1) {
    if (typeof value !== "number") {
      throw new TypeError(
        `Cannot make a ${new.target.name}: expected a number of permits, got ${typeof value}`,
      );
    }
    if (!(value >= 0) || (value !== Infinity && !Number.isInteger(value))) {
      throw new RangeError(
        `Cannot make a ${new.target.name}: expected a whole number of permits from 0 on, got ${value}`,
      );
    }
    this.#value = value;
  }

  /** Whether `acquire()` would wait: no permit is free, or others came before. */
  locked(): boolean {
    return this.#value === 0 || this.#waiters.isWanted;
  }

  /**
   * Takes a permit, as soon as one is free and those who came before had their turn.
   *
   * Cancellation: no permit is taken.
   *
   * @returns what gives it back: `using _one = await semaphore.acquire()`; or call `release()`
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  async acquire(options?: AbortableOptions): Promise<Permit> {
    options?.signal?.throwIfAborted();
    if (!this.locked()) {
      this.#value--;
    } else {
      const waiter = this.#waiters.enter(options?.signal);
      try {
        await waiter.wait();
      } catch (error) {
        if (waiter.granted) this.#value++;
        throw error;
      } finally {
        this.#waiters.leave(waiter);
        this.#handOut();
      }
    }
    return new Permit(this);
  }

  /** Adds a permit. If somebody waits, it is theirs at once. */
  release(): void {
    this.#value++;
    this.#wakeNext();
  }

  /** Its state, for monitoring. */
  statistics(): SemaphoreStatistics {
    return { value: this.#value, bound: null, tasksWaiting: this.#waiters.pendingCount };
  }

  /** For messages. */
  toString(): string {
    const state = this.locked() ? "locked" : "unlocked";
    return `<${this.constructor.name} ${state} value=${this.#value}>`;
  }

  /** How many permits are free. */
  protected get value(): number {
    return this.#value;
  }

  /** @internal */
  [takeBack](): void {
    this.release();
  }

  /** Pays for the permit of whom it wakes: nobody can take it away before that one runs. */
  #wakeNext(): boolean {
    if (!this.#waiters.wakeNext()) return false;
    this.#value--;
    return true;
  }

  /** Newcomers queue behind a waiter that is about to run, though permits are free; now is their turn. */
  #handOut(): void {
    while (this.#value > 0 && this.#wakeNext());
  }
}
