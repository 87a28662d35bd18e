import type { CreateDatagramEndpointOptions, GivenSocket } from "../types/options.ts";
import type { DatagramCallbacks, ProtocolFactory } from "../types/protocols.ts";
import type { Address, DatagramTransport as Contract } from "../types/transports.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { ConnLink } from "./conn_link.ts";
import { DatagramTransport } from "./datagram_transport.ts";
import { AF_UNIX, SOCK_DGRAM } from "./ffi/constants.ts";
import { Socket } from "./ffi/socket.ts";
import { isFdSource, sourceOf } from "./given_socket.ts";
import { operate } from "./operation.ts";
import { withSocketOf } from "./socket_channel.ts";
import { SocketLink } from "./socket_link.ts";
import { checkAddresses, type OpenedLink, openUdp, withFfi } from "./udp_endpoint.ts";
import { checkPath, removeSocket } from "./unix_socket.ts";
import { checkFactory, makeProtocol } from "./validate.ts";

const WHAT = "createDatagramEndpoint";
const MODIFIERS = ["localAddr", "remoteAddr", "family", "reusePort", "allowBroadcast"] as const;

/**
 * Opens a datagram endpoint: bound, connected, or both, of UDP or of unix
 * sockets, or on a socket of the caller's (CPython `base_events.py`).
 */
export async function createDatagramEndpoint<P extends DatagramCallbacks>(
  loop: LoopInternals,
  factory: ProtocolFactory<P>,
  options: CreateDatagramEndpointOptions,
): Promise<[Contract, P]> {
  checkFactory(WHAT, factory);
  const { link, remote, connected } = await open(loop, options);
  let protocol: P;
  try {
    protocol = makeProtocol(factory);
  } catch (error) {
    link.close();
    throw error;
  }
  const transport = new DatagramTransport({ loop, link, remote, connected, protocol });
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

async function open(
  loop: LoopInternals,
  options: CreateDatagramEndpointOptions,
): Promise<OpenedLink> {
  const { sock, localAddr, remoteAddr, family } = options;
  if (sock !== undefined) {
    refuseModifiers(options);
    options.signal?.throwIfAborted();
    return openGiven(loop, sock);
  }
  if (localAddr === undefined && remoteAddr === undefined && family === undefined) {
    throw new RangeError(
      `Cannot call ${WHAT}(): unexpected address family: give an address or a family`,
    );
  }
  const isUnix = family === "unix" || [localAddr, remoteAddr].some((addr) => isPath(addr));
  if (isUnix) {
    options.signal?.throwIfAborted();
    return openUnix(loop, options);
  }
  const addresses = checkAddresses(options);
  return await operate(loop, () => openUdp(loop, addresses, options), {
    signal: options.signal,
    discard: ({ link }) => link.close(),
  });
}

// --- a socket of the caller's

function refuseModifiers(options: CreateDatagramEndpointOptions): void {
  const given = MODIFIERS.filter((name) => options[name] !== undefined && options[name] !== false);
  if (given.length === 0) return;
  throw new RangeError(
    `Cannot call ${WHAT}(): socket modifiers can not be used when sock is specified: ${given}`,
  );
}

function openGiven(loop: LoopInternals, given: GivenSocket): OpenedLink {
  const sock = sourceOf(given, WHAT);
  if (isFdSource(sock)) {
    return withSocketOf("createDatagramEndpoint", sock, (socket) => openSocket(loop, socket));
  }
  if (typeof (sock as Partial<Deno.DatagramConn> | null)?.receive === "function") {
    return { link: new ConnLink(sock as Deno.DatagramConn), remote: null, connected: false };
  }
  throw new TypeError(
    `Cannot call ${WHAT}(): expected a Socket or Deno.DatagramConn as sock, got ${
      Deno.inspect(sock)
    }`,
  );
}

function openSocket(loop: LoopInternals, socket: Socket): OpenedLink {
  if (socket.type !== SOCK_DGRAM) {
    throw new RangeError(`Cannot call ${WHAT}(): A datagram socket was expected, got ${socket}`);
  }
  const remote = peerOf(socket);
  return { link: new SocketLink(loop, socket, remote), remote, connected: remote !== null };
}

function peerOf(socket: Socket): Deno.Addr | null {
  try {
    return socket.getpeername();
  } catch (error) {
    if (error instanceof Deno.errors.NotConnected) return null;
    throw error;
  }
}

// --- unix sockets

function isPath(addr: unknown): addr is { path: string } {
  return typeof addr === "object" && addr !== null && "path" in addr;
}

function openUnix(loop: LoopInternals, options: CreateDatagramEndpointOptions): OpenedLink {
  const { reusePort, allowBroadcast } = options;
  if (reusePort || allowBroadcast) {
    throw new RangeError(
      `Cannot call ${WHAT}(): reusePort and allowBroadcast are not for unix sockets`,
    );
  }
  const local = unixAddress("localAddr", options.localAddr, options);
  const remote = unixAddress("remoteAddr", options.remoteAddr, options);
  return withFfi("a unix address", () => {
    const socket = new Socket(AF_UNIX, SOCK_DGRAM);
    try {
      if (local !== null) {
        // As asyncio, and as for a server; but a file that we leave behind stays.
        if (!local.path.startsWith("\0")) removeSocket(local.path);
        socket.bind(local);
      }
      if (remote !== null) socket.connect(remote);
      return openSocket(loop, socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  });
}

function unixAddress(
  name: string,
  addr: Address | undefined,
  { family }: CreateDatagramEndpointOptions,
): { path: string } | null {
  if (addr === undefined) return null;
  if (isPath(addr) && (family === undefined || family === "unix")) {
    return { path: checkPath(WHAT, addr.path) };
  }
  throw new TypeError(
    `Cannot call ${WHAT}(): ${name} must be { path } like the other one and family, got ${
      Deno.inspect(addr)
    }`,
  );
}
