import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";

/** Whether it can be awaited here: a function, a promise, a future. */
function isAwaitable(value: unknown): boolean {
  return typeof value === "function" ||
    typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/** Refuses a list with one bad member before any of the good ones is started. */
export function checkAwaitables(
  what: string,
  awaitables: Iterable<unknown>,
  loop: LoopInternals,
): void {
  for (const awaitable of awaitables) {
    if (awaitable instanceof Future) {
      if (awaitable.getLoop() !== loop) {
        throw new RangeError(`Cannot ${what} ${awaitable}: it belongs to a different loop`);
      }
    } else if (!isAwaitable(awaitable)) {
      throw new TypeError(
        `Cannot ${what} ${Deno.inspect(awaitable)}: expected a future, a promise, or a function`,
      );
    }
  }
}

/** The members of `awaitables`; refuses one that is itself what should be in a list. */
export function listOf<A>(what: string, awaitables: Iterable<A>): A[] {
  const given = awaitables as unknown;
  if (
    isAwaitable(given) || typeof given !== "object" || given === null || !(Symbol.iterator in given)
  ) {
    throw new TypeError(`Cannot ${what} ${Deno.inspect(given)}: expected an iterable of futures`);
  }
  return [...awaitables];
}

/** The deadline of a wait of `timeoutMs`; `null` for none. */
export function deadlineOf(
  what: string,
  timeoutMs: number | null | undefined,
  now: number,
): number | null {
  if (timeoutMs === null || timeoutMs === undefined || timeoutMs === Infinity) return null;
  if (typeof timeoutMs !== "number") {
    throw new TypeError(
      `Cannot ${what}: expected a number or null as the timeout, got ${timeoutMs}`,
    );
  }
  if (Number.isNaN(timeoutMs)) throw new RangeError(`Cannot ${what}: the timeout is NaN`);
  return now + timeoutMs;
}
