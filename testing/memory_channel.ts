import { schedulerOf } from "../loop/internals.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { ByteChannel } from "../types/transports.ts";
import { type LinkScript, type MemoryLink, readLink } from "./memory_link.ts";

/** A connection in memory. What both directions have in common stands here. */
export interface MemoryChannelOptions extends MemoryLink {
  /** What is different for what the first side sends. */
  fromFirst?: MemoryLink;
  /** What is different for what the second side sends. */
  fromSecond?: MemoryLink;
  /** Whether a side can end its own direction alone. @default {true} */
  halfClose?: boolean;
  /** What `getExtraInfo` knows, on the first and on the second side. */
  extra?: readonly [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>];
}

/**
 * Two byte channels, connected in memory: what one writes the other reads, in
 * the pieces and after the delays that the options say. `loop` is where the
 * delays pass. Below {@linkcode memoryTransportPair}; by itself it is for
 * testing a channel over a channel, as TLS is.
 *
 * @throws {RangeError} for an option that cannot be
 */
export function memoryChannelPair(
  loop: AbstractEventLoop,
  options: MemoryChannelOptions = {},
): [ByteChannel, ByteChannel] {
  const { fromFirst, fromSecond, halfClose = true, extra = [{}, {}], ...both } = options;
  const engine = schedulerOf(loop);
  const there = new Pipe(engine, readLink({ ...both, ...fromFirst }));
  const back = new Pipe(engine, readLink({ ...both, ...fromSecond }));
  const breakBoth = (error: Error) => {
    there.fail(error);
    back.fail(error);
  };
  there.onLoss = back.onLoss = breakBoth;
  there.onPeerGone = (error) => back.refuse(error);
  back.onPeerGone = (error) => there.refuse(error);
  for (const pipe of [there, back]) pipe.loseIfDue();
  const Channel = halfClose ? HalfClosableChannel : MemoryChannel;
  return [new Channel(back, there, extra[0]), new Channel(there, back, extra[1])];
}

/** One end of a connection. */
class MemoryChannel implements ByteChannel {
  readonly #extra: Readonly<Record<string, unknown>>;
  protected readonly incoming: Pipe;
  protected readonly outgoing: Pipe;

  constructor(incoming: Pipe, outgoing: Pipe, extra: Readonly<Record<string, unknown>>) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.#extra = extra;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.incoming.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.outgoing.write(data);
  }

  close(): void {
    this.outgoing.end();
    this.outgoing.leave(
      new Deno.errors.BrokenPipe("The other side of the connection in memory was closed"),
    );
    this.incoming.abandon();
  }

  abort(): void {
    const error = new Deno.errors.ConnectionReset(
      "The other side of the connection in memory was aborted",
    );
    this.outgoing.end(error);
    this.outgoing.leave(error);
    this.incoming.abandon();
  }

  getExtraInfo(name: string): unknown {
    return Object.hasOwn(this.#extra, name) ? this.#extra[name] : undefined;
  }
}

/** One end of a connection whose directions end separately. */
class HalfClosableChannel extends MemoryChannel {
  closeWrite(): Promise<void> {
    this.outgoing.end();
    return Promise.resolve();
  }
}

interface PendingRead {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

interface PendingWrite {
  readonly data: Uint8Array;
  readonly resolve: (count: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One direction. What is sent is on its way for a while, arrives in order, and
 * waits to be read; `capacity` bounds both together.
 */
class Pipe {
  /** The connection broke. */
  onLoss: (error: Error) => void = () => {};
  /** The sender has left: it reads no more either. */
  onPeerGone: (error: Error) => void = () => {};

  readonly #engine: Scheduler;
  readonly #script: LinkScript;
  readonly #arrived: Uint8Array[] = [];
  #arrivedSize = 0;
  #onTheWay = 0;
  #lastDue = -Infinity;
  #delivered = 0;
  #reading: PendingRead | null = null;
  #writing: PendingWrite | null = null;
  /** Set once the sender sends no more. */
  #ended = false;
  /** What a read finds after the last byte; `undefined` while the end has not arrived. */
  #last: Error | null | undefined = undefined;
  /** Why writing fails. */
  #refusal: Error | null = null;
  /** The reader has left: bytes go nowhere. */
  #abandoned = false;
  /** Lost in silence: nothing arrives, nobody is told. */
  #silent = false;

  constructor(engine: Scheduler, script: LinkScript) {
    this.#engine = engine;
    this.#script = script;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reading = { buffer, resolve, reject };
      this.#serveReader();
    });
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#writing = { data, resolve, reject };
      this.#serveWriter();
    });
  }

  /** Nothing more is sent; the reader finds EOF, or `error`, after the last byte. */
  end(error: Error | null = null): void {
    this.#settleWriting();
    if (this.#ended) return;
    this.#ended = true;
    this.#send(0, () => this.#last ??= error);
  }

  /** The sender reads no more: when that news arrives, the other side's writing fails with `error`. */
  leave(error: Error): void {
    this.#send(0, () => this.onPeerGone(error));
  }

  /** The reader has left. */
  abandon(): void {
    this.#abandoned = true;
    this.#arrived.length = 0;
    this.#arrivedSize = 0;
    const reading = this.#reading;
    this.#reading = null;
    reading?.resolve(null);
    this.#serveWriter();
  }

  /** Writing fails from now on. */
  refuse(error: Error): void {
    this.#refusal ??= error;
    this.#serveWriter();
  }

  /** The connection broke: what was not read is gone. */
  fail(error: Error): void {
    this.#arrived.length = 0;
    this.#arrivedSize = 0;
    this.#ended = true;
    this.#last = error;
    this.refuse(error);
    this.#serveReader();
  }

  /** Breaks if all the bytes before the loss have arrived. */
  loseIfDue(): void {
    if (this.#delivered < this.#script.lossAfter || this.#silent) return;
    if (this.#script.lossError === null) this.#silent = true;
    else this.onLoss(this.#script.lossError);
  }

  #settleWriting(): void {
    const writing = this.#writing;
    this.#writing = null;
    writing?.reject(new Deno.errors.BadResource("Closed while writing"));
  }

  #serveReader(): void {
    const reading = this.#reading;
    if (reading === null || this.#silent) return;
    if (this.#arrivedSize > 0) {
      this.#reading = null;
      try {
        reading.resolve(this.#take(reading.buffer));
      } catch (error) {
        // A function of the caller's script threw.
        reading.reject(error);
        return;
      }
      this.loseIfDue();
      this.#serveWriter();
    } else if (this.#last !== undefined) {
      this.#reading = null;
      if (this.#last === null) reading.resolve(null);
      else reading.reject(this.#last);
    }
  }

  #take(buffer: Uint8Array): number {
    let room = Math.min(
      buffer.length,
      this.#script.nextChunk(),
      this.#script.lossAfter - this.#delivered,
    );
    let count = 0;
    while (room > 0 && this.#arrived.length > 0) {
      const first = this.#arrived[0] as Uint8Array;
      const piece = first.length <= room ? first : first.subarray(0, room);
      buffer.set(piece, count);
      if (piece === first) this.#arrived.shift();
      else this.#arrived[0] = first.subarray(room);
      count += piece.length;
      room -= piece.length;
    }
    this.#arrivedSize -= count;
    this.#delivered += count;
    return count;
  }

  #serveWriter(): void {
    const writing = this.#writing;
    if (writing === null) return;
    const { data, resolve, reject } = writing;
    const room = this.#abandoned
      ? data.length
      : this.#script.capacity - this.#arrivedSize - this.#onTheWay;
    if (this.#refusal === null && room <= 0) return;
    this.#writing = null;
    if (this.#refusal !== null) return reject(this.#refusal);
    const count = Math.min(room, data.length);
    const bytes = data.slice(0, count);
    try {
      this.#send(count, () => this.#arrive(bytes));
    } catch (error) {
      return reject(error);
    }
    resolve(count);
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#abandoned || this.#last !== undefined) return;
    this.#arrived.push(bytes);
    this.#arrivedSize += bytes.length;
  }

  /** Lets `arrive` happen after the delay, and after all that was sent before. */
  #send(size: number, arrive: () => void): void {
    const now = this.#engine.now();
    const due = Math.max(now + this.#script.nextDelay(), this.#lastDue);
    this.#onTheWay += size;
    const come = () => {
      this.#onTheWay -= size;
      arrive();
      this.#serveReader();
      this.#serveWriter();
    };
    if (due <= now) return come();
    this.#lastDue = due;
    this.#engine.callAt(due, come, undefined);
  }
}
