/**
 * Python asyncio for Deno: event loop, transports and protocols, and tasks,
 * streams, queues, subprocesses and synchronization on top, under asyncio's own
 * names in camelCase. All times are milliseconds.
 *
 * ```ts
 * import { Protocol, run } from "@deno-asyncio/asyncio";
 *
 * await run((task) => console.log(`hello from ${task.getName()}`, Protocol.name));
 * ```
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
