import type { AbstractEventLoop, AbstractTask } from "../types/loop.ts";
import type { FdOwners } from "./fd_owners.ts";
import type { Scheduler } from "./scheduler.ts";

/** Where a loop keeps its engine. For the library itself. */
export const scheduler: unique symbol = Symbol("scheduler");

/** Where a loop keeps its tasks that are not done; strongly, so that none vanishes. */
export const taskSet: unique symbol = Symbol("taskSet");

/** Where a loop keeps what it must release when it closes: open transports, servers, watchers. */
export const resources: unique symbol = Symbol("resources");

/** How a loop lets the library receive signals of the process. */
export const receiveSignal: unique symbol = Symbol("receiveSignal");

/** Where a loop keeps which file descriptors its transports use. */
export const fdOwners: unique symbol = Symbol("fdOwners");

/** Something that holds a resource of the platform. */
export interface LoopResource {
  /** Gives it back at once. The loop is closed: no callback runs any more. */
  release(): void;
}

/** A loop as the library sees it. */
export interface LoopInternals extends AbstractEventLoop {
  /** The engine. */
  readonly [scheduler]: Scheduler;
  /** The tasks that are not done. */
  readonly [taskSet]: Set<AbstractTask<unknown>>;
  /** What is released when the loop closes. */
  readonly [resources]: Set<LoopResource>;
  /** The file descriptors of transports. */
  readonly [fdOwners]: FdOwners;
  /** Calls `deliver` for a signal, in place of the loop's handler, until the function it returns is called. */
  [receiveSignal](signal: Deno.Signal, deliver: () => void): () => void;
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

/** A loop as the library sees it; refuses one that is not built on ours. */
export function internalsOf(loop: AbstractEventLoop): LoopInternals {
  schedulerOf(loop);
  return loop as LoopInternals;
}
