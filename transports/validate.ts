import type { AnyProtocol, ProtocolFactory } from "../types/protocols.ts";
import type { HostAddress } from "../types/transports.ts";

/** A port of a connection or server. */
export function checkPort(what: string, port: unknown, lowest: 0 | 1): void {
  if (typeof port === "number" && Number.isInteger(port) && port >= lowest && port <= 65535) return;
  throw new RangeError(
    `Cannot call ${what}(): port must be an integer from ${lowest} to 65535, got ${
      Deno.inspect(port)
    }`,
  );
}

/** The name or number of a host. */
export function checkHostname(what: string, name: string, hostname: unknown): void {
  if (typeof hostname === "string") return;
  throw new TypeError(
    `Cannot call ${what}(): ${name} must be a string, got ${Deno.inspect(hostname)}`,
  );
}

/** A number from `lowest` on; `Infinity` is one. */
export function checkNumber(what: string, name: string, value: unknown, lowest = 0): void {
  const message = `Cannot call ${what}(): ${name} must be a number from ${lowest} on, got ${
    Deno.inspect(value)
  }`;
  if (typeof value !== "number") throw new TypeError(message);
  if (!(value >= lowest)) throw new RangeError(message);
}

/** How many connections a server takes; none at all would be no server. */
export function checkMaxConnections(what: string, value: number | undefined): void {
  checkNumber(what, "maxConnections", value ?? Infinity, 1);
}

/**
 * For calls of node's modules, which throw what `--allow-net` forbids where
 * nobody can catch it.
 *
 * @throws {Deno.errors.NotCapable} without the permission
 */
export async function requireNet(address: HostAddress): Promise<void> {
  const name = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  const host = `${name}:${address.port}`;
  if ((await Deno.permissions.query({ name: "net", host })).state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

/** A function that makes protocols. */
export function checkFactory(what: string, factory: unknown): void {
  if (typeof factory === "function") return;
  throw new TypeError(
    `Cannot call ${what}(): expected a function that makes the protocol, got ${
      Deno.inspect(factory)
    }`,
  );
}

/**
 * A protocol from `factory`.
 *
 * @throws {TypeError} if it makes something else
 */
export function makeProtocol<P extends AnyProtocol>(factory: ProtocolFactory<P>): P {
  const protocol: unknown = factory();
  checkProtocol("use the protocol of the factory", protocol);
  return protocol as P;
}

/** A protocol: any object, but not the promise of one. */
export function checkProtocol(what: string, protocol: unknown): void {
  if (typeof protocol === "object" && protocol !== null && !(protocol instanceof Promise)) return;
  throw new TypeError(`Cannot ${what}: expected an object, got ${Deno.inspect(protocol)}`);
}

/** Options that make sense with TLS only. */
export function checkTlsTimeouts(
  what: string,
  options: { tls?: unknown; tlsHandshakeTimeoutMs?: number; tlsShutdownTimeoutMs?: number },
): void {
  for (const name of ["tlsHandshakeTimeoutMs", "tlsShutdownTimeoutMs"] as const) {
    const value = options[name];
    if (value === undefined) continue;
    if (!options.tls) {
      throw new RangeError(`Cannot call ${what}(): ${name} is only meaningful with tls`);
    }
    if (!(value > 0)) {
      throw new RangeError(
        `Cannot call ${what}(): ${name} should be a positive number, got ${value}`,
      );
    }
  }
}

/** An address family. */
export function checkFamily(what: string, family: unknown): void {
  if (family === undefined || family === "ipv4" || family === "ipv6") return;
  throw new RangeError(
    `Cannot call ${what}(): family must be "ipv4" or "ipv6", got ${Deno.inspect(family)}`,
  );
}
