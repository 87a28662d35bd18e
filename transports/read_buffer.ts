import { keepBytes } from "./keep_bytes.ts";

/** What a quiet connection holds. */
const SMALL = 8 * 1024;
/** The most that is read at once, as in asyncio (`max_size`). */
const LARGE = 256 * 1024;
/** What all connections together may hold beyond their small buffers, in bytes. */
const BUDGET = 16 * 1024 * 1024;

let held = 0;

/**
 * Memory for a connection to read into, so that the bytes handed over may be
 * kept.
 *
 * Small reads go into one lasting buffer and are copied out into blocks that all
 * connections share, which die young: letting each connection hand out parts of
 * an 8 KiB buffer of its own makes those buffers old, and a full collection every
 * 30 ms took half the CPU of an echo server.
 *
 * A connection whose reads fill their space gets a bigger one, and what fills a
 * good part of that is handed over as it is. The pending read of a connection
 * gone quiet pins its memory, 2.5 GB for 10 000 of them at 256 KiB; so there is a
 * budget for all, beyond which reads are small.
 */
export class ReadBuffer {
  readonly #small = new Uint8Array(SMALL);
  #space = this.#small;
  /** The part of the space that was read last: traffic of one size needs no new view for each read. */
  #view = this.#small;
  #wanted = SMALL;

  /** Space for the next read. */
  space(): Uint8Array {
    if (this.#space.length === this.#wanted) return this.#space;
    this.release();
    if (this.#wanted > SMALL && held + this.#wanted <= BUDGET) {
      held += this.#wanted;
      this.#space = this.#view = new Uint8Array(this.#wanted);
    }
    return this.#space;
  }

  /** The bytes of a read of `count` into the space, the taker's to keep. */
  take(count: number): Uint8Array {
    const space = this.#space;
    const bytes = this.lend(count);
    if (space === this.#small || count < space.length / 4) return keepBytes(bytes);
    this.release();
    return bytes;
  }

  /** The bytes of a read of `count` into the space, until the next read. */
  lend(count: number): Uint8Array {
    const size = this.#space.length;
    if (count === size) this.#wanted = Math.min(4 * size, LARGE);
    else if (size > SMALL) this.#wanted = Math.max(SMALL, roomFor(count), this.#wanted / 2);
    if (this.#view.length !== count) this.#view = this.#space.subarray(0, count);
    return this.#view;
  }

  /** Holds no more than a quiet connection does. */
  release(): void {
    if (this.#space === this.#small) return;
    held -= this.#space.length;
    this.#space = this.#view = this.#small;
  }
}

/** The power of two above `count`. */
function roomFor(count: number): number {
  return 2 ** (32 - Math.clz32(count));
}
