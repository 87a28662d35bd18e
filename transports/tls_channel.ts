import { TimeoutError } from "../errors.ts";
import type { TlsContext } from "../types/tls.ts";
import type { ByteChannel } from "../types/transports.ts";
import { Deadline } from "./_deadline.ts";
import { nodeCrypto } from "./_node_tls.ts";
import { TlsEngine } from "./_tls_engine.ts";
import {
  brokenError,
  cipherError,
  closedError,
  handshakeError,
  hungUpError,
  truncatedError,
} from "./_tls_errors.ts";
import { checkHandshake, type TlsHandshakeOptions, type TlsSettings } from "./_tls_options.ts";

export type { TlsHandshakeOptions } from "./_tls_options.ts";

// The figures are of one core that encrypts and decrypts, over loopback; there
// 64 KiB a read and 96 KiB a write give 700 to 800 MB/s, an echo of 1 KiB costs
// 12 µs for each side above plain TCP, and an idle connection 14 KiB of heap and
// 5 KiB of buffers, most of it node:tls's.

/** What is read of a peer that has little to say; most idle connections hold no more. */
const SMALL = 4096;
/** What is read of a peer that filled the small buffer. 32 KiB cost 20 % more, 128 KiB gain nothing. */
const LARGE = 65536;
/**
 * What the engine is given at once. It keeps a buffer of that size for good;
 * 16 KiB would cost 15 %, more gains nothing.
 */
const FEED = 32768;
/** Plaintext taken in one write: two of the engine's own portions. 64 KiB cost 10 % more. */
const MAX_WRITE = 98304;
/**
 * So many connections may hold a large buffer, 16 MiB together; the others read
 * little at a time. One that had a short read keeps it: the next bytes of a
 * transfer come soon, and reading them in two portions costs 5 % more.
 */
const MAX_LARGE = 256;
let largeInUse = 0;
/** Large buffers that no connection reads into at the moment, for the next that will. */
const spare: Uint8Array[] = [];
const MAX_SPARE = 8;

/**
 * TLS as a channel over a channel, for both sides, over anything, itself
 * included.
 *
 * - It reads from the inner channel only while somebody waits for plaintext,
 *   and a `write` resolves when the inner channel took the ciphertext: nothing
 *   is buffered without bound.
 * - `read()` resolves to `null` only after the peer's close_notify. An EOF
 *   without it rejects with `Deno.errors.UnexpectedEof`, after the bytes that
 *   came before.
 * - `closeWrite` is absent: before TLS 1.3 there is no half-close.
 * - `close()` sends close_notify and waits for the peer's; what still arrives
 *   is dropped. A peer that is gone, or cuts the connection then, is no error;
 *   one that stays silent is.
 * - `getExtraInfo` knows `tlsContext`, `peercert`, `cipher`, `tlsVersion`,
 *   `alpnProtocol`, `authorized` and `authorizationError`, also after the end.
 *   For other names it asks the inner channel.
 */
export class TlsChannel implements ByteChannel {
  readonly #inner: ByteChannel;
  readonly #context: TlsContext;
  readonly #settings: TlsSettings;
  readonly #engine: TlsEngine;
  readonly #small: Uint8Array = new Uint8Array(SMALL);
  #large: Uint8Array | null = null;
  /** Plaintext nobody has read yet, oldest first. */
  readonly #received: Uint8Array[] = [];
  /** The inner channel is at its end. */
  #inputEnded = false;
  /** What the peer ended the connection with, instead of a goodbye. */
  #failure: unknown = null;
  /** What the inner channel said when it could not send. */
  #sendFailure: unknown = null;
  #pulling: Promise<void> | null = null;
  #sending: Promise<boolean> = Promise.resolve(true);
  /** `#sending` is not settled. */
  #busy = false;
  #rejectWrite: ((reason: unknown) => void) | null = null;
  #closing: Promise<void> | null = null;
  /** The inner channel is being closed, or was aborted: it takes no more. */
  #gone = false;
  #aborted = false;
  #peercert: Record<string, unknown> | undefined;

  /**
   * Speaks the handshake on `inner`, and resolves to the encrypted channel.
   *
   * From here on `inner` belongs to the TLS channel. When the handshake fails
   * it has been closed, so that the peer gets the alert that tells it why; when
   * it was given up, aborted. Refused arguments leave it as it was.
   *
   * Cancellation: an abort of `signal` aborts `inner`.
   *
   * @throws {TypeError} for a context not made by `createTlsContext`, a server
   * without certificate, a client without `serverHostname`.
   * @throws {RangeError} for a timeout that is not positive.
   * @throws {TimeoutError} when `handshakeTimeoutMs` passed.
   * @throws {Deno.errors.ConnectionReset} when the peer hung up.
   * @throws {Deno.errors.InvalidData} when the peer broke the protocol, refused
   * us, or was refused; `code` is the one of `node:tls`.
   * @throws what the inner channel rejected with.
   */
  static async handshake(
    inner: ByteChannel,
    context: TlsContext,
    options: TlsHandshakeOptions = {},
  ): Promise<TlsChannel> {
    const channel = new TlsChannel(inner, context, checkHandshake(context, options));
    await channel.#handshake();
    return channel;
  }

  private constructor(inner: ByteChannel, context: TlsContext, settings: TlsSettings) {
    this.#inner = inner;
    this.#context = context;
    this.#settings = settings;
    this.#engine = new TlsEngine(settings.role, {
      send: (ciphertext) => this.#sending = this.#send(ciphertext),
      receive: (plaintext) => void this.#received.push(plaintext),
    });
  }

  /** See {@linkcode ByteChannel.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    return await this.#arrival() ? this.#take(buffer) : null;
  }

  /** See {@linkcode ByteChannel.readChunk}. */
  async readChunk(): Promise<Uint8Array | null> {
    return await this.#arrival() ? this.#received.shift() as Uint8Array : null;
  }

  /** Waits for plaintext; `false` at the end. */
  async #arrival(): Promise<boolean> {
    const engine = this.#engine;
    while (this.#received.length === 0) {
      if (engine.ended) return false;
      if (engine.error !== null || this.#inputEnded || this.#gone) throw this.#reason("read");
      await this.#pull();
    }
    return true;
  }

  /** See {@linkcode ByteChannel.write}. Takes at most 96 KiB at once. */
  write(data: Uint8Array): Promise<number> {
    const plaintext = data.length > MAX_WRITE ? data.subarray(0, MAX_WRITE) : data;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (this.#closing !== null || this.#broken()) {
      reject(this.#reason("write"));
      return promise;
    }
    this.#rejectWrite = reject;
    this.#engine.write(plaintext, (error) => {
      this.#rejectWrite = null;
      if (error) reject(this.#reason("write"));
      else resolve(plaintext.length);
    });
    return promise;
  }

  /**
   * See {@linkcode ByteChannel.close}, and above.
   *
   * @throws {TimeoutError} when the peer did not answer close_notify within
   * `shutdownTimeoutMs`; the inner channel has been aborted then.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** See {@linkcode ByteChannel.abort}. */
  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#release();
    this.#inner.abort();
  }

  /** See {@linkcode ByteChannel.setReading}. */
  setReading(on: boolean): void {
    this.#inner.setReading?.(on);
  }

  /** See {@linkcode ByteChannel.getExtraInfo}. */
  getExtraInfo(name: string): unknown {
    const agreement = this.#engine.agreement;
    switch (name) {
      case "tlsContext":
        return this.#context;
      case "peercert":
        return this.#peercert ??= describeCertificate(agreement?.peercert);
      case "cipher":
      case "tlsVersion":
      case "alpnProtocol":
      case "authorized":
      case "authorizationError":
        return agreement?.[name];
      default:
        return this.#inner.getExtraInfo(name);
    }
  }

  async #handshake(): Promise<void> {
    const { setTimer, handshakeTimeoutMs, signal } = this.#settings;
    using deadline = new Deadline(
      setTimer,
      handshakeTimeoutMs,
      () => new TimeoutError(`TLS handshake timed out after ${handshakeTimeoutMs} milliseconds`),
      signal,
    );
    try {
      await deadline.race(this.#negotiate());
    } catch (error) {
      this.#engine.destroy();
      try {
        if (deadline.passed) this.abort();
        else await deadline.race(this.#closeAfterAlert());
      } catch {
        // The medium does not even close: what broke the handshake says more.
        this.abort();
      }
      throw error;
    }
  }

  async #negotiate(): Promise<void> {
    const engine = this.#engine;
    const { role, initialData } = this.#settings;
    this.#inner.setReading?.(true);
    await engine.started;
    if (initialData.length > 0) engine.feed(initialData);
    while (engine.agreement === null) {
      // The engine says in a later tick why it died.
      if (engine.dead) await engine.settled;
      if (engine.error !== null) throw handshakeError(engine.error, role);
      // A failed write may be the peer's hanging up after an alert, which is
      // still to be read; so it is told only now.
      if (this.#inputEnded || engine.ended) throw hungUpError(role, this.#sendFailure);
      await Promise.race([this.#pull(), engine.settled]);
    }
    const { allowedCiphers } = engine.material;
    const { name } = engine.agreement.cipher;
    if (allowedCiphers?.has(name) === false) throw cipherError(role, name);
  }

  async #closeAfterAlert(): Promise<void> {
    await this.#sent();
    this.#gone = true;
    await this.#inner.close();
  }

  async #close(): Promise<void> {
    const { setTimer, shutdownTimeoutMs } = this.#settings;
    using deadline = new Deadline(
      setTimer,
      shutdownTimeoutMs,
      () =>
        new TimeoutError(
          `TLS shutdown timed out after ${shutdownTimeoutMs} milliseconds: the peer does not answer close_notify`,
        ),
    );
    try {
      await deadline.race(this.#sayGoodbye());
    } catch (error) {
      this.abort();
      throw error;
    }
    if (this.#aborted) return;
    this.#release();
    await this.#inner.close();
  }

  async #sayGoodbye(): Promise<void> {
    const engine = this.#engine;
    if (this.#broken()) return;
    await engine.shutdown();
    await this.#sent();
    this.#inner.setReading?.(true);
    try {
      while (!engine.ended && !this.#inputEnded && !this.#broken()) {
        this.#received.length = 0;
        await this.#pull();
      }
    } catch {
      // The peer reset the connection instead of answering. Everything was
      // sent; what it does with it is as unknown as after a plain close().
      this.#inputEnded = true;
    }
  }

  /** Why a call cannot succeed any more. */
  #reason(what: string): unknown {
    const { error, ended } = this.#engine;
    if (error !== null) this.#failure ??= brokenError(error);
    else if (this.#inputEnded && !ended) this.#failure ??= truncatedError();
    return this.#failure ?? this.#sendFailure ?? closedError(what);
  }

  #broken(): boolean {
    return this.#gone || this.#engine.error !== null || this.#failure !== null ||
      this.#sendFailure !== null;
  }

  /** Lets go of everything but the inner channel. */
  #release(): void {
    this.#gone = true;
    // A read under way still writes into it.
    this.#giveLargeBack(this.#pulling === null);
    this.#received.length = 0;
    this.#engine.destroy();
  }

  /** Moves received plaintext into `buffer`; how much. */
  #take(buffer: Uint8Array): number {
    const received = this.#received;
    let count = 0;
    while (count < buffer.length) {
      const chunk = received[0];
      if (chunk === undefined) break;
      const room = buffer.length - count;
      if (chunk.length > room) {
        buffer.set(chunk.subarray(0, room), count);
        received[0] = chunk.subarray(room);
        return buffer.length;
      }
      buffer.set(chunk, count);
      count += chunk.length;
      received.shift();
    }
    return count;
  }

  /** Reads once from the inner channel, for all who wait. */
  #pull(): Promise<void> {
    return this.#pulling ??= this.#readInner();
  }

  async #readInner(): Promise<void> {
    const buffer = this.#large ?? this.#small;
    try {
      const count = await this.#inner.read(buffer);
      if (count === null) {
        this.#inputEnded = true;
        return;
      }
      for (let start = 0; start < count; start += FEED) {
        this.#engine.feed(buffer.subarray(start, Math.min(count, start + FEED)));
      }
      if (count === SMALL && buffer === this.#small) this.#takeLarge();
      else if (count <= SMALL) this.#giveLargeBack(true);
    } finally {
      this.#pulling = null;
    }
  }

  #takeLarge(): void {
    if (this.#gone || largeInUse >= MAX_LARGE) return;
    largeInUse++;
    this.#large = spare.pop() ?? new Uint8Array(LARGE);
  }

  #giveLargeBack(isFree: boolean): void {
    if (this.#large === null) return;
    largeInUse--;
    if (isFree && spare.length < MAX_SPARE) spare.push(this.#large);
    this.#large = null;
  }

  /** Sends ciphertext for the engine; whether all of it was taken. */
  async #send(ciphertext: Uint8Array): Promise<boolean> {
    if (this.#gone || this.#sendFailure !== null) return false;
    this.#busy = true;
    try {
      for (let sent = 0; sent < ciphertext.length;) {
        sent += await this.#inner.write(ciphertext.subarray(sent));
      }
      return true;
    } catch (error) {
      this.#sendFailure = error;
      this.#rejectWrite?.(error);
      return false;
    } finally {
      this.#busy = false;
    }
  }

  /** Waits until everything the engine handed out was taken, or could not be. */
  async #sent(): Promise<void> {
    while (this.#busy) await this.#sending;
  }
}

function describeCertificate(der: Uint8Array | undefined): Record<string, unknown> | undefined {
  if (der === undefined) return undefined;
  const { X509Certificate } = nodeCrypto();
  return new X509Certificate(der).toLegacyObject() as unknown as Record<string, unknown>;
}
