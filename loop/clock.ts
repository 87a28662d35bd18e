import type { Clock } from "../types/io.ts";

/** `setTimeout` takes no more; a longer sleep wakes up once in between. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

/** The clock of the machine: `performance.now()` and `setTimeout`. */
export class SystemClock implements Clock {
  readonly resolution = 1e-6;
  #wake: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armed = NaN;

  now(): number {
    return performance.now();
  }

  start(wake: () => void): void {
    this.#wake = wake;
    this.sleepUntil(Infinity);
  }

  /**
   * Leaves a timer alone that fires too early: a loop that sleeps between two
   * packets would pay 2 µs a packet for setting it anew, and waking once for
   * nothing costs less. The timer also keeps the process alive.
   */
  sleepUntil(deadline: number): void {
    if (this.#timer !== undefined) {
      if (this.#armed <= deadline) return;
      clearTimeout(this.#timer);
    }
    this.#armed = deadline;
    const delay = deadline === Infinity
      ? LONGEST_SLEEP_MS
      : Math.ceil(deadline - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#wake();
    }, Math.min(Math.max(delay, 0), LONGEST_SLEEP_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
