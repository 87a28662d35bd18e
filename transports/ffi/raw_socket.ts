/**
 * Calls on a file descriptor that answer with minus an errno instead of an
 * error: making a `WouldBlock` with its stack costs 1.6 µs, three times the
 * call that would block.
 *
 * @module
 */

import { AF_UNIX, SO_ERROR, SOCK_DGRAM, SOL_SOCKET } from "./constants.ts";
import { errno, errorOf, type Libc, libc, platform } from "./libc.ts";
import { EINTR } from "./errno.ts";
import { keepBytes } from "../keep_bytes.ts";
import { ADDRESS_SIZE, decodeAddress, encodeAddress, type RawAddress } from "./socket_address.ts";
import type { Address } from "../../types/transports.ts";

const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const DARWIN_SO_NOSIGPIPE = 0x1022;

// One call at a time per isolate, and none of them waits: these are shared.
const addressBytes = new Uint8Array(ADDRESS_SIZE);
const lengthCell = new Uint32Array(1);
const intCell = new Int32Array(1);
const intBytes = new Uint8Array(intCell.buffer);

const SCRATCH_SIZE = 256 * 1024;
let scratch: Uint8Array<ArrayBuffer> | null = null;

/** Whether an answer says "not now". */
export function wouldBlock(result: number): boolean {
  return result === -platform("recv").eagain;
}

/** Whether an answer of {@linkcode tryConnect} says that the connection is on its way. */
export function inProgress(result: number): boolean {
  const { einprogress, ealready } = platform("connect");
  // A signal does not stop a connect: it goes on like one in progress.
  return result === -einprogress || result === -ealready || result === -EINTR;
}

/** The error for a negative answer of a call on `fd`. */
export function fdError(result: number, call: string, fd: number): Error {
  return errorOf(-result, `${call}(fd ${fd})`);
}

/** The error for a negative answer of a call on `fd` with an address. */
export function addressError(
  result: number,
  call: string,
  fd: number,
  addr: Address | Deno.Addr,
): Error {
  return errorOf(-result, `${call}(fd ${fd}, ${formatAddress(addr)})`);
}

function answer(result: number): number {
  return result < 0 ? -errno() : result;
}

/** `recv` into `buffer`. */
export function tryRecvInto(
  fd: number,
  buffer: Uint8Array,
  length: number,
  flags = 0,
): number {
  return answer(
    libc("recv").recv(fd, buffer as BufferSource, BigInt(length), flags),
  );
}

/** `recv` of up to `n` bytes: the bytes, or minus an errno. */
export function tryRecv(
  fd: number,
  n: number,
  flags = 0,
): Uint8Array<ArrayBuffer> | number {
  const buffer = bufferFor(n);
  const got = tryRecvInto(fd, buffer, n, flags);
  return got < 0 ? got : take(buffer, Math.min(got, n));
}

/** `recvfrom` into `buffer`: count and address, or minus an errno. */
export function tryRecvfromInto(
  fd: number,
  type: number,
  buffer: Uint8Array,
  length: number,
  flags = 0,
): [number, Deno.Addr | null] | number {
  lengthCell[0] = ADDRESS_SIZE;
  const got = answer(
    libc("recvfrom").recvfrom(
      fd,
      buffer as BufferSource,
      BigInt(length),
      flags,
      addressBytes,
      lengthCell,
    ),
  );
  if (got < 0) return got;
  return [got, decodeAddress(addressBytes, lengthCell[0] as number, type)];
}

/** `recvfrom` of up to `n` bytes: bytes and address, or minus an errno. */
export function tryRecvfrom(
  fd: number,
  type: number,
  n: number,
  flags = 0,
): [Uint8Array<ArrayBuffer>, Deno.Addr | null] | number {
  const buffer = bufferFor(n);
  const got = tryRecvfromInto(fd, type, buffer, n, flags);
  if (typeof got === "number") return got;
  return [take(buffer, Math.min(got[0], n)), got[1]];
}

/** `send`; never raises SIGPIPE. */
export function trySend(fd: number, data: Uint8Array, flags = 0): number {
  const { sendFlags } = platform("send");
  return answer(
    libc("send").send(
      fd,
      data as BufferSource,
      BigInt(data.byteLength),
      flags | sendFlags,
    ),
  );
}

/** `sendto`. */
export function trySendto(
  fd: number,
  data: Uint8Array,
  address: RawAddress,
): number {
  const { sendFlags } = platform("sendto");
  return answer(
    libc("sendto").sendto(
      fd,
      data as BufferSource,
      BigInt(data.byteLength),
      sendFlags,
      address.bytes,
      address.length,
    ),
  );
}

/** `connect`. */
export function tryConnect(fd: number, address: RawAddress): number {
  return answer(libc("connect").connect(fd, address.bytes, address.length));
}

/** `accept`, the new fd non-blocking: fd and address of the peer, or minus an errno. */
export function tryAccept(
  fd: number,
  type: number,
): [number, Deno.Addr | null] | number {
  const { nonblock, cloexec } = platform("accept");
  lengthCell[0] = ADDRESS_SIZE;
  const got = answer(
    libc("accept").accept(fd, addressBytes, lengthCell, nonblock | cloexec),
  );
  if (got < 0) return got;
  const peer = decodeAddress(addressBytes, lengthCell[0] as number, type);
  prepare(got, "accept");
  return [got, peer];
}

/** The name of the socket or of its peer. */
export function nameOf(
  fd: number,
  type: number,
  call: "getsockname" | "getpeername",
): Deno.Addr | null {
  lengthCell[0] = ADDRESS_SIZE;
  check(libc(call)[call](fd, addressBytes, lengthCell), call, fd);
  return decodeAddress(addressBytes, lengthCell[0] as number, type);
}

/**
 * Whose data a socket received: `addr`, where the system told, which it does not
 * for streams and for unix sockets without a name; then its peer. The data is
 * taken already and must not be lost if there is none.
 */
export function senderOf(
  fd: number,
  { family, type }: { readonly family: number; readonly type: number },
  addr: Deno.Addr | null,
): Deno.Addr {
  if (addr !== null) return addr;
  const isDatagram = type === SOCK_DGRAM;
  const unnamed: Deno.Addr = family === AF_UNIX
    ? { transport: isDatagram ? "unixpacket" : "unix", path: "" }
    : { transport: isDatagram ? "udp" : "tcp", hostname: "", port: 0 };
  try {
    return nameOf(fd, type, "getpeername") ?? unnamed;
  } catch (error) {
    if (error instanceof Deno.errors.NotConnected) return unnamed;
    throw error;
  }
}

/** The pending error of a socket as an errno, 0 for none; it is none afterwards. */
export function takeError(fd: number): number {
  return getOption(fd, SOL_SOCKET, SO_ERROR);
}

/** An option that is an `int`. */
export function getOption(fd: number, level: number, name: number): number {
  lengthCell[0] = 4;
  intCell[0] = 0;
  check(
    libc("getsockopt").getsockopt(fd, level, name, intBytes, lengthCell),
    "getsockopt",
    fd,
  );
  return intCell[0] as number;
}

/** An option as bytes, up to `length` of them. */
export function getOptionBytes(
  fd: number,
  level: number,
  name: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(length);
  lengthCell[0] = length;
  check(
    libc("getsockopt").getsockopt(fd, level, name, value, lengthCell),
    "getsockopt",
    fd,
  );
  return value.subarray(0, lengthCell[0]);
}

/** Sets an option. */
export function setOption(
  fd: number,
  level: number,
  name: number,
  value: number | Uint8Array,
): void {
  let bytes = value;
  if (typeof bytes === "number") {
    intCell[0] = bytes;
    bytes = intBytes;
  }
  check(
    libc("setsockopt").setsockopt(
      fd,
      level,
      name,
      bytes as BufferSource,
      bytes.byteLength,
    ),
    "setsockopt",
    fd,
  );
}

/** Makes an fd non-blocking. */
export function setNonblocking(fd: number, call: string): void {
  const lib = libc(call);
  const flags = check(lib.fcntl(fd, F_GETFL, 0), call, fd);
  const { nonblock } = platform(call);
  if ((flags & nonblock) === 0) {
    check(lib.fcntl(fd, F_SETFL, flags | nonblock), call, fd);
  }
}

/** Makes an fd one that children do not inherit. */
export function setCloexec(fd: number, call: string): void {
  check(libc(call).fcntl(fd, F_SETFD, FD_CLOEXEC), call, fd);
}

/** What Linux does by a flag and macOS by more calls: non-blocking, close-on-exec, no SIGPIPE. */
export function prepare(fd: number, call: string): void {
  if (platform(call).os === "linux") return;
  try {
    setNonblocking(fd, call);
    setCloexec(fd, call);
    setOption(fd, SOL_SOCKET, DARWIN_SO_NOSIGPIPE, 1);
  } catch (error) {
    closeFd(libc(call), fd);
    throw error;
  }
}

/** The answer of a call on `fd`, or its error thrown. */
export function check(result: number, call: string, fd: number): number {
  if (result < 0) throw fdError(-errno(), call, fd);
  return result;
}

/** Closes an fd. */
export function closeFd(lib: Libc, fd: number): void {
  if (lib.close(fd) === 0) return;
  const result = -errno();
  // The fd is gone all the same when a signal came.
  if (result === -EINTR) return;
  throw fdError(result, "close", fd);
}

/** For messages. */
export function formatAddress(addr: Address | Deno.Addr): string {
  if ("path" in addr) return JSON.stringify(addr.path);
  if (!("hostname" in addr)) return JSON.stringify(addr);
  const { hostname, port } = addr;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** As {@linkcode encodeAddress}, for a call on `fd`. */
export function encodeFor(
  fd: number,
  addr: Address | Deno.Addr,
  family: number,
  call: string,
): RawAddress {
  return encodeAddress(addr, family, `${call}(fd ${fd})`);
}

/**
 * A new buffer of 64 KiB costs 18 µs, forty times a small `recv`, so what
 * arrives is received into one buffer and copied out.
 */
function bufferFor(n: number): Uint8Array<ArrayBuffer> {
  if (n > SCRATCH_SIZE) return new Uint8Array(n);
  return scratch ??= new Uint8Array(SCRATCH_SIZE);
}

function take(
  buffer: Uint8Array<ArrayBuffer>,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = buffer.subarray(0, length);
  return buffer === scratch || length * 2 < buffer.length ? keepBytes(bytes) : bytes;
}
