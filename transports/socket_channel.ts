import type { SocketLike } from "../types/options.ts";
import type { ByteChannel } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { claimSocket } from "./claim.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_TCP,
  SHUT_WR,
  SO_ACCEPTCONN,
  SO_KEEPALIVE,
  SO_LINGER,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./ffi/constants.ts";
import { fdError, tryAccept, tryRecvInto, trySend, wouldBlock } from "./ffi/raw_socket.ts";
import { adoptAccepted, Socket } from "./ffi/socket.ts";
import { fdWatcher } from "./ffi/watcher.ts";
import { explain } from "./platform_error.ts";
import type { Acceptor } from "./server.ts";

/** `struct linger` that makes a close drop what is unsent and send a reset: on, for 0 seconds. */
const RESET_ON_CLOSE = new Uint8Array(new Int32Array([1, 0]).buffer);

/** Something with an fd of its own. */
export type FdSource = Extract<SocketLike, { fileno(): number }>;

/**
 * Makes something of the `Socket` of `sock`: of itself, or of one that takes its
 * fd over; if that fails the caller keeps it. Requires `--allow-ffi`.
 */
export function withSocketOf<T>(what: string, sock: FdSource, make: (socket: Socket) => T): T {
  if (sock instanceof Socket) return make(sock);
  const socket = adopt(what, sock.fileno());
  try {
    const made = make(socket);
    (sock as { detach?: () => unknown }).detach?.();
    return made;
  } catch (error) {
    socket.detach();
    throw error;
  }
}

function adopt(what: string, fileno: number): Socket {
  try {
    return new Socket(undefined, undefined, { fileno });
  } catch (error) {
    throw explain(error, `Cannot call ${what}()`);
  }
}

/**
 * Resolves when the fd of `socket` is ready for reading or writing; rejects when
 * it is closed. One wait at a time for each direction.
 */
export function whenReady(
  loop: LoopInternals,
  socket: Socket,
  direction: "read" | "write",
): Promise<void> {
  const fd = socket.fileno();
  const slot = direction === "read" ? "readLine" : "writeLine";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  fdWatcher.addLine(loop, fd, slot, {
    ready() {
      fdWatcher.removeLine(loop, fd, slot, { mayReturn: true });
      resolve();
    },
    closed() {
      reject(new Deno.errors.BadResource(`Cannot ${direction}: the socket was closed`));
    },
  });
  return promise;
}

/** What a socket is for. */
export interface SocketUse {
  /** The call, for messages. */
  what: string;
  /** Whether it must be a unix socket. @default {false} */
  unix?: boolean;
}

/** A connected {@linkcode Socket}: the caller's, or one accepted from a socket of the caller's. */
export class SocketChannel implements ByteChannel {
  readonly #loop: LoopInternals;
  readonly #socket: Socket;
  readonly #info: ReadonlyMap<string, unknown>;

  /**
   * Takes the socket over.
   *
   * @throws {RangeError} if it is not a stream of the wanted kind, or listens
   */
  constructor(loop: LoopInternals, socket: Socket, use: SocketUse) {
    mustBeStream(socket, use);
    if (socket.getsockopt(SOL_SOCKET, SO_ACCEPTCONN) !== 0) {
      throw new RangeError(
        `Cannot call ${use.what}(): expected a connected socket, got one that listens`,
      );
    }
    this.#loop = loop;
    this.#socket = socket;
    this.#info = new Map<string, unknown>([
      ["socket", socket],
      ["sockname", socket.getsockname()],
      ["peername", socket.getpeername()],
    ]);
    claimSocket(loop, socket, use.what);
    if (socket.family === AF_INET || socket.family === AF_INET6) {
      socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const fd = this.#socket.fileno();
      const result = tryRecvInto(fd, buffer, buffer.length);
      if (result >= 0) return result === 0 ? null : result;
      if (!wouldBlock(result)) throw fdError(result, "recv", fd);
      await whenReady(this.#loop, this.#socket, "read");
    }
  }

  async write(data: Uint8Array): Promise<number> {
    for (;;) {
      const fd = this.#socket.fileno();
      const result = trySend(fd, data);
      if (result >= 0) return result;
      if (!wouldBlock(result)) throw fdError(result, "send", fd);
      await whenReady(this.#loop, this.#socket, "write");
    }
  }

  closeWrite(): Promise<void> {
    return Promise.try(() => this.#socket.shutdown(SHUT_WR));
  }

  close(): void {
    this.#socket.close();
  }

  abort(): void {
    if (this.#socket.fileno() >= 0) {
      this.#socket.setsockopt(SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE);
    }
    this.#socket.close();
  }

  getExtraInfo(name: string): unknown {
    return this.#info.get(name);
  }
}

/** How {@linkcode SocketAcceptor} listens. */
export interface SocketListenOptions extends SocketUse {
  /** Longest queue of connections not yet accepted. */
  backlog: number;
  /** Probe idle connections. */
  keepAlive: boolean;
}

/** A bound or listening {@linkcode Socket} of the caller's. */
export class SocketAcceptor implements Acceptor {
  readonly addr: Deno.Addr;
  readonly #loop: LoopInternals;
  readonly #socket: Socket;
  readonly #what: string;
  readonly #keepAlive: boolean;

  /**
   * Takes the socket over, and listens.
   *
   * @throws {RangeError} if it is not a stream of the wanted kind
   */
  constructor(loop: LoopInternals, socket: Socket, options: SocketListenOptions) {
    const { what, backlog, keepAlive } = options;
    mustBeStream(socket, options);
    socket.listen(backlog);
    claimSocket(loop, socket, what);
    this.#loop = loop;
    this.#socket = socket;
    this.#what = what;
    this.#keepAlive = keepAlive;
    this.addr = socket.getsockname();
  }

  async accept(): Promise<ByteChannel | null> {
    for (;;) {
      const fd = this.#socket.fileno();
      if (fd < 0) return null;
      const got = tryAccept(fd, this.#socket.type);
      if (typeof got !== "number") {
        const channel = this.#channelOf(adoptAccepted(got, this.#socket)[0]);
        if (channel !== null) return channel;
        continue;
      }
      if (!wouldBlock(got)) throw fdError(got, "accept", fd);
      try {
        await whenReady(this.#loop, this.#socket, "read");
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error;
      }
    }
  }

  #channelOf(conn: Socket): ByteChannel | null {
    try {
      if (this.#keepAlive) conn.setsockopt(SOL_SOCKET, SO_KEEPALIVE, true);
      return new SocketChannel(this.#loop, conn, { what: this.#what });
    } catch (error) {
      conn.close();
      // Its peer has reset it before it was its turn.
      if (error instanceof Deno.errors.NotConnected) return null;
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

function mustBeStream(socket: Socket, { what, unix = false }: SocketUse): void {
  if (socket.type === SOCK_STREAM && (!unix || socket.family === AF_UNIX)) return;
  const wanted = unix ? "A UNIX Domain Stream Socket" : "A Stream Socket";
  throw new RangeError(`Cannot call ${what}(): ${wanted} was expected, got ${socket}`);
}
