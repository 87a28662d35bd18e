/**
 * Sizes of a read: what a quiet connection holds; a step between; what a busy
 * one reads at once, as asyncio does (`max_size`). Bulk data pays for big reads:
 * 64 KiB at a time costs 25 % more than 256 KiB.
 */
const SIZES = [8 * 1024, 64 * 1024, 256 * 1024] as const;
/** A rest smaller than this is not worth another read. */
const SMALLEST_READ = 2 * 1024;

/**
 * Memory for a connection to read into, so that the bytes handed over may be
 * kept. Many small reads share one allocation. A read that fills all of one is
 * followed by a bigger one, and a read that does not by the smallest, since it is
 * the pending read of a connection gone quiet that pins memory: 10 000 of them
 * at 256 KiB would hold 2.5 GB.
 */
export class ReadBuffer {
  #slab = new Uint8Array(0);
  #used = 0;
  #level = 0;

  /** Space for the next read. */
  space(): Uint8Array {
    const size = SIZES[this.#level] as number;
    if (this.#slab.length !== size || size - this.#used < SMALLEST_READ) {
      this.#slab = new Uint8Array(size);
      this.#used = 0;
    }
    return this.#used === 0 ? this.#slab : this.#slab.subarray(this.#used);
  }

  /** The bytes of a read of `count` into the space, the taker's to keep. */
  take(count: number): Uint8Array {
    const bytes = this.lend(count);
    this.#used += count;
    return bytes;
  }

  /** The bytes of a read of `count` into the space, until the next read. */
  lend(count: number): Uint8Array {
    const start = this.#used;
    const filled = start === 0 && count === this.#slab.length;
    this.#level = filled ? Math.min(this.#level + 1, SIZES.length - 1) : 0;
    return this.#slab.subarray(start, start + count);
  }

  /** Gives the memory back. */
  release(): void {
    this.#slab = new Uint8Array(0);
    this.#used = 0;
    this.#level = 0;
  }
}
