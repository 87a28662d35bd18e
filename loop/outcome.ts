/** A future that is not done. */
export const PENDING = 0;
/** A future with a result. */
export const FINISHED = 1;
/** A future with an error. */
export const FAILED = 2;
/** A future that was cancelled. */
export const CANCELLED = 3;

/** How a future can end. */
export type Outcome = typeof FINISHED | typeof FAILED | typeof CANCELLED;
