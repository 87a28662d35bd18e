/** What the tests of executors run by module and name. */
import { transfer } from "../../transports/transfer.ts";

let calls = 0;
const table = new Uint8Array(16).fill(7);

export function add(a: number, b: number): number {
  return a + b;
}

/** Grows while the module stays loaded. */
export function count(): number {
  return ++calls;
}

/** What the module keeps. */
export function ownTable(): Uint8Array {
  return table;
}

/** Marks what it gives away; how much of it is left here is told by the next call. */
export function giveAway(): { given: Uint8Array; left: number } {
  const left = given.length;
  given = new Uint8Array(32);
  const last = given;
  return transfer({ given: last, left });
}
let given = new Uint8Array(1);

/** How much is left of what `giveAway` gave. */
export function leftOver(): number {
  return given.length;
}

export class AccessError extends RangeError {
  override readonly name: string = "AccessError";
  readonly code = "EACCESS";
}

export function fail(): never {
  throw new AccessError("no way in", { cause: new Deno.errors.NotFound("no door") });
}

export const constant = 1;
