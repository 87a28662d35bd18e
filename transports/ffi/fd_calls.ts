/**
 * The `sock*` calls of a loop on a `Socket`, or on any fd that is one.
 *
 * @module
 */

import { SendfileNotAvailableError } from "../../errors.ts";
import type { AbstractEventLoop } from "../../types/loop.ts";
import type { Address, HostAddress } from "../../types/transports.ts";
import { abortable } from "../../loop/abortable.ts";
import { Future } from "../../loop/future.ts";
import { fdOwners, internalsOf } from "../../loop/internals.ts";
import { AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM } from "./constants.ts";
import { EINVAL } from "./errno.ts";
import { AGAIN, whenReady } from "./fd_line.ts";
import { holdLibc, libc, platform, releaseLibc } from "./libc.ts";
import {
  addressError,
  closeFd,
  encodeFor,
  fdError,
  inProgress,
  senderOf,
  takeError,
  tryAccept,
  tryConnect,
  tryRecv,
  tryRecvfrom,
  tryRecvfromInto,
  tryRecvInto,
  trySend,
  trySendto,
  wouldBlock,
} from "./raw_socket.ts";
import { duplicateFdOf, trySendfile } from "./sendfile.ts";
import { adoptAccepted, Socket } from "./socket.ts";
import { isHostNumber } from "./socket_address.ts";

/** Something with an fd that is a socket. */
export interface FdSource {
  /** The fd; negative once closed. */
  fileno(): number;
}

/** What the calls need to know of it. */
interface Kind {
  readonly family: number;
  readonly type: number;
}

/** At most so much of a file at once: reading it may wait for the disk. */
const SENDFILE_BLOCK = 1024 * 1024;
/** A unix listener with a full backlog offers nothing to wait for; so long until the next try, in milliseconds. */
const SHORTEST_RETRY_MS = 1;
const LONGEST_RETRY_MS = 50;

const kinds = new WeakMap<FdSource, Kind>();
/** Sockets whose connect was cancelled while it was on its way. */
const connecting = new WeakSet<FdSource>();

/** See `SocketCalls.recv`. */
export async function recv(
  loop: AbstractEventLoop,
  sock: FdSource,
  n: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const fd = begin(loop, sock, "sockRecv", signal);
  return await whenReady(loop, fd, {
    slot: "readLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockRecv",
    attempt: () => outcome(tryRecv(same(sock, fd, "sockRecv"), n), "recv", fd),
  });
}

/** See `SocketCalls.recvInto`. */
export async function recvInto(
  loop: AbstractEventLoop,
  sock: FdSource,
  buffer: Uint8Array,
  signal?: AbortSignal,
): Promise<number> {
  const fd = begin(loop, sock, "sockRecvInto", signal);
  return await whenReady(loop, fd, {
    slot: "readLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockRecvInto",
    attempt: () =>
      count(
        tryRecvInto(same(sock, fd, "sockRecvInto"), buffer, buffer.byteLength),
        "recv",
        fd,
      ),
  });
}

/** See `SocketCalls.recvfrom`. */
export async function recvfrom(
  loop: AbstractEventLoop,
  sock: FdSource,
  n: number,
  signal?: AbortSignal,
): Promise<[Uint8Array, Deno.Addr]> {
  const fd = begin(loop, sock, "sockRecvfrom", signal);
  const kind = kindOf(sock);
  const [data, addr] = await whenReady(loop, fd, {
    slot: "readLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockRecvfrom",
    attempt: () =>
      outcome(
        tryRecvfrom(same(sock, fd, "sockRecvfrom"), kind.type, n),
        "recvfrom",
        fd,
      ),
  });
  return [data, senderOf(fd, kind, addr)];
}

/** See `SocketCalls.recvfromInto`. */
export async function recvfromInto(
  loop: AbstractEventLoop,
  sock: FdSource,
  buffer: Uint8Array,
  nbytes: number,
  signal?: AbortSignal,
): Promise<[number, Deno.Addr]> {
  const fd = begin(loop, sock, "sockRecvfromInto", signal);
  const kind = kindOf(sock);
  const [got, addr] = await whenReady(loop, fd, {
    slot: "readLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockRecvfromInto",
    attempt: () =>
      outcome(
        tryRecvfromInto(
          same(sock, fd, "sockRecvfromInto"),
          kind.type,
          buffer,
          nbytes,
        ),
        "recvfrom",
        fd,
      ),
  });
  return [got, senderOf(fd, kind, addr)];
}

/** See `SocketCalls.sendall`. */
export async function sendall(
  loop: AbstractEventLoop,
  sock: FdSource,
  data: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const fd = begin(loop, sock, "sockSendall", signal);
  let rest = data;
  await whenReady(loop, fd, {
    slot: "writeLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockSendall",
    attempt: () => {
      same(sock, fd, "sockSendall");
      while (rest.byteLength > 0) {
        const sent = count(trySend(fd, rest), "send", fd);
        if (sent === AGAIN) return AGAIN;
        rest = rest.subarray(sent);
      }
    },
  });
}

/** See `SocketCalls.sendto`. */
export async function sendto(
  loop: AbstractEventLoop,
  sock: FdSource,
  data: Uint8Array,
  addr: Address,
  signal?: AbortSignal,
): Promise<number> {
  const fd = begin(loop, sock, "sockSendto", signal);
  const kind = kindOf(sock);
  const target = await resolve(loop, addr, kind, signal);
  const raw = encodeFor(fd, target, kind.family, "sockSendto");
  return await whenReady(loop, fd, {
    slot: "writeLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockSendto",
    attempt: () => {
      const sent = trySendto(same(sock, fd, "sockSendto"), data, raw);
      if (sent >= 0) return sent;
      if (wouldBlock(sent)) return AGAIN;
      throw addressError(sent, "sendto", fd, target);
    },
  });
}

/** See `SocketCalls.connect`. */
export async function connect(
  loop: AbstractEventLoop,
  sock: FdSource,
  addr: Address,
  signal?: AbortSignal,
): Promise<void> {
  const fd = begin(loop, sock, "sockConnect", signal);
  const kind = kindOf(sock);
  const target = await resolve(loop, addr, kind, signal);
  const raw = encodeFor(fd, target, kind.family, "sockConnect");
  for (let delay = SHORTEST_RETRY_MS;;) {
    const result = tryConnect(same(sock, fd, "sockConnect"), raw);
    if (result === 0) return void connecting.delete(sock);
    if (inProgress(result)) break;
    const { eisconn } = platform("connect");
    // Linux answers 0 here once; elsewhere this is how a cancelled connect says it went well.
    if (result === -eisconn && connecting.delete(sock)) return;
    if (!wouldBlock(result) || kind.family !== AF_UNIX) {
      throw addressError(result, "connect", fd, target);
    }
    await sleep(loop, delay, signal);
    delay = Math.min(delay * 2, LONGEST_RETRY_MS);
  }
  connecting.add(sock);
  await whenReady(loop, fd, {
    slot: "writeLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockConnect",
    waitFirst: true,
    attempt: () => {
      const error = takeError(same(sock, fd, "sockConnect"));
      connecting.delete(sock);
      if (error !== 0) throw addressError(-error, "connect", fd, target);
    },
  });
}

/** See `SocketCalls.accept`. */
export async function accept(
  loop: AbstractEventLoop,
  sock: FdSource,
  signal?: AbortSignal,
): Promise<[Socket, Deno.Addr]> {
  const fd = begin(loop, sock, "sockAccept", signal);
  const kind = kindOf(sock);
  return await whenReady(loop, fd, {
    slot: "readLine",
    announced: sock instanceof Socket,
    signal,
    name: "sockAccept",
    attempt: () => {
      const got = outcome(
        tryAccept(same(sock, fd, "sockAccept"), kind.type),
        "accept",
        fd,
      );
      return got === AGAIN ? AGAIN : adoptAccepted(got, kind);
    },
  });
}

/**
 * Sends `limit` bytes of `file` from `offset` on, or all of it, by
 * `sendfile(2)`; `progress` learns of every part.
 *
 * @throws {SendfileNotAvailableError} when the system cannot, before anything was sent
 */
export async function sendfile(
  loop: AbstractEventLoop,
  sock: FdSource,
  file: Deno.FsFile,
  { offset, limit, progress, signal }: {
    offset: number;
    limit: number;
    progress: (sent: number) => void;
    signal: AbortSignal | undefined;
  },
): Promise<void> {
  const fd = begin(loop, sock, "sockSendfile", signal);
  if (kindOf(sock).type !== SOCK_STREAM) {
    throw new TypeError("Cannot send a file: the socket is not a stream");
  }
  const lib = holdLibc("sockSendfile()");
  let source: number | null = null;
  try {
    source = await duplicateFdOf(file);
    if (source === null) {
      throw new SendfileNotAvailableError(
        "Cannot use sendfile(2): it is not there, or not for this file",
      );
    }
    await sendParts(loop, sock, {
      fd,
      source,
      offset,
      end: offset + limit,
      progress,
      signal,
    });
  } finally {
    if (source !== null) closeFd(lib, source);
    releaseLibc();
  }
}

interface FilePart {
  readonly fd: number;
  readonly source: number;
  readonly offset: number;
  readonly end: number;
  readonly progress: (sent: number) => void;
  readonly signal: AbortSignal | undefined;
}

async function sendParts(
  loop: AbstractEventLoop,
  sock: FdSource,
  { fd, source, offset, end, progress, signal }: FilePart,
): Promise<void> {
  let at = offset;
  while (at < end) {
    const sent: number = await whenReady(loop, fd, {
      slot: "writeLine",
      announced: sock instanceof Socket,
      signal,
      name: "sockSendfile",
      // Between two parts the loop gets a turn: a fast peer would never fill the socket.
      waitFirst: at > offset,
      attempt: () => {
        const part = Math.min(SENDFILE_BLOCK, end - at);
        same(sock, fd, "sockSendfile");
        const result = trySendfile(fd, source, at, part);
        if (result === -EINVAL && at === offset) {
          throw new SendfileNotAvailableError(
            `Cannot use sendfile(2): the file system or fd ${fd} does not support it`,
          );
        }
        return count(result, "sendfile", fd);
      },
    });
    if (sent === 0) return;
    at += sent;
    progress(sent);
  }
}

/** Numbers of the calls: done, try again, or an error. */
function count(
  result: number,
  call: string,
  fd: number,
): number | typeof AGAIN {
  if (result >= 0) return result;
  if (wouldBlock(result)) return AGAIN;
  throw fdError(result, call, fd);
}

/** As {@linkcode count}, for calls that answer with more than a number. */
function outcome<T extends object>(
  result: T | number,
  call: string,
  fd: number,
): T | typeof AGAIN {
  if (typeof result !== "number") return result;
  if (wouldBlock(result)) return AGAIN;
  throw fdError(result, call, fd);
}

/** The fd, if it is open and no transport's, and `signal` lets the call begin. */
function begin(
  loop: AbstractEventLoop,
  sock: FdSource,
  call: string,
  signal: AbortSignal | undefined,
): number {
  signal?.throwIfAborted();
  const fd = openFd(sock, call);
  internalsOf(loop)[fdOwners].check(fd, call);
  // Where it is refused, the message names the call.
  libc(`${call}()`);
  // An fd from elsewhere may block, and would block everything.
  kindOf(sock);
  return fd;
}

function openFd(sock: FdSource, call: string): number {
  const fd = sock.fileno();
  if (fd >= 0) return fd;
  throw new Deno.errors.BadResource(
    `Cannot call ${call}(): the socket is closed or detached`,
  );
}

/** The fd, if it is the one the call began with: a closed one's number may be somebody else's. */
function same(sock: FdSource, fd: number, call: string): number {
  if (openFd(sock, call) === fd) return fd;
  throw new Deno.errors.BadResource(
    `Cannot go on with ${call}(): fd ${fd} was closed`,
  );
}

function kindOf(sock: FdSource): Kind {
  if (sock instanceof Socket) return sock;
  let kind = kinds.get(sock);
  if (kind === undefined) {
    const fd = sock.fileno();
    // Through a Socket that is given its fd back: it knows how to look up its family.
    const borrowed = new Socket(undefined, undefined, { fileno: fd });
    kind = { family: borrowed.family, type: borrowed.type };
    borrowed.detach();
    kinds.set(sock, kind);
  }
  return kind;
}

async function resolve(
  loop: AbstractEventLoop,
  addr: Address,
  kind: Kind,
  signal: AbortSignal | undefined,
): Promise<Address> {
  if (
    kind.family === AF_UNIX || !("hostname" in addr) ||
    isHostNumber(addr.hostname)
  ) return addr;
  const { hostname, port } = addr as HostAddress;
  const found = await loop.getaddrinfo(hostname, port, {
    family: kind.family === AF_INET6 ? "ipv6" : "ipv4",
    type: kind.type === SOCK_DGRAM ? "datagram" : "stream",
    ...(signal !== undefined && { signal }),
  });
  const [first] = found;
  if (first === undefined) {
    throw new Deno.errors.NotFound(
      `Cannot look up ${hostname}: it has no address of the socket's family`,
    );
  }
  return first.sockaddr;
}

async function sleep(
  loop: AbstractEventLoop,
  delayMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const future = new Future<void>({ loop });
  const timer = loop.callLater(delayMs, () => {
    if (!future.done()) future.setResult(undefined);
  });
  try {
    await abortable(future, signal);
  } finally {
    timer.cancel();
  }
}
