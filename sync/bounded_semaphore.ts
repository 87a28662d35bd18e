import { Semaphore, type SemaphoreStatistics } from "./semaphore.ts";

/**
 * A {@linkcode Semaphore} that refuses to have more free permits than it was
 * made with: a `release()` too many is a mistake that is found where it is made.
 *
 * ```ts
 * import { BoundedSemaphore } from "@deno-asyncio/asyncio/sync";
 *
 * const connections = new BoundedSemaphore(10);
 * using _one = await connections.acquire();
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  readonly #bound: number;

  /** Makes a semaphore with `value` free permits; see {@linkcode Semaphore}. */
  constructor(value = 1) {
    super(value);
    this.#bound = value;
  }

  /**
   * Adds a permit. If somebody waits, it is theirs at once.
   *
   * @throws {RangeError} if all permits are free already
   */
  override release(): void {
    // Infinity stays as it is, whatever is taken away or added.
    if (this.value >= this.#bound && this.#bound !== Infinity) {
      throw new RangeError(`Cannot release ${this}: all of its ${this.#bound} permits are free`);
    }
    super.release();
  }

  /** Its state, for monitoring. */
  override statistics(): SemaphoreStatistics {
    return { ...super.statistics(), bound: this.#bound };
  }
}
