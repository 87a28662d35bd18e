import type {
  AddressFamily,
  AddrInfo,
  CreateDatagramEndpointOptions,
  GivenSocket,
} from "../types/options.ts";
import type { DatagramCallbacks, ProtocolFactory } from "../types/protocols.ts";
import type { Address, DatagramTransport as Contract, HostAddress } from "../types/transports.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { ConnLink } from "./conn_link.ts";
import { type DatagramLink, requireNet, shownAddress } from "./datagram_link.ts";
import { DatagramTransport } from "./datagram_transport.ts";
import { resolveHost } from "./dns.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SO_BROADCAST,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "./ffi/constants.ts";
import { Socket } from "./ffi/socket.ts";
import { operate } from "./operation.ts";
import { explain } from "./platform_error.ts";
import { isFdSource, sourceOf } from "./given_socket.ts";
import { withSocketOf } from "./socket_channel.ts";
import { SocketLink } from "./socket_link.ts";
import { bindUdp } from "./udp_link.ts";
import { checkPath, removeSocket } from "./unix_socket.ts";
import { checkFactory, checkFamily, checkPort, makeProtocol } from "./validate.ts";

const WHAT = "createDatagramEndpoint";
const MODIFIERS = ["localAddr", "remoteAddr", "family", "reusePort", "allowBroadcast"] as const;

/** An open socket, and where its packets go. */
interface Opened {
  link: DatagramLink;
  remote: Deno.Addr | null;
  connected: boolean;
}

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
): Promise<Opened> {
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
  checkFamily(WHAT, family);
  const local = hostAddress("localAddr", localAddr, 0);
  const remote = hostAddress("remoteAddr", remoteAddr, 1);
  return await operate(loop, () => openUdp(loop, { local, remote }, options), {
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

function openGiven(loop: LoopInternals, given: GivenSocket): Opened {
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

function openSocket(loop: LoopInternals, socket: Socket): Opened {
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

function openUnix(loop: LoopInternals, options: CreateDatagramEndpointOptions): Opened {
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

// --- UDP

function hostAddress(
  name: string,
  address: Address | undefined,
  lowestPort: 0 | 1,
): HostAddress | null {
  if (address === undefined) return null;
  if (
    typeof address !== "object" || address === null || !("hostname" in address) ||
    typeof address.hostname !== "string"
  ) {
    throw new TypeError(
      `Cannot call ${WHAT}(): ${name} must be { hostname, port }, got ${Deno.inspect(address)}`,
    );
  }
  checkPort(WHAT, address.port, lowestPort);
  return address;
}

interface Addresses {
  local: HostAddress | null;
  remote: HostAddress | null;
}

/** Opens the first pair of addresses that can be (a host may have several); fails as the first one did. */
async function openUdp(
  loop: LoopInternals,
  addresses: Addresses,
  options: CreateDatagramEndpointOptions,
): Promise<Opened> {
  const pairs = await pairsOf(addresses, options.family as AddressFamily | undefined);
  let failure: { error: unknown } | null = null;
  for (const { family, local, remote } of pairs) {
    try {
      if (remote !== null) await requireNet(remote.hostname, remote.port);
      const bind = { family, local, remote, broadcast: options.allowBroadcast ?? false };
      return options.reusePort ? await openShared(loop, bind) : await openOwn(bind);
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure !== null) throw failure.error;
  throw new RangeError(
    `Cannot call ${WHAT}(): can not get address information of one family for both addresses`,
  );
}

interface Pair extends Addresses {
  family: AddressFamily;
}

/** The numbers of both addresses, one pair a family. */
async function pairsOf(
  { local, remote }: Addresses,
  wanted: AddressFamily | undefined,
): Promise<Pair[]> {
  const find = async (address: HostAddress | null): Promise<AddrInfo[] | null> =>
    address === null ? null : await resolveHost(address.hostname, address.port, {
      ...(wanted !== undefined && { family: wanted }),
      type: "datagram",
    });
  const [locals, remotes] = [await find(local), await find(remote)];
  if (locals === null && remotes === null) {
    return [{ family: wanted as AddressFamily, local, remote }];
  }
  const families = new Set([...locals ?? [], ...remotes ?? []].map((info) => info.family));
  const pairs: Pair[] = [];
  for (const family of families) {
    const one = (infos: AddrInfo[] | null) =>
      infos === null ? null : infos.find((info) => info.family === family)?.sockaddr;
    const pair = { family, local: one(locals), remote: one(remotes) };
    if (pair.local !== undefined && pair.remote !== undefined) pairs.push(pair as Pair);
  }
  return pairs;
}

interface BindOptions extends Pair {
  broadcast: boolean;
}

/** With node:dgram, which needs no more than `--allow-net`. */
async function openOwn({ family, local, remote, broadcast }: BindOptions): Promise<Opened> {
  // Answers to a broadcast come from anywhere: then the endpoint is not connected (CPython).
  const connected = remote !== null && !broadcast;
  const peer = connected ? remote : null;
  const link = await bindUdp({ family, local, peer, broadcast });
  return { link, remote: remote && { transport: "udp", ...remote }, connected };
}

/** With a `Socket`: nothing else can share a port. */
async function openShared(
  loop: LoopInternals,
  { family, local, remote, broadcast }: BindOptions,
): Promise<Opened> {
  const ipv6 = family === "ipv6";
  const bound = local ?? { hostname: ipv6 ? "::" : "0.0.0.0", port: 0 };
  await requireNet(bound.hostname, bound.port);
  return withFfi("reusePort", () => {
    const socket = new Socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM);
    try {
      socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, true);
      if (broadcast) socket.setsockopt(SOL_SOCKET, SO_BROADCAST, true);
      bind(socket, bound);
      const peer = remote && { transport: "udp" as const, ...remote };
      const connected = peer !== null && !broadcast;
      if (connected) socket.connect(peer);
      const link = new SocketLink(loop, socket, connected ? peer : null);
      return { link, remote: peer, connected };
    } catch (error) {
      socket.close();
      throw error;
    }
  });
}

function bind(socket: Socket, address: HostAddress): void {
  try {
    socket.bind(address);
  } catch (error) {
    throw explain(error, `Cannot bind ${shownAddress(address)}`);
  }
}

/** Says what it was for that the socket of the system is missing. */
function withFfi<T>(purpose: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw explain(error, `Cannot call ${WHAT}() with ${purpose}`);
  }
}
