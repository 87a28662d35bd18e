import { CancelledError } from "../errors.ts";
import { Future } from "../loop/future.ts";
import { type LoopInternals, scheduler } from "../loop/internals.ts";
import { abortable } from "../loop/abortable.ts";

/** One attempt; it must end soon after `signal` aborts. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>;

/** Options of {@linkcode race}. */
export interface RaceOptions<T> {
  /** When to start the next attempt although the one before has not failed; `null` for never. */
  delayMs: number | null;
  /** Ends the race. */
  signal: AbortSignal | undefined;
  /** Gives back what comes too late. */
  discard: (late: T) => void;
}

/**
 * Starts attempts one after the other: the next when the one before failed, or
 * `delayMs` after it started. The first that succeeds wins, and the others are
 * aborted (CPython `staggered.py`).
 */
export async function race<T>(
  loop: LoopInternals,
  attempts: readonly Attempt<T>[],
  options: RaceOptions<T>,
): Promise<{ winner: T | undefined; errors: Error[] }> {
  const controller = new AbortController();
  const errors: (Error | undefined)[] = [];
  let winner: T | undefined;
  let over = false;
  let changed = new Future<void>({ loop });
  let failed = 0;
  const change = () => void (changed.done() || changed.setResult());
  let started = 0;
  const startNext = () => {
    const at = started++;
    (attempts[at] as Attempt<T>)(controller.signal).then((value) => {
      if (over) return options.discard(value);
      over = true;
      winner = value;
      change();
    }, (error) => {
      failed++;
      if (!(over && error instanceof CancelledError)) errors[at] = error;
      change();
    });
  };
  try {
    while (!over && failed < attempts.length) {
      if (started < attempts.length) startNext();
      const failedBefore = failed;
      const timer = options.delayMs === null || started === attempts.length
        ? null
        : loop[scheduler].callAt(loop.time() + options.delayMs, change, undefined);
      // Until one fails, one succeeds, or it is time for the next.
      if (!over && failed === failedBefore) {
        changed = new Future<void>({ loop });
        await abortable(changed, options.signal);
      }
      timer?.cancel();
    }
  } finally {
    over = true;
    controller.abort();
  }
  return { winner, errors: errors.filter((error) => error !== undefined) };
}
