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
 * @throws {TypeError} if it is not a loop
 */
export function setEventLoop(loop: EventLoop | null): void {
  getEventLoopPolicy().setEventLoop(loop);
}

/** A new loop of the policy; it does not become the current one. */
export function newEventLoop(): EventLoop {
  return getEventLoopPolicy().newEventLoop();
}
