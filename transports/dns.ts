import type { AddressFamily, AddrInfo, GetaddrinfoOptions } from "../types/options.ts";
import type { HostAddress } from "../types/transports.ts";
import { nodeModule } from "../internal/node.ts";
import { canonicalHost, literalFamily } from "./host_number.ts";
import { explain, fromNode } from "./platform_error.ts";
import { serviceName, servicePort } from "./services.ts";
import { checkFamily, checkPort } from "./validate.ts";

const PROTOCOLS = { stream: 6, datagram: 17 } as const;

/**
 * The addresses of a host, from the system's resolver, the hosts file included.
 * A number is answered without asking. `null` and `""` are the wildcard
 * addresses.
 *
 * Requires `--allow-net` for the host, unless it is a number.
 *
 * @throws {Deno.errors.NotFound} if the host has no address
 * @throws {Deno.errors.NotCapable} without the permission
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
  if (literal !== null) {
    return [{ address: canonicalHost(hostname), family: literal === "ipv6" ? 6 : 4 }];
  }
  const attempt = `Cannot resolve host ${Deno.inspect(hostname)}`;
  // Neither name nor number; a permission cannot be asked for it, either.
  if (!/^[^\s:/\0]+$/.test(hostname)) {
    throw new Deno.errors.NotFound(`${attempt}: it is no name of a host`);
  }
  const { lookup } = nodeModule("node:dns/promises");
  try {
    const wanted = family === undefined ? 0 : family === "ipv6" ? 6 : 4;
    return await lookup(hostname, { all: true, family: wanted, order: "verbatim" });
  } catch (error) {
    throw await explained(error, attempt, hostname);
  }
}

/** What the resolver says; a permission that is missing is `EPERM` to it. */
async function explained(error: unknown, attempt: string, host: string): Promise<Error> {
  const { state } = await Deno.permissions.query({ name: "net", host });
  if (state === "granted") return explain(fromNode(error), attempt);
  return new Deno.errors.NotCapable(
    `${attempt}: Requires net access to "${host}", run again with the --allow-net flag`,
    { cause: error },
  );
}

/** Flags of `getaddrinfo` (netdb.h). */
const AI_PASSIVE = 1;
const AI_CANONNAME = 2;
const AI_NUMERICHOST = 4;
const AI_NUMERICSERV = 0x400;

/**
 * The addresses of a host and service, as the system's `getaddrinfo` gives them:
 * one entry for each address and type of socket that has the service.
 */
export async function getaddrinfo(
  hostname: string | null,
  port: number | string | null,
  options: GetaddrinfoOptions,
): Promise<AddrInfo[]> {
  const flags = options.flags ?? 0;
  checkHost(hostname, port, flags);
  checkFamily("getaddrinfo", options.family);
  const types = typesOf(options);
  const ports = new Map<"stream" | "datagram", number>();
  for (const type of types) {
    const number = await portNumber(port, type, flags);
    if (number !== undefined) ports.set(type, number);
  }
  if (ports.size === 0) {
    throw new Deno.errors.NotFound(
      `Cannot call getaddrinfo(): service ${Deno.inspect(port)} not known`,
    );
  }
  const infos: AddrInfo[] = [];
  const addresses = await hostAddresses(hostname, flags, options.family);
  for (const { sockaddr, family } of addresses) {
    for (const [type, number] of ports) {
      infos.push({
        family,
        type,
        proto: PROTOCOLS[type],
        // The platform's resolver does not tell which name is the canonical one.
        canonname: (flags & AI_CANONNAME) !== 0 && infos.length === 0 ? hostname ?? "" : "",
        sockaddr: { hostname: sockaddr.hostname, port: number },
      });
    }
  }
  return infos;
}

function checkHost(hostname: unknown, port: unknown, flags: number): void {
  if (hostname !== null && typeof hostname !== "string") {
    throw new TypeError(
      `Cannot call getaddrinfo(): hostname must be a string or null, got ${Deno.inspect(hostname)}`,
    );
  }
  if (hostname === "" || (hostname === null && port === null)) {
    throw new Deno.errors.NotFound(
      `Cannot call getaddrinfo(): Name or service not known: ${
        hostname === "" ? "hostname is empty" : "neither hostname nor port given"
      }`,
    );
  }
  if (hostname !== null && (flags & AI_NUMERICHOST) !== 0 && literalFamily(hostname) === null) {
    throw new Deno.errors.NotFound(
      `Cannot resolve host "${hostname}": AI_NUMERICHOST allows numbers only`,
    );
  }
}

function typesOf({ type, proto }: GetaddrinfoOptions): ("stream" | "datagram")[] {
  if (type !== undefined && !Object.hasOwn(PROTOCOLS, type)) {
    throw new RangeError(
      `Cannot call getaddrinfo(): type must be "stream" or "datagram", got ${Deno.inspect(type)}`,
    );
  }
  const types = type === undefined ? ["stream", "datagram"] as const : [type];
  const matching = types.filter((one) =>
    proto === undefined || proto === 0 || PROTOCOLS[one] === proto
  );
  if (matching.length > 0) return matching;
  throw new RangeError(
    `Cannot call getaddrinfo(): no socket of type ${
      type ?? "stream or datagram"
    } has protocol ${proto}`,
  );
}

async function hostAddresses(
  hostname: string | null,
  flags: number,
  family: AddressFamily | undefined,
): Promise<AddrInfo[]> {
  const wanted = family === undefined ? {} : { family };
  if (hostname !== null) {
    const found = await resolveHost(hostname, 0, wanted);
    if (found.length > 0) return found;
    throw new Deno.errors.NotFound(
      `Cannot resolve host "${hostname}": it has no ${family} address`,
    );
  }
  if ((flags & AI_PASSIVE) !== 0) return await resolveHost(null, 0, wanted);
  // Without AI_PASSIVE no host means this one (getaddrinfo(3)).
  const loopback = [...await resolveHost("::1", 0), ...await resolveHost("127.0.0.1", 0)];
  return loopback.filter((info) => family === undefined || info.family === family);
}

/** The number of a port or service; `undefined` if this type of socket has no such service. */
async function portNumber(
  port: number | string | null,
  type: "stream" | "datagram",
  flags: number,
): Promise<number | undefined> {
  if (port === null) return 0;
  const isNumber = typeof port === "number" || /^\d+$/.test(port);
  if (!isNumber) {
    return (flags & AI_NUMERICSERV) === 0 ? await servicePort(port, type) : undefined;
  }
  checkPort("getaddrinfo", Number(port), 0);
  return Number(port);
}

/** Flag of `getnameinfo`: give the host as a number. */
export const NI_NUMERICHOST = 1;
/** Flag of `getnameinfo`: give the port as a number. */
export const NI_NUMERICSERV = 2;
/** Flag of `getnameinfo`: fail if the host has no name. */
export const NI_NAMEREQD = 8;
/** Flag of `getnameinfo`: the service of a datagram socket (netdb.h). */
const NI_DGRAM = 16;

/**
 * Name and service of an address. Without a name the number is the answer,
 * unless `NI_NAMEREQD` is set.
 *
 * Requires `--allow-net` for the address, unless `NI_NUMERICHOST` is set.
 *
 * @throws {Deno.errors.NotFound} with `NI_NAMEREQD`, if the host has no name
 * @throws {Deno.errors.NotCapable} without the permission
 */
export async function getnameinfo(address: HostAddress, flags: number): Promise<[string, string]> {
  checkPort("getnameinfo", address?.port, 0);
  const { hostname, port } = address;
  if (typeof hostname !== "string" || literalFamily(hostname) === null) {
    throw new RangeError(
      `Cannot call getnameinfo(): hostname must be a number, got ${Deno.inspect(hostname)}`,
    );
  }
  const type = (flags & NI_DGRAM) === 0 ? "stream" : "datagram";
  const host = (flags & NI_NUMERICHOST) !== 0 ? hostname : await hostName(hostname, flags);
  const service = (flags & NI_NUMERICSERV) !== 0 ? undefined : await serviceName(port, type);
  return [host, service ?? String(port)];
}

async function hostName(hostname: string, flags: number): Promise<string> {
  const { lookupService } = nodeModule("node:dns/promises");
  try {
    // Its service is that of TCP only, and lost when the host has no name: we look it up ourselves.
    return (await lookupService(hostname, 0)).hostname;
  } catch (error) {
    const failure = await explained(error, `Cannot find the name of ${hostname}`, hostname);
    if (!(failure instanceof Deno.errors.NotFound) || (flags & NI_NAMEREQD) !== 0) throw failure;
    return hostname;
  }
}
