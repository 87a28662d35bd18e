import { CancelledError } from "../errors.ts";
import type { StartTlsOptions, TlsTimeouts } from "../types/options.ts";
import type { AnyStreamProtocol } from "../types/protocols.ts";
import type { TlsContext } from "../types/tls.ts";
import type { ByteChannel, Transport } from "../types/transports.ts";
import { Future } from "../loop/future.ts";
import { type LoopInternals, scheduler } from "../loop/internals.ts";
import { operate } from "./operation.ts";
import { StreamTransport } from "./stream_transport.ts";
import { checkHandshake } from "./_tls_options.ts";
import { TlsChannel, type TlsHandshakeOptions } from "./tls_channel.ts";
import { defaultClientContext, isTlsContext } from "./tls_context.ts";

/** Options of {@linkcode secure}. */
export interface SecureOptions extends TlsTimeouts {
  /** We are the server. */
  serverSide: boolean;
  /** Name the certificate must have; `""` for any. */
  serverHostname?: string | undefined;
  /** Bytes of the peer that were received already. */
  received?: Uint8Array | undefined;
  /** Gives up. */
  signal?: AbortSignal | undefined;
}

/**
 * Refuses what a handshake would refuse, before anything happens.
 *
 * @throws {TypeError} for a server without certificate, or a client without name
 * @throws {RangeError} for a `serverHostname` that is no host name
 */
export function checkSecure(context: TlsContext | true, options: SecureOptions): void {
  const { serverSide, serverHostname } = options;
  checkHandshake(context === true ? defaultClientContext() : context, {
    serverSide,
    ...(serverHostname !== undefined && { serverHostname }),
  });
}

/** Puts TLS on a channel. The channel is released if that fails, or is given up. */
export async function secure(
  loop: LoopInternals,
  channel: ByteChannel,
  context: TlsContext | true,
  options: SecureOptions,
): Promise<ByteChannel> {
  const made = context === true ? defaultClientContext() : context;
  try {
    return await operate(
      loop,
      (signal) =>
        TlsChannel.handshake(channel, made, { ...handshakeOptions(loop, options), signal }),
      { signal: options.signal, discard: (late) => late.abort() },
    );
  } catch (error) {
    // A failed handshake has done so; one that a signal forbade to begin has not.
    channel.abort();
    throw error;
  }
}

function handshakeOptions(loop: LoopInternals, options: SecureOptions): TlsHandshakeOptions {
  const { serverSide, serverHostname, received, tlsHandshakeTimeoutMs, tlsShutdownTimeoutMs } =
    options;
  return {
    serverSide,
    setTimer: (delayMs, callback) => {
      const timer = loop[scheduler].callAt(loop.time() + delayMs, callback, undefined);
      return () => timer.cancel();
    },
    ...(serverHostname !== undefined && { serverHostname }),
    ...(received !== undefined && { initialData: received }),
    ...(tlsHandshakeTimeoutMs !== undefined && { handshakeTimeoutMs: tlsHandshakeTimeoutMs }),
    ...(tlsShutdownTimeoutMs !== undefined && { shutdownTimeoutMs: tlsShutdownTimeoutMs }),
  };
}

/**
 * Makes a connection a TLS connection in its midst, as either side, over any
 * stream transport, TLS itself included. What the old transport still has to
 * send goes first, and what it has just read belongs to the handshake.
 *
 * If the handshake fails, the protocol gets `connectionLost(error)`, once; if it
 * is given up, by cancelling, `signal` or `close()`, `connectionLost(null)`.
 */
export async function startTls(
  loop: LoopInternals,
  transport: Transport,
  protocol: AnyStreamProtocol,
  context: TlsContext,
  options: StartTlsOptions,
): Promise<Transport> {
  if (!(transport instanceof StreamTransport)) {
    throw new TypeError(`Cannot call startTls(): transport ${transport} is not supported`);
  }
  if (!isTlsContext(context)) {
    throw new TypeError("Cannot call startTls(): tlsContext must be made by createTlsContext()");
  }
  if (typeof protocol !== "object" || protocol === null) {
    throw new TypeError(
      `Cannot call startTls(): expected a protocol, got ${Deno.inspect(protocol)}`,
    );
  }
  const settings = { ...options, serverSide: options.serverSide ?? false };
  checkSecure(context, settings);
  options.signal?.throwIfAborted();
  const channel = transport.handOver();
  transport.setProtocol(protocol);
  let secured: ByteChannel;
  try {
    secured = await secure(loop, channel, context, settings);
  } catch (error) {
    const givenUp = error instanceof CancelledError || options.signal?.aborted;
    const closed = transport.isClosing();
    transport.giveUp(givenUp ? null : error as Error);
    // Whoever learns of the failure here finds a protocol that knows of it, as in CPython.
    await loop[scheduler].nextTurn();
    if (givenUp || !closed) throw error;
    throw new Deno.errors.ConnectionAborted(
      "Cannot start TLS: the transport was closed during the handshake",
      { cause: error },
    );
  }
  const successor = new StreamTransport({
    loop,
    channel: secured,
    protocol,
    predecessor: transport,
  });
  const opened = new Future<void>({ loop });
  successor.open(() => void (opened.done() || opened.setResult()));
  try {
    await opened;
  } catch (error) {
    successor.close();
    throw error;
  }
  return successor;
}
