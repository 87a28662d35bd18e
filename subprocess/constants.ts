/** A pipe between us and the child. */
export const PIPE = "piped" as const;

/** Nowhere: empty for reading, swallowing for writing. */
export const DEVNULL = "null" as const;

/** For `stderr`: where the child's stdout goes, in the order in which both are written. */
export const STDOUT = "stdout" as const;
