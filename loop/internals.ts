import type { AbstractEventLoop, AbstractTask } from "../types/loop.ts";
import type { Scheduler } from "./scheduler.ts";

/** Where a loop keeps its engine. For the library itself. */
export const scheduler: unique symbol = Symbol("scheduler");

/** Where a loop keeps its tasks that are not done; strongly, so that none vanishes. */
export const taskSet: unique symbol = Symbol("taskSet");

/** A loop as the library sees it. */
export interface LoopInternals extends AbstractEventLoop {
  /** The engine. */
  readonly [scheduler]: Scheduler;
  /** The tasks that are not done. */
  readonly [taskSet]: Set<AbstractTask<unknown>>;
}

/** The engine of `loop`; refuses a loop that is not built on ours. */
export function schedulerOf(loop: AbstractEventLoop): Scheduler {
  const engine = (loop as Partial<LoopInternals>)[scheduler];
  if (engine === undefined) {
    throw new TypeError(
      `Cannot use ${loop} as an event loop: it does not extend EventLoop`,
    );
  }
  return engine;
}
