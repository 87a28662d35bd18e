/**
 * BSD sockets, through FFI on libc.
 *
 * @module
 */

import type { Address } from "../../types/transports.ts";
import { AF_INET, AF_UNIX, SO_TYPE, SOCK_STREAM, SOL_SOCKET } from "./constants.ts";
import { announceClosing, announceLeaving } from "./fd_closing.ts";
import { errno, errorOf, holdLibc, type Libc, platform, releaseLibc } from "./libc.ts";
import {
  addressError,
  check,
  closeFd,
  encodeFor,
  fdError,
  getOption,
  getOptionBytes,
  nameOf,
  prepare,
  senderOf,
  setNonblocking,
  setOption,
  tryAccept,
  tryConnect,
  tryRecv,
  tryRecvfrom,
  tryRecvfromInto,
  tryRecvInto,
  trySend,
  trySendto,
} from "./raw_socket.ts";

const LINUX_SO_PROTOCOL = 38;
const LINUX_SO_DOMAIN = 39;

/** An fd that needs no looking at: it was just made by libc. */
const known = Symbol("known");

interface KnownOptions extends SocketOptions {
  [known]?: number;
}

/** Options of `new Socket()`. */
export interface SocketOptions {
  /** Number of the protocol, 0 for the usual one of the type. @default {0} */
  proto?: number;
  /**
   * An fd to take over instead of making one: it is made non-blocking and
   * closed with the socket; its family and type are looked up.
   */
  fileno?: number;
}

/**
 * A socket of the operating system, as Python's `socket.socket` after
 * `setblocking(False)`: every call returns at once, and one that would have to
 * wait throws `Deno.errors.WouldBlock`. To wait, use the loop: its `sock*`
 * calls, or `addReader` and `addWriter`.
 *
 * What fails throws the `Deno.errors` class Deno itself has for that errno
 * (`TypeError` for EINVAL, `Error` where there is no class), with the call and
 * the fd in the message and the name of the errno in `code`. A call on a closed
 * socket throws `Deno.errors.BadResource`.
 *
 * Addresses have numbers for hosts: nothing here looks up a name, but
 * `loop.sockConnect()` does. `send` and `close` may be given away as callbacks:
 * `loop.callSoon(sock.send, data)`.
 *
 * Requires `--allow-ffi`, for making one only; `--allow-net` is not asked for,
 * since FFI can do everything. Works on Linux and macOS, on x86-64 and aarch64;
 * elsewhere making one throws `Deno.errors.NotSupported`.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { socketpair } from "@deno-asyncio/asyncio";
 *
 * const [a, b] = socketpair();
 * using _a = a, _b = b;
 * a.send(new TextEncoder().encode("hello"));
 * assertEquals(new TextDecoder().decode(b.recv(100)), "hello");
 * ```
 */
export class Socket implements Disposable {
  /** `AF_INET`, `AF_INET6`, `AF_UNIX`, … */
  readonly family: number;
  /** `SOCK_STREAM`, `SOCK_DGRAM`, … */
  readonly type: number;
  /** Number of the protocol. */
  readonly proto: number;
  #fd: number;
  readonly #libc: Libc;

  /**
   * Makes a socket, or takes over the one of `options.fileno`.
   *
   * @throws {Deno.errors.NotCapable} without `--allow-ffi`
   * @throws {Deno.errors.NotSupported} for a family or type the system does not have, and on an unknown system
   */
  constructor(
    family: number = AF_INET,
    type: number = SOCK_STREAM,
    options: SocketOptions = {},
  ) {
    const { proto = 0, fileno, [known]: knownFd }: KnownOptions = options;
    const call = "new Socket()";
    // Methods that are callbacks by themselves, as in `loop.callSoon(sock.send, data)`.
    this.send = this.send.bind(this);
    this.close = this.close.bind(this);
    this.#libc = holdLibc(call);
    try {
      if (fileno === undefined) {
        this.#fd = knownFd ?? open(this.#libc, family, type, proto);
        this.family = family;
        this.type = type;
        this.proto = proto;
      } else {
        mustBeInteger(fileno, "fileno", call);
        this.#fd = fileno;
        this.type = getOption(fileno, SOL_SOCKET, SO_TYPE);
        const linux = platform(call).os === "linux";
        this.family = linux
          ? getOption(fileno, SOL_SOCKET, LINUX_SO_DOMAIN)
          : familyOf(fileno, this.type);
        this.proto = linux ? getOption(fileno, SOL_SOCKET, LINUX_SO_PROTOCOL) : proto;
        setNonblocking(fileno, call);
      }
    } catch (error) {
      releaseLibc();
      throw error;
    }
  }

  /** The fd; -1 once closed or detached. */
  fileno(): number {
    return this.#fd;
  }

  /** Binds it to `addr`; port 0 takes any free one. An IPv6 hostname may name a zone: `fe80::1%eth0`. */
  bind(addr: Address): void {
    const fd = this.#open("bind");
    const raw = encodeFor(fd, addr, this.family, "bind");
    if (this.#libc.bind(fd, raw.bytes, raw.length) < 0) {
      throw addressError(-errno(), "bind", fd, addr);
    }
  }

  /** Listens for connections, of which `backlog` may wait to be accepted. */
  listen(backlog = 128): void {
    const fd = this.#open("listen");
    check(this.#libc.listen(fd, backlog), "listen", fd);
  }

  /**
   * Takes one connection.
   *
   * @throws {Deno.errors.WouldBlock} when none waits
   */
  accept(): [conn: Socket, addr: Deno.Addr] {
    const fd = this.#open("accept");
    const got = tryAccept(fd, this.type);
    if (typeof got === "number") throw fdError(got, "accept", fd);
    return adoptAccepted(got, this);
  }

  /**
   * Starts to connect; of a datagram socket, sets the peer.
   *
   * @throws {Deno.errors.WouldBlock} with code `EINPROGRESS`, as is usual for
   * TCP: the connection is on its way. Once the socket is writable,
   * `getsockopt(SOL_SOCKET, SO_ERROR)` tells how it went. `loop.sockConnect()` does all that
   */
  connect(addr: Address): void {
    const fd = this.#open("connect");
    const raw = encodeFor(fd, addr, this.family, "connect");
    const result = tryConnect(fd, raw);
    if (result < 0) throw addressError(result, "connect", fd, addr);
  }

  /** As {@linkcode connect}, but the outcome is the answer: 0, or an errno of the platform. */
  connectEx(addr: Address): number {
    const fd = this.#open("connect");
    return -tryConnect(fd, encodeFor(fd, addr, this.family, "connect")) + 0;
  }

  /**
   * Sends the beginning of `data`: the count of bytes the system took.
   *
   * @throws {Deno.errors.WouldBlock} when it takes none
   */
  send(data: Uint8Array, flags = 0): number {
    const fd = this.#open("send");
    const result = trySend(fd, data, flags);
    if (result < 0) throw fdError(result, "send", fd);
    return result;
  }

  /**
   * Sends one datagram to `addr`; its length.
   *
   * @throws {Deno.errors.WouldBlock} when the system has no room for it
   */
  sendto(data: Uint8Array, addr: Address | Deno.Addr): number {
    const fd = this.#open("sendto");
    const raw = encodeFor(fd, addr, this.family, "sendto");
    const result = trySendto(fd, data, raw);
    if (result < 0) throw addressError(result, "sendto", fd, addr);
    return result;
  }

  /**
   * Receives up to `n` bytes, or one datagram of which the rest is lost. Empty
   * at EOF. The bytes are the caller's to keep; their `buffer` may hold others'
   * as well, so copy them (`slice()`) before transferring it.
   *
   * @throws {Deno.errors.WouldBlock} when there are none
   */
  recv(n: number, flags = 0): Uint8Array<ArrayBuffer> {
    const fd = this.#open("recv");
    mustBeCount(n, "recv");
    const result = tryRecv(fd, n, flags);
    if (typeof result === "number") throw fdError(result, "recv", fd);
    return result;
  }

  /**
   * Receives into `buffer`, at most `nbytes` (0: all of it); the count, 0 at EOF.
   *
   * @throws {Deno.errors.WouldBlock} when there is nothing
   */
  recvInto(buffer: Uint8Array, nbytes = 0): number {
    const fd = this.#open("recvInto");
    const length = lengthOf(buffer, nbytes, "recvInto");
    const result = tryRecvInto(fd, buffer, length);
    if (result < 0) throw fdError(result, "recv", fd);
    return result;
  }

  /**
   * As {@linkcode recv}, with the address it came from. Of a connected stream
   * that is the peer.
   */
  recvfrom(n: number, flags = 0): [data: Uint8Array<ArrayBuffer>, addr: Deno.Addr] {
    const fd = this.#open("recvfrom");
    mustBeCount(n, "recvfrom");
    const result = tryRecvfrom(fd, this.type, n, flags);
    if (typeof result === "number") throw fdError(result, "recvfrom", fd);
    return [result[0], senderOf(fd, this, result[1])];
  }

  /** As {@linkcode recvInto}, with the address it came from. */
  recvfromInto(buffer: Uint8Array, nbytes = 0): [count: number, addr: Deno.Addr] {
    const fd = this.#open("recvfromInto");
    const length = lengthOf(buffer, nbytes, "recvfromInto");
    const result = tryRecvfromInto(fd, this.type, buffer, length);
    if (typeof result === "number") throw fdError(result, "recvfrom", fd);
    return [result[0], senderOf(fd, this, result[1])];
  }

  /** Ends one direction or both: `SHUT_RD`, `SHUT_WR`, `SHUT_RDWR`. */
  shutdown(how: number): void {
    const fd = this.#open("shutdown");
    check(this.#libc.shutdown(fd, how), "shutdown", fd);
  }

  /** Sets an option: to a number, on or off, or to the bytes of a structure. */
  setsockopt(
    level: number,
    name: number,
    value: number | boolean | Uint8Array,
  ): void {
    const fd = this.#open("setsockopt");
    setOption(fd, level, name, typeof value === "boolean" ? +value : value);
  }

  /** An option that is a number. */
  getsockopt(level: number, name: number): number;
  /** An option that is a structure of up to `length` bytes. */
  getsockopt(
    level: number,
    name: number,
    length: number,
  ): Uint8Array<ArrayBuffer>;
  getsockopt(
    level: number,
    name: number,
    length?: number,
  ): number | Uint8Array<ArrayBuffer> {
    const fd = this.#open("getsockopt");
    if (length === undefined) return getOption(fd, level, name);
    mustBeCount(length, "getsockopt");
    return getOptionBytes(fd, level, name, length);
  }

  /** Its own address. A unix socket without a name has the path `""`. */
  getsockname(): Deno.Addr {
    return this.#name("getsockname");
  }

  /**
   * The address of the peer.
   *
   * @throws {Deno.errors.NotConnected} if there is none
   */
  getpeername(): Deno.Addr {
    return this.#name("getpeername");
  }

  /**
   * There for programs that come from Python: these sockets never block.
   *
   * @throws {Deno.errors.NotSupported} for `true`
   */
  setblocking(blocking: boolean): void {
    if (blocking) {
      throw new Deno.errors.NotSupported(
        `Cannot make the socket of fd ${this.#fd} blocking: it would block the whole program`,
      );
    }
  }

  /** Gives the fd away: the socket counts as closed, the fd stays open. */
  detach(): number {
    const fd = this.#open("detach");
    announceLeaving(fd);
    this.#fd = -1;
    releaseLibc();
    return fd;
  }

  /**
   * Closes it. Idempotent. A loop stops watching it; a `sock*` call that waits
   * for it rejects with `Deno.errors.BadResource`.
   */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    announceClosing(fd);
    this.#fd = -1;
    try {
      closeFd(this.#libc, fd);
    } finally {
      releaseLibc();
    }
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages. */
  toString(): string {
    return this.#fd < 0
      ? "<Socket closed>"
      : `<Socket fd=${this.#fd} family=${this.family} type=${this.type}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  #open(call: string): number {
    if (this.#fd < 0) {
      throw new Deno.errors.BadResource(
        `Cannot call ${call}(): the socket is closed or detached`,
      );
    }
    return this.#fd;
  }

  #name(call: "getsockname" | "getpeername"): Deno.Addr {
    const fd = this.#open(call);
    const name = nameOf(fd, this.type, call);
    if (name === null) {
      throw new Deno.errors.NotConnected(`${call}(fd ${fd}): it has no name`);
    }
    return name;
  }
}

/**
 * Two sockets connected to each other, as Python's `socket.socketpair()`.
 * Requires `--allow-ffi`.
 *
 * @throws {Deno.errors.NotCapable} without `--allow-ffi`
 */
export function socketpair(
  family: number = AF_UNIX,
  type: number = SOCK_STREAM,
): [Socket, Socket] {
  const call = "socketpair()";
  const lib = holdLibc(call);
  try {
    const fds = new Int32Array(2);
    if (lib.socketpair(family, creationType(type, call), 0, fds) < 0) {
      throw errorOf(errno(), `socketpair(family ${family}, type ${type})`);
    }
    const [a, b] = fds as unknown as [number, number];
    prepare(a, call);
    prepare(b, call);
    return [made(a, family, type), made(b, family, type)];
  } finally {
    releaseLibc();
  }
}

/** The socket and address of what {@linkcode tryAccept} answered on `listener`. */
export function adoptAccepted(
  [fd, addr]: [number, Deno.Addr | null],
  listener: { readonly family: number; readonly type: number },
): [Socket, Deno.Addr] {
  const conn = made(fd, listener.family, listener.type);
  // Some systems give an unnamed unix peer no address at all.
  return [conn, addr ?? { transport: "unix", path: "" }];
}

function made(fd: number, family: number, type: number): Socket {
  const options: KnownOptions = { [known]: fd };
  return new Socket(family, type, options);
}

function open(
  lib: Libc,
  family: number,
  type: number,
  proto: number,
): number {
  const call = `socket(family ${family}, type ${type})`;
  const fd = lib.socket(family, creationType(type, call), proto);
  if (fd < 0) throw errorOf(errno(), call);
  prepare(fd, call);
  return fd;
}

function creationType(type: number, call: string): number {
  const { os, nonblock, cloexec } = platform(call);
  return os === "linux" ? type | nonblock | cloexec : type;
}

function familyOf(fd: number, type: number): number {
  const name = nameOf(fd, type, "getsockname");
  if (name === null || "path" in name) return AF_UNIX;
  return "hostname" in name && name.hostname.includes(":") ? 30 : AF_INET;
}

function mustBeInteger(value: number, name: string, call: string): void {
  if (Number.isInteger(value) && value >= 0) return;
  throw new RangeError(
    `Cannot call ${call}: ${name} must be a non-negative integer, got ${value}`,
  );
}

function mustBeCount(n: number, call: string): void {
  mustBeInteger(n, "the number of bytes", `${call}()`);
}

function lengthOf(buffer: Uint8Array, nbytes: number, call: string): number {
  mustBeCount(nbytes, call);
  if (nbytes > buffer.byteLength) {
    throw new RangeError(
      `Cannot call ${call}(): nbytes is ${nbytes}, the buffer has ${buffer.byteLength} bytes`,
    );
  }
  return nbytes === 0 ? buffer.byteLength : nbytes;
}
