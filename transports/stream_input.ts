import { RuntimeError } from "../errors.ts";
import type { AnyStreamProtocol, BufferedStreamingProtocol } from "../types/protocols.ts";
import type { ByteChannel } from "../types/transports.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import type { ProtocolPort } from "./protocol_port.ts";
import { ReadBuffer } from "./read_buffer.ts";

/** What ended the input of its own accord. */
export interface StreamInputEvents {
  /** The peer ended its side; the protocol was told, and wants the connection kept half open or not. */
  ended(keepOpen: boolean): void;
  /** Reading failed, or the protocol did. */
  failed(error: unknown, message: string): void;
}

/** What was read for a transport that has handed its channel over; `null` at EOF. */
export type Leftover = Uint8Array | null;

/**
 * The receiving half of a stream transport: reads from the channel and calls
 * the protocol, one portion at a time, in the context of the connection.
 *
 * At most one read is under way. What it brings while reading is paused waits
 * until it is resumed, so a paused protocol hears nothing, not even of an EOF.
 */
export class StreamInput {
  readonly #channel: ByteChannel;
  readonly #scheduler: Scheduler;
  readonly #port: ProtocolPort<AnyStreamProtocol>;
  readonly #events: StreamInputEvents;
  #paused = false;
  #stopped = false;
  #wake: (() => void) | null = null;
  #heir: PromiseWithResolvers<Leftover> | null = null;

  /** Reads nothing before {@linkcode run}. */
  constructor(
    channel: ByteChannel,
    scheduler: Scheduler,
    port: ProtocolPort<AnyStreamProtocol>,
    events: StreamInputEvents,
  ) {
    this.#channel = channel;
    this.#scheduler = scheduler;
    this.#port = port;
    this.#events = events;
  }

  /** Whether it is paused. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Delivers nothing from now on. */
  pause(): void {
    this.#paused = true;
    this.#channel.setReading?.(false);
  }

  /** Delivers again. */
  resume(): void {
    this.#paused = false;
    this.#channel.setReading?.(true);
    this.#getUp();
  }

  /** Delivers nothing ever again. */
  stop(): void {
    this.#stopped = true;
    this.#getUp();
  }

  /**
   * Gives up the channel: nothing is delivered here any more. Resolves to what
   * a read that is under way brings, or at once to nothing.
   */
  handOver(): Promise<Leftover> {
    this.#heir = Promise.withResolvers();
    this.#stopped = true;
    if (!this.#reading) this.#heir.resolve(new Uint8Array(0));
    this.#getUp();
    return this.#heir.promise;
  }

  #reading = false;

  /** Reads until stopped, or to the end. Call it in the context of the connection. */
  async run(): Promise<void> {
    const buffer = new ReadBuffer();
    while (!this.#stopped) {
      if (this.#paused) {
        await this.#resumed();
        continue;
      }
      const ended = await this.#readOnce(buffer);
      if (ended) return;
    }
  }

  /** Reads and delivers one portion; whether that was the last. */
  async #readOnce(buffer: ReadBuffer): Promise<boolean> {
    let count: number | null;
    this.#reading = true;
    try {
      count = await this.#channel.read(buffer.space());
    } catch (error) {
      if (this.#heir !== null) this.#heir.reject(error);
      if (this.#stopped) return true;
      const turn = this.#scheduler.ioTurn();
      if (turn !== null) await turn;
      if (!this.#stopped) this.#events.failed(error, "Fatal read error on stream transport");
      return true;
    }
    if (!this.#stopped) {
      const turn = this.#scheduler.ioTurn();
      if (turn !== null) await turn;
      while (this.#paused && !this.#stopped) await this.#resumed();
    }
    this.#reading = false;
    if (this.#heir !== null) this.#heir.resolve(count === null ? null : buffer.take(count));
    if (this.#stopped) return true;
    if (count !== null) this.#receive(buffer, count);
    else this.#receiveEof();
    return count === null;
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #getUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #receive(buffer: ReadBuffer, count: number): void {
    this.#port.tryHere(
      "dataReceived",
      (protocol) =>
        isBuffered(protocol)
          ? this.#feed(buffer.lend(count))
          : protocol.dataReceived?.(buffer.take(count)),
      (error) => this.#events.failed(error, "Fatal error: protocol.dataReceived() call failed."),
    );
  }

  /** Hands bytes to a buffered protocol, in as many portions as its buffers take. */
  #feed(data: Uint8Array): void {
    for (let rest = data; rest.length > 0;) {
      const protocol = this.#port.protocol;
      if (protocol === null) return;
      if (!isBuffered(protocol)) {
        // It switched itself for a plain protocol in the middle of the bytes.
        protocol.dataReceived?.(rest.slice());
        return;
      }
      const space = protocol.getBuffer(rest.length);
      if (!(space instanceof Uint8Array)) {
        throw new TypeError(`getBuffer() must return a Uint8Array, got ${Deno.inspect(space)}`);
      }
      if (space.length === 0) throw new RuntimeError("getBuffer() returned an empty buffer");
      const count = Math.min(space.length, rest.length);
      space.set(count === rest.length ? rest : rest.subarray(0, count));
      protocol.bufferUpdated(count);
      rest = rest.subarray(count);
    }
  }

  #receiveEof(): void {
    this.#stopped = true;
    let failed = false;
    const keepOpen = this.#port.tryHere(
      "eofReceived",
      (protocol) => protocol.eofReceived?.(),
      (error) => {
        failed = true;
        this.#events.failed(error, "Fatal error: protocol.eofReceived() call failed.");
      },
    );
    if (!failed) this.#events.ended(Boolean(keepOpen));
  }
}

function isBuffered(protocol: AnyStreamProtocol): protocol is BufferedStreamingProtocol {
  return typeof (protocol as Partial<BufferedStreamingProtocol>).getBuffer === "function";
}
