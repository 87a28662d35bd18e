import { CancelledError, RuntimeError } from "../errors.ts";
import { WaitQueue } from "../loop/wait_queue.ts";
import type { AbortableOptions } from "../types/options.ts";
import { holder, Lock, type LockStatistics } from "./lock.ts";
import type { Permit } from "./permit.ts";

/** What {@linkcode Condition.statistics} tells. */
export interface ConditionStatistics {
  /** How many wait to be notified. */
  tasksWaiting: number;
  /** The state of its lock. */
  lock: LockStatistics;
}

/**
 * A lock whose holder can wait for a change that another holder makes (CPython
 * `locks.py`). Several conditions may share a lock.
 *
 * ```ts
 * import { Condition } from "@deno-asyncio/asyncio/sync";
 *
 * const stock = new Condition();
 * let apples = 1;
 * async function takeApple(): Promise<void> {
 *   using _held = await stock.acquire();
 *   await stock.waitFor(() => apples > 0);
 *   apples--;
 * }
 * await takeApple();
 * ```
 */
export class Condition {
  readonly #lock: Lock;
  readonly #waiters: WaitQueue = new WaitQueue(this, "wait()");

  /**
   * Makes a condition on `lock`, by default on one of its own.
   *
   * @throws {TypeError} if `lock` is not a {@linkcode Lock}
   */
  constructor(lock: Lock | null = null) {
    if (lock !== null && !(lock instanceof Lock)) {
      throw new TypeError(
        `Cannot make a Condition: expected a Lock or null, got ${Deno.inspect(lock)}`,
      );
    }
    this.#lock = lock ?? new Lock();
  }

  /**
   * Takes the lock; see {@linkcode Lock.acquire}. What it returns releases the lock
   * also after `wait()`.
   *
   * Cancellation: the lock is not taken, and whoever is next gets it.
   */
  acquire(options?: AbortableOptions): Promise<Permit> {
    return this.#lock.acquire(options);
  }

  /** Frees the lock; see {@linkcode Lock.release}. */
  release(): void {
    this.#lock.release();
  }

  /** Whether the lock is held. */
  locked(): boolean {
    return this.#lock.locked();
  }

  /**
   * Gives the lock up, waits for a notification, and takes the lock again. A
   * notification may come to nothing because somebody else was quicker, so the
   * state must be looked at again: {@linkcode waitFor} does.
   *
   * Cancellation: the lock is held again when the error comes, which can take
   * time, and a notification that was meant for this task goes to the next one.
   *
   * @returns `true`
   * @throws {RuntimeError} if the lock is not held, no loop is running, or another one than before
   */
  async wait(options?: AbortableOptions): Promise<true> {
    this.#checkHeld("wait on");
    options?.signal?.throwIfAborted();
    this.#waiters.bind();
    const permit = this.#lock[holder];
    this.#lock.release();
    let failure: { error: unknown } | null = null;
    try {
      try {
        await this.#waiters.wait(options?.signal);
      } catch (error) {
        failure = { error };
      }
      failure = await this.#retake(permit) ?? failure;
      if (failure !== null) throw failure.error;
      return true;
    } catch (error) {
      // Granted or not: a notification too many is harmless, one too few is not.
      this.#wake(1);
      throw error;
    }
  }

  /**
   * Waits until `predicate()` is true, looking once at first and again after
   * each notification.
   *
   * Cancellation: as of {@linkcode wait}.
   *
   * @returns what the predicate returned at last
   * @throws {RuntimeError} if it must wait and the lock is not held
   * @throws {TypeError} if `predicate` is not a function
   */
  async waitFor<T>(predicate: () => T, options?: AbortableOptions): Promise<T> {
    if (typeof predicate !== "function") {
      throw new TypeError(
        `Cannot wait on ${this}: expected a function as predicate, got ${typeof predicate}`,
      );
    }
    let result = predicate();
    while (!result) {
      await this.wait(options);
      result = predicate();
    }
    return result;
  }

  /**
   * Wakes the `n` who wait longest. They go on when they get the lock, which the
   * caller still holds.
   *
   * @throws {RuntimeError} if the lock is not held
   * @throws {TypeError} if `n` is not a number
   * @throws {RangeError} if `n` is NaN
   */
  notify(n = 1): void {
    if (typeof n !== "number") {
      throw new TypeError(`Cannot notify ${this}: expected a number, got ${typeof n}`);
    }
    if (Number.isNaN(n)) throw new RangeError(`Cannot notify ${this}: the number of tasks is NaN`);
    this.#checkHeld("notify");
    this.#wake(n);
  }

  /**
   * Wakes all who wait.
   *
   * @throws {RuntimeError} if the lock is not held
   */
  notifyAll(): void {
    this.notify(Infinity);
  }

  /** Its state, for monitoring. */
  statistics(): ConditionStatistics {
    return { tasksWaiting: this.#waiters.pendingCount, lock: this.#lock.statistics() };
  }

  /** For messages. */
  toString(): string {
    return `<${this.constructor.name} ${this.locked() ? "locked" : "unlocked"}>`;
  }

  /**
   * Takes the lock again, whatever it takes, since the block around it will
   * release it; the last cancellation on the way is for the caller to throw.
   * The permit is the one from before: the caller's `using` holds it.
   */
  async #retake(permit: Permit | null): Promise<{ error: unknown } | null> {
    let failure: { error: unknown } | null = null;
    for (;;) {
      try {
        await this.#lock.acquire();
        break;
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        failure = { error };
      }
    }
    this.#lock[holder] = permit;
    // The block was left while this wait went on, with Promise.race say: nobody else would release.
    if (permit?.disposed) this.#lock.release();
    return failure;
  }

  #wake(n: number): void {
    for (let i = 0; i < n && this.#waiters.wakeNext(); i++);
  }

  #checkHeld(what: string): void {
    if (this.locked()) return;
    throw new RuntimeError(`Cannot ${what} ${this}: its lock is not acquired`);
  }
}
