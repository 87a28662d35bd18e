import type { AnyStreamProtocol, ProtocolFactory } from "../types/protocols.ts";
import type { ByteChannel, Transport } from "../types/transports.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { StreamTransport, type TransportOwner } from "./stream_transport.ts";
import { makeProtocol } from "./validate.ts";

/** Options of {@linkcode establish}. */
export interface EstablishOptions {
  /** The server that accepted the connection. */
  owner?: TransportOwner;
}

/**
 * Puts a transport and a protocol on a connected channel. Resolves once
 * `connectionMade` was called, before any data; the channel is released if the
 * factory throws, or the wait is cancelled.
 */
export async function establish<P extends AnyStreamProtocol>(
  loop: LoopInternals,
  factory: ProtocolFactory<P>,
  channel: ByteChannel,
  options: EstablishOptions = {},
): Promise<[Transport, P]> {
  let protocol: P;
  try {
    protocol = makeProtocol(factory);
  } catch (error) {
    channel.abort();
    throw error;
  }
  const transport = new StreamTransport({ loop, channel, protocol, ...options });
  const opened = new Future<void>({ loop });
  transport.open(() => void (opened.done() || opened.setResult()));
  try {
    await opened;
  } catch (error) {
    transport.close();
    throw error;
  }
  return [transport, protocol];
}
