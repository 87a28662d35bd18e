/** A number, several that are taken in turn and then over again, or what a function says each time. */
export type Script = number | readonly number[] | (() => number);

/** How a connection breaks. */
export interface Loss {
  /** It does so when so many bytes have arrived. */
  afterBytes: number;
  /**
   * What reading and writing fail with on both sides. `null`: nothing fails,
   * but nothing arrives any more either, as when a cable is pulled.
   *
   * @default {Deno.errors.ConnectionReset}
   */
  error?: Error | null;
}

/** One direction of a connection in memory. */
export interface MemoryLink {
  /** The most bytes that arrive at a time. @default {what there is} */
  chunkSize?: Script;
  /** How long bytes are on their way, in milliseconds of the loop. Order is kept. @default {0} */
  delayMs?: Script;
  /** Where it breaks: after so many bytes, or in which way. @default {never} */
  loss?: number | Loss;
  /** How many bytes it holds that nobody has read yet; what is more stays with the sender. @default {65536} */
  capacity?: number;
}

/** A {@linkcode MemoryLink} that was checked. */
export interface LinkScript {
  /** The most bytes of the next read. */
  readonly nextChunk: () => number;
  /** The delay of the next write. */
  readonly nextDelay: () => number;
  /** Bytes until it breaks. */
  readonly lossAfter: number;
  /** How it breaks. */
  readonly lossError: Error | null;
  /** Bytes it holds. */
  readonly capacity: number;
}

/**
 * Checks a link.
 *
 * @throws {RangeError} if a number cannot be what it is meant to be
 */
export function readLink(link: MemoryLink): LinkScript {
  const { chunkSize = Infinity, delayMs = 0, loss = Infinity, capacity = 65536 } = link;
  const { afterBytes, error } = typeof loss === "number" ? { afterBytes: loss } : loss;
  checkCount("loss", afterBytes, 0);
  checkCount("capacity", capacity, 1);
  return {
    nextChunk: play("chunkSize", chunkSize, checkCount, 1),
    nextDelay: play("delayMs", delayMs, checkDelay, 0),
    lossAfter: afterBytes,
    lossError: error === undefined
      ? new Deno.errors.ConnectionReset(
        `The connection in memory broke after ${afterBytes} bytes, as its loss says`,
      )
      : error,
    capacity,
  };
}

type Check = (name: string, value: number, least: number) => void;

function play(name: string, script: Script, check: Check, least: number): () => number {
  if (typeof script === "function") {
    return () => {
      const value = script();
      check(name, value, least);
      return value;
    };
  }
  const values = typeof script === "number" ? [script] : [...script];
  if (values.length === 0) throw refusal(name, "an empty list", "at least one number");
  for (const value of values) check(name, value, least);
  let at = 0;
  return () => values[at++ % values.length] as number;
}

function checkCount(name: string, value: number, least: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= least)) return;
  throw refusal(name, value, `a whole number from ${least} on`);
}

function checkDelay(name: string, value: number, least: number): void {
  if (typeof value === "number" && value >= least && value < Infinity) return;
  throw refusal(name, value, `milliseconds from ${least} on`);
}

function refusal(name: string, value: unknown, expected: string): RangeError {
  return new RangeError(
    `Cannot connect in memory: ${name} is ${value}, expected ${expected}`,
  );
}
