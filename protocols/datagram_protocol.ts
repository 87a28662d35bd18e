import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on datagrams.
 *
 * Grammar: `connectionMade (datagramReceived | errorReceived)* connectionLost`.
 *
 * ```ts
 * import { DatagramProtocol, type DatagramTransport, getRunningLoop, run } from "@deno-asyncio/asyncio";
 *
 * class Echo extends DatagramProtocol {
 *   #transport!: DatagramTransport;
 *   override connectionMade(transport: DatagramTransport) {
 *     this.#transport = transport;
 *   }
 *   override datagramReceived(data: Uint8Array, addr: Deno.Addr) {
 *     this.#transport.sendto(data, addr);
 *   }
 * }
 *
 * await run(async () => {
 *   const [transport] = await getRunningLoop().createDatagramEndpoint(() => new Echo(), {
 *     localAddr: { hostname: "127.0.0.1", port: 0 },
 *   });
 *   console.log(transport.getExtraInfo("sockname"));
 *   transport.close();
 * });
 * ```
 */
export class DatagramProtocol extends BaseProtocol {
  /** One packet arrived, possibly an empty one. It is the protocol's to keep. */
  datagramReceived(_data: Uint8Array, _addr: Deno.Addr): void {}

  /** An earlier send or receive failed; the endpoint stays open. */
  errorReceived(_error: Error): void {}
}
