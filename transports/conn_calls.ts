/**
 * The `sock*` calls of a loop on Deno's own `Conn`, `Listener` and
 * `DatagramConn`. They ask for no permission beyond the one that opened it.
 *
 * @module
 */

import type { AbstractEventLoop } from "../types/loop.ts";
import type { Address } from "../types/transports.ts";
import { OpLine } from "./op_line.ts";

const SMALLEST_READ = 4 * 1024;
const LARGEST_READ = 256 * 1024;
/** No datagram is longer. */
const DATAGRAM = 64 * 1024;

/**
 * The receiving side of a connection. Its buffer is ours, never a caller's: an
 * abandoned read would write into it later. It starts small, as it is pinned
 * while a read is pending, and grows when reads fill it.
 */
class ConnInlet {
  /** Bytes that came and were not asked for; `null` at EOF. */
  readonly line: OpLine<Uint8Array | null>;
  readonly #conn: Deno.Conn;
  #buffer: Uint8Array<ArrayBuffer> | null = null;
  #size = SMALLEST_READ;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.line = new OpLine<Uint8Array | null>(conn, { keep: true });
  }

  /** Gives up to `n` bytes to `take`, none at EOF. */
  async receive<T>(
    loop: AbstractEventLoop,
    n: number,
    take: (bytes: Uint8Array) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    using turn = this.line.join(loop, signal);
    const bytes = await turn.next(() => this.#read(n));
    if (bytes === null) return take(new Uint8Array(0));
    if (bytes.length > n) this.line.putBack(bytes.subarray(n));
    return take(bytes.subarray(0, n));
  }

  async #read(n: number): Promise<Uint8Array | null> {
    const size = Math.min(n, this.#size);
    let buffer = this.#buffer;
    if (buffer === null || buffer.length < size) {
      this.#buffer = buffer = new Uint8Array(size);
    }
    const got = await this.#conn.read(buffer.subarray(0, size));
    if (got === null) return null;
    if (got === this.#size) {
      this.#size = Math.min(this.#size * 4, LARGEST_READ);
    }
    return buffer.subarray(0, got);
  }
}

/** The receiving side of a datagram socket. */
class DatagramInlet {
  readonly #line: OpLine<[Uint8Array, Deno.Addr]>;
  readonly #conn: Deno.DatagramConn;
  #buffer: Uint8Array<ArrayBuffer> | null = null;

  constructor(conn: Deno.DatagramConn) {
    this.#conn = conn;
    this.#line = new OpLine(conn as DatagramRef, { keep: true });
  }

  /** Gives one datagram, cut to `n` bytes, to `take`. */
  async receive<T>(
    loop: AbstractEventLoop,
    n: number,
    take: (bytes: Uint8Array) => T,
    signal?: AbortSignal,
  ): Promise<[T, Deno.Addr]> {
    using turn = this.#line.join(loop, signal);
    // Always room for the longest: the next caller may want more than this one.
    const buffer = this.#buffer ??= new Uint8Array(DATAGRAM);
    const [bytes, addr] = await turn.next(() => this.#conn.receive(buffer));
    return [take(bytes.subarray(0, n)), addr];
  }
}

/** `Deno.DatagramConn` has these two, its type has not. */
type DatagramRef = Deno.DatagramConn & { ref?(): void; unref?(): void };

const connInlets = new WeakMap<Deno.Conn, ConnInlet>();
const datagramInlets = new WeakMap<Deno.DatagramConn, DatagramInlet>();
const accepts = new WeakMap<Deno.Listener, OpLine<Deno.Conn>>();
const outlets = new WeakMap<object, OpLine<number>>();

/** A copy of its own: what is given out is the caller's to keep. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}

function copyInto(buffer: Uint8Array): (bytes: Uint8Array) => number {
  return (bytes) => {
    buffer.set(bytes);
    return bytes.length;
  };
}

/** See `SocketCalls.recv`. */
export async function recv(
  loop: AbstractEventLoop,
  conn: Deno.Conn | Deno.DatagramConn,
  n: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (isDatagram(conn)) {
    return (await datagramInlet(conn).receive(loop, n, copyOf, signal))[0];
  }
  if (n === 0) return new Uint8Array(0);
  return await connInlet(conn).receive(loop, n, copyOf, signal);
}

/** See `SocketCalls.recvInto`. */
export async function recvInto(
  loop: AbstractEventLoop,
  conn: Deno.Conn | Deno.DatagramConn,
  buffer: Uint8Array,
  signal?: AbortSignal,
): Promise<number> {
  const take = copyInto(buffer);
  const n = buffer.byteLength;
  if (isDatagram(conn)) {
    return (await datagramInlet(conn).receive(loop, n, take, signal))[0];
  }
  if (n === 0) return 0;
  return await connInlet(conn).receive(loop, n, take, signal);
}

/** See `SocketCalls.recvfrom`. */
export async function recvfrom(
  loop: AbstractEventLoop,
  conn: Deno.Conn | Deno.DatagramConn,
  n: number,
  signal?: AbortSignal,
): Promise<[Uint8Array, Deno.Addr]> {
  if (isDatagram(conn)) {
    return await datagramInlet(conn).receive(loop, n, copyOf, signal);
  }
  return [await recv(loop, conn, n, signal), conn.remoteAddr];
}

/** See `SocketCalls.recvfromInto`. */
export async function recvfromInto(
  loop: AbstractEventLoop,
  conn: Deno.Conn | Deno.DatagramConn,
  buffer: Uint8Array,
  signal?: AbortSignal,
): Promise<[number, Deno.Addr]> {
  if (isDatagram(conn)) {
    return await datagramInlet(conn).receive(
      loop,
      buffer.byteLength,
      copyInto(buffer),
      signal,
    );
  }
  return [await recvInto(loop, conn, buffer, signal), conn.remoteAddr];
}

/**
 * See `SocketCalls.sendall`. Cancelled, it ends with the write that is under
 * way; a later call waits for that one.
 */
export async function sendall(
  loop: AbstractEventLoop,
  conn: Deno.Conn,
  data: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  using turn = outlet(conn).join(loop, signal);
  let rest = data;
  while (rest.byteLength > 0) {
    const part = rest;
    rest = part.subarray(await turn.next(() => conn.write(part)));
  }
}

/** See `SocketCalls.sendto`. */
export async function sendto(
  loop: AbstractEventLoop,
  conn: Deno.DatagramConn,
  data: Uint8Array,
  addr: Address,
  signal?: AbortSignal,
): Promise<number> {
  const { transport } = conn.addr;
  const target = "path" in addr ? { transport: "unixpacket" as const, path: addr.path } : {
    transport: "udp" as const,
    hostname: addr.hostname,
    port: addr.port,
  };
  if (target.transport !== transport) {
    throw new TypeError(
      `Cannot call sockSendto(): the address is for ${target.transport}, the socket is ${transport}`,
    );
  }
  using turn = outlet(conn).join(loop, signal);
  return await turn.next(() => conn.send(data, target));
}

/** See `SocketCalls.accept`. */
export async function accept(
  loop: AbstractEventLoop,
  listener: Deno.Listener,
  signal?: AbortSignal,
): Promise<[Deno.Conn, Deno.Addr]> {
  let line = accepts.get(listener);
  if (line === undefined) {
    line = new OpLine<Deno.Conn>(listener, {
      keep: true,
      discard: (conn) => conn.close(),
    });
    accepts.set(listener, line);
  }
  using turn = line.join(loop, signal);
  const conn = await turn.next(() => listener.accept());
  return [conn, conn.remoteAddr];
}

/** Whether `sock` sends and receives datagrams. */
export function isDatagram(sock: object): sock is Deno.DatagramConn {
  return "receive" in sock;
}

function connInlet(conn: Deno.Conn): ConnInlet {
  let inlet = connInlets.get(conn);
  if (inlet === undefined) connInlets.set(conn, inlet = new ConnInlet(conn));
  return inlet;
}

function datagramInlet(conn: Deno.DatagramConn): DatagramInlet {
  let inlet = datagramInlets.get(conn);
  if (inlet === undefined) {
    datagramInlets.set(conn, inlet = new DatagramInlet(conn));
  }
  return inlet;
}

function outlet(conn: object): OpLine<number> {
  let line = outlets.get(conn);
  if (line === undefined) {
    outlets.set(conn, line = new OpLine<number>(conn, { keep: false }));
  }
  return line;
}
