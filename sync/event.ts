import { WaitQueue } from "../loop/wait_queue.ts";
import type { AbortableOptions } from "../types/options.ts";

/** What {@linkcode Event.statistics} tells. */
export interface EventStatistics {
  /** Whether it is set. */
  isSet: boolean;
  /** How many wait for it. */
  tasksWaiting: number;
}

/**
 * A flag that tasks can wait for (CPython `locks.py`).
 *
 * ```ts
 * import { Event } from "@deno-asyncio/asyncio/sync";
 *
 * const ready = new Event();
 * ready.set();
 * console.log(await ready.wait()); // true, at once
 * ```
 */
export class Event {
  readonly #waiters: WaitQueue = new WaitQueue(this, "wait()");
  #isSet = false;

  /** Whether it is set. */
  isSet(): boolean {
    return this.#isSet;
  }

  /** Sets it and wakes all who wait, also if it is cleared before their turn comes. */
  set(): void {
    this.#isSet = true;
    this.#waiters.wakeAll();
  }

  /** Resets it: `wait()` waits again. */
  clear(): void {
    this.#isSet = false;
  }

  /**
   * Waits until it is set; not at all if it is.
   *
   * Cancellation: nothing happened.
   *
   * @returns `true`
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  async wait(options?: AbortableOptions): Promise<true> {
    options?.signal?.throwIfAborted();
    if (!this.#isSet) await this.#waiters.wait(options?.signal);
    return true;
  }

  /** Its state, for monitoring. */
  statistics(): EventStatistics {
    return { isSet: this.#isSet, tasksWaiting: this.#waiters.pendingCount };
  }

  /** For messages. */
  toString(): string {
    return `<${this.constructor.name} ${this.#isSet ? "set" : "unset"}>`;
  }
}
