/**
 * The event loop, futures, tasks and handles. `run()` makes a loop for you;
 * `getRunningLoop()` is the one that runs now. Needs no permission.
 *
 * ```ts
 * import { EventLoop } from "@deno-asyncio/asyncio/loop";
 *
 * await using loop = new EventLoop();
 * const answer = await loop.runUntilComplete(async () => {
 *   const future = loop.createFuture<number>();
 *   loop.callLater(5, () => future.setResult(42));
 *   return await future;
 * });
 * console.log(answer); // 42
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
