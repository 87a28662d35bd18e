import type { AbstractEventLoop } from "../types/loop.ts";
import type { Transport } from "../types/transports.ts";
import { internalsOf, type LoopInternals, scheduler } from "../loop/internals.ts";
import { Latch } from "../loop/latch.ts";
import { getEventLoop } from "../policy/current_loop.ts";
import { Protocol } from "../protocols/protocol.ts";
import { FlowWaiters } from "./flow_waiters.ts";
import { type Heir, Hold, watchCollected } from "./hold.ts";
import { holdBy, type StreamReader } from "./stream_reader.ts";
import { StreamWriter } from "./stream_writer.ts";

/** Called with the streams of each new connection; an async one runs as a task. */
export type ClientConnectedCallback = (
  reader: StreamReader,
  writer: StreamWriter,
) => unknown;

/** Options of {@linkcode StreamReaderProtocol}. */
export interface StreamReaderProtocolOptions {
  /** For a server: called with the streams of each connection. */
  clientConnected?: ClientConnectedCallback;
  /** The loop. @default {the running loop, or else the current one} */
  loop?: AbstractEventLoop;
}

/**
 * Joins a transport to a {@linkcode StreamReader}: what arrives is fed to the
 * reader, and flow control holds up `drain()` (CPython `streams.py`).
 */
export class StreamReaderProtocol extends Protocol {
  readonly #loop: LoopInternals;
  readonly #reader: Hold<StreamReader>;
  readonly #clientConnected: ClientConnectedCallback | undefined;
  readonly #flow: FlowWaiters;
  readonly #closed: Latch;
  readonly #heir: Heir = { collected: () => this.#abandoned() };
  #transport: Transport | null = null;
  #overTls = false;

  /** Makes a protocol that feeds `reader`. */
  constructor(reader: StreamReader, options: StreamReaderProtocolOptions = {}) {
    super();
    this.#loop = internalsOf(options.loop ?? getEventLoop());
    this.#reader = new Hold(reader);
    this.#clientConnected = options.clientConnected;
    this.#flow = new FlowWaiters(this.#loop);
    this.#closed = new Latch(this.#loop);
  }

  /** Whether this side accepted the connection. */
  get isServer(): boolean {
    return this.#clientConnected !== undefined;
  }

  /** The connection exists: on a server the callback is called. */
  override connectionMade(transport: Transport): void {
    this.replaceTransport(transport);
    const reader = this.#reader.get();
    if (reader === null) return;
    holdBy(reader, this.#reader);
    watchCollected(reader, this.#heir);
    const callback = this.#clientConnected;
    if (callback === undefined) return;
    const writer = new StreamWriter(transport, this, reader, this.#loop);
    const task = this.#loop.createTask(() => callback(reader, writer));
    task.addDoneCallback(() => this.#handled(task));
  }

  /** Nobody holds reader or writer any more (CPython: `StreamWriter.__del__`). */
  #abandoned(): void {
    this.#loop[scheduler].callSoon(() => {
      const transport = this.#transport;
      if (transport === null || transport.isClosing()) return;
      this.#loop.callExceptionHandler({
        message: 'An open stream was garbage collected, and is closed now: call "writer.close()"',
        transport,
        protocol: this,
      });
      transport.close();
    }, undefined);
  }

  /** A handler that fails, or is cancelled, must not leave the connection open for ever. */
  #handled(task: { cancelled(): boolean; exception(): unknown }): void {
    const transport = this.#transport;
    if (task.cancelled()) {
      transport?.close();
      return;
    }
    const exception = task.exception();
    if (exception === null) return;
    this.#loop.callExceptionHandler({
      message: "Unhandled exception in clientConnected callback",
      exception,
      transport,
    });
    transport?.close();
  }

  /**
   * Another transport takes over, as TLS does.
   *
   * @internal
   */
  replaceTransport(transport: Transport): void {
    this.#transport = transport;
    this.#overTls = transport.getExtraInfo("tlsContext") !== null;
    this.#reader.get()?.setTransport(transport);
  }

  /** Feeds the reader. */
  override dataReceived(data: Uint8Array): void {
    this.#reader.get()?.feedData(data);
  }

  /** Ends the reader; the connection stays open for writing, but not over TLS. */
  override eofReceived(): boolean {
    this.#reader.get()?.feedEof();
    return !this.#overTls;
  }

  /** Ends the reader, and everyone who waits. */
  override connectionLost(error: Error | null): void {
    const reader = this.#reader.get();
    if (error === null) reader?.feedEof();
    else reader?.setException(error);
    this.#closed.open(error);
    this.#flow.lose(error);
    this.#transport = null;
  }

  /** `drain()` waits from now on. */
  override pauseWriting(): void {
    this.#flow.pause();
  }

  /** `drain()` goes on. */
  override resumeWriting(): void {
    this.#flow.resume();
  }

  /**
   * Waits until writing is possible.
   *
   * @internal
   */
  drain(signal: AbortSignal | undefined): Promise<void> {
    return this.#flow.wait(signal);
  }

  /**
   * Waits until the connection is lost.
   *
   * @internal
   */
  waitClosed(signal: AbortSignal | undefined): Promise<void> {
    return this.#closed.wait(signal);
  }
}
