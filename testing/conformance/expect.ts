/** A transport does not do what a stream transport must. */
export class ConformanceError extends Error {
  /** The name of the class. */
  override readonly name: string = "ConformanceError";
}

/** Fails with `message` unless `condition` holds. */
export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ConformanceError(message);
}

/** Fails unless both are the same JSON. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [actual, expected].map((value) => Deno.inspect(value, { depth: 3 }));
  expect(left === right, `${what}: expected ${right}, got ${left}`);
}

/** Fails unless both hold the same bytes. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const common = Math.min(actual.length, expected.length);
  let at = 0;
  while (at < common && actual[at] === expected[at]) at++;
  expect(
    at === common,
    `${what}: byte ${at} of ${expected.length} is ${actual[at]}, expected ${expected[at]}`,
  );
  expect(
    actual.length === expected.length,
    `${what}: expected ${expected.length} bytes, got ${actual.length}`,
  );
}

/** The error that `call` throws. */
export function thrownBy(call: () => unknown, what: string): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new ConformanceError(`${what}: expected an error, none was thrown`);
}

/** Odd, so that it fits no buffer size. */
const PERIOD = 65_521;

/** Bytes without a short period, different for every `seed`. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  const period = Math.min(length, PERIOD);
  for (let at = 0; at < period; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 255;
  for (let at = PERIOD; at < length; at *= 2) bytes.copyWithin(at, 0, at);
  return bytes;
}

/** All of `pieces` in one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
