import { abortable } from "./abortable.ts";
import type { LoopInternals } from "./internals.ts";
import { SoleWait } from "./sole_wait.ts";

/**
 * Tasks that wait for the same thing and all go on at once. Each has a wait of its
 * own, so that giving up one leaves the others alone. Where they go on one by one,
 * first come first served, it is a `WaitQueue`.
 */
export class WaitSet {
  readonly #loop: LoopInternals;
  readonly #waiters = new Set<SoleWait>();

  /** For tasks of `loop`. */
  constructor(loop: LoopInternals) {
    this.#loop = loop;
  }

  /** Waits until the next {@linkcode release}. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const waiter = new SoleWait(this.#loop);
    this.#waiters.add(waiter);
    try {
      await abortable(waiter, signal).wait();
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** Everyone goes on, or fails with `error`. */
  release(error: unknown = null): void {
    for (const waiter of this.#waiters) {
      if (waiter.done()) continue;
      if (error === null) waiter.setResult();
      else waiter.setException(error);
    }
  }
}
