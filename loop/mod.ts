/**
 * The event loop, futures, tasks and handles.
 *
 * ```ts
 * import { EventLoop } from "@deno-asyncio/asyncio/loop";
 *
 * const loop = new EventLoop();
 * console.log(await loop.runUntilComplete(async () => await loop.createTask(() => 42)));
 * loop.close();
 * ```
 *
 * @module
 */

export type * from "../types/io.ts";
export type * from "../types/loop.ts";
export { EventLoop, type EventLoopOptions } from "./event_loop.ts";
export { BaseEventLoop } from "./base_loop.ts";
export { IoEventLoop } from "./io_loop.ts";
export { SystemClock } from "./clock.ts";
export { Future, type FutureOptions } from "./future.ts";
export type { Entry, Pace } from "../internal/entry.ts";
export { Handle, TimerHandle } from "./handle.ts";
export { getRunningLoop } from "./running.ts";
export { SignalReceiver, type SignalReceiverOptions } from "./signal_receiver.ts";
export { type GetStackOptions, type PrintStackOptions, Task, type TaskOptions } from "./task.ts";
