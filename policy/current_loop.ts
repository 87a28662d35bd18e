import type { EventLoop } from "../loop/event_loop.ts";
import { activeLoop } from "../internal/context.ts";
import { getEventLoopPolicy } from "./event_loop_policy.ts";

/**
 * The running loop, or else the current loop of the policy. Never creates one.
 *
 * @throws {RuntimeError} if there is neither
 */
export function getEventLoop(): EventLoop {
  return activeLoop() as EventLoop | null ?? getEventLoopPolicy().getEventLoop();
}

/**
 * Makes `loop` the current loop of the policy; `null` for none.
 *
 * ```ts
 * import { getEventLoop, newEventLoop, setEventLoop } from "@deno-asyncio/asyncio";
 *
 * await using loop = newEventLoop();
 * setEventLoop(loop);
 * console.log(getEventLoop() === loop); // true
 * setEventLoop(null);
 * ```
 *
 * @throws {TypeError} if it is not a loop
 */
export function setEventLoop(loop: EventLoop | null): void {
  getEventLoopPolicy().setEventLoop(loop);
}

/**
 * A new loop of the policy; it does not become the current one.
 *
 * ```ts
 * import { newEventLoop, sleep } from "@deno-asyncio/asyncio";
 *
 * await using loop = newEventLoop();
 * console.log(await loop.runUntilComplete(() => sleep(1, "done"))); // done
 * ```
 */
export function newEventLoop(): EventLoop {
  return getEventLoopPolicy().newEventLoop();
}
