/**
 * Queues between tasks: first in first out, by priority, last in first out.
 * None needs a permission.
 *
 * ```ts
 * import { Queue } from "@deno-asyncio/asyncio/queues";
 *
 * const queue = new Queue<number>(10);
 * await queue.put(42);
 * console.log(await queue.get()); // 42
 * ```
 *
 * @module
 */

export type { Comparator } from "./heap.ts";
export { LifoQueue } from "./lifo_queue.ts";
export { PriorityQueue } from "./priority_queue.ts";
export { type ItemStore, Queue, type QueueStatistics, type ShutdownOptions } from "./queue.ts";
