import { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM } from "./constants.ts";
import { libc, platform } from "./libc.ts";
import type { Platform } from "./platform.ts";
import type { Address } from "../../types/transports.ts";

/** Bytes that hold any address: `struct sockaddr_storage`. */
export const ADDRESS_SIZE = 128;

/** An address as libc takes it. */
export interface RawAddress {
  /** The structure. */
  bytes: Uint8Array<ArrayBuffer>;
  /** How much of it counts. */
  length: number;
}

/**
 * The `struct sockaddr` of an address for a socket of `family`.
 *
 * Names are not looked up, which would block: a `hostname` is a number,
 * `"localhost"`, or `""` for any address.
 *
 * @throws {TypeError} for an address of the wrong shape or family, a name, or a path that is too long
 * @throws {RangeError} for a port outside of 0 to 65535
 */
export function encodeAddress(
  addr: Address | Deno.Addr,
  family: number,
  call: string,
): RawAddress {
  const here = platform(call);
  if (family === AF_UNIX) return encodeUnix(addr, here, call);
  if (family !== AF_INET && family !== AF_INET6) {
    throw new Deno.errors.NotSupported(
      `Cannot call ${call}: addresses of family ${family} are not supported, only AF_INET, AF_INET6 and AF_UNIX`,
    );
  }
  if (
    typeof addr !== "object" || addr === null ||
    !("hostname" in addr) || typeof addr.hostname !== "string"
  ) {
    throw new TypeError(
      `Cannot call ${call}: expected an address { hostname, port }, got ${show(addr)}`,
    );
  }
  const { port } = addr as { port: number };
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(
      `Cannot call ${call}: port must be 0 to 65535, got ${port}`,
    );
  }
  return family === AF_INET
    ? encodeIpv4(addr.hostname, port, here, call)
    : encodeIpv6(addr.hostname, port, here, call);
}

/**
 * The address in a `struct sockaddr` of `length` bytes, of a socket of type
 * `type`; `null` where there is none, as for the peer of a TCP `recvfrom`. The
 * path of a unix socket without a name is `""`.
 */
export function decodeAddress(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  type: number,
): Deno.Addr | null {
  if (length < 2) return null;
  const here = platform("decodeAddress");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const family = here.sockaddrHasLength ? bytes[1] as number : view.getUint16(0, true);
  if (family === AF_UNIX) {
    const transport = type === SOCK_DGRAM ? "unixpacket" : "unix";
    return { transport, path: unixPath(bytes.subarray(2, length)) };
  }
  const transport = type === SOCK_DGRAM ? "udp" : "tcp";
  const port = view.getUint16(2);
  if (family === AF_INET) {
    const hostname = `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`;
    return { transport, hostname, port };
  }
  if (family === AF_INET6) {
    const scope = view.getUint32(24, true);
    const hostname = formatIpv6(view, 8) + (scope === 0 ? "" : `%${scope}`);
    return { transport, hostname, port };
  }
  throw new Deno.errors.NotSupported(
    `Cannot read a socket address of family ${family}`,
  );
}

/** Whether `hostname` needs no looking up: a number, `"localhost"`, or `""`. */
export function isHostNumber(hostname: string): boolean {
  const bare = hostname.replace(/^\[(.*)\]$/, "$1").split("%", 1)[0] as string;
  return bare === "" || bare === "localhost" || parseIpv4(bare) !== null ||
    parseIpv6(bare) !== null;
}

function encodeIpv4(
  hostname: string,
  port: number,
  here: Platform,
  call: string,
): RawAddress {
  const parts = hostname === ""
    ? [0, 0, 0, 0]
    : hostname === "localhost"
    ? [127, 0, 0, 1]
    : parseIpv4(hostname);
  if (parts === null) throw notANumber(hostname, "an IPv4 address", call);
  const { bytes, view } = newAddress(AF_INET, 16, here);
  view.setUint16(2, port);
  bytes.set(parts, 4);
  return { bytes, length: 16 };
}

function encodeIpv6(
  hostname: string,
  port: number,
  here: Platform,
  call: string,
): RawAddress {
  const bare = hostname.startsWith("[") && hostname.endsWith("]")
    ? hostname.slice(1, -1)
    : hostname;
  const [number, zone] = splitOnce(bare, "%");
  const groups = bare === ""
    ? new Array(8).fill(0)
    : bare === "localhost"
    ? [0, 0, 0, 0, 0, 0, 0, 1]
    : parseIpv6(number);
  if (groups === null) throw notANumber(hostname, "an IPv6 address", call);
  const { bytes, view } = newAddress(AF_INET6, 28, here);
  view.setUint16(2, port);
  groups.forEach((group, i) => view.setUint16(8 + 2 * i, group));
  if (zone !== null) view.setUint32(24, zoneIndex(zone, hostname, call), true);
  return { bytes, length: 28 };
}

function encodeUnix(
  addr: Address | Deno.Addr,
  here: Platform,
  call: string,
): RawAddress {
  if (
    typeof addr !== "object" || addr === null ||
    !("path" in addr) || typeof addr.path !== "string" || addr.path === ""
  ) {
    throw new TypeError(
      `Cannot call ${call}: expected an address { path }, got ${show(addr)}`,
    );
  }
  const abstract = addr.path.startsWith("\0");
  if (abstract && here.os !== "linux") {
    throw new Deno.errors.NotSupported(
      `Cannot call ${call}: abstract unix sockets exist on linux only, got ${show(addr)}`,
    );
  }
  if (!abstract && addr.path.includes("\0")) {
    throw new TypeError(
      `Cannot call ${call}: the path of a unix socket contains a NUL: ${show(addr)}`,
    );
  }
  const path = new TextEncoder().encode(addr.path);
  // The name of an abstract socket is counted, a path ends with a NUL.
  const size = abstract ? path.length : path.length + 1;
  if (size > here.sunPathSize) {
    throw new TypeError(
      `Cannot call ${call}: the path of a unix socket has room for ${
        here.sunPathSize - 1
      } bytes, got ${path.length}: ${show(addr)}`,
    );
  }
  const { bytes } = newAddress(AF_UNIX, 2 + size, here);
  bytes.set(path, 2);
  return { bytes, length: 2 + size };
}

function newAddress(family: number, length: number, here: Platform) {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  if (here.sockaddrHasLength) {
    bytes[0] = length;
    bytes[1] = family;
  } else {
    view.setUint16(0, family, true);
  }
  return { bytes, view };
}

function unixPath(name: Uint8Array<ArrayBuffer>): string {
  // Linux counts the NUL of a path in, sometimes; macOS counts all of sun_path.
  const abstract = name.length > 1 && name[0] === 0 && name[1] !== 0;
  const end = abstract ? -1 : name.indexOf(0);
  return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
}

function zoneIndex(zone: string, hostname: string, call: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const index = libc(call).ifNameToIndex(
    new TextEncoder().encode(`${zone}\0`),
  );
  if (index === 0) {
    throw new TypeError(
      `Cannot call ${call}: there is no interface ${zone} as in ${hostname}`,
    );
  }
  return index;
}

function notANumber(hostname: string, wanted: string, call: string): TypeError {
  return new TypeError(
    `Cannot call ${call}: expected ${wanted} as a number, got ${
      show(hostname)
    }; look a name up with loop.getaddrinfo(), or connect with loop.sockConnect()`,
  );
}

function parseIpv4(text: string): number[] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const parts = match?.slice(1).map(Number) ?? [];
  return parts.length === 4 && parts.every((part) => part < 256) ? parts : null;
}

/** The eight groups of an IPv6 address (RFC 4291 section 2.2). */
function parseIpv6(text: string): number[] | null {
  const [head, tail] = splitOnce(text, "::");
  const left = parseGroups(head, tail === null);
  const right = tail === null ? [] : parseGroups(tail, true);
  if (left === null || right === null) return null;
  const missing = 8 - left.length - right.length;
  if (tail === null ? missing !== 0 : missing < 1) return null;
  return [...left, ...new Array(missing).fill(0), ...right];
}

/** Groups between colons; the last may be an IPv4 address and count twice. */
function parseGroups(text: string, last: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const ipv4 = last && i === parts.length - 1 ? parseIpv4(part) : null;
    if (ipv4 !== null) {
      const [a, b, c, d] = ipv4 as [number, number, number, number];
      groups.push(a << 8 | b, c << 8 | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16));
    } else {
      return null;
    }
  }
  return groups;
}

/** The shortest form (RFC 5952): the longest run of zeros, of two at least, as `::`. */
function formatIpv6(view: DataView, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const bytes = Array.from({ length: 4 }, (_, i) => view.getUint8(at + 12 + i));
    return `::ffff:${bytes.join(".")}`;
  }
  let start = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > longest) [start, longest] = [i, end - i];
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + longest).join(":")}`;
}

function splitOnce(text: string, separator: string): [string, string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + separator.length)];
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
