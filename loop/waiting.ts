import type { AbstractEventLoop } from "../types/loop.ts";
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
