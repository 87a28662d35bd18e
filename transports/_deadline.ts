/** Calls `callback` after `delayMs` milliseconds, unless the function it returns is called before. */
export type SetTimer = (delayMs: number, callback: () => void) => () => void;

/** What `setTimeout` can wait: a longer delay would become 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** The timer of the platform. */
export function setPlatformTimer(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, Math.min(delayMs, LONGEST_MS));
  return () => clearTimeout(timer);
}

/**
 * A time limit, or an abort, for something that cannot be interrupted: the
 * work goes on, but nobody waits for it any longer.
 */
export class Deadline implements Disposable {
  /** Whether the time is over. */
  passed = false;
  readonly #over = Promise.withResolvers<never>();
  readonly #cancelTimer: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#pass(this.#signal?.reason);

  /** Starts the time; `reason` makes the error for its end. Dispose it in any case. */
  constructor(
    setTimer: SetTimer,
    delayMs: number,
    reason: () => unknown,
    signal?: AbortSignal,
  ) {
    // Nobody may be racing at the moment it passes; `passed` tells then.
    this.#over.promise.catch(() => this.passed);
    this.#cancelTimer = setTimer(delayMs, () => this.#pass(reason()));
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
  }

  /** Waits for `work`, but not longer than the time: rejects with the reason then. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.#over.promise, work]);
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  #pass(reason: unknown): void {
    this.passed = true;
    this.#over.reject(reason);
  }
}
