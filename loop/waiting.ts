import { RuntimeError } from "../errors.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import { scope } from "../internal/context.ts";
import type { Entry } from "../internal/entry.ts";

/** Tells a task that it waits. */
export const waitFor: unique symbol = Symbol("waitFor");
/** Tells a task that a wait is over. */
export const wake: unique symbol = Symbol("wake");

/** An `await` of a task on a future, as the task sees it. */
export interface Wait extends Entry {
  /** What is awaited. */
  readonly future: {
    cancel(message?: string): boolean;
    done(): boolean;
    cancelled(): boolean;
  };
}

/** A task, as the futures it waits for see it. */
export interface Waiter {
  /** Whether it has ended. */
  done(): boolean;
  /** Its loop. */
  getLoop(): AbstractEventLoop;
  /** It begins to wait. */
  [waitFor](wait: Wait): void;
  /** It goes on: with what it must throw, or `null`. */
  [wake](wait: Wait): Error | null;
}

/** The task whose code runs, for what it waits for. */
export function runningTask(): Waiter | null {
  const task = scope.getStore()?.task as Waiter | null | undefined;
  return task === null || task === undefined || task.done() ? null : task;
}

/** Why `task` cannot wait for `future`; `null` if it can. */
export function refusal(
  future: { getLoop(): AbstractEventLoop },
  task: Waiter,
): RuntimeError | null {
  if (future as unknown === task) {
    return new RuntimeError(
      `Cannot await ${task} in itself: it would never end`,
    );
  }
  if (future.getLoop() !== task.getLoop()) {
    return new RuntimeError(
      `Cannot await ${future} in ${task}: it is attached to a different loop`,
    );
  }
  return null;
}
