import { abortable } from "./abortable.ts";
import type { LoopInternals } from "./internals.ts";
import { SoleWait } from "./sole_wait.ts";

/**
 * Something that happens once and that any number of tasks may wait for. Each
 * has a wait of its own, so that giving up one leaves the others alone.
 */
export class Latch {
  readonly #loop: LoopInternals;
  readonly #waiters = new Set<SoleWait>();
  #outcome: { error: unknown } | null = null;

  /** A latch of `loop`, not yet open. */
  constructor(loop: LoopInternals) {
    this.#loop = loop;
  }

  /** Whether it has happened. */
  get isOpen(): boolean {
    return this.#outcome !== null;
  }

  /** It happened; with an `error`, those who wait now or later fail with it. */
  open(error: unknown = null): void {
    if (this.#outcome !== null) return;
    this.#outcome = { error };
    for (const waiter of this.#waiters) {
      if (waiter.done()) continue;
      if (error === null) waiter.setResult();
      else waiter.setException(error);
    }
  }

  /** Resolves when it has happened; at once if it has. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (this.#outcome !== null) {
      if (this.#outcome.error !== null) throw this.#outcome.error;
      return;
    }
    signal?.throwIfAborted();
    const waiter = new SoleWait(this.#loop);
    this.#waiters.add(waiter);
    try {
      await abortable(waiter, signal).wait();
    } finally {
      this.#waiters.delete(waiter);
    }
  }
}
