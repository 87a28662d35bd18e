import { BrokenBarrierError } from "../errors.ts";
import { Deque } from "../internal/deque.ts";
import type { AbortableOptions } from "../types/options.ts";
import { Condition } from "./condition.ts";

/**
 * What a barrier does: it collects tasks; lets them go; drops them and starts
 * anew; or refuses them, until `reset()`.
 *
 * `filling -> draining -> filling`; `filling | draining -> resetting -> filling`; `any -> broken -> filling`
 */
type State = "filling" | "draining" | "resetting" | "broken";

/** What {@linkcode Barrier.statistics} tells. */
export interface BarrierStatistics {
  /** How many tasks it takes to pass. */
  parties: number;
  /** How many are there already. */
  tasksWaiting: number;
  /** Whether it was aborted. */
  broken: boolean;
}

/**
 * A place where tasks wait until so many are there, and then go on together; and
 * again with the next ones (CPython `locks.py`).
 *
 * ```ts
 * import { Barrier } from "@deno-asyncio/asyncio/sync";
 *
 * const start = new Barrier(1);
 * const index = await start.wait();
 * if (index === 0) console.log("one of them is the first");
 * ```
 */
export class Barrier {
  readonly #parties: number;
  readonly #condition = new Condition();
  #state: State = "filling";
  #count = 0;
  /** Indexes of those who left; while it fills, for those who come. */
  readonly #freeIndexes = new Deque<number>();

  /**
   * Makes a barrier that `parties` tasks pass together.
   *
   * @throws {RangeError} if `parties` is not a whole number from 1 on
   * @throws {TypeError} if `parties` is not a number
   */
  constructor(parties: number) {
    if (typeof parties !== "number") {
      throw new TypeError(
        `Cannot make a Barrier: expected a number of parties, got ${typeof parties}`,
      );
    }
    if (!Number.isInteger(parties) || parties < 1) {
      throw new RangeError(
        `Cannot make a Barrier: expected a whole number of parties from 1 on, got ${parties}`,
      );
    }
    this.#parties = parties;
  }

  /** How many tasks it takes to pass. */
  get parties(): number {
    return this.#parties;
  }

  /** How many tasks are there already; 0 while they leave. */
  get nWaiting(): number {
    return this.#state === "filling" ? this.#count : 0;
  }

  /** Whether it was aborted. */
  get broken(): boolean {
    return this.#state === "broken";
  }

  /**
   * Waits until all parties are there. While earlier ones are leaving, waits for
   * that first.
   *
   * Cancellation: the place is free for somebody else.
   *
   * @returns a number from 0 to `parties - 1`, another one for each of those who
   * pass together, in the order of arrival unless somebody gave up. (CPython
   * gives an index twice after that.)
   * @throws {BrokenBarrierError} if it is or gets broken, or is reset meanwhile
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  async wait(options?: AbortableOptions): Promise<number> {
    using _held = await this.#condition.acquire(options);
    await this.#condition.waitFor(
      () => this.#state === "filling" || this.#state === "broken",
      options,
    );
    if (this.#state === "broken") {
      throw new BrokenBarrierError(`Cannot wait at ${this}: it was aborted`);
    }
    const index = this.#freeIndexes.shift() ?? this.#count;
    this.#count++;
    try {
      if (this.#count === this.#parties) this.#change("draining");
      else await this.#othersArrive(options);
      return index;
    } finally {
      this.#leave(index);
    }
  }

  /**
   * Empties it: those who wait get a {@linkcode BrokenBarrierError}, and then it
   * is as new. Also mends a broken one.
   *
   * Cancellation: nothing happened.
   */
  async reset(options?: AbortableOptions): Promise<void> {
    using _held = await this.#condition.acquire(options);
    this.#change(this.#count > 0 ? "resetting" : "filling");
  }

  /**
   * Breaks it: those who wait, and those who come, get a
   * {@linkcode BrokenBarrierError} until it is reset.
   *
   * Cancellation: nothing happened.
   */
  async abort(options?: AbortableOptions): Promise<void> {
    using _held = await this.#condition.acquire(options);
    this.#change("broken");
  }

  /** Its state, for monitoring. */
  statistics(): BarrierStatistics {
    return { parties: this.#parties, tasksWaiting: this.nWaiting, broken: this.broken };
  }

  /** For messages. */
  toString(): string {
    return `<${this.constructor.name} ${this.#state} ${this.#count}/${this.#parties}>`;
  }

  async #othersArrive(options: AbortableOptions | undefined): Promise<void> {
    await this.#condition.waitFor(() => this.#state !== "filling", options);
    if (this.#state === "draining") return;
    const why = this.#state === "broken" ? "aborted" : "reset";
    throw new BrokenBarrierError(`Cannot pass ${this}: it was ${why} meanwhile`);
  }

  #leave(index: number): void {
    this.#freeIndexes.push(index);
    if (--this.#count > 0) return;
    this.#freeIndexes.clear();
    // Newcomers wait for the last one to leave.
    this.#change(this.#state === "broken" ? "broken" : "filling");
  }

  #change(state: State): void {
    this.#state = state;
    this.#condition.notifyAll();
  }
}
