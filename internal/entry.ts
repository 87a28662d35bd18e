/** How the scheduler goes on after an entry ran. */
export const AT_ONCE = 0;
/** After the microtask that the entry released. */
export const AFTER_MICROTASK = 1;
/** After all microtasks: a task took a step. */
export const AFTER_DRAIN = 2;

/** How the scheduler goes on after an entry ran. */
export type Pace = 0 | 1 | 2;

/** Runs an entry. Named by a symbol, since handles are public objects. */
export const run: unique symbol = Symbol("run");

/** Whether an entry still wants to run. */
export const live: unique symbol = Symbol("live");

/** Tells an entry that it never will, since the loop closed. */
export const dropped: unique symbol = Symbol("dropped");

/** Something with a place in the ready queue of a loop. */
export abstract class Entry {
  /** Whether it still wants to run. Set below: a field with the name of a symbol takes three times as long. */
  declare [live]: boolean;

  /** It wants to run. */
  constructor() {
    this[live] = true;
  }

  /** Runs it. */
  abstract [run](): Pace;
  /** The loop closed before it ran. */
  [dropped](): void {}
}
