import type { ByteChannel } from "../types/transports.ts";
import { keepBytes } from "./keep_bytes.ts";

/** What a quiet connection holds. */
const SMALL = 8 * 1024;
/** The most that is read at once, as in asyncio (`max_size`). */
const LARGE = 256 * 1024;
/** What all connections together may hold beyond their small buffers, in bytes. */
const BUDGET = 16 * 1024 * 1024;

let held = 0;

/** Where a transport gets what it receives: it reads, and then takes or lends the bytes of that read. */
export interface Intake {
  /** Reads once; how many bytes came, `null` at EOF. */
  read(): Promise<number | null>;
  /** The bytes of the last read, of which there are `count`, the taker's to keep. */
  take(count: number): Uint8Array;
  /** The bytes of the last read, until the next one. */
  lend(count: number): Uint8Array;
  /** Holds no more than a quiet connection does. */
  release(): void;
}

/** How to receive from `channel`. */
export function intakeOf(channel: ByteChannel): Intake {
  return hasChunks(channel) ? new ChunkIntake(channel) : new ReadBuffer(channel);
}

type ChunkChannel = Required<Pick<ByteChannel, "readChunk">>;

function hasChunks(channel: Partial<ChunkChannel>): channel is ChunkChannel {
  return channel.readChunk !== undefined;
}

/** Of a channel with memory of its own. */
class ChunkIntake implements Intake {
  readonly #channel: ChunkChannel;
  #chunk: Uint8Array | null = null;

  constructor(channel: ChunkChannel) {
    this.#channel = channel;
  }

  async read(): Promise<number | null> {
    this.#chunk = await this.#channel.readChunk();
    return this.#chunk === null ? null : this.#chunk.length;
  }

  take(): Uint8Array {
    const chunk = this.#chunk as Uint8Array;
    this.#chunk = null;
    return chunk;
  }

  lend(): Uint8Array {
    return this.take();
  }

  release(): void {
    this.#chunk = null;
  }
}

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
class ReadBuffer implements Intake {
  readonly #channel: ByteChannel;
  readonly #small = new Uint8Array(SMALL);
  #space = this.#small;
  /** The part of the space that was read last: traffic of one size needs no new view for each read. */
  #view = this.#small;
  #wanted = SMALL;

  constructor(channel: ByteChannel) {
    this.#channel = channel;
  }

  read(): Promise<number | null> {
    return this.#channel.read(this.#nextSpace());
  }

  #nextSpace(): Uint8Array {
    if (this.#space.length === this.#wanted) return this.#space;
    this.release();
    if (this.#wanted > SMALL && held + this.#wanted <= BUDGET) {
      held += this.#wanted;
      this.#space = this.#view = new Uint8Array(this.#wanted);
    }
    return this.#space;
  }

  take(count: number): Uint8Array {
    const space = this.#space;
    const bytes = this.lend(count);
    if (space === this.#small || count < space.length / 4) return keepBytes(bytes);
    this.release();
    return bytes;
  }

  lend(count: number): Uint8Array {
    const size = this.#space.length;
    if (count === size) this.#wanted = Math.min(4 * size, LARGE);
    else if (size > SMALL) this.#wanted = Math.max(SMALL, roomFor(count), this.#wanted / 2);
    if (this.#view.length !== count) this.#view = this.#space.subarray(0, count);
    return this.#view;
  }

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
