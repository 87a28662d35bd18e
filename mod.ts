/**
 * Python asyncio for Deno: event loop, transports and protocols, and tasks,
 * streams, queues, subprocesses and synchronization on top, under asyncio's own
 * names in camelCase. All times are milliseconds. Importing it needs no permission.
 *
 * ```ts
 * import { gather, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const results = await gather(sleep(20, "slow"), sleep(10, "fast"));
 *   console.log(results); // ["slow", "fast"], after 20 ms
 * });
 * ```
 *
 * The same names are to be had by section, as `@deno-asyncio/asyncio/tasks` and
 * so on; this module has all of them.
 *
 * @module
 */

export * from "./errors.ts";
export type * from "./types.ts";
export * from "./loop/mod.ts";
export * from "./policy/mod.ts";
export * from "./protocols/mod.ts";
export * from "./queues/mod.ts";
export * from "./streams/mod.ts";
export * from "./subprocess/mod.ts";
export * from "./sync/mod.ts";
export * from "./tasks/mod.ts";
export * from "./testing/mod.ts";
export * from "./transports/mod.ts";
