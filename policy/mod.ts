/**
 * Running programs, and what the current event loop is. Needs no permission; a loop
 * made here can use everything the program may.
 *
 * ```ts
 * import { run } from "@deno-asyncio/asyncio/policy";
 *
 * console.log(await run((task) => `done by ${task.getName()}`));
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
export { run, Runner, type RunnerOptions, type RunOptions } from "./runner.ts";
