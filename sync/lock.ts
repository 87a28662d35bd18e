import { RuntimeError } from "../errors.ts";
import { WaitQueue } from "../loop/wait_queue.ts";
import type { AbstractTask } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { Permit, takeBack } from "./permit.ts";

/** The permit a lock is held with. For `Condition`, which gives the lock up and takes it again. */
export const holder: unique symbol = Symbol("holder");

/** What {@linkcode Lock.statistics} tells. */
export interface LockStatistics {
  /** Whether it is held. */
  locked: boolean;
  /** The task that acquired it; `null` if it is free, or was acquired outside of a task. */
  owner: AbstractTask<unknown> | null;
  /** How many wait to acquire it. */
  tasksWaiting: number;
}

/**
 * A mutual exclusion lock for the tasks of one loop. Whoever waits longest gets
 * it next. It is not reentrant, and any task may release it (CPython `locks.py`).
 *
 * ```ts
 * import { Lock } from "@deno-asyncio/asyncio/sync";
 *
 * const lock = new Lock();
 * async function withdraw(amount: number): Promise<void> {
 *   using _held = await lock.acquire();
 *   console.log(`${amount}, and nobody interferes`);
 * }
 * await withdraw(10);
 * ```
 */
export class Lock {
  readonly #waiters: WaitQueue = new WaitQueue(this, "acquire()");
  #holder: Permit | null = null;

  /** Whether it is held. Between `release()` and the turn of the next waiter it is not. */
  locked(): boolean {
    return this.#holder !== null;
  }

  /**
   * Takes the lock, as soon as it is free and those who came before had their turn.
   *
   * Cancellation: the lock is not taken, and whoever is next gets it.
   *
   * @returns what releases it: `using _held = await lock.acquire()`; or call `release()`
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  async acquire(options?: AbortableOptions): Promise<Permit> {
    options?.signal?.throwIfAborted();
    if (this.#holder !== null || this.#waiters.isWanted) {
      const waiter = this.#waiters.enter(options?.signal);
      try {
        await waiter.wait();
      } catch (error) {
        this.#waiters.leave(waiter);
        // It may have been the one to go next; if the lock is held, its release() sees to the others.
        if (this.#holder === null) this.#waiters.wakeHead();
        throw error;
      }
      this.#waiters.leave(waiter);
    }
    return this.#holder = new Permit(this);
  }

  /**
   * Frees the lock and wakes whoever waits longest.
   *
   * @throws {RuntimeError} if it is free
   */
  release(): void {
    if (this.#holder === null) {
      throw new RuntimeError(`Cannot release ${this}: it is not held`);
    }
    this.#holder = null;
    this.#waiters.wakeHead();
  }

  /** Its state, for monitoring. */
  statistics(): LockStatistics {
    return {
      locked: this.locked(),
      owner: this.#holder?.task ?? null,
      tasksWaiting: this.#waiters.pendingCount,
    };
  }

  /** For messages. */
  toString(): string {
    return `<${this.constructor.name} ${this.locked() ? "locked" : "unlocked"}>`;
  }

  /** @internal */
  get [holder](): Permit | null {
    return this.#holder;
  }
  set [holder](permit: Permit | null) {
    this.#holder = permit;
  }

  /**
   * A permit that outlived its hold, because `release()` was called, gives nothing back.
   *
   * @internal
   */
  [takeBack](permit: Permit): void {
    if (this.#holder === permit) this.release();
  }
}
