import type { GivenSocket } from "../types/options.ts";
import type { ByteChannel } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { ConnChannel } from "./conn_channel.ts";
import { fdAcceptor, fdChannel } from "./given_fd.ts";
import type { Acceptor } from "./server.ts";
import { type FdSource, SocketAcceptor, SocketChannel, withSocketOf } from "./socket_channel.ts";
import { DEFAULT_BACKLOG, DenoAcceptor } from "./tcp_server.ts";

/** What a given socket must be. */
export interface WantedSocket {
  /** A unix socket. @default {false} */
  unix?: boolean;
}

/** How to listen. */
export interface ListeningOptions extends WantedSocket {
  /** Longest queue of connections not yet accepted. @default {100} */
  backlog?: number;
  /** Probe idle connections. @default {false} */
  keepAlive?: boolean;
}

/**
 * The channel of a connected socket that the caller made. It belongs to the
 * transport from then on. The number of a file descriptor is used as a `Socket`
 * if `--allow-ffi` is granted, else through node:net.
 *
 * @throws {TypeError} if it is no such thing
 * @throws {RangeError} if it is a socket that is not a stream, or listens, or is no unix socket where one is wanted
 * @throws {RuntimeError} if it belongs to a transport already
 * @throws {Deno.errors.NotConnected} if it is a `Socket` that is not connected
 */
export function channelOf(
  loop: LoopInternals,
  sock: GivenSocket,
  what: string,
  wanted: WantedSocket = {},
): ByteChannel {
  const source = sourceOf(sock, what);
  if (typeof source === "number") return fdChannel(loop, source, what);
  if (isFdSource(source)) {
    return withSocketOf(
      what,
      source,
      (socket) => new SocketChannel(loop, socket, { what, ...wanted }),
    );
  }
  if (!has(source, "read", "write", "closeWrite")) {
    throw wrongKind(source, what, "a connected Deno.Conn or Socket");
  }
  const conn = source as Deno.Conn;
  mustBeUnix(conn.localAddr, what, wanted);
  return new ConnChannel(conn);
}

/** The same for a listening socket; a `Socket` that does not listen yet is made to, as asyncio does. */
export function acceptorOf(
  loop: LoopInternals,
  sock: GivenSocket,
  what: string,
  options: ListeningOptions = {},
): Acceptor | Promise<Acceptor> {
  const { unix = false, backlog = DEFAULT_BACKLOG, keepAlive = false } = options;
  const source = sourceOf(sock, what);
  if (typeof source === "number") return fdAcceptor(loop, source, { what, backlog, keepAlive });
  if (isFdSource(source)) {
    return withSocketOf(
      what,
      source,
      (socket) => new SocketAcceptor(loop, socket, { what, unix, backlog, keepAlive }),
    );
  }
  if (!has(source, "accept", "addr")) {
    throw wrongKind(source, what, "a Deno.Listener or a listening Socket");
  }
  const listener = source as Deno.Listener;
  mustBeUnix(listener.addr, what, options);
  return new DenoAcceptor(listener, keepAlive);
}

/** Whether `sock` is a `Socket`, or something like it, and nothing of Deno's. */
export function isFdSource(sock: unknown): sock is FdSource {
  return typeof (sock as Partial<FdSource> | null)?.fileno === "function";
}

/** A number as something with that fd, where `Socket` can be used, and anything else as it is. */
export function sourceOf(sock: GivenSocket, what: string): GivenSocket {
  if (typeof sock !== "number") return sock;
  if (!Number.isInteger(sock) || sock < 0) {
    throw new RangeError(`Cannot call ${what}(): Invalid file descriptor: ${sock}`);
  }
  const { state } = Deno.permissions.querySync({ name: "ffi" });
  return state === "granted" ? { fileno: () => sock } : sock;
}

function mustBeUnix(
  addr: Deno.Addr | undefined,
  what: string,
  { unix = false }: WantedSocket,
): void {
  if (!unix || addr?.transport === "unix") return;
  throw new RangeError(
    `Cannot call ${what}(): A UNIX Domain Stream Socket was expected, got one of ${
      Deno.inspect(addr)
    }`,
  );
}

function has(sock: unknown, ...names: string[]): boolean {
  return typeof sock === "object" && sock !== null && names.every((name) => name in sock);
}

function wrongKind(sock: unknown, what: string, wanted: string): TypeError {
  return new TypeError(
    `Cannot call ${what}(): expected ${wanted} as sock, got ${Deno.inspect(sock)}`,
  );
}
