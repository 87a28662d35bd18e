import { RuntimeError } from "../errors.ts";
import type {
  AnyStreamProtocol,
  BufferedStreamingProtocol,
  StreamingProtocol,
} from "../types/protocols.ts";
import type { ByteChannel } from "../types/transports.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import type { ProtocolPort } from "./protocol_port.ts";
import { type Intake, intakeOf } from "./intake.ts";

const NOTHING = new Uint8Array(0);

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
    if (!this.#reading) this.#heir.resolve(NOTHING);
    this.#getUp();
    return this.#heir.promise;
  }

  #reading = false;

  /** Reads until stopped, or to the end. Call it in the context of the connection. */
  async run(): Promise<void> {
    const intake = intakeOf(this.#channel);
    while (!this.#stopped) {
      if (this.#paused) {
        await this.#resumed();
        continue;
      }
      let count: number | null;
      this.#reading = true;
      try {
        count = await intake.read();
      } catch (error) {
        await this.#failed(error);
        break;
      }
      if (!this.#stopped) {
        const turn = this.#scheduler.ioTurn();
        if (turn !== null) await turn;
        if (this.#paused) await this.#resumption();
      }
      if (this.#heir !== null) this.#heir.resolve(count === null ? null : intake.take(count));
      if (this.#stopped) break;
      if (count === null) {
        this.#reading = false;
        this.#receiveEof();
        break;
      }
      let rest = this.#receive(intake, count);
      while (rest.length > 0 && !this.#stopped) {
        await this.#resumption();
        rest = this.#feed(rest);
      }
      this.#reading = false;
      if (this.#heir !== null) this.#heir.resolve(rest);
    }
    intake.release();
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#heir !== null) this.#heir.reject(error);
    if (this.#stopped) return;
    const turn = this.#scheduler.ioTurn();
    if (turn !== null) await turn;
    if (!this.#stopped) this.#events.failed(error, "Fatal read error on stream transport");
  }

  #resumed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Until it is resumed, and then the loop's turn: whoever resumed it is still running. */
  async #resumption(): Promise<void> {
    while (this.#paused && !this.#stopped) {
      await this.#resumed();
      const turn = this.#scheduler.ioTurn();
      if (turn !== null) await turn;
    }
  }

  #getUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  /** Hands over what was read; answers the rest, if a buffered protocol pauses in the middle. */
  #receive(intake: Intake, count: number): Uint8Array {
    const protocol = this.#port.protocol;
    if (protocol !== null && isBuffered(protocol)) return this.#feed(intake.lend(count));
    this.#deliver(intake.take(count));
    return NOTHING;
  }

  #deliver(data: Uint8Array): void {
    this.#port.tryHere(
      "dataReceived",
      (protocol) => (protocol as StreamingProtocol).dataReceived?.(data),
      (error) => this.#failIn("dataReceived", error),
    );
  }

  /** Hands bytes to a buffered protocol, in as many portions as its buffers take. */
  #feed(data: Uint8Array): Uint8Array {
    let rest = data;
    while (rest.length > 0 && !this.#paused && !this.#stopped) {
      const protocol = this.#port.protocol;
      if (protocol === null) return NOTHING;
      if (!isBuffered(protocol)) {
        // It switched itself for a plain protocol in the middle of the bytes.
        this.#deliver(rest.slice());
        return NOTHING;
      }
      const space = this.#port.tryHere(
        "getBuffer",
        () => checkBuffer(protocol.getBuffer(rest.length)),
        (error) => this.#failIn("getBuffer", error),
      );
      if (space === undefined) return NOTHING;
      const count = Math.min(space.length, rest.length);
      space.set(count === rest.length ? rest : rest.subarray(0, count));
      rest = rest.subarray(count);
      this.#port.tryHere(
        "bufferUpdated",
        () => protocol.bufferUpdated(count),
        (error) => this.#failIn("bufferUpdated", error),
      );
    }
    return rest;
  }

  #receiveEof(): void {
    this.#stopped = true;
    if (this.#channel.isReadable === false) return this.#events.ended(false);
    let failed = false;
    const keepOpen = this.#port.tryHere(
      "eofReceived",
      (protocol) => protocol.eofReceived?.(),
      (error) => {
        failed = true;
        this.#failIn("eofReceived", error);
      },
    );
    if (!failed) this.#events.ended(Boolean(keepOpen));
  }

  #failIn(method: string, error: unknown): void {
    this.#events.failed(error, `Fatal error: protocol.${method}() call failed.`);
  }
}

function checkBuffer(space: unknown): Uint8Array {
  if (!(space instanceof Uint8Array)) {
    throw new TypeError(`getBuffer() must return a Uint8Array, got ${Deno.inspect(space)}`);
  }
  if (space.length === 0) throw new RuntimeError("getBuffer() returned an empty buffer");
  return space;
}

function isBuffered(protocol: AnyStreamProtocol): protocol is BufferedStreamingProtocol {
  return typeof (protocol as Partial<BufferedStreamingProtocol>).getBuffer === "function";
}
