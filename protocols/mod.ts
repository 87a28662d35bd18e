/**
 * Base classes for protocols: subclass one and override what you need. A plain
 * object with the same methods is accepted wherever a protocol is.
 *
 * ```ts
 * import { Protocol } from "@deno-asyncio/asyncio/protocols";
 *
 * class Shout extends Protocol {
 *   override dataReceived(data: Uint8Array): void {
 *     console.log(new TextDecoder().decode(data).toUpperCase());
 *   }
 * }
 * new Shout().dataReceived(new TextEncoder().encode("hello"));
 * ```
 *
 * @module
 */

export type * from "../types/protocols.ts";
export { BaseProtocol } from "./base_protocol.ts";
export { BufferedProtocol } from "./buffered_protocol.ts";
export { DatagramProtocol } from "./datagram_protocol.ts";
export { Protocol } from "./protocol.ts";
export { SubprocessProtocol } from "./subprocess_protocol.ts";
