import type {
  AnyProtocol,
  AnyStreamProtocol,
  DatagramCallbacks,
  SubprocessCallbacks,
} from "./protocols.ts";
import type { TlsContext } from "./tls.ts";

/** What `getExtraInfo` knows, by name. A name not listed here is passed on to the channel. */
export interface ExtraInfo {
  /** The object of the platform below the transport; for looking, not for I/O. */
  socket: unknown;
  /** The local address. */
  sockname: Deno.Addr;
  /** The address of the peer. */
  peername: Deno.Addr;
  /** The TLS context of the connection. */
  tlsContext: TlsContext;
  /** The certificate of the peer, as `node:tls` describes it. */
  peercert: Record<string, unknown>;
  /** Name and version of the cipher. */
  cipher: { name: string; standardName: string; version: string };
  /** The TLS protocol version, `"TLSv1.2"` or `"TLSv1.3"`. */
  tlsVersion: string;
  /** The protocol both sides agreed on by ALPN. */
  alpnProtocol: string;
  /** The pipe below the transport. */
  pipe: unknown;
  /** The child process. */
  subprocess: Deno.ChildProcess;
}

/** What every transport can do. */
export interface BaseTransport extends Disposable {
  /**
   * Stops receiving, sends what is buffered, then calls
   * `connectionLost(null)`, once. Calling it again does nothing.
   */
  close(): void;
  /** `true` from `close()`, `abort()` or a fatal error on. */
  isClosing(): boolean;
  /** A fact about the connection by name; `defaultValue` (`null`) where there is none. Never throws. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  /** A fact about the connection by name, or the given default. */
  getExtraInfo<K extends keyof ExtraInfo, D>(
    name: K,
    defaultValue: D,
  ): ExtraInfo[K] | D;
  /** A fact only the channel knows. */
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  /** Makes `protocol` the receiver of all later callbacks; `connectionMade` is not called on it. */
  setProtocol(protocol: AnyProtocol): void;
  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): AnyProtocol | null;
}

/** The receiving side. */
export interface ReadTransport extends BaseTransport {
  /** `true` while data may arrive: neither paused nor closing. */
  isReading(): boolean;
  /** After this returns nothing is delivered until `resumeReading()`. Idempotent. */
  pauseReading(): void;
  /** Delivers again. Idempotent. */
  resumeReading(): void;
  /** Makes `protocol` the receiver of all later callbacks; `connectionMade` is not called on it. */
  setProtocol(protocol: AnyStreamProtocol): void;
  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): AnyStreamProtocol | null;
}

/** Water marks in bytes. */
export interface WriteBufferLimits {
  /** Above this `pauseWriting` is called. @default {65536} */
  high?: number;
  /** At or below this `resumeWriting` is called. @default {high / 4} */
  low?: number;
}

/** The sending side. */
export interface WriteTransport extends BaseTransport {
  /**
   * Sends `data`, now or as soon as possible. Never blocks and never throws for
   * a broken connection. `data` may be reused by the caller at once.
   */
  write(data: Uint8Array): void;
  /** As one `write` of all of them. */
  writelines(list: Iterable<Uint8Array>): void;
  /** Whether `writeEof()` works here. */
  canWriteEof(): boolean;
  /** Ends our side once everything buffered is sent; reading goes on. Idempotent. */
  writeEof(): void;
  /** Drops what is buffered and closes; `connectionLost(null)` comes in the next iteration. */
  abort(): void;
  /** Bytes not yet taken by the platform. */
  getWriteBufferSize(): number;
  /** The marks, `[low, high]`. */
  getWriteBufferLimits(): [low: number, high: number];
  /** Sets the marks; may pause or resume the protocol at once. `RangeError` unless `high >= low >= 0`. */
  setWriteBufferLimits(limits?: WriteBufferLimits): void;
  /** Makes `protocol` the receiver of all later callbacks. */
  setProtocol(protocol: AnyStreamProtocol): void;
  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): AnyStreamProtocol | null;
}

/** A byte stream in both directions. */
export interface Transport extends ReadTransport, WriteTransport {}

/** A datagram endpoint. */
export interface DatagramTransport extends BaseTransport {
  /**
   * Sends one packet, to `addr` or to the connected peer. Never blocks; a
   * failure comes as `errorReceived`. `RangeError` for an address other than
   * the connected one.
   */
  sendto(data: Uint8Array, addr?: Address | Deno.Addr | null): void;
  /** Drops what is queued and closes. */
  abort(): void;
  /** Bytes queued, with 8 bytes of overhead a packet. */
  getWriteBufferSize(): number;
  /** The marks, `[low, high]`. */
  getWriteBufferLimits(): [low: number, high: number];
  /** Sets the marks. */
  setWriteBufferLimits(limits?: WriteBufferLimits): void;
  /** Makes `protocol` the receiver of all later callbacks. */
  setProtocol(protocol: DatagramCallbacks): void;
  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): DatagramCallbacks | null;
}

/** Options of `sendSignal`, `terminate` and `kill`. */
export interface SendSignalOptions {
  /**
   * Signals the whole process group of a child that was started `detached`: the
   * child and what it started. Works as long as one of them runs, also after the
   * end of the child. Requires the whole of `--allow-run`. @default {false}
   */
  group?: boolean;
}

/** A child process. */
export interface SubprocessTransport extends BaseTransport {
  /** The process id, also after the exit. */
  getPid(): number;
  /** The transport of fd 0 (writing), 1 or 2 (reading); `null` where it is not piped. */
  getPipeTransport(fd: number): ReadTransport | WriteTransport | null;
  /** `null` while running; the exit code, or minus the number of the signal that killed it. */
  getReturncode(): number | null;
  /** Sends SIGKILL. `Deno.errors.NotFound` once the process has ended. */
  kill(options?: SendSignalOptions): void;
  /** Sends a signal. `Deno.errors.NotFound` once the process has ended, `RangeError` for an unknown name. */
  sendSignal(signal: Deno.Signal, options?: SendSignalOptions): void;
  /** Sends SIGTERM. `Deno.errors.NotFound` once the process has ended. */
  terminate(options?: SendSignalOptions): void;
  /** Makes `protocol` the receiver of all later callbacks. */
  setProtocol(protocol: SubprocessCallbacks): void;
  /** The protocol. */
  getProtocol(): SubprocessCallbacks | null;
}

/** An address as a program gives it: a host and port, or the path of a unix socket. */
export type Address = HostAddress | PathAddress;

/** A host and a port. */
export interface HostAddress {
  /** Name or number of the host. */
  hostname: string;
  /** Port, 0 for any. */
  port: number;
}

/** A unix socket; a path that starts with a NUL is an abstract name (Linux). */
export interface PathAddress {
  /** Path of the socket. */
  path: string;
}

/**
 * A pipe of bytes to somewhere: the whole of what the stream transport asks of
 * the platform. Implementations hold no behaviour of their own: flow control,
 * EOF rules, closing order and exactly-once `connectionLost` belong to the
 * transport.
 *
 * Rules for both sides: at most one `read` and one `write` are pending; after
 * `close()` or `abort()` a pending one settles (how does not matter, the
 * transport no longer listens).
 */
export interface ByteChannel {
  /**
   * Waits for at least one byte, stores what there is at the start of `buffer`
   * and resolves to the count; `null` at EOF. Rejects when the connection broke.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * As `read`, but resolves to bytes in memory of the channel's own, at least one,
   * which are the caller's to keep. Where a channel has such memory anyway, the
   * transport calls this, and nothing is copied.
   */
  readChunk?(): Promise<Uint8Array | null>;
  /**
   * Sends as much of `data` (never empty) as the platform takes and resolves to
   * the count, at least 1. The transport leaves `data` alone until then. An
   * attempt to send is made before it returns where the platform allows.
   */
  write(data: Uint8Array): Promise<number>;
  /**
   * Ends our direction (shutdown(SHUT_WR)). Absent where the medium cannot
   * half-close. Called once, when no write is pending.
   */
  closeWrite?(): Promise<void>;
  /**
   * Releases the medium after an orderly end. May take time (TLS says
   * goodbye); the transport calls `connectionLost` when it settles, with the
   * error if it rejects.
   */
  close(): Promise<void> | void;
  /** Releases the medium at once, with a reset where the platform can. Never throws. Also legal during `close()`. */
  abort(): void;
  /** `false` where nothing can come, as at the writing end of a pipe: `read` only waits for the end. */
  readonly isReadable?: boolean;
  /** A fact by the name `getExtraInfo` is asked for; `undefined` where there is none. */
  getExtraInfo(name: string): unknown;
  /** Reading is (not) wanted at present. For sources that push. */
  setReading?(on: boolean): void;
}
