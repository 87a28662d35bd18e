import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on a stream of bytes.
 *
 * Grammar: `connectionMade dataReceived* eofReceived? connectionLost`.
 *
 * ```ts
 * import { getRunningLoop, Protocol, run, type Transport } from "@deno-asyncio/asyncio";
 *
 * class Greeter extends Protocol {
 *   override connectionMade(transport: Transport) {
 *     transport.write(new TextEncoder().encode("hello\n"));
 *     transport.close();
 *   }
 * }
 *
 * await run(async () => {
 *   const loop = getRunningLoop();
 *   await using server = await loop.createServer(() => new Greeter(), { hostname: "127.0.0.1" });
 *   console.log(server.sockets[0]?.addr);
 * });
 * ```
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
