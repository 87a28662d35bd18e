import { CancelledError, ExceptionGroup, TimeoutError } from "../errors.ts";
import type { AddrInfo, CreateConnectionOptions } from "../types/options.ts";
import type { ByteChannel, HostAddress } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { nodeModule } from "../internal/node.ts";
import { ConnChannel } from "./conn_channel.ts";
import { resolveHost } from "./dns.ts";
import { NetChannel } from "./net_channel.ts";
import { operate } from "./operation.ts";
import { explain, fromNode } from "./platform_error.ts";
import { race } from "./staggered_race.ts";
import { literalFamily } from "./host_number.ts";
import { checkFamily, checkPort } from "./validate.ts";

/** What `connectTcp` needs of the options of `createConnection`. */
export type ConnectOptions = Pick<
  CreateConnectionOptions,
  | "hostname"
  | "port"
  | "family"
  | "localAddr"
  | "happyEyeballsDelayMs"
  | "interleave"
  | "allErrors"
  | "signal"
>;

/** Refuses options that cannot work, before anything happens. */
export function checkConnectOptions(options: ConnectOptions): void {
  checkPort("createConnection", options.port, 1);
  checkFamily("createConnection", options.family);
  if (options.localAddr !== undefined) checkPort("createConnection", options.localAddr.port, 0);
  const delay = options.happyEyeballsDelayMs;
  if (typeof delay === "number" && !(delay >= 0)) {
    throw new RangeError(
      `Cannot call createConnection(): happyEyeballsDelayMs must not be negative, got ${delay}`,
    );
  }
}

/**
 * Connects to the first address of the host that answers. With
 * `happyEyeballsDelayMs` a slow address does not keep the next one waiting (RFC
 * 8305; CPython `base_events.py` `create_connection`).
 */
export async function connectTcp(
  loop: LoopInternals,
  options: ConnectOptions,
): Promise<ByteChannel> {
  const hostname = options.hostname ?? "127.0.0.1";
  const port = options.port as number;
  const signal = options.signal;
  if (await mustLetDenoResolve(hostname, port, options)) {
    return await connectTo(loop, { hostname, port }, { signal });
  }
  const { found, locals } = await operate(loop, async () => ({
    found: await resolveHost(hostname, port, options),
    locals: await resolveLocal(options),
  }), { signal });
  if (found.length === 0) {
    throw new Deno.errors.NotFound(
      `Cannot connect to ${hostname}:${port}: the host has no ${options.family} address`,
    );
  }
  const delayMs = options.happyEyeballsDelayMs ?? null;
  const addresses = interleave(found, options.interleave ?? (delayMs === null ? 0 : 1));
  const attempts = addresses.map(({ sockaddr, family }) => (attemptSignal: AbortSignal) =>
    connectTo(loop, sockaddr, {
      signal: attemptSignal,
      local: locals === null
        ? undefined
        : locals.find((info) => info.family === family)?.sockaddr ?? null,
    })
  );
  const { winner, errors } = await race(loop, attempts, {
    delayMs,
    signal,
    discard: (channel) => channel.abort(),
  });
  if (winner !== undefined) return winner;
  throw summary(errors, options.allErrors ?? false, `${hostname}:${port}`);
}

/**
 * With a permission for the name only, connecting to the numbers behind it is
 * refused: then the name goes to Deno as it is.
 */
async function mustLetDenoResolve(
  hostname: string,
  port: number,
  options: ConnectOptions,
): Promise<boolean> {
  if (
    literalFamily(hostname) !== null || options.localAddr !== undefined ||
    options.family !== undefined
  ) {
    return false;
  }
  const everywhere = await Deno.permissions.query({ name: "net" });
  if (everywhere.state === "granted") return false;
  const named = await Deno.permissions.query({ name: "net", host: `${hostname}:${port}` });
  return named.state === "granted";
}

async function resolveLocal({ localAddr, family }: ConnectOptions): Promise<AddrInfo[] | null> {
  if (localAddr === undefined) return null;
  return await resolveHost(localAddr.hostname, localAddr.port, { ...(family && { family }) });
}

/** One attempt at one address; `local` is `null` if none of the local addresses fits to it. */
async function connectTo(
  loop: LoopInternals,
  address: HostAddress,
  options: { signal?: AbortSignal | undefined; local?: HostAddress | null | undefined },
): Promise<ByteChannel> {
  const { signal, local } = options;
  const from = local ? ` from ${local.hostname}:${local.port}` : "";
  try {
    if (local === null) {
      throw new Deno.errors.AddrNotAvailable("localAddr has no address of the same family");
    }
    return await operate(
      loop,
      (abort) =>
        local === undefined ? connectDeno(address, abort) : connectNode(address, abort, local),
      { signal, discard: (channel) => channel.abort() },
    );
  } catch (error) {
    if (error instanceof CancelledError || signal?.aborted) throw error;
    throw explain(error, `Cannot connect to ${address.hostname}:${address.port}${from}`);
  }
}

async function connectDeno(address: HostAddress, signal: AbortSignal): Promise<ByteChannel> {
  const conn = await Deno.connect({ ...address, signal });
  conn.setNoDelay(true);
  return new ConnChannel(conn);
}

/** Deno's own connections cannot choose where they come from. */
async function connectNode(
  address: HostAddress,
  signal: AbortSignal,
  local: HostAddress,
): Promise<ByteChannel> {
  const host = `${address.hostname}:${address.port}`;
  if ((await Deno.permissions.query({ name: "net", host })).state !== "granted") {
    throw new Deno.errors.NotCapable(
      `requires net access to "${host}", run again with the --allow-net flag`,
    );
  }
  const { connect } = nodeModule("node:net");
  const socket = connect({
    host: address.hostname,
    port: address.port,
    localAddress: local.hostname,
    localPort: local.port,
    allowHalfOpen: true,
  });
  const abandon = () => socket.destroy();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await new Promise<void>((resolve, reject) =>
      socket.once("connect", resolve).once("error", reject)
    );
  } catch (error) {
    socket.destroy();
    throw fromNode(error);
  } finally {
    signal.removeEventListener("abort", abandon);
  }
  return new NetChannel(socket);
}

/** Alternates families, after `firstCount` addresses of the first one (RFC 8305 section 4). */
export function interleave(addresses: AddrInfo[], firstCount: number): AddrInfo[] {
  if (firstCount <= 0) return addresses;
  const families = Map.groupBy(addresses, (info) => info.family);
  const [first = [], ...others] = [...families.values()];
  const lists = [first.slice(firstCount - 1), ...others];
  const mixed = first.slice(0, firstCount - 1);
  for (let at = 0; lists.some((list) => at < list.length); at++) {
    for (const list of lists) {
      const info = list[at];
      if (info !== undefined) mixed.push(info);
    }
  }
  return mixed;
}

/** One error out of those of all attempts, as asyncio chooses. */
function summary(errors: readonly Error[], all: boolean, target: string): Error {
  const [first] = errors;
  if (first === undefined) {
    return new TimeoutError(`Cannot connect to ${target}: no attempt was made in time`);
  }
  if (all) return new ExceptionGroup(`Cannot connect to ${target}`, errors);
  const reasons = errors.map((error) =>
    (error.cause as Error | undefined)?.message ?? error.message
  );
  if (reasons.every((reason) => reason === reasons[0])) return first;
  return explain(
    Object.assign(
      new (first.constructor as ErrorConstructor)(errors.map((error) => error.message).join("; ")),
      {
        code: (first as { code?: unknown }).code,
      },
    ),
    `Cannot connect to ${target}: Multiple exceptions`,
  );
}
