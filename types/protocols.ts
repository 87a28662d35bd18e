import type {
  BaseTransport,
  DatagramTransport,
  SubprocessTransport,
  Transport,
} from "./transports.ts";

/**
 * The callbacks every protocol may have. Each method is optional: a plain
 * object is a protocol too.
 */
export interface ProtocolCallbacks {
  /** The connection exists. Called once, before anything else. */
  // deno-lint-ignore no-explicit-any
  connectionMade?(transport: any): void;
  /**
   * The connection is gone. Called once, after everything else; `null` for a
   * regular end (EOF, `close()` or `abort()`), else what broke it.
   */
  connectionLost?(error: Error | null): void;
  /** The write buffer went over its high-water mark. */
  pauseWriting?(): void;
  /** The write buffer fell to its low-water mark. */
  resumeWriting?(): void;
}

/** Grammar: `connectionMade dataReceived* eofReceived? connectionLost`. */
export interface StreamingProtocol extends ProtocolCallbacks {
  /** The connection exists. */
  connectionMade?(transport: Transport): void;
  /** Bytes arrived, at least one. They are the protocol's to keep. */
  dataReceived?(data: Uint8Array): void;
  /**
   * The peer ended its side. A falsy answer closes the transport; a true one
   * keeps it half open, and the protocol must close it.
   */
  eofReceived?(): boolean | void;
}

/** Grammar: `connectionMade (getBuffer bufferUpdated)* eofReceived? connectionLost`. */
export interface BufferedStreamingProtocol extends ProtocolCallbacks {
  /** The connection exists. */
  connectionMade?(transport: Transport): void;
  /** A buffer for the next bytes, not empty; `sizeHint` is -1 for "any size". */
  getBuffer(sizeHint: number): Uint8Array;
  /** `nbytes` bytes were written at the start of the last buffer. */
  bufferUpdated(nbytes: number): void;
  /** As in {@linkcode StreamingProtocol}. */
  eofReceived?(): boolean | void;
}

/** What a stream transport talks to. */
export type AnyStreamProtocol = StreamingProtocol | BufferedStreamingProtocol;

/** Grammar: `connectionMade (datagramReceived | errorReceived)* connectionLost`. */
export interface DatagramCallbacks extends ProtocolCallbacks {
  /** The endpoint exists. */
  connectionMade?(transport: DatagramTransport): void;
  /** One packet arrived. */
  datagramReceived?(data: Uint8Array, addr: Deno.Addr): void;
  /** An earlier send or receive failed; the endpoint stays open. */
  errorReceived?(error: Error): void;
}

/** Grammar: `connectionMade (pipeDataReceived | pipeConnectionLost | processExited)* connectionLost`. */
export interface SubprocessCallbacks extends ProtocolCallbacks {
  /** The process runs. */
  connectionMade?(transport: SubprocessTransport): void;
  /** The child wrote to its stdout (1) or stderr (2). */
  pipeDataReceived?(fd: number, data: Uint8Array): void;
  /** One pipe of the child is gone; once per piped fd, after all its data. */
  pipeConnectionLost?(fd: number, error: Error | null): void;
  /** The child ended. May come before the last pipe events. */
  processExited?(): void;
}

/** Any protocol. */
export type AnyProtocol =
  | ProtocolCallbacks
  | StreamingProtocol
  | BufferedStreamingProtocol
  | DatagramCallbacks
  | SubprocessCallbacks;

/** Makes the protocol of one connection. */
export type ProtocolFactory<P extends AnyProtocol> = () => P;

/** A transport and its protocol. */
export type Connected<T extends BaseTransport, P extends AnyProtocol> = [
  transport: T,
  protocol: P,
];
