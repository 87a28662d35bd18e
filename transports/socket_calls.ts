import { SendfileNotAvailableError } from "../errors.ts";
import type { SocketCalls } from "../types/io.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { AbortableOptions, SocketLike, SockSendfileOptions } from "../types/options.ts";
import type { Address } from "../types/transports.ts";
import * as conns from "./conn_calls.ts";
import * as fds from "./ffi/fd_calls.ts";

/** Block of the fallback of `sockSendfile` (CPython: SENDFILE_FALLBACK_READBUFFER_SIZE). */
const FALLBACK_BLOCK = 256 * 1024;

/**
 * The `sock*` calls on everything that is a socket here: Deno's own `Conn`,
 * `Listener` and `DatagramConn`, which need no further permission, and
 * `Socket`, or anything with a `fileno()`, for which libc is loaded.
 *
 * Calls of one direction on one socket are served in the order in which they
 * came. Cancellation: nothing that arrives is lost, the next call gets it; of
 * what was to be sent, a part may have been.
 */
export class DefaultSocketCalls implements SocketCalls {
  /** Receives up to `n` bytes; empty at EOF. */
  async recv(
    loop: AbstractEventLoop,
    sock: SocketLike,
    n: number,
    { signal }: AbortableOptions = {},
  ): Promise<Uint8Array> {
    checkCount(n, "sockRecv");
    return isFd(sock)
      ? await fds.recv(loop, sock, n, signal)
      : await conns.recv(loop, receiver(sock, "sockRecv"), n, signal);
  }

  /** Receives into `buffer`; the count, 0 at EOF. */
  async recvInto(
    loop: AbstractEventLoop,
    sock: SocketLike,
    buffer: Uint8Array,
    { signal }: AbortableOptions = {},
  ): Promise<number> {
    return isFd(sock)
      ? await fds.recvInto(loop, sock, buffer, signal)
      : await conns.recvInto(loop, receiver(sock, "sockRecvInto"), buffer, signal);
  }

  /** Receives one datagram of up to `n` bytes, with the sender's address; of a stream, bytes and the peer's. */
  async recvfrom(
    loop: AbstractEventLoop,
    sock: SocketLike,
    n: number,
    { signal }: AbortableOptions = {},
  ): Promise<[Uint8Array, Deno.Addr]> {
    checkCount(n, "sockRecvfrom");
    return isFd(sock)
      ? await fds.recvfrom(loop, sock, n, signal)
      : await conns.recvfrom(loop, receiver(sock, "sockRecvfrom"), n, signal);
  }

  /** Receives one datagram into the first `nbytes` of `buffer` (0: all of it). */
  async recvfromInto(
    loop: AbstractEventLoop,
    sock: SocketLike,
    buffer: Uint8Array,
    nbytes: number,
    { signal }: AbortableOptions = {},
  ): Promise<[number, Deno.Addr]> {
    const call = "sockRecvfromInto";
    checkCount(nbytes, call);
    if (nbytes > buffer.byteLength) {
      throw new RangeError(
        `Cannot call ${call}(): nbytes is ${nbytes}, the buffer has ${buffer.byteLength} bytes`,
      );
    }
    const room = nbytes === 0 ? buffer : buffer.subarray(0, nbytes);
    return isFd(sock)
      ? await fds.recvfromInto(loop, sock, room, room.byteLength, signal)
      : await conns.recvfromInto(loop, receiver(sock, call), room, signal);
  }

  /** Sends all of `data`, which must not change meanwhile. */
  async sendall(
    loop: AbstractEventLoop,
    sock: SocketLike,
    data: Uint8Array,
    { signal }: AbortableOptions = {},
  ): Promise<void> {
    if (isFd(sock)) await fds.sendall(loop, sock, data, signal);
    else await conns.sendall(loop, stream(sock, "sockSendall"), data, signal);
  }

  /** Sends one datagram to `addr`; its length. */
  async sendto(
    loop: AbstractEventLoop,
    sock: SocketLike,
    data: Uint8Array,
    addr: Address,
    { signal }: AbortableOptions = {},
  ): Promise<number> {
    if (isFd(sock)) return await fds.sendto(loop, sock, data, addr, signal);
    if (conns.isDatagram(sock)) {
      return await conns.sendto(loop, sock, data, addr, signal);
    }
    throw wrongKind(sock, "sockSendto", "a Deno.DatagramConn or a Socket");
  }

  /** Connects a `Socket`; a hostname is looked up. */
  async connect(
    loop: AbstractEventLoop,
    sock: SocketLike,
    addr: Address,
    { signal }: AbortableOptions = {},
  ): Promise<void> {
    if (!isFd(sock)) {
      throw wrongKind(
        sock,
        "sockConnect",
        "a Socket; what Deno makes is connected or never will be",
      );
    }
    await fds.connect(loop, sock, addr, signal);
  }

  /** Accepts one connection: a `Deno.Conn` from a `Deno.Listener`, a `Socket` from a `Socket`. */
  async accept(
    loop: AbstractEventLoop,
    sock: SocketLike,
    { signal }: AbortableOptions = {},
  ): Promise<[SocketLike, Deno.Addr]> {
    if (isFd(sock)) return await fds.accept(loop, sock, signal);
    if ("accept" in sock) return await conns.accept(loop, sock, signal);
    throw wrongKind(sock, "sockAccept", "a Deno.Listener or a Socket");
  }

  /**
   * Sends a file, from a `Socket` on Linux without copying it (sendfile(2));
   * the count. Wherever it ends, also by an error, the file's position is
   * behind what was sent.
   *
   * @throws {SendfileNotAvailableError} if `fallback` is off and it would have to be copied
   */
  async sendfile(
    loop: AbstractEventLoop,
    sock: SocketLike,
    file: Deno.FsFile,
    options: SockSendfileOptions,
  ): Promise<number> {
    const { offset = 0, count = null, fallback = true, signal } = options;
    checkCount(offset, "sockSendfile");
    if (count !== null && !(Number.isInteger(count) && count > 0)) {
      throw new RangeError(
        `Cannot call sockSendfile(): count must be a positive integer or null, got ${count}`,
      );
    }
    if (!isFd(sock)) stream(sock, "sockSendfile");
    let total = 0;
    const part = {
      offset,
      limit: count ?? Number.MAX_SAFE_INTEGER - offset,
      progress: (sent: number) => void (total += sent),
      signal,
    };
    try {
      if (!(isFd(sock) && await sentByKernel(loop, sock, file, part, fallback))) {
        if (!fallback) {
          throw new SendfileNotAvailableError(
            "Cannot send a file over a Deno.Conn without copying it: use a Socket, or allow the fallback",
          );
        }
        await this.#copy(loop, sock, file, part);
      }
      return total;
    } finally {
      if (total > 0) seek(file, offset + total);
    }
  }

  async #copy(
    loop: AbstractEventLoop,
    sock: SocketLike,
    file: Deno.FsFile,
    { offset, limit, progress, signal }: FilePart,
  ): Promise<void> {
    seek(file, offset);
    const block = new Uint8Array(Math.min(limit, FALLBACK_BLOCK));
    for (let left = limit; left > 0;) {
      const got = await file.read(block.subarray(0, Math.min(left, block.length)));
      if (got === null) return;
      await this.sendall(loop, sock, block.subarray(0, got), { ...(signal && { signal }) });
      left -= got;
      progress(got);
    }
  }
}

interface FilePart {
  readonly offset: number;
  readonly limit: number;
  readonly progress: (sent: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Whether sendfile(2) did it; where it cannot, and `fallback` is on, `false`. */
async function sentByKernel(
  loop: AbstractEventLoop,
  sock: fds.FdSource,
  file: Deno.FsFile,
  part: FilePart,
  fallback: boolean,
): Promise<boolean> {
  try {
    await fds.sendfile(loop, sock, file, part);
    return true;
  } catch (error) {
    if (!(error instanceof SendfileNotAvailableError) || !fallback) throw error;
    return false;
  }
}

/** At once, so that it is done also where a cancelled task ends. */
function seek(file: Deno.FsFile, position: number): void {
  file.seekSync(position, Deno.SeekMode.Start);
}

function isFd(sock: SocketLike): sock is fds.FdSource {
  if (typeof sock === "object" && sock !== null) return "fileno" in sock;
  throw new TypeError(`Cannot use ${sock} as a socket`);
}

function receiver(
  sock: Exclude<SocketLike, fds.FdSource>,
  call: string,
): Deno.Conn | Deno.DatagramConn {
  if ("read" in sock || conns.isDatagram(sock)) return sock;
  throw wrongKind(sock, call, "a Deno.Conn, a Deno.DatagramConn or a Socket");
}

function stream(
  sock: Exclude<SocketLike, fds.FdSource>,
  call: string,
): Deno.Conn {
  if ("write" in sock) return sock;
  throw wrongKind(sock, call, "a Deno.Conn or a Socket");
}

function wrongKind(sock: object, call: string, wanted: string): TypeError {
  return new TypeError(
    `Cannot call ${call}() on ${sock.constructor.name}: expected ${wanted}`,
  );
}

function checkCount(n: number, call: string): void {
  if (Number.isInteger(n) && n >= 0) return;
  throw new RangeError(
    `Cannot call ${call}(): expected a non-negative integer, got ${n}`,
  );
}
