/**
 * Sizes of a read: what a quiet connection holds, and what busy ones read at
 * once. asyncio reads up to 256 KiB.
 */
const SIZES = [8 * 1024, 64 * 1024, 256 * 1024] as const;
/** Small portions are handed over in pieces of blocks this big, shared by all connections. */
const BLOCK_SIZE = 32 * 1024;

let block = new Uint8Array(0);
let used = 0;

/** A copy of `bytes` for somebody to keep. */
function keep(bytes: Uint8Array): Uint8Array {
  const size = bytes.length;
  if (block.length - used < size) {
    block = new Uint8Array(BLOCK_SIZE);
    used = 0;
  }
  const start = used;
  used += size;
  block.set(bytes, start);
  return block.subarray(start, used);
}

/**
 * Memory for a connection to read into, so that the bytes handed over may be
 * kept. Small reads go into one lasting buffer and are copied out into blocks
 * that all connections share, which die young: letting each connection hand out
 * parts of an 8 KiB buffer of its own makes those buffers old, and a full
 * collection every 30 ms took half the CPU of an echo server. A read that fills
 * the buffer is followed by a bigger one, whose memory is given away as it is,
 * and one that does not by the small buffer again, since it is the pending read
 * of a connection gone quiet that pins memory: 10 000 of them at 256 KiB would
 * hold 2.5 GB.
 */
export class ReadBuffer {
  readonly #small = new Uint8Array(SIZES[0]);
  #space = this.#small;
  #level = 0;

  /** Space for the next read. */
  space(): Uint8Array {
    this.#space = this.#level === 0 ? this.#small : new Uint8Array(SIZES[this.#level] as number);
    return this.#space;
  }

  /** The bytes of a read of `count` into the space, the taker's to keep. */
  take(count: number): Uint8Array {
    const space = this.#space;
    const bytes = this.lend(count);
    return space === this.#small ? keep(bytes) : bytes;
  }

  /** The bytes of a read of `count` into the space, until the next read. */
  lend(count: number): Uint8Array {
    this.#level = count === this.#space.length ? Math.min(this.#level + 1, SIZES.length - 1) : 0;
    return this.#space.subarray(0, count);
  }
}
