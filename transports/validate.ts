import type { AnyProtocol, ProtocolFactory } from "../types/protocols.ts";

/** A port of a connection or server. */
export function checkPort(what: string, port: unknown, lowest: 0 | 1): void {
  if (typeof port === "number" && Number.isInteger(port) && port >= lowest && port <= 65535) return;
  throw new RangeError(
    `Cannot call ${what}(): port must be an integer from ${lowest} to 65535, got ${
      Deno.inspect(port)
    }`,
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
  const protocol = factory();
  if (typeof protocol === "object" && protocol !== null) return protocol;
  throw new TypeError(
    `Cannot use the protocol of the factory: expected an object, got ${Deno.inspect(protocol)}`,
  );
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
