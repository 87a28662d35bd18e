import type { AnyStreamProtocol, ProtocolFactory } from "../types/protocols.ts";
import type { ByteChannel, Transport } from "../types/transports.ts";
import { abortable } from "../loop/abortable.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { StreamTransport, type TransportOwner } from "./stream_transport.ts";
import { makeProtocol } from "./validate.ts";

/** Options of {@linkcode establish}. */
export interface EstablishOptions {
  /** The server that accepted the connection. */
  owner?: TransportOwner;
  /** Gives the connection up when it aborts. */
  signal?: AbortSignal | undefined;
}

/**
 * Puts a transport and a protocol on a connected channel. Resolves once
 * `connectionMade` was called, before any data; the channel is released if the
 * factory throws, or the wait is cancelled or aborted.
 */
export async function establish<P extends AnyStreamProtocol>(
  loop: LoopInternals,
  factory: ProtocolFactory<P>,
  channel: ByteChannel,
  options: EstablishOptions = {},
): Promise<[Transport, P]> {
  const { owner, signal } = options;
  let protocol: P;
  try {
    signal?.throwIfAborted();
    protocol = makeProtocol(factory);
  } catch (error) {
    channel.abort();
    throw error;
  }
  const transport = new StreamTransport({ loop, channel, protocol, owner });
  const opened = new Future<void>({ loop });
  transport.open(() => void (opened.done() || opened.setResult()));
  try {
    await abortable(opened, signal);
  } catch (error) {
    transport.close();
    throw error;
  }
  return [transport, protocol];
}
