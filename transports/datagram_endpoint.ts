import type { CreateDatagramEndpointOptions } from "../types/options.ts";
import type { DatagramCallbacks, ProtocolFactory } from "../types/protocols.ts";
import type { Address, DatagramTransport as Contract, HostAddress } from "../types/transports.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { bindUdp, requireNet } from "./datagram_link.ts";
import { DatagramTransport } from "./datagram_transport.ts";
import { resolveHost } from "./dns.ts";
import { operate } from "./operation.ts";
import { explain } from "./platform_error.ts";
import { checkFactory, checkFamily, checkPort } from "./validate.ts";

const WHAT = "createDatagramEndpoint";

/** Opens a UDP endpoint, bound, connected, or both (CPython `base_events.py`). */
export async function createUdpEndpoint<P extends DatagramCallbacks>(
  loop: LoopInternals,
  factory: ProtocolFactory<P>,
  options: CreateDatagramEndpointOptions,
): Promise<[Contract, P]> {
  checkFactory(WHAT, factory);
  checkFamily(WHAT, options.family);
  const local = hostAddress("localAddr", options.localAddr, 0);
  const remote = hostAddress("remoteAddr", options.remoteAddr, 1);
  if (local === null && remote === null && options.family === undefined) {
    throw new RangeError(
      `Cannot call ${WHAT}(): unexpected address family: give an address or a family`,
    );
  }
  if (options.reusePort === true) {
    throw new Deno.errors.NotSupported(
      `Cannot call ${WHAT}(): reusePort is not available here; pass a Socket with SO_REUSEPORT as sock`,
    );
  }
  const { localAt, remoteAt, family } = await operate(
    loop,
    () => resolveBoth(local, remote, options),
    {
      signal: options.signal,
    },
  );
  if (remoteAt !== null) await requireNet(`${remoteAt.hostname}:${remoteAt.port}`);
  const link = await operate(loop, async () => {
    try {
      return await bindUdp({
        family,
        local: localAt ?? undefined,
        broadcast: options.allowBroadcast ?? false,
      });
    } catch (error) {
      throw explain(
        error,
        `Cannot bind ${localAt?.hostname ?? "any address"}:${localAt?.port ?? 0}`,
      );
    }
  }, { signal: options.signal, discard: (late) => late.close() });
  let protocol: P;
  try {
    protocol = factory();
  } catch (error) {
    link.close();
    throw error;
  }
  const transport = new DatagramTransport({ loop, link, remote: remoteAt, protocol });
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

function hostAddress(
  name: string,
  address: Address | undefined,
  lowestPort: 0 | 1,
): HostAddress | null {
  if (address === undefined) return null;
  if (typeof address !== "object" || address === null || !("hostname" in address)) {
    throw new TypeError(
      `Cannot call ${WHAT}(): ${name} must be { hostname, port }, got ${Deno.inspect(address)}`,
    );
  }
  checkPort(WHAT, address.port, lowestPort);
  return address;
}

/** The numbers of both addresses, of one family. */
async function resolveBoth(
  local: HostAddress | null,
  remote: HostAddress | null,
  options: CreateDatagramEndpointOptions,
): Promise<
  { localAt: HostAddress | null; remoteAt: Deno.NetAddr | null; family: "ipv4" | "ipv6" }
> {
  const wanted = options.family === "ipv4" || options.family === "ipv6"
    ? { family: options.family }
    : {};
  const find = async (address: HostAddress | null) =>
    address === null
      ? null
      : await resolveHost(address.hostname, address.port, { ...wanted, type: "datagram" });
  const locals = await find(local);
  const remotes = await find(remote);
  const families = [
    ...(remotes ?? locals ?? []).map((info) => info.family),
    ...Object.values(wanted),
  ];
  for (const family of families) {
    const localAt = locals?.find((info) => info.family === family)?.sockaddr;
    const remoteAt = remotes?.find((info) => info.family === family)?.sockaddr;
    if (locals !== null && localAt === undefined) continue;
    if (remotes !== null && remoteAt === undefined) continue;
    return {
      family,
      localAt: localAt ?? null,
      remoteAt: remoteAt === undefined ? null : { transport: "udp", ...remoteAt },
    };
  }
  throw new RangeError(
    `Cannot call ${WHAT}(): can not get address information of one family for both addresses`,
  );
}
