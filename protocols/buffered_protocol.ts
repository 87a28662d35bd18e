import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on a stream of bytes that says where the bytes shall go.
 *
 * Grammar: `connectionMade (getBuffer bufferUpdated)* eofReceived? connectionLost`.
 *
 * ```ts
 * import { BufferedProtocol } from "@deno-asyncio/asyncio";
 *
 * // Has one buffer for everything that comes.
 * class Counter extends BufferedProtocol {
 *   readonly #buffer = new Uint8Array(64 * 1024);
 *   count = 0;
 *   override getBuffer() {
 *     return this.#buffer;
 *   }
 *   override bufferUpdated(nbytes: number) {
 *     this.count += nbytes; // they are at the start of the buffer
 *   }
 * }
 * console.log(new Counter().getBuffer().length);
 * ```
 */
export class BufferedProtocol extends BaseProtocol {
  /**
   * A buffer for the next bytes, not empty; it may be the same every time. It
   * belongs to the transport until `bufferUpdated` or `connectionLost`.
   * `sizeHint` is how many bytes wait, or -1.
   *
   * Has to be overridden: this one has no room, which ends the connection as
   * soon as something arrives.
   */
  getBuffer(_sizeHint: number): Uint8Array {
    return new Uint8Array(0);
  }

  /** `nbytes` bytes were stored at the start of the last buffer. */
  bufferUpdated(_nbytes: number): void {}

  /** As of `Protocol`. */
  eofReceived(): boolean | void {}
}
