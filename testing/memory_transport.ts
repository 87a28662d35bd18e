import type { LoopInternals } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import { StreamTransport } from "../transports/stream_transport.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { AnyStreamProtocol } from "../types/protocols.ts";
import type { Transport } from "../types/transports.ts";
import { type MemoryChannelOptions, memoryChannelPair } from "./memory_channel.ts";

/** What {@linkcode memoryTransportPair} can be given. */
export interface MemoryTransportOptions extends MemoryChannelOptions {
  /**
   * The protocols of both sides.
   *
   * @default {none: give them by setProtocol()}
   */
  protocols?: readonly [AnyStreamProtocol, AnyStreamProtocol];
  /** The loop of both transports. @default {the running one} */
  loop?: AbstractEventLoop;
}

/** Stands in for a protocol that is still to come: nothing is lost until then. */
const nobody: AnyStreamProtocol = {
  connectionMade(transport: Transport): void {
    transport.pauseReading();
  },
};

/**
 * Two stream transports, connected in memory: for testing a protocol without a
 * socket. They are the library's stream transport, flow control and all, over
 * two {@linkcode memoryChannelPair} channels, so a protocol meets what it would
 * meet on a network, but at will: bytes in pieces (`chunkSize`), late
 * (`delayMs`, in the time of the loop), cut off (`loss`), or held up
 * (`capacity`).
 *
 * `connectionMade` comes in the next iteration, as always, so a protocol that is
 * given by `setProtocol()` before that gets it too. A side without a protocol
 * does not read: call `setProtocol()`, then `resumeReading()`.
 *
 * The peer of a transport that was aborted gets `Deno.errors.ConnectionReset`
 * after the bytes that were sent before.
 *
 * ```ts
 * import { getRunningLoop } from "@deno-asyncio/asyncio";
 * import { memoryTransportPair, runVirtual } from "@deno-asyncio/asyncio/testing";
 *
 * await runVirtual(async () => {
 *   const loop = getRunningLoop();
 *   const lost = loop.createFuture<void>();
 *   const [client] = memoryTransportPair({
 *     chunkSize: 2,
 *     delayMs: 100,
 *     protocols: [{}, {
 *       dataReceived: (data) => console.log(loop.time(), data),
 *       connectionLost: () => lost.setResult(),
 *     }],
 *   });
 *   client.write(new Uint8Array([1, 2, 3]));
 *   client.close();
 *   await lost;
 * });
 * ```
 *
 * @returns the transports of the first and the second side
 * @throws {RangeError} for an option that cannot be
 * @throws {RuntimeError} without a loop
 */
export function memoryTransportPair(options: MemoryTransportOptions = {}): [Transport, Transport] {
  const { protocols = [nobody, nobody], loop = getRunningLoop(), ...rest } = options;
  const channels = memoryChannelPair(loop, rest);
  const [first, second] = protocols.map((protocol, at) => {
    const channel = channels[at as 0 | 1];
    return new StreamTransport({ loop: loop as LoopInternals, channel, protocol });
  }) as [StreamTransport, StreamTransport];
  first.open(() => {});
  second.open(() => {});
  return [first, second];
}
