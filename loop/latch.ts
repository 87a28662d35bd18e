import type { LoopInternals } from "./internals.ts";
import { WaitSet } from "./wait_set.ts";

/**
 * Something that happens once and that any number of tasks may wait for.
 */
export class Latch {
  readonly #waiters: WaitSet;
  #outcome: { error: unknown } | null = null;

  /** A latch of `loop`, not yet open. */
  constructor(loop: LoopInternals) {
    this.#waiters = new WaitSet(loop);
  }

  /** Whether it has happened. */
  get isOpen(): boolean {
    return this.#outcome !== null;
  }

  /** It happened; with an `error`, those who wait now or later fail with it. */
  open(error: unknown = null): void {
    if (this.#outcome !== null) return;
    this.#outcome = { error };
    this.#waiters.release(error);
  }

  /** Resolves when it has happened; at once if it has. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (this.#outcome !== null) {
      if (this.#outcome.error !== null) throw this.#outcome.error;
      return;
    }
    await this.#waiters.wait(signal);
  }
}
