import type { Server as NetServer, Socket } from "node:net";
import type { CreateServerOptions } from "../types/options.ts";
import type { ByteChannel } from "../types/transports.ts";
import { nodeModule } from "../internal/node.ts";
import { ConnChannel } from "./conn_channel.ts";
import { resolveHost } from "./dns.ts";
import { NetChannel } from "./net_channel.ts";
import { explain, fromNode } from "./platform_error.ts";
import type { Acceptor } from "./server.ts";
import {
  checkFamily,
  checkHostname,
  checkMaxConnections,
  checkPort,
  requireNet,
} from "./validate.ts";

/** Longest queue of connections not yet accepted, as in asyncio. */
export const DEFAULT_BACKLOG = 100;

/** What `listenTcp` needs of the options of `createServer`. */
export type ListenOptions = Pick<
  CreateServerOptions,
  "hostname" | "port" | "family" | "backlog" | "reusePort" | "keepAlive" | "maxConnections"
>;

/** Refuses options that cannot work, before anything happens. */
export function checkListenOptions(options: ListenOptions): void {
  const what = "createServer";
  const hosts = hostsOf(options) ?? [""];
  if (hosts.length === 0) {
    throw new RangeError(
      `Cannot call ${what}(): hostname is an empty list, and names no interface`,
    );
  }
  for (const host of hosts) checkHostname(what, "hostname", host);
  checkPort(what, options.port ?? 0, 0);
  checkFamily(what, options.family);
  checkMaxConnections(what, options.maxConnections);
  const backlog = options.backlog ?? DEFAULT_BACKLOG;
  if (!Number.isInteger(backlog) || backlog < 1) {
    throw new RangeError(
      `Cannot call ${what}(): backlog must be a positive integer, got ${Deno.inspect(backlog)}`,
    );
  }
}

/** The hosts by name or number; `null` for all interfaces. */
function hostsOf({ hostname }: ListenOptions): readonly string[] | null {
  if (hostname === undefined || hostname === null || hostname === "") return null;
  return Array.isArray(hostname) ? hostname : [hostname as string];
}

/** Binds every address the options name: all of them, or none. */
export async function listenTcp(options: ListenOptions): Promise<Acceptor[]> {
  const port = options.port ?? 0;
  const bound: Acceptor[] = [];
  let unavailable: Error | null = null;
  try {
    for (const hostname of await addressesToBind(options)) {
      try {
        bound.push(await listenOn(hostname, port, options));
      } catch (error) {
        // One address of a host may be missing here, as ::1 without IPv6 (CPython create_server).
        if (!(error instanceof Deno.errors.AddrNotAvailable)) throw error;
        unavailable ??= error;
      }
    }
    if (bound.length === 0 && unavailable !== null) throw unavailable;
  } catch (error) {
    for (const acceptor of bound) acceptor.close();
    throw error;
  }
  return bound;
}

async function addressesToBind(options: ListenOptions): Promise<string[]> {
  const hosts = hostsOf(options);
  if (hosts === null) {
    // One dual-stack socket where asyncio makes two: Deno cannot set IPV6_V6ONLY.
    return [options.family === "ipv4" ? "0.0.0.0" : "::"];
  }
  const addresses = new Set<string>();
  for (const host of hosts) {
    try {
      for (const info of await resolveHost(host, 0, options)) addresses.add(info.sockaddr.hostname);
    } catch (error) {
      throw explain(error, `Cannot listen on ${host}:${options.port ?? 0}`);
    }
  }
  if (addresses.size === 0) {
    throw new Deno.errors.NotFound(
      `Cannot listen on ${hosts.join(", ")}: no ${options.family} address found`,
    );
  }
  return [...addresses];
}

async function listenOn(hostname: string, port: number, options: ListenOptions): Promise<Acceptor> {
  try {
    if (options.reusePort) return await listenNode(hostname, port, options);
    const listener = Deno.listen({
      hostname,
      port,
      tcpBacklog: options.backlog ?? DEFAULT_BACKLOG,
    } as Deno.TcpListenOptions);
    return new DenoAcceptor(listener, options.keepAlive ?? false);
  } catch (error) {
    if (
      hostname === "::" && error instanceof Error && /family not supported/i.test(error.message)
    ) {
      return await listenOn("0.0.0.0", port, options);
    }
    throw explain(error, `Cannot listen on ${hostname}:${port}`);
  }
}

/** A listener of Deno's own. */
export class DenoAcceptor implements Acceptor {
  readonly addr: Deno.Addr;
  readonly #listener: Deno.Listener;
  readonly #keepAlive: boolean;

  /** Takes the listener over. */
  constructor(listener: Deno.Listener, keepAlive: boolean) {
    this.#listener = listener;
    this.#keepAlive = keepAlive;
    this.addr = listener.addr;
  }

  async accept(): Promise<ByteChannel | null> {
    let conn: Deno.Conn;
    try {
      conn = await this.#listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return null;
      }
      throw error;
    }
    if ("setNoDelay" in conn) {
      const tcp = conn as Deno.TcpConn;
      tcp.setNoDelay(true);
      if (this.#keepAlive) tcp.setKeepAlive(true);
    }
    return new ConnChannel(conn);
  }

  close(): void {
    try {
      this.#listener.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** Several sockets on one port: Deno.listen needs an unstable flag for that, node:net does not. */
async function listenNode(
  hostname: string,
  port: number,
  options: ListenOptions,
): Promise<Acceptor> {
  await requireNet({ hostname, port });
  const { createServer } = nodeModule("node:net");
  const server = createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    keepAlive: options.keepAlive ?? false,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve).once("error", (error) => reject(fromNode(error)));
    server.listen({
      host: hostname,
      port,
      backlog: options.backlog ?? DEFAULT_BACKLOG,
      reusePort: true,
    });
  });
  return new NetAcceptor(server);
}

/** A server of node:net. */
export class NetAcceptor implements Acceptor {
  readonly addr: Deno.Addr;
  readonly #server: NetServer;
  readonly #arrived: Socket[] = [];
  #waiting: PromiseWithResolvers<Socket | null> | null = null;
  readonly #released: () => void;
  #closed = false;

  /** Takes a listening server over; `closed` is called when it is closed. */
  constructor(server: NetServer, { closed = () => {} }: { closed?: () => void } = {}) {
    this.#server = server;
    this.#released = closed;
    const bound = server.address();
    this.addr = bound !== null && typeof bound === "object"
      ? { transport: "tcp", hostname: bound.address, port: bound.port }
      // A unix socket: its path is known only to whoever gave it.
      : { transport: "unix", path: bound ?? "" };
    server.on("connection", (socket) => {
      if (this.#waiting === null) this.#arrived.push(socket);
      else this.#answer(socket);
    });
  }

  #answer(socket: Socket | null): void {
    this.#waiting?.resolve(socket);
    this.#waiting = null;
  }

  async accept(): Promise<ByteChannel | null> {
    let socket: Socket | null | undefined = this.#arrived.shift();
    if (socket === undefined) {
      if (this.#closed) return null;
      this.#waiting = Promise.withResolvers();
      socket = await this.#waiting.promise;
    }
    return socket === null ? null : new NetChannel(socket);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#released();
    this.#server.close();
    for (const socket of this.#arrived.splice(0)) socket.destroy();
    this.#answer(null);
  }
}
