/** Passes only if the two types are the same. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
  ? true
  : false;

/** `value` has exactly the type `T`. */
export function is<T>(): <V>(
  _value: V,
  ..._same: Same<V, T> extends true ? [] : ["not the same"]
) => void {
  return () => {};
}
