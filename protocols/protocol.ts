import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on a stream of bytes.
 *
 * Grammar: `connectionMade dataReceived* eofReceived? connectionLost`.
 */
export class Protocol extends BaseProtocol {
  /** Bytes arrived, at least one. They are the protocol's to keep. */
  dataReceived(_data: Uint8Array): void {}

  /**
   * The peer ended its side; at most once, and no data comes after it. A falsy
   * answer closes the transport. A true one keeps our side open, and the
   * protocol must close it.
   */
  eofReceived(): boolean | void {}
}
