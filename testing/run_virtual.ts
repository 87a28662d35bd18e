import { run } from "../policy/runner.ts";
import type { Awaitable } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { DeadlockError } from "./deadlock_error.ts";
import { VirtualTimeLoop, type VirtualTimeLoopOptions } from "./virtual_time_loop.ts";

/** Options of {@linkcode runVirtual}. */
export interface RunVirtualOptions extends VirtualTimeLoopOptions, AbortableOptions {}

/**
 * Runs `main` as the only task of a new {@linkcode VirtualTimeLoop}, cancels what
 * is left, and closes the loop: `run()` without waiting.
 *
 * ```ts
 * import { sleep } from "@deno-asyncio/asyncio/tasks";
 * import { runVirtual } from "@deno-asyncio/asyncio/testing";
 *
 * await runVirtual(async () => await sleep(86_400_000)); // a day, at once
 * ```
 *
 * Cancellation: an abort of `signal` cancels `main`.
 *
 * @returns what `main` returned
 * @throws what `main` threw; {@linkcode DeadlockError} if it can never end;
 * {@linkcode RuntimeError} inside a running loop
 */
export async function runVirtual<T>(
  main: Awaitable<T>,
  options: RunVirtualOptions = {},
): Promise<T> {
  try {
    return await run(main, { ...options, loopFactory: () => new VirtualTimeLoop(options) });
  } catch (error) {
    // Tasks that would not end when cancelled either: closing the loop has told of them, and the first error tells more.
    if (error instanceof SuppressedError && error.error instanceof DeadlockError) {
      throw error.suppressed;
    }
    throw error;
  }
}
