import process from "node:process";
import type { AddressFamily, AddrInfo, GetaddrinfoOptions } from "../types/options.ts";
import { explain, fromNode } from "./platform_error.ts";
import { literalFamily } from "./validate.ts";

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
  const { lookup } = process.getBuiltinModule("node:dns/promises");
  try {
    const wanted = family === undefined ? 0 : family === "ipv6" ? 6 : 4;
    return await lookup(hostname, { all: true, family: wanted, order: "verbatim" });
  } catch (error) {
    throw explain(fromNode(error), attempt);
  }
}
