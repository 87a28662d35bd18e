import type { SocketLike } from "../types/options.ts";
import type { ByteChannel } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { ConnChannel } from "./conn_channel.ts";
import type { Acceptor } from "./server.ts";
import { isFdSource, SocketAcceptor, SocketChannel, withSocketOf } from "./socket_channel.ts";
import { DenoAcceptor } from "./tcp_server.ts";

/**
 * The channel of a connected socket that the caller made. It belongs to the
 * transport from then on.
 *
 * @throws {TypeError} if it is no such thing
 * @throws {RangeError} if it is a `Socket` that is not a stream, or listens
 * @throws {Deno.errors.NotConnected} if it is a `Socket` that is not connected
 */
export function channelOf(loop: LoopInternals, sock: SocketLike, what: string): ByteChannel {
  if (isFdSource(sock)) {
    return withSocketOf(sock, (socket) => new SocketChannel(loop, socket, what));
  }
  if (has(sock, "read", "write", "closeWrite")) return new ConnChannel(sock as Deno.Conn);
  throw wrongKind(sock, what, "a connected Deno.Conn or Socket");
}

/** The same for a listening socket. */
export function acceptorOf(
  loop: LoopInternals,
  sock: SocketLike,
  what: string,
  options: { keepAlive?: boolean } = {},
): Acceptor {
  if (isFdSource(sock)) {
    return withSocketOf(sock, (socket) => new SocketAcceptor(loop, socket, what));
  }
  if (has(sock, "accept", "addr")) {
    return new DenoAcceptor(sock as Deno.Listener, options.keepAlive ?? false);
  }
  throw wrongKind(sock, what, "a Deno.Listener or a listening Socket");
}

function has(sock: unknown, ...names: string[]): boolean {
  return typeof sock === "object" && sock !== null && names.every((name) => name in sock);
}

function wrongKind(sock: unknown, what: string, wanted: string): TypeError {
  return new TypeError(
    `Cannot call ${what}(): expected ${wanted} as sock, got ${Deno.inspect(sock)}`,
  );
}
