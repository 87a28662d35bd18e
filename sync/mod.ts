/**
 * Locks and other means by which tasks wait for each other.
 *
 * All of them serve whoever waits longest, hand a wake-up on when the one who
 * got it is cancelled, and belong to the loop in which somebody first had to
 * wait. None needs a permission.
 *
 * ```ts
 * import { Lock } from "@deno-asyncio/asyncio/sync";
 *
 * const lock = new Lock();
 * using _held = await lock.acquire();
 * ```
 *
 * @module
 */

export { Barrier, type BarrierStatistics } from "./barrier.ts";
export { BoundedSemaphore } from "./bounded_semaphore.ts";
export { Condition, type ConditionStatistics } from "./condition.ts";
export { Event, type EventStatistics } from "./event.ts";
export { Lock, type LockStatistics } from "./lock.ts";
export type { Permit } from "./permit.ts";
export { Semaphore, type SemaphoreStatistics } from "./semaphore.ts";
