import type { AddressFamily, AddrInfo, CreateDatagramEndpointOptions } from "../types/options.ts";
import type { Address, HostAddress } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { type DatagramLink, requireNet, shownAddress } from "./datagram_link.ts";
import { resolveHost } from "./dns.ts";
import {
  AF_INET,
  AF_INET6,
  SO_BROADCAST,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "./ffi/constants.ts";
import { Socket } from "./ffi/socket.ts";
import { explain } from "./platform_error.ts";
import { SocketLink } from "./socket_link.ts";
import { bindUdp } from "./udp_link.ts";
import { checkFamily, checkPort } from "./validate.ts";

const WHAT = "createDatagramEndpoint";

/** An open socket, and where its packets go. */
export interface OpenedLink {
  /** The socket. */
  link: DatagramLink;
  /** Where packets go that have no address of their own. */
  remote: Deno.Addr | null;
  /** Whether that is the only one it hears. */
  connected: boolean;
}

/**
 * The addresses of a UDP endpoint, looked at but not looked up.
 *
 * @throws {TypeError} if one is no address
 * @throws {RangeError} for a port or family that cannot be
 */
export function checkAddresses(options: CreateDatagramEndpointOptions): Addresses {
  checkFamily(WHAT, options.family);
  return {
    local: hostAddress("localAddr", options.localAddr, 0),
    remote: hostAddress("remoteAddr", options.remoteAddr, 1),
  };
}

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

/** Both addresses of an endpoint. */
export interface Addresses {
  /** Where it is bound; anywhere if `null`. */
  local: HostAddress | null;
  /** Where its packets go; anywhere if `null`. */
  remote: HostAddress | null;
}

/** Opens the first pair of addresses that can be (a host may have several); fails as the first one did. */
export async function openUdp(
  loop: LoopInternals,
  addresses: Addresses,
  options: CreateDatagramEndpointOptions,
): Promise<OpenedLink> {
  const pairs = await pairsOf(addresses, options.family as AddressFamily | undefined);
  let failure: { error: unknown } | null = null;
  for (const { family, local, remote } of pairs) {
    try {
      if (remote !== null) await requireNet("connect to", remote);
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
async function openOwn({ family, local, remote, broadcast }: BindOptions): Promise<OpenedLink> {
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
): Promise<OpenedLink> {
  const ipv6 = family === "ipv6";
  const bound = local ?? { hostname: ipv6 ? "::" : "0.0.0.0", port: 0 };
  await requireNet("bind", bound);
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
export function withFfi<T>(purpose: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw explain(error, `Cannot call ${WHAT}() with ${purpose}`);
  }
}
