import { RuntimeError } from "../errors.ts";
import { activeLoop } from "../internal/context.ts";
import type { EventLoop } from "./event_loop.ts";

/**
 * The loop whose callback or task is running now, also after an `await` inside
 * a task.
 *
 * ```ts
 * import { getRunningLoop, run } from "@deno-asyncio/asyncio";
 *
 * await run(() => console.log(getRunningLoop().isRunning()));
 * ```
 *
 * @throws {RuntimeError} when no loop is running here
 */
export function getRunningLoop(): EventLoop {
  const loop = activeLoop();
  if (loop === null) {
    throw new RuntimeError(
      "Cannot get the running event loop: no event loop is running here",
    );
  }
  return loop as EventLoop;
}
