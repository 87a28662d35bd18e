/** A source of whole numbers `0 <= n < below`, the same for the same seed. */
export function numbers(seed: number): (below: number) => number {
  // Multiplicative congruential, modulus 2^31 - 1 (Park and Miller).
  let state = seed;
  return (below) => {
    state = state * 48_271 % 2_147_483_647;
    return state % below;
  };
}
