import type { AbstractEventLoop } from "../types/loop.ts";
import type { Transport } from "../types/transports.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { Latch } from "../loop/latch.ts";
import { getRunningLoop } from "../loop/running.ts";
import { Protocol } from "../protocols/protocol.ts";
import { FlowWaiters } from "./flow_waiters.ts";
import type { StreamReader } from "./stream_reader.ts";
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
  /** The loop. @default {the running loop} */
  loop?: AbstractEventLoop;
}

/**
 * Joins a transport to a {@linkcode StreamReader}: what arrives is fed to the
 * reader, and flow control holds up `drain()` (CPython `streams.py`).
 */
export class StreamReaderProtocol extends Protocol {
  readonly #loop: LoopInternals;
  readonly #reader: StreamReader;
  readonly #clientConnected: ClientConnectedCallback | undefined;
  readonly #flow: FlowWaiters;
  readonly #closed: Latch;
  #transport: Transport | null = null;
  #overTls = false;

  /** Makes a protocol that feeds `reader`. */
  constructor(reader: StreamReader, options: StreamReaderProtocolOptions = {}) {
    super();
    this.#loop = internalsOf(options.loop ?? getRunningLoop());
    this.#reader = reader;
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
    const callback = this.#clientConnected;
    if (callback === undefined) return;
    const writer = new StreamWriter(transport, this, this.#reader, this.#loop);
    const task = this.#loop.createTask(() => callback(this.#reader, writer));
    task.addDoneCallback(() => this.#handled(task));
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
    this.#reader.setTransport(transport);
  }

  /** Feeds the reader. */
  override dataReceived(data: Uint8Array): void {
    this.#reader.feedData(data);
  }

  /** Ends the reader; the connection stays open for writing, but not over TLS. */
  override eofReceived(): boolean {
    this.#reader.feedEof();
    return !this.#overTls;
  }

  /** Ends the reader, and everyone who waits. */
  override connectionLost(error: Error | null): void {
    if (error === null) this.#reader.feedEof();
    else this.#reader.setException(error);
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
