import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on a stream of bytes that says where the bytes shall go.
 *
 * Grammar: `connectionMade (getBuffer bufferUpdated)* eofReceived? connectionLost`.
 */
export abstract class BufferedProtocol extends BaseProtocol {
  /**
   * A buffer for the next bytes, not empty; it may be the same every time. It
   * belongs to the transport until `bufferUpdated` or `connectionLost`.
   * `sizeHint` is how many bytes wait, or -1.
   */
  abstract getBuffer(sizeHint: number): Uint8Array;

  /** `nbytes` bytes were stored at the start of the last buffer. */
  abstract bufferUpdated(nbytes: number): void;

  /** As of `Protocol`. */
  eofReceived(): boolean | void {}
}
