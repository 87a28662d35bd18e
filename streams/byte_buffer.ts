import { Deque } from "../internal/deque.ts";
import { indexOfByte } from "./index_of_byte.ts";

const EMPTY = new Uint8Array(0);

/**
 * The bytes of a stream that were received and not yet read. Pieces are kept as
 * they came and handed out as parts of them: nothing is copied as long as what is
 * looked for lies within one piece. A search that runs over the end of a piece
 * joins pieces, into a block that doubles, so that every byte is copied a bounded
 * number of times, however small the pieces are.
 */
export class ByteBuffer {
  /** How many bytes there are. */
  size = 0;
  /** The first piece, or the block that pieces were joined into: bytes `#start` to `#end` of it. */
  #head: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** Whether `#head` is a block of our own, with room after `#end`. */
  #owned = false;
  readonly #rest = new Deque<Uint8Array>();

  /** Adds a piece; it must not change from now on. */
  push(piece: Uint8Array): void {
    if (this.size === 0) this.#setHead(piece);
    else this.#rest.push(piece);
    this.size += piece.length;
  }

  /** Puts a piece back in front of what there is. */
  unshift(piece: Uint8Array): void {
    const rest = this.take(this.size);
    if (piece.length > 0) this.push(piece);
    if (rest.length > 0) this.push(rest);
  }

  /** Takes up to `count` bytes from the front. */
  take(count: number): Uint8Array {
    const wanted = Math.min(count, this.size);
    if (this.#end - this.#start < wanted) return this.#collect(wanted);
    // What was sent as one message mostly comes in one piece, and is asked for as one.
    const whole = wanted === this.#head.length;
    const bytes = whole ? this.#head : this.#head.subarray(this.#start, this.#start + wanted);
    this.#skip(wanted);
    return bytes;
  }

  /** Takes bytes that lie in several pieces; in an array of that size, since it may be kept for long. */
  #collect(wanted: number): Uint8Array {
    const bytes = new Uint8Array(wanted);
    for (let at = 0; at < wanted;) {
      const step = Math.min(wanted - at, this.#end - this.#start);
      bytes.set(this.#head.subarray(this.#start, this.#start + step), at);
      this.#skip(step);
      at += step;
    }
    return bytes;
  }

  /** Drops `count` bytes from the front. */
  drop(count: number): void {
    let left = Math.min(count, this.size);
    while (left > 0) {
      const step = Math.min(left, this.#end - this.#start);
      this.#skip(step);
      left -= step;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#rest.clear();
    this.#setHead(EMPTY);
    this.size = 0;
  }

  /** Where `separator` first stands at `offset` or later; -1 if it does not. */
  indexOf(separator: Uint8Array, offset: number): number {
    for (;;) {
      const at = this.#indexInHead(separator, offset);
      if (at >= 0) return at;
      if (this.#end - this.#start === this.size) return -1;
      // What was searched is not searched again, but for a separator that may straddle the seam.
      offset = Math.max(offset, this.#end - this.#start - separator.length + 1);
      this.#join(this.#end - this.#start + 1);
    }
  }

  #indexInHead(separator: Uint8Array, offset: number): number {
    const head = this.#head;
    const first = separator[0] as number;
    const end = this.#end - separator.length + 1;
    for (let from = this.#start + offset; from < end;) {
      const at = indexOfByte(head, first, from, end);
      if (at < 0) return -1;
      let match = 1;
      while (match < separator.length && head[at + match] === separator[match]) match++;
      if (match === separator.length) return at - this.#start;
      from = at + 1;
    }
    return -1;
  }

  /** Makes the head hold at least `wanted` bytes. */
  #join(wanted: number): void {
    while (this.#end - this.#start < wanted) {
      const piece = this.#rest.shift() as Uint8Array;
      if (!this.#owned || this.#head.length - this.#end < piece.length) {
        const length = this.#end - this.#start;
        const block = new Uint8Array(
          2 * Math.max(length + piece.length, Math.min(wanted, this.size)),
        );
        block.set(this.#head.subarray(this.#start, this.#end));
        this.#head = block;
        this.#start = 0;
        this.#end = length;
        this.#owned = true;
      }
      this.#head.set(piece, this.#end);
      this.#end += piece.length;
    }
  }

  #skip(count: number): void {
    this.#start += count;
    this.size -= count;
    if (this.#start === this.#end) this.#setHead(this.#rest.shift() ?? EMPTY);
  }

  #setHead(piece: Uint8Array): void {
    this.#head = piece;
    this.#start = 0;
    this.#end = piece.length;
    this.#owned = false;
  }
}
