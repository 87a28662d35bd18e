import type { AddressFamily, AddrInfo, GetaddrinfoOptions } from "../types/options.ts";
import type { HostAddress } from "../types/transports.ts";
import { nodeModule } from "../internal/node.ts";
import { explain, fromNode } from "./platform_error.ts";
import { servicePort } from "./services.ts";
import { checkFamily, checkPort, literalFamily } from "./validate.ts";

const PROTOCOLS = { stream: 6, datagram: 17 } as const;

/**
 * The addresses of a host, from the system's resolver, the hosts file included.
 * A number is answered without asking. `null` and `""` are the wildcard
 * addresses.
 *
 * Requires `--allow-net` for the host, unless it is a number.
 */
export async function resolveHost(
  hostname: string | null,
  port: number,
  options: Pick<GetaddrinfoOptions, "family" | "type"> = {},
): Promise<AddrInfo[]> {
  const addresses = hostname === null || hostname === ""
    ? [{ address: "::", family: 6 }, { address: "0.0.0.0", family: 4 }]
    : await lookup(hostname, options.family);
  const type = options.type ?? "stream";
  return addresses
    .map(({ address, family }) => ({
      family: (family === 6 ? "ipv6" : "ipv4") as AddressFamily,
      type,
      proto: PROTOCOLS[type],
      canonname: "",
      sockaddr: { hostname: address, port },
    }))
    .filter((info) => options.family === undefined || info.family === options.family);
}

interface Address {
  address: string;
  family: number;
}

async function lookup(hostname: string, family: AddressFamily | undefined): Promise<Address[]> {
  const literal = literalFamily(hostname);
  if (literal !== null) return [{ address: hostname, family: literal === "ipv6" ? 6 : 4 }];
  const attempt = `Cannot resolve host ${Deno.inspect(hostname)}`;
  const permission = await Deno.permissions.query({ name: "net", host: hostname });
  if (permission.state === "denied") {
    throw new Deno.errors.NotCapable(
      `${attempt}: requires net access, run again with --allow-net=${hostname}`,
    );
  }
  const { lookup } = nodeModule("node:dns/promises");
  try {
    const wanted = family === undefined ? 0 : family === "ipv6" ? 6 : 4;
    return await lookup(hostname, { all: true, family: wanted, order: "verbatim" });
  } catch (error) {
    throw explain(fromNode(error), attempt);
  }
}

/** Flags of `getaddrinfo` (netdb.h). */
const AI_PASSIVE = 1;
const AI_CANONNAME = 2;
const AI_NUMERICHOST = 4;

/**
 * The addresses of a host and service, as the system's `getaddrinfo` gives them:
 * one entry for each address and type of socket.
 */
export async function getaddrinfo(
  hostname: string | null,
  port: number | string | null,
  options: GetaddrinfoOptions,
): Promise<AddrInfo[]> {
  checkFamily("getaddrinfo", options.family);
  options.signal?.throwIfAborted();
  const flags = options.flags ?? 0;
  if ((hostname === null || hostname === "") && port === null) {
    throw new Deno.errors.NotFound(
      "Cannot call getaddrinfo(): Name or service not known: neither host nor port given",
    );
  }
  if (hostname !== null && (flags & AI_NUMERICHOST) !== 0 && literalFamily(hostname) === null) {
    throw new Deno.errors.NotFound(
      `Cannot resolve host "${hostname}": AI_NUMERICHOST allows numbers only`,
    );
  }
  const types = typesOf(options);
  const infos: AddrInfo[] = [];
  const addresses = await hostAddresses(hostname, flags, options.family);
  for (const { sockaddr, family } of addresses) {
    for (const type of types) {
      infos.push({
        family,
        type,
        proto: PROTOCOLS[type],
        canonname: (flags & AI_CANONNAME) !== 0 && infos.length === 0 ? hostname ?? "" : "",
        sockaddr: { hostname: sockaddr.hostname, port: await portNumber(port, type) },
      });
    }
  }
  return infos;
}

function typesOf({ type, proto }: GetaddrinfoOptions): ("stream" | "datagram")[] {
  const types = type === undefined ? ["stream", "datagram"] as const : [type];
  const matching = types.filter((one) =>
    proto === undefined || proto === 0 || PROTOCOLS[one] === proto
  );
  if (matching.length > 0) return matching;
  throw new RangeError(
    `Cannot call getaddrinfo(): no socket of type ${type} has protocol ${proto}`,
  );
}

async function hostAddresses(
  hostname: string | null,
  flags: number,
  family: AddressFamily | undefined,
): Promise<AddrInfo[]> {
  const wanted = family === undefined ? {} : { family };
  if (hostname !== null && hostname !== "") return await resolveHost(hostname, 0, wanted);
  if ((flags & AI_PASSIVE) !== 0) return await resolveHost(null, 0, wanted);
  // Without AI_PASSIVE no host means this one (getaddrinfo(3)).
  const loopback = [...await resolveHost("::1", 0), ...await resolveHost("127.0.0.1", 0)];
  return loopback.filter((info) => family === undefined || info.family === family);
}

async function portNumber(
  port: number | string | null,
  type: "stream" | "datagram",
): Promise<number> {
  if (port === null) return 0;
  const number = typeof port === "number"
    ? port
    : /^\d+$/.test(port)
    ? Number(port)
    : await servicePort(port, type);
  if (number === undefined) {
    throw new Deno.errors.NotFound(
      `Cannot call getaddrinfo(): service ${Deno.inspect(port)} not known`,
    );
  }
  checkPort("getaddrinfo", number, 0);
  return number;
}

/** Flags of `getnameinfo` (netdb.h). */
export const NI_NUMERICHOST = 1;
/** Give the port as a number. */
export const NI_NUMERICSERV = 2;
/** Fail if the host has no name. */
export const NI_NAMEREQD = 8;

/**
 * Name and service of an address. Without a name the number is the answer,
 * unless `NI_NAMEREQD` is set.
 *
 * Requires `--allow-net` for the address, unless only numbers are wanted.
 *
 * @throws {Deno.errors.NotFound} with `NI_NAMEREQD`, if the host has no name
 */
export async function getnameinfo(address: HostAddress, flags: number): Promise<[string, string]> {
  checkPort("getnameinfo", address?.port, 0);
  const { hostname, port } = address;
  if (literalFamily(hostname) === null) {
    throw new RangeError(
      `Cannot call getnameinfo(): hostname must be a number, got ${Deno.inspect(hostname)}`,
    );
  }
  const numericHost = (flags & NI_NUMERICHOST) !== 0;
  const numericService = (flags & NI_NUMERICSERV) !== 0;
  if (numericHost && numericService) return [hostname, String(port)];
  const { lookupService } = nodeModule("node:dns/promises");
  try {
    const { hostname: name, service } = await lookupService(hostname, port);
    return [numericHost ? hostname : name, numericService ? String(port) : service];
  } catch (error) {
    const known = fromNode(error);
    if (!(known instanceof Deno.errors.NotFound) || (flags & NI_NAMEREQD) !== 0) {
      throw explain(known, `Cannot find the name of ${hostname}`);
    }
    return [hostname, String(port)];
  }
}
