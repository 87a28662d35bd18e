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
import { checkFamily, checkHostname, checkNumber, checkPort, requireNet } from "./validate.ts";

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
  const what = "createConnection";
  const { hostname, localAddr, happyEyeballsDelayMs, interleave } = options;
  checkHostname(what, "hostname", hostname ?? "");
  checkPort(what, options.port, 1);
  checkFamily(what, options.family);
  if (localAddr !== undefined) {
    checkHostname(what, "localAddr.hostname", localAddr?.hostname);
    checkPort(what, localAddr.port, 0);
  }
  checkNumber(what, "happyEyeballsDelayMs", happyEyeballsDelayMs ?? 0);
  checkNumber(what, "interleave", interleave ?? 0);
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
  const attempt = `Cannot connect to ${hostname}:${port}`;
  if (await mustLetDenoResolve(hostname, port, options)) {
    return await connectByName(loop, { hostname, port }, options);
  }
  const resolve = async () => ({
    found: await resolveHost(hostname, port, options),
    locals: await resolveLocal(options),
  });
  const { found, locals } = await operate(
    loop,
    () => resolve().catch((error) => Promise.reject(explain(error, attempt))),
    { signal },
  );
  if (found.length === 0) {
    throw new Deno.errors.NotFound(`${attempt}: the host has no ${options.family} address`);
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
  throw summary(errors, options.allErrors ?? false, attempt);
}

async function connectByName(
  loop: LoopInternals,
  address: HostAddress,
  { signal, allErrors }: ConnectOptions,
): Promise<ByteChannel> {
  try {
    return await connectTo(loop, address, { signal });
  } catch (error) {
    if (!allErrors || error instanceof CancelledError || signal?.aborted) throw error;
    throw summary([error as Error], true, `Cannot connect to ${address.hostname}:${address.port}`);
  }
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
  await requireNet(address);
  await requireNet(local);
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
    throw bindError(error) ?? fromNode(error);
  } finally {
    signal.removeEventListener("abort", abandon);
  }
  return new NetChannel(socket);
}

/** Deno's node:net calls each failure to bind EINVAL, except for an address in use. */
function bindError(error: unknown): Error | null {
  const { code, syscall } = error as { code?: string; syscall?: string };
  return code === "EINVAL" && syscall === "bind"
    ? new Deno.errors.AddrNotAvailable("localAddr is no address of this machine", { cause: error })
    : null;
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
function summary(errors: readonly Error[], all: boolean, attempt: string): Error {
  const [first] = errors;
  if (first === undefined) {
    return new TimeoutError(`${attempt}: no attempt was made in time`);
  }
  if (all) return new ExceptionGroup(attempt, errors);
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
    `${attempt}: Multiple exceptions`,
  );
}
