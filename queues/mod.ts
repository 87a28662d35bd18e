/**
 * Queues between tasks: first in first out, by priority, last in first out.
 * None needs a permission.
 *
 * ```ts
 * import { run } from "@deno-asyncio/asyncio";
 * import { PriorityQueue, Queue } from "@deno-asyncio/asyncio/queues";
 *
 * await run(async () => {
 *   const queue = new Queue<number>(10);
 *   await queue.put(42);
 *   console.log(await queue.get()); // 42
 *
 *   const urgent = new PriorityQueue<number>();
 *   for (const priority of [3, 1, 2]) urgent.putNowait(priority);
 *   console.log(urgent.getNowait()); // 1
 * });
 * ```
 *
 * @module
 */

export type { Comparator } from "./heap.ts";
export { LifoQueue } from "./lifo_queue.ts";
export { PriorityQueue } from "./priority_queue.ts";
export { type ItemStore, Queue, type QueueStatistics, type ShutdownOptions } from "./queue.ts";
