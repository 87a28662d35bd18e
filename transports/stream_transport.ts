import { KeyboardInterrupt, RuntimeError } from "../errors.ts";
import type { AnyStreamProtocol, BufferedStreamingProtocol } from "../types/protocols.ts";
import type { ByteChannel, ExtraInfo, Transport, WriteBufferLimits } from "../types/transports.ts";
import { type LoopInternals, type LoopResource, resources, scheduler } from "../loop/internals.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import { FlowControl } from "./flow_control.ts";
import { isPlatformError } from "./platform_error.ts";
import { ProtocolPort } from "./protocol_port.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { WriteQueue } from "./write_queue.ts";

/** Writes to a lost connection before debug mode says so (CPython `constants.py`). */
const LOST_WRITES_TO_REPORT = 5;

/** Who keeps the books of connections. */
export interface TransportOwner {
  /** A connection begins. */
  attach(transport: StreamTransport): void;
  /** `connectionLost` was called. */
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
  owner?: TransportOwner;
  /** Facts that the channel does not know. */
  extra?: Record<string, unknown>;
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
  readonly #extra: Record<string, unknown>;
  readonly #port: ProtocolPort<AnyStreamProtocol>;

  #closing = false;
  #ending = false;
  #lost = false;
  #readPaused = false;
  #readEnded = false;
  #resumed: (() => void) | null = null;
  #detached = false;

  readonly #output = new WriteQueue();
  readonly #flow = new FlowControl((method) =>
    this.#port.call(method, (protocol) => protocol[method]?.())
  );
  #eofWanted = false;
  #eofSent = false;
  #lostWrites = 0;

  /** Makes a transport; `connectionMade` comes in the next iteration. Call {@linkcode open}. */
  constructor(options: StreamTransportOptions) {
    this.#loop = options.loop;
    this.#scheduler = options.loop[scheduler];
    this.#channel = options.channel;
    this.#owner = options.owner;
    this.#extra = options.extra ?? {};
    this.#port = new ProtocolPort(options.loop, this, options.protocol);
    this.#loop[resources].add(this);
    this.#owner?.attach(this);
  }

  /**
   * Begins: `connectionMade` in the next iteration, then `opened()`, then
   * reading. With `made` the protocol has had its `connectionMade` already, from
   * the transport this one takes over from.
   */
  open(opened: () => void, options: { made?: boolean } = {}): void {
    this.#port.start(() => this.#live(options.made ?? false, opened));
  }

  // --- reading

  /** The life of the connection, as far as it comes from the peer; in the connection's context. */
  async #live(made: boolean, opened: () => void): Promise<void> {
    await this.#scheduler.nextTurn();
    if (!made && !this.#lost) {
      this.#port.callHere("connectionMade", (protocol) => protocol.connectionMade?.(this));
      this.#port.adoptContext();
    }
    opened();
    const buffer = new ReadBuffer();
    while (!this.#closing && !this.#readEnded) {
      if (this.#readPaused) {
        await new Promise<void>((resolve) => this.#resumed = resolve);
        continue;
      }
      let count: number | null;
      try {
        count = await this.#channel.read(buffer.space());
      } catch (error) {
        if (!this.#closing) {
          const turn = this.#scheduler.ioTurn();
          if (turn !== null) await turn;
          if (!this.#closing) this.#fail(error, "Fatal read error on stream transport");
        }
        return;
      }
      const turn = this.#scheduler.ioTurn();
      if (turn !== null) await turn;
      // A read was under way when the protocol paused: what it brought waits.
      while (this.#readPaused && !this.#closing) {
        await new Promise<void>((resolve) => this.#resumed = resolve);
      }
      if (this.#closing) return;
      if (count === null) this.#receiveEof();
      else this.#receive(buffer, count);
    }
  }

  #receive(buffer: ReadBuffer, count: number): void {
    this.#port.tryHere(
      "dataReceived",
      (protocol) =>
        isBuffered(protocol)
          ? this.#feed(buffer.lend(count))
          : protocol.dataReceived?.(buffer.take(count)),
      (error) => this.#fail(error, "Fatal error: protocol.dataReceived() call failed."),
    );
  }

  /** Hands bytes to a buffered protocol, in as many portions as its buffers take. */
  #feed(data: Uint8Array): void {
    for (let rest = data; rest.length > 0;) {
      const protocol = this.#port.protocol;
      if (protocol === null || this.#ending) return;
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
    this.#readEnded = true;
    const keepOpen = this.#port.tryHere(
      "eofReceived",
      (protocol) => protocol.eofReceived?.(),
      (error) => this.#fail(error, "Fatal error: protocol.eofReceived() call failed."),
    );
    if (!keepOpen || !this.canWriteEof()) this.close();
  }

  /** `true` unless paused or closing. */
  isReading(): boolean {
    return !this.#readPaused && !this.#closing;
  }

  /** No data is delivered from now on, until `resumeReading()`. Idempotent. */
  pauseReading(): void {
    if (this.#closing || this.#readPaused) return;
    this.#readPaused = true;
    this.#channel.setReading?.(false);
  }

  /** Delivers data again. Idempotent. */
  resumeReading(): void {
    if (this.#closing || !this.#readPaused) return;
    this.#readPaused = false;
    this.#channel.setReading?.(true);
    this.#wakeReader();
  }

  #wakeReader(): void {
    this.#resumed?.();
    this.#resumed = null;
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
    if (data.length === 0) return;
    if (this.#ending) return this.#countLostWrite();
    const output = this.#output;
    const idle = !output.sending;
    output.push(data);
    if (idle) this.#send();
    this.#flow.pauseAbove(output.size);
  }

  /** As one `write` of all pieces. Nothing is sent if one of them is refused. */
  writelines(list: Iterable<Uint8Array>): void {
    const pieces = [...list];
    const size = pieces.reduce((sum, piece) => {
      if (piece instanceof Uint8Array) return sum + piece.length;
      throw new TypeError(`Cannot write to transport: expected Uint8Arrays, got ${brief(piece)}`);
    }, 0);
    if (pieces.length === 1) return this.write(pieces[0] as Uint8Array);
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
    if (!this.#output.sending) this.#sendEof();
  }

  /** Bytes the platform has not taken yet. */
  getWriteBufferSize(): number {
    return this.#output.size;
  }

  /** The water marks, `[low, high]`. */
  getWriteBufferLimits(): [low: number, high: number] {
    return this.#flow.limits;
  }

  /**
   * Sets the water marks: above `high` (64 KiB) the protocol is paused, at `low`
   * (a quarter of that) resumed.
   *
   * @throws {RangeError} unless `high >= low >= 0`
   */
  setWriteBufferLimits(limits: WriteBufferLimits = {}): void {
    this.#flow.setLimits(limits, this.#output.size);
  }

  #send(): void {
    let sending: Promise<number>;
    try {
      sending = this.#channel.write(this.#output.piece);
    } catch (error) {
      sending = Promise.reject(error);
    }
    sending.then(this.#onSent, this.#onSendFailed);
  }

  readonly #onSent = (count: number): void => {
    if (this.#ending) return;
    if (this.#output.sent(count)) this.#send();
    if (this.#output.sending && !this.#flow.wouldResume(this.#output.size)) return;
    if (!this.#flow.paused && !this.#closing && !this.#eofWanted) return;
    // The protocol may hear of it: in the loop's turn.
    const turn = this.#scheduler.ioTurn();
    if (turn === null) this.#flushed();
    else turn.then(() => this.#flushed());
  };

  readonly #onSendFailed = (error: unknown): void => {
    if (this.#ending) return;
    const turn = this.#scheduler.ioTurn();
    const fail = () => this.#fail(error, "Fatal write error on stream transport");
    if (turn === null) fail();
    else turn.then(fail);
  };

  /** Output was sent. `resumeWriting` may write more, also while we close: it is sent first. */
  #flushed(): void {
    if (this.#ending) return;
    this.#flow.resumeBelow(this.#output.size);
    if (this.#output.sending || this.#ending) return;
    if (this.#closing) this.#end(null);
    else if (this.#eofWanted) this.#sendEof();
  }

  #sendEof(): void {
    if (this.#eofSent) return;
    this.#eofSent = true;
    this.#channel.closeWrite?.().catch(this.#onSendFailed);
  }

  #countLostWrite(): void {
    if (++this.#lostWrites !== LOST_WRITES_TO_REPORT || !this.#scheduler.debug) return;
    this.#port.report("Data is written to a transport whose connection is lost");
  }

  // --- the end

  /** Stops receiving, sends what is buffered, then `connectionLost(null)`. Idempotent. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#wakeReader();
    if (!this.#output.sending) this.#end(null);
  }

  /** Drops what is buffered and closes; `connectionLost(null)` comes in the next iteration. */
  abort(): void {
    this.#abortWith(null);
  }

  /** `true` from `close()`, `abort()` or a fatal error on. */
  isClosing(): boolean {
    return this.#closing;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The loop closed. @internal */
  release(): void {
    this.#closing = this.#ending = this.#lost = true;
    this.#output.clear();
    this.#wakeReader();
    if (!this.#detached) this.#channel.abort();
  }

  /** An error that ends the connection. The platform's own are normal in a network; others are bugs. */
  #fail(error: unknown, message: string): void {
    if (error instanceof KeyboardInterrupt) return this.#scheduler.escape(error);
    if (!isPlatformError(error) || this.#scheduler.debug) this.#port.report(message, error);
    this.#abortWith(
      error instanceof Error ? error : new Error(`${message} ${brief(error)}`, { cause: error }),
    );
  }

  #abortWith(error: Error | null): void {
    if (this.#lost) return;
    const ending = this.#ending;
    this.#closing = true;
    this.#output.clear();
    this.#wakeReader();
    // During an orderly end this cuts the goodbye short; connectionLost is on its way.
    this.#channel.abort();
    if (!ending) this.#end(error, { aborted: true });
  }

  /** The only way to the end. */
  #end(error: Error | null, options: { aborted?: boolean } = {}): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#flow.end();
    let closed: Promise<void> | void = undefined;
    if (options.aborted !== true) {
      try {
        closed = this.#channel.close();
      } catch (reason) {
        closed = Promise.reject(reason);
      }
    }
    if (closed === undefined) {
      this.#scheduler.callSoon((reason) => this.#lose(reason), error);
    } else {
      closed.then(() => error, (reason) => reason as Error)
        .then((reason) => this.#scheduler.callSoon((last) => this.#lose(last), reason));
    }
  }

  #lose(error: Error | null): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#port.call("connectionLost", (protocol) => protocol.connectionLost?.(error));
    this.#port.protocol = null;
    this.#loop[resources].delete(this);
    this.#owner?.detach(this);
  }

  // --- the rest

  /** Makes `protocol` the receiver of all later callbacks; plain and buffered may follow each other. */
  setProtocol(protocol: AnyStreamProtocol): void {
    this.#port.protocol = protocol;
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
    return this.#extra[name] ?? this.#channel.getExtraInfo(name) ?? defaultValue;
  }

  /** For messages. */
  toString(): string {
    const state = this.#lost ? "lost" : this.#closing ? "closing" : "open";
    const peer = this.getExtraInfo("peername");
    return `<StreamTransport ${state}${
      peer ? ` peername=${brief(peer)}` : ""
    } buffered=${this.#output.size}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function isBuffered(protocol: AnyStreamProtocol): protocol is BufferedStreamingProtocol {
  return typeof (protocol as Partial<BufferedStreamingProtocol>).getBuffer === "function";
}

function brief(value: unknown): string {
  return Deno.inspect(value, { depth: 1, breakLength: Infinity }).slice(0, 120);
}
