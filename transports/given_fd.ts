/**
 * Sockets given as the number of their file descriptor, without `--allow-ffi`:
 * node:net takes those over, but tells less of them than libc does.
 *
 * @module
 */

import type { Server as NetServer } from "node:net";
import type { ByteChannel } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { nodeModule } from "../internal/node.ts";
import { claimFd } from "./claim.ts";
import { NetChannel } from "./net_channel.ts";
import { explain, fromNode } from "./platform_error.ts";
import type { Acceptor } from "./server.ts";
import { NetAcceptor } from "./tcp_server.ts";

/** The channel of a connected stream socket. */
export function fdChannel(loop: LoopInternals, fd: number, what: string): ByteChannel {
  const { Socket } = nodeModule("node:net");
  const release = claimFd(loop, fd, what);
  try {
    const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
    return new NetChannel(socket, { watch: () => release });
  } catch (error) {
    release();
    throw refusal(error, fd, what);
  }
}

/** How {@linkcode fdAcceptor} listens. */
export interface FdListenOptions {
  /** The call, for messages. */
  what: string;
  /** Longest queue of connections not yet accepted. */
  backlog: number;
  /** Probe idle connections. */
  keepAlive: boolean;
}

/** Accepts from a stream socket that listens, or is bound at least. */
export async function fdAcceptor(
  loop: LoopInternals,
  fd: number,
  { what, backlog, keepAlive }: FdListenOptions,
): Promise<Acceptor> {
  const { createServer } = nodeModule("node:net");
  const release = claimFd(loop, fd, what);
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, keepAlive });
  try {
    await listening(server, fd, backlog);
  } catch (error) {
    release();
    throw refusal(error, fd, what);
  }
  return new NetAcceptor(server, { closed: release });
}

function listening(server: NetServer, fd: number, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve).once("error", reject);
    server.listen({ fd, backlog });
  });
}

function refusal(error: unknown, fd: number, what: string): Error {
  if ((error as { code?: unknown }).code === "ERR_INVALID_FD_TYPE") {
    return new RangeError(
      `Cannot call ${what}(): A Stream Socket was expected, got file descriptor ${fd}`,
      { cause: error },
    );
  }
  return explain(fromNode(error), `Cannot call ${what}(): cannot use file descriptor ${fd}`);
}
