import { KeyboardInterrupt, RuntimeError } from "../errors.ts";
import type { AnyStreamProtocol } from "../types/protocols.ts";
import type { ByteChannel, ExtraInfo, Transport, WriteBufferLimits } from "../types/transports.ts";
import { abortable } from "../loop/abortable.ts";
import { type LoopInternals, type LoopResource, resources, scheduler } from "../loop/internals.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import { HandedOverChannel } from "./handed_over_channel.ts";
import { isPlatformError } from "./platform_error.ts";
import { ProtocolPort } from "./protocol_port.ts";
import { StreamInput } from "./stream_input.ts";
import { StreamOutput } from "./stream_output.ts";

/** Writes to a lost connection before debug mode says so (CPython `constants.py`). */
const LOST_WRITES_TO_REPORT = 5;

/** Who keeps the books of connections. */
export interface TransportOwner {
  /** A connection begins. */
  attach(transport: StreamTransport): void;
  /** It has ended, or another transport took it over. */
  detach(transport: StreamTransport): void;
}

/** What a stream transport is made of. */
export interface StreamTransportOptions {
  /** The loop. */
  loop: LoopInternals;
  /** Where the bytes go. */
  channel: ByteChannel;
  /** Who gets them. */
  protocol: AnyStreamProtocol;
  /** The server that accepted it. */
  owner?: TransportOwner | undefined;
  /** The transport whose connection this one takes over: its protocol has had `connectionMade`. */
  predecessor?: StreamTransport;
}

/**
 * The one stream transport: everything asyncio promises of one (CPython
 * `selector_events.py`), over any {@linkcode ByteChannel}.
 *
 * States: `open -> flushing (close() with output left) -> ending (the channel
 * closes) -> lost`; `abort()` and errors go to `ending` from anywhere. Entering
 * `ending` happens once, and `connectionLost` is called at its end and nowhere
 * else: that makes it exactly once.
 *
 * The callbacks of the protocol run in an async context of the connection's own,
 * whoever caused them, and never inside a call of the user's, with asyncio's one
 * exception: `pauseWriting` and `resumeWriting` may come from `write()` and
 * `setWriteBufferLimits()`.
 */
export class StreamTransport implements Transport, LoopResource {
  readonly #loop: LoopInternals;
  readonly #scheduler: Scheduler;
  readonly #channel: ByteChannel;
  readonly #owner: TransportOwner | undefined;
  readonly #port: ProtocolPort<AnyStreamProtocol>;
  readonly #input: StreamInput;
  readonly #output: StreamOutput;
  readonly #predecessor: StreamTransport | undefined;
  /** The channel below, once it was handed over, and who took it. */
  #handedOver: HandedOverChannel | null = null;
  #successor: StreamTransport | null = null;

  #closing = false;
  #ending = false;
  #lost = false;
  #eofWanted = false;
  #eofSent = false;
  #lostWrites = 0;
  #sendingFile = false;

  /** Makes a transport that does nothing before {@linkcode open}. */
  constructor(options: StreamTransportOptions) {
    const { loop, channel, predecessor } = options;
    this.#loop = loop;
    this.#scheduler = loop[scheduler];
    this.#channel = channel;
    this.#owner = predecessor === undefined ? options.owner : predecessor.#owner;
    this.#predecessor = predecessor;
    const inherited = predecessor === undefined ? undefined : predecessor.#port;
    this.#port = new ProtocolPort(loop, this, options.protocol, inherited);
    this.#input = new StreamInput(channel, this.#scheduler, this.#port, {
      ended: (keepOpen) => {
        if (!keepOpen || !this.canWriteEof()) this.close();
      },
      failed: (error, message) => this.#fail(error, message),
    });
    this.#output = new StreamOutput(channel, this.#scheduler, this.#port, {
      drained: () => this.#drained(),
      failed: (error) => this.#fail(error, "Fatal write error on stream transport"),
    });
    loop[resources].add(this);
    this.#owner?.attach(this);
  }

  /**
   * Begins: `connectionMade` in the next iteration, then `opened()`, then
   * reading. So no data comes before `connectionMade`, nor before whoever waits
   * for `opened` has run.
   */
  open(opened: () => void): void {
    this.#port.start(() => this.#live(opened));
  }

  async #live(opened: () => void): Promise<void> {
    await this.#scheduler.nextTurn();
    if (this.#predecessor !== undefined) {
      this.#takeOver(this.#predecessor);
    } else if (!this.#lost) {
      this.#port.callHere("connectionMade", (protocol) => protocol.connectionMade?.(this));
      this.#port.adoptContext();
    }
    opened();
    await this.#input.run();
  }

  // --- reading

  /** `true` unless paused or closing. */
  isReading(): boolean {
    if (this.#successor !== null) return this.#successor.isReading();
    return !this.#input.paused && !this.#closing;
  }

  /** No data is delivered from now on, until `resumeReading()`. Idempotent. */
  pauseReading(): void {
    if (this.#successor !== null) return this.#successor.pauseReading();
    // A handshake reads, whether the protocol likes to or not.
    if (this.#handedOver !== null) return;
    if (!this.#closing && !this.#input.paused) this.#input.pause();
  }

  /** Delivers data again. Idempotent. */
  resumeReading(): void {
    if (this.#successor !== null) return this.#successor.resumeReading();
    if (this.#handedOver !== null) return;
    if (!this.#closing && this.#input.paused) this.#input.resume();
  }

  // --- writing

  /**
   * Sends `data`, at once where the platform takes it. Never blocks, and never
   * throws for a broken connection. The array may be reused at once.
   *
   * @throws {TypeError} if `data` is not a `Uint8Array`
   * @throws {RuntimeError} after `writeEof()`
   */
  write(data: Uint8Array): void {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(`Cannot write to transport: expected a Uint8Array, got ${brief(data)}`);
    }
    if (this.#eofWanted) {
      throw new RuntimeError("Cannot write to transport: Cannot call write() after writeEof()");
    }
    if (this.#handedOver !== null) {
      throw new RuntimeError("Cannot write to transport: startTls() replaced it by another one");
    }
    if (this.#sendingFile) {
      throw new RuntimeError("Cannot write to transport: unable to write; sendfile is in progress");
    }
    if (data.length === 0) return;
    if (this.#ending) this.#countLostWrite();
    else this.#output.write(data);
  }

  /** As one `write` of all pieces. Nothing is sent if one of them is refused. */
  writelines(list: Iterable<Uint8Array>): void {
    if (typeof list?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        `Cannot write to transport: expected an iterable of Uint8Arrays, got ${brief(list)}`,
      );
    }
    const pieces = [...list];
    const size = pieces.reduce((sum, piece) => {
      if (piece instanceof Uint8Array) return sum + piece.length;
      throw new TypeError(`Cannot write to transport: expected Uint8Arrays, got ${brief(piece)}`);
    }, 0);
    const joined = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    this.write(joined);
  }

  /** Whether the medium can half-close. */
  canWriteEof(): boolean {
    return this.#channel.closeWrite !== undefined;
  }

  /**
   * Ends our side once everything buffered is sent; reading goes on. Idempotent.
   *
   * @throws {Deno.errors.NotSupported} if the medium cannot half-close, as TLS
   */
  writeEof(): void {
    if (!this.canWriteEof()) {
      throw new Deno.errors.NotSupported(
        "Cannot call writeEof(): this transport cannot half-close",
      );
    }
    if (this.#closing || this.#eofWanted) return;
    this.#eofWanted = true;
    this.#output.watchDrained();
    if (this.#output.isEmpty) this.#sendEof();
  }

  /** Bytes the platform has not taken yet. */
  getWriteBufferSize(): number {
    return this.#output.size;
  }

  /** The water marks, `[low, high]`. */
  getWriteBufferLimits(): [low: number, high: number] {
    return this.#output.limits;
  }

  /**
   * Sets the water marks: above `high` (64 KiB) the protocol is paused, at `low`
   * (a quarter of that) resumed.
   *
   * @throws {RangeError} unless `high >= low >= 0`
   */
  setWriteBufferLimits(limits: WriteBufferLimits = {}): void {
    this.#output.setLimits(limits);
  }

  #drained(): void {
    if (this.#handedOver !== null) this.#handedOver.drained();
    else if (this.#closing) this.#end(null);
    else if (this.#eofWanted) this.#sendEof();
  }

  #sendEof(): void {
    if (this.#eofSent) return;
    this.#eofSent = true;
    this.#channel.closeWrite?.().catch((error) => {
      if (!this.#ending) this.#fail(error, "Fatal write error on stream transport");
    });
  }

  #countLostWrite(): void {
    if (++this.#lostWrites !== LOST_WRITES_TO_REPORT || !this.#scheduler.debug) return;
    this.#port.report("Data is written to a transport whose connection is lost");
  }

  // --- the end

  /** Stops receiving, sends what is buffered, then `connectionLost(null)`. Idempotent. */
  close(): void {
    if (this.#successor !== null) return this.#successor.close();
    if (this.#handedOver !== null) return this.abort();
    if (this.#closing) return;
    this.#closing = true;
    this.#input.stop();
    this.#output.watchDrained();
    if (this.#output.isEmpty) this.#end(null);
  }

  /** Drops what is buffered and closes; `connectionLost(null)` comes in the next iteration. */
  abort(): void {
    if (this.#successor !== null) return this.#successor.abort();
    if (this.#handedOver !== null) {
      // In the handshake of startTls(), which fails by that and ends us.
      this.#closing = true;
      return this.#channel.abort();
    }
    this.#abortWith(null);
  }

  /** `true` from `close()`, `abort()` or a fatal error on. */
  isClosing(): boolean {
    return this.#successor?.isClosing() ?? this.#closing;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The loop closed.
   *
   * @internal
   */
  release(): void {
    this.#closing = this.#ending = this.#lost = true;
    this.#input.stop();
    this.#output.stop();
    this.#channel.abort();
  }

  /** An error that ends the connection. The network's own are normal; others are bugs. */
  #fail(error: unknown, message: string): void {
    if (error instanceof KeyboardInterrupt) return this.#scheduler.escape(error);
    if (!isPlatformError(error) || this.#scheduler.debug) this.#port.report(message, error);
    this.#abortWith(
      error instanceof Error ? error : new Error(`${message} ${brief(error)}`, { cause: error }),
    );
  }

  #abortWith(error: Error | null): void {
    if (this.#lost) return;
    this.#closing = true;
    this.#input.stop();
    this.#output.stop();
    // During an orderly end this cuts the goodbye short; connectionLost is on its way.
    this.#channel.abort();
    this.#end(error, { aborted: true });
  }

  /** The only way to the end. */
  #end(error: Error | null, options: { aborted?: boolean } = {}): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#output.stop();
    let closed: Promise<void> | void = undefined;
    if (options.aborted !== true) {
      try {
        closed = this.#channel.close();
      } catch (reason) {
        closed = Promise.reject(reason);
      }
    }
    const lose = (reason: Error | null) => this.#lose(reason);
    if (closed === undefined) this.#scheduler.callSoon(lose, error);
    else {
      closed.then(() => error, (reason) => reason as Error)
        .then((reason) => this.#scheduler.callSoon(lose, reason));
    }
  }

  #lose(error: Error | null): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#port.call("connectionLost", (protocol) => protocol.connectionLost?.(error));
    this.#leave();
  }

  #leave(): void {
    this.#port.protocol = null;
    this.#loop[resources].delete(this);
    this.#owner?.detach(this);
  }

  /**
   * Keeps everybody else from writing while `send` does, with a `write` that
   * waits until there is room for more, or `signal` aborts.
   *
   * @throws {RuntimeError} if the transport is closing, or taken like this already
   */
  async sendExclusively<R>(
    send: (
      write: (data: Uint8Array, signal?: AbortSignal) => Promise<void>,
    ) => Promise<R>,
  ): Promise<R> {
    if (this.#closing || this.#eofWanted || this.#handedOver !== null) {
      throw new RuntimeError("Cannot send file: Transport is closing");
    }
    if (this.#sendingFile) {
      throw new RuntimeError("Cannot send file: sendfile is in progress already");
    }
    this.#sendingFile = true;
    try {
      return await send(async (data, signal) => {
        await abortable(this.#output.room(this.#loop), signal);
        if (this.#closing) {
          throw new Deno.errors.ConnectionReset("Cannot send file: Connection closed");
        }
        if (this.#eofWanted) throw new RuntimeError("Cannot send file: writeEof() was called");
        this.#output.write(data);
      });
    } finally {
      this.#sendingFile = false;
    }
  }

  // --- another transport takes over (startTls)

  /**
   * Gives the connection to another transport: the channel below, with what is
   * under way in both directions. Nothing is delivered here any more, and
   * nothing can be written; the end is for {@linkcode giveUp} or the successor.
   *
   * @throws {RuntimeError} if the transport is closing, or was handed over before
   */
  handOver(): ByteChannel {
    if (this.#closing || this.#handedOver !== null || this.#eofWanted) {
      throw new RuntimeError(`Cannot start TLS on ${this}: it is not open in both directions`);
    }
    const channel = new HandedOverChannel(this.#channel, this.#input.handOver());
    this.#handedOver = channel;
    this.#output.watchDrained();
    if (this.#output.isEmpty) channel.drained();
    return channel;
  }

  /** Nobody took over: the handshake failed, and the connection ends with `error`. */
  giveUp(error: Error | null): void {
    this.#handedOver = null;
    // Whoever closed it in the handshake knows why it ends.
    this.#abortWith(this.#closing ? null : error);
  }

  #takeOver(predecessor: StreamTransport): void {
    predecessor.#successor = this;
    predecessor.#lost = predecessor.#ending = true;
    if (predecessor.#output.paused) this.#output.inheritPause();
    predecessor.#output.stop();
    predecessor.#leave();
    // Closed after the handshake, before there was anybody else to tell.
    if (predecessor.#closing) this.abort();
  }

  // --- the rest

  /** Makes `protocol` the receiver of all later callbacks; plain and buffered may follow each other. */
  setProtocol(protocol: AnyStreamProtocol): void {
    this.#port.replace(protocol);
  }

  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): AnyStreamProtocol | null {
    return this.#port.protocol;
  }

  /** A fact about the connection, or the default. Never throws. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  getExtraInfo(name: string, defaultValue: unknown = null): unknown {
    return this.#channel.getExtraInfo(name) ?? defaultValue;
  }

  /** For messages. */
  toString(): string {
    const state = this.#lost ? "lost" : this.#closing ? "closing" : "open";
    const peer = this.getExtraInfo("peername");
    const where = peer?.transport === "tcp" ? ` peer=${peer.hostname}:${peer.port}` : "";
    return `<StreamTransport ${state}${where} buffered=${this.#output.size}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function brief(value: unknown): string {
  return Deno.inspect(value, { depth: 1, breakLength: Infinity }).slice(0, 120);
}
