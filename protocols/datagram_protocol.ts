import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on datagrams.
 *
 * Grammar: `connectionMade (datagramReceived | errorReceived)* connectionLost`.
 */
export class DatagramProtocol extends BaseProtocol {
  /** One packet arrived, possibly an empty one. It is the protocol's to keep. */
  datagramReceived(_data: Uint8Array, _addr: Deno.Addr): void {}

  /** An earlier send or receive failed; the endpoint stays open. */
  errorReceived(_error: Error): void {}
}
