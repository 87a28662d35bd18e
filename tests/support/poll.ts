/** How long, and for what, `until` waits. */
export interface UntilOptions {
  /** Longest wait, in milliseconds. It bounds a broken test; no good one comes near. @default {10000} */
  timeoutMs?: number;
  /** Named in the error when the time is over. @default {the source of the condition} */
  what?: string;
}

/**
 * Waits until `condition` gives something truthy, and resolves to it.
 *
 * Each try is a macrotask of its own, so timers, sockets and the loop under
 * test run in between. For what has no event to wait for; a test that can wait
 * for an event does.
 *
 * @throws {Error} when `timeoutMs` passed; with the last error of `condition`
 * as cause. Until then an error of `condition` counts as "not yet".
 */
export async function until<T>(
  condition: () => T | PromiseLike<T>,
  options: UntilOptions = {},
): Promise<T> {
  const { timeoutMs = 10_000, what = condition.toString() } = options;
  const deadline = performance.now() + timeoutMs;
  while (true) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`, { cause });
    }
    await nextMacrotask();
  }
}

/** Resolves in a later macrotask, after timers and I/O had their turn. */
export function nextMacrotask(): Promise<void> {
  // Not setImmediate: while immediates are pending Deno polls I/O only every
  // 61st, and a poll that spins would take the core from the child it waits for.
  return new Promise((resolve) => setTimeout(resolve, 1));
}
