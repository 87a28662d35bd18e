import type { StartTlsOptions } from "../types/options.ts";
import type { TlsContext } from "../types/tls.ts";
import type { ExtraInfo, Transport } from "../types/transports.ts";
import { type LoopInternals, scheduler } from "../loop/internals.ts";
import { isPlatformError } from "../transports/platform_error.ts";
import type { ReadOptions, StreamReader } from "./stream_reader.ts";
import type { StreamFlow } from "./stream_flow.ts";

/**
 * Writes bytes to a connection. `write()` never waits; follow it by
 * `await writer.drain()` to go no faster than the peer reads.
 *
 * ```ts
 * import { openConnection, run, startServer } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     console.log((await reader.read()).length); // 300000
 *     writer.close();
 *   }, { hostname: "127.0.0.1" });
 *   const { hostname, port } = server.sockets[0]!.addr as Deno.NetAddr;
 *   const [, writer] = await openConnection({ hostname, port });
 *   for (let i = 0; i < 3; i++) {
 *     writer.write(new Uint8Array(100_000));
 *     await writer.drain();
 *   }
 *   writer.close(); // sends what is left
 *   await writer.waitClosed();
 * });
 * ```
 */
export class StreamWriter implements AsyncDisposable {
  readonly #protocol: StreamFlow;
  readonly #reader: StreamReader | null;
  readonly #loop: LoopInternals;
  #transport: Transport;
  #writable: WritableStream<Uint8Array> | null = null;

  /** Made by `openConnection` and `startServer`. */
  constructor(
    transport: Transport,
    protocol: StreamFlow,
    reader: StreamReader | null,
    loop: LoopInternals,
  ) {
    this.#transport = transport;
    this.#protocol = protocol;
    this.#reader = reader;
    this.#loop = loop;
  }

  /** The transport below. */
  get transport(): Transport {
    return this.#transport;
  }

  /** Sends `data`, now or as soon as possible. The caller may reuse the array at once. */
  write(data: Uint8Array): void {
    this.#transport.write(data);
  }

  /** Sends all pieces, as one write. */
  writelines(list: Iterable<Uint8Array>): void {
    this.#transport.writelines(list);
  }

  /**
   * Ends our side once everything is sent; reading goes on.
   *
   * @throws {Deno.errors.NotSupported} over TLS, which cannot end one side only
   */
  writeEof(): void {
    this.#transport.writeEof();
  }

  /** Whether `writeEof()` works here. */
  canWriteEof(): boolean {
    return this.#transport.canWriteEof();
  }

  /** Sends what is buffered and closes. See `waitClosed()`. */
  close(): void {
    this.#transport.close();
  }

  /** `true` from `close()` or the loss of the connection on. */
  isClosing(): boolean {
    return this.#transport.isClosing();
  }

  /**
   * Waits until it makes sense to write more: at once while little is buffered.
   * Any number of tasks may wait.
   *
   * Cancellation: nothing happened; what was written is sent all the same.
   *
   * @throws {Deno.errors.ConnectionReset} if the connection is lost
   * @throws what broke the connection, if something did
   */
  drain(options?: ReadOptions): Promise<void> {
    const signal = options?.signal;
    if (
      signal === undefined && (this.#reader?.exception() ?? null) === null &&
      !this.#transport.isClosing()
    ) {
      return this.#protocol.drain(signal);
    }
    return this.#drainCarefully(signal);
  }

  async #drainCarefully(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const exception = this.#reader?.exception() ?? null;
    if (exception !== null) throw exception;
    // A connection that is being lost gets a turn to say so (CPython StreamWriter.drain).
    if (this.#transport.isClosing()) await this.#loop[scheduler].nextTurn();
    await this.#protocol.drain(signal);
  }

  /**
   * Resolves once the connection is gone, after `close()` or otherwise.
   *
   * Cancellation: the connection ends as it would have.
   *
   * @throws what broke the connection, if something did
   */
  async waitClosed(options: ReadOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#protocol.waitClosed(options.signal);
  }

  /**
   * Makes this a TLS connection, as the side that it is: server if it was
   * accepted. What the peer sent already, and nobody read, belongs to TLS; so no
   * plaintext that somebody slipped in before can pass for a part of it.
   *
   * Cancellation: the connection is gone, once the handshake has begun.
   *
   * @throws {RangeError} or {TypeError} for arguments that cannot work; nothing happened
   * @throws what broke the handshake; the connection is gone then
   */
  async startTls(context: TlsContext, options: StartTlsOptions = {}): Promise<void> {
    await this.drain(options);
    const reader = this.#reader;
    const received = reader?.takeBuffered() ?? new Uint8Array(0);
    try {
      this.#transport = await this.#loop.startTls(this.#transport, this.#protocol, context, {
        serverSide: this.#protocol.isServer,
        ...options,
        received,
      });
    } catch (error) {
      // Refused arguments leave everything as it was.
      if (!this.#transport.isClosing()) reader?.returnBuffered(received);
      throw error;
    }
    this.#protocol.replaceTransport(this.#transport);
  }

  /**
   * Writes as a web stream, always the same one: each write waits until more is
   * welcome. Closing it closes the connection, aborting it aborts that.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= new WritableStream({
      write: async (data) => {
        this.write(data);
        await this.drain();
      },
      close: async () => {
        this.close();
        await this.waitClosed();
      },
      abort: () => this.#transport.abort(),
    });
  }

  /** Closes and waits for the end; quiet about a connection that was broken already. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    try {
      await this.waitClosed();
    } catch (error) {
      if (!isPlatformError(error)) throw error;
    }
  }

  /** A fact about the connection, as of the transport. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  /** A fact about the connection, or the given default. */
  getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  /** A fact that only the channel knows. */
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  getExtraInfo(name: string, defaultValue: unknown = null): unknown {
    return this.#transport.getExtraInfo(name, defaultValue);
  }

  /** For messages. */
  toString(): string {
    const reader = this.#reader === null ? "" : ` reader=${this.#reader}`;
    return `<StreamWriter transport=${this.#transport}${reader}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
