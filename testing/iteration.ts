import { schedulerOf } from "../loop/internals.ts";
import type { AbstractEventLoop } from "../types/loop.ts";

/** How many iterations `loop` has begun, in all its runs. For the differential tests. */
export function iterationOf(loop: AbstractEventLoop): number {
  return schedulerOf(loop).iteration;
}
