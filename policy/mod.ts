/**
 * Running programs, and what the current event loop is.
 *
 * ```ts
 * import { newEventLoop } from "@deno-asyncio/asyncio/policy";
 *
 * await using loop = newEventLoop();
 * console.log(await loop.runUntilComplete(() => "done"));
 * ```
 *
 * @module
 */

export { getEventLoop, newEventLoop, setEventLoop } from "./current_loop.ts";
export {
  AbstractEventLoopPolicy,
  DefaultEventLoopPolicy,
  getEventLoopPolicy,
  setEventLoopPolicy,
} from "./event_loop_policy.ts";
export { run, Runner, type RunnerOptions } from "./runner.ts";
