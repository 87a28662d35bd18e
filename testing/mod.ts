/**
 * For tests: a loop whose time jumps instead of passing.
 *
 * ```ts
 * import { getRunningLoop } from "@deno-asyncio/asyncio";
 * import { runVirtual } from "@deno-asyncio/asyncio/testing";
 *
 * await runVirtual(async () => {
 *   const loop = getRunningLoop();
 *   const bell = loop.createFuture<string>();
 *   loop.callLater(60_000, () => bell.setResult("ding"));
 *   console.log(await bell, "at", loop.time()); // at once: ding at 60000
 * });
 * ```
 *
 * @module
 */

export { DeadlockError, type StuckTask } from "./deadlock_error.ts";
export { runVirtual } from "./run_virtual.ts";
export { VirtualTimeLoop, type VirtualTimeLoopOptions } from "./virtual_time_loop.ts";
