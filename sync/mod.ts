/**
 * Locks and other means by which tasks wait for each other.
 *
 * All of them serve whoever waits longest, hand a wake-up on when the one who
 * got it is cancelled, and belong to the loop in which somebody first had to
 * wait. None needs a permission.
 *
 * ```ts
 * import { gather, run, sleep } from "@deno-asyncio/asyncio";
 * import { Lock } from "@deno-asyncio/asyncio/sync";
 *
 * const lock = new Lock();
 *
 * async function work(name: string): Promise<void> {
 *   using _held = await lock.acquire(); // released at the end of the block
 *   console.log(name, "begins");
 *   await sleep(5);
 *   console.log(name, "ends");
 * }
 *
 * await run(() => gather(() => work("a"), () => work("b"))); // one after the other
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
