import { Future } from "../loop/future.ts";
import { type LoopInternals, scheduler } from "../loop/internals.ts";
import { abortable } from "../loop/abortable.ts";
import type { DirectTimer } from "../loop/scheduler.ts";

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
 * Starts attempts one after the other: the next when the one before it failed,
 * or `delayMs` after that one started. The first that succeeds wins, and the
 * others are aborted (CPython `staggered.py`; RFC 8305 section 5).
 *
 * Cancellation: every attempt is aborted, and what one of them made is discarded.
 */
export async function race<T>(
  loop: LoopInternals,
  attempts: readonly Attempt<T>[],
  options: RaceOptions<T>,
): Promise<{ winner: T | undefined; errors: Error[] }> {
  options.signal?.throwIfAborted();
  const controller = new AbortController();
  const errors: (Error | undefined)[] = [];
  const won: T[] = [];
  let over = false;
  let started = 0;
  let failed = 0;
  /** Failed, or slow, is the attempt that was started last: only that one holds up the next. */
  let isNextDue = true;
  let changed = new Future<void>({ loop });
  const change = () => void (changed.done() || changed.setResult());
  const hurry = (at: number) => {
    if (at !== started - 1) return;
    isNextDue = true;
    change();
  };
  const start = (at: number) => {
    isNextDue = false;
    (attempts[at] as Attempt<T>)(controller.signal).then((value) => {
      if (over) return options.discard(value);
      over = true;
      won.push(value);
      change();
    }, (error) => {
      errors[at] = error;
      if (++failed === attempts.length) change();
      hurry(at);
    });
  };
  let timer: DirectTimer<number> | null = null;
  try {
    while (!over && failed < attempts.length) {
      if (isNextDue && started < attempts.length) {
        const at = started++;
        start(at);
        timer?.cancel();
        timer = options.delayMs === null || started === attempts.length
          ? null
          : loop[scheduler].callAt(loop.time() + options.delayMs, hurry, at);
      }
      changed = new Future<void>({ loop });
      await abortable(changed, options.signal);
    }
    return { winner: won.pop(), errors: errors.filter((error) => error !== undefined) };
  } finally {
    over = true;
    timer?.cancel();
    controller.abort();
    // Given up in the very iteration in which one succeeded.
    for (const value of won) options.discard(value);
  }
}
