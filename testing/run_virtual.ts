import { taskSet } from "../loop/internals.ts";
import type { AbstractTask, Coroutine } from "../types/loop.ts";
import { VirtualTimeLoop, type VirtualTimeLoopOptions } from "./virtual_time_loop.ts";

/**
 * Runs `main` as the only task of a new {@linkcode VirtualTimeLoop}, then cancels
 * what is left, and closes the loop: `run()` without waiting.
 *
 * ```ts
 * import { sleep } from "@deno-asyncio/asyncio/tasks";
 * import { runVirtual } from "@deno-asyncio/asyncio/testing";
 *
 * await runVirtual(async () => await sleep(86_400_000)); // a day, at once
 * ```
 *
 * @returns what `main` returned
 * @throws what `main` threw; {@linkcode DeadlockError} if it can never end
 */
export async function runVirtual<T>(
  main: Coroutine<T>,
  options: VirtualTimeLoopOptions = {},
): Promise<T> {
  const loop = new VirtualTimeLoop(options);
  try {
    return await loop.runUntilComplete(main);
  } finally {
    await windUp(loop);
  }
}

/** What `run` does at the end. Its own failures must not take the place of the outcome of `main`. */
async function windUp(loop: VirtualTimeLoop): Promise<void> {
  try {
    await loop.runUntilComplete((self) => cancelOthers(loop, self));
    await loop.runUntilComplete(() => loop.shutdownAsyncgens());
    await loop.runUntilComplete(() => loop.shutdownDefaultExecutor());
  } catch (exception) {
    loop.callExceptionHandler({
      message: "An error occurred while runVirtual() closed its loop",
      exception,
    });
  } finally {
    loop.close();
  }
}

async function cancelOthers(
  loop: VirtualTimeLoop,
  self: AbstractTask<unknown>,
): Promise<void> {
  const all = (loop as unknown as { [taskSet]: Set<AbstractTask<unknown>> })[taskSet];
  const others = [...all].filter((task) => task !== self);
  for (const task of others) task.cancel();
  for (const task of others) {
    try {
      await task;
    } catch (exception) {
      if (task.cancelled()) continue;
      loop.callExceptionHandler({
        message: "unhandled exception during runVirtual() shutdown",
        exception,
        task,
      });
    }
  }
}
