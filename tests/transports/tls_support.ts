import { TlsChannel, type TlsHandshakeOptions } from "../../transports/tls_channel.ts";
import { createTlsContext } from "../../transports/tls_context.ts";
import type { ByteChannel, TlsContext, TlsContextOptions } from "../../types.ts";
import { ROOT } from "../support/process.ts";

/** Folder of the certificates, as a path. */
export const TLS_FIXTURES: string = new URL("tests/fixtures/tls/", ROOT).pathname;

/** A certificate or key of the fixtures. */
export function pem(name: string): string {
  return Deno.readTextFileSync(`${TLS_FIXTURES}${name}`);
}

/** A server's context with one of the fixture certificates. */
export function serverContext(options: TlsContextOptions = {}, name = "server"): TlsContext {
  return createTlsContext({ cert: pem(`${name}.pem`), key: pem(`${name}.key`), ...options });
}

/** A client's context that trusts the fixtures' authority. */
export function clientContext(options: TlsContextOptions = {}): TlsContext {
  return createTlsContext({ caCerts: pem("ca.pem"), ...options });
}

/** How many bytes the next read hands out at most. */
export type ChunkSizes = () => number;

/** One direction of a memory pair: bytes under way, at most `CAPACITY`, and an end. */
class Pipe {
  static readonly CAPACITY = 65536;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #failure: unknown;
  #wake = Promise.withResolvers<void>();

  constructor(readonly sizes: ChunkSizes) {}

  /** Bytes under way. */
  get size(): number {
    return this.#size;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#size === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      await this.#wake.promise;
    }
    let count = 0;
    const wanted = Math.min(buffer.length, Math.max(1, this.sizes()));
    while (count < wanted && this.#chunks.length > 0) {
      const chunk = this.#chunks[0] as Uint8Array;
      const part = chunk.subarray(0, wanted - count);
      buffer.set(part, count);
      count += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#size -= count;
    this.#changed();
    return count;
  }

  async write(data: Uint8Array): Promise<number> {
    while (this.#size >= Pipe.CAPACITY && !this.#ended) await this.#wake.promise;
    if (this.#ended) throw new Deno.errors.BrokenPipe("the other side is gone");
    const part = data.slice(0, Pipe.CAPACITY - this.#size);
    this.#chunks.push(part);
    this.#size += part.length;
    this.#changed();
    return part.length;
  }

  /** No more bytes; what is under way arrives, unless there is a failure. */
  end(failure?: unknown): void {
    this.#ended = true;
    if (failure !== undefined) {
      this.#failure = failure;
      this.#chunks.length = this.#size = 0;
    }
    this.#changed();
  }

  #changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** A byte channel in memory that tells what was done to it. */
export class MemoryChannel implements ByteChannel {
  /** What became of it, in order: "close", "abort", "reading on", "reading off". */
  readonly calls: string[] = [];
  /** Reads that were begun. */
  reads = 0;
  /** Bytes the reader got. */
  bytesRead = 0;
  /** Bytes the writer gave. */
  bytesWritten = 0;
  /** What `write` fails with from now on. */
  writeFailure: unknown;
  #reading = false;
  #writing = false;

  constructor(readonly input: Pipe, readonly output: Pipe) {}

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reading) throw new Error("two reads at once");
    this.#reading = true;
    this.reads++;
    try {
      const count = await this.input.read(buffer);
      this.bytesRead += count ?? 0;
      return count;
    } finally {
      this.#reading = false;
    }
  }

  async write(data: Uint8Array): Promise<number> {
    if (this.#writing) throw new Error("two writes at once");
    if (data.length === 0) throw new Error("an empty write");
    if (this.writeFailure !== undefined) throw this.writeFailure;
    this.#writing = true;
    try {
      const count = await this.output.write(data);
      this.bytesWritten += count;
      return count;
    } finally {
      this.#writing = false;
    }
  }

  close(): void {
    this.calls.push("close");
    this.#end();
  }

  abort(): void {
    this.calls.push("abort");
    this.#end(new Deno.errors.ConnectionReset("the other side aborted"));
  }

  setReading(on: boolean): void {
    this.calls.push(`reading ${on ? "on" : "off"}`);
  }

  getExtraInfo(name: string): unknown {
    return name === "medium" ? "memory" : undefined;
  }

  #end(failure?: unknown): void {
    this.output.end(failure);
    this.input.end(new Deno.errors.Interrupted("closed"));
  }
}

/** Two channels, each the other's peer. */
export function memoryPair(sizes: ChunkSizes = () => Infinity): [MemoryChannel, MemoryChannel] {
  const [there, back] = [new Pipe(sizes), new Pipe(sizes)];
  return [new MemoryChannel(back, there), new MemoryChannel(there, back)];
}

/** A TCP connection as a byte channel. */
export class TcpChannel implements ByteChannel {
  #open = true;

  constructor(readonly conn: Deno.Conn) {}

  read(buffer: Uint8Array): Promise<number | null> {
    return this.conn.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.conn.write(data);
  }

  close(): void {
    if (this.#open) this.conn.close();
    this.#open = false;
  }

  abort(): void {
    this.close();
  }

  getExtraInfo(name: string): unknown {
    return name === "peername" ? this.conn.remoteAddr : undefined;
  }
}

/** Both ends of a handshake. */
export interface HandshakeOptions {
  client?: TlsHandshakeOptions & { context?: TlsContext };
  server?: TlsHandshakeOptions & { context?: TlsContext };
}

/** Starts the client's side of a handshake, for localhost. */
export function clientHandshake(
  inner: ByteChannel,
  { context = clientContext(), ...options }: HandshakeOptions["client"] = {},
): Promise<TlsChannel> {
  return TlsChannel.handshake(inner, context, { serverHostname: "localhost", ...options });
}

/** Starts the server's side of a handshake. */
export function serverHandshake(
  inner: ByteChannel,
  { context = serverContext(), ...options }: HandshakeOptions["server"] = {},
): Promise<TlsChannel> {
  return TlsChannel.handshake(inner, context, { serverSide: true, ...options });
}

/** Speaks TLS over two channels: client, server. */
export function handshakeOver(
  [client, server]: readonly [ByteChannel, ByteChannel],
  options: HandshakeOptions = {},
): Promise<[TlsChannel, TlsChannel]> {
  return Promise.all([
    clientHandshake(client, options.client),
    serverHandshake(server, options.server),
  ]);
}

/** How both ends of a handshake that fails on at least one of them fail; `null` for a success, which is aborted. */
export async function failuresOver(
  [client, server]: readonly [ByteChannel, ByteChannel],
  options: HandshakeOptions = {},
): Promise<[Error | null, Error | null]> {
  const [c, s] = await Promise.allSettled([
    clientHandshake(client, options.client),
    serverHandshake(server, options.server),
  ]);
  return [failureOf(c), failureOf(s)];
}

function failureOf(result: PromiseSettledResult<TlsChannel>): Error | null {
  if (result.status === "rejected") return result.reason;
  result.value.abort();
  return null;
}

/** Writes all of `data`. */
export async function writeAll(channel: ByteChannel, data: Uint8Array | string): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let sent = 0; sent < bytes.length;) sent += await channel.write(bytes.subarray(sent));
}

/** Reads `count` bytes, and fails at an earlier end. */
export async function readExactly(channel: ByteChannel, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let got = 0; got < count;) {
    const n = await channel.read(bytes.subarray(got));
    if (n === null) throw new Error(`the end came after ${got} of ${count} bytes`);
    got += n;
  }
  return bytes;
}

/** Reads `text.length` bytes, as text. */
export async function readText(channel: ByteChannel, length: number): Promise<string> {
  return new TextDecoder().decode(await readExactly(channel, length));
}

/** Reads once, to see an end or an error. */
export function readOnce(channel: ByteChannel): Promise<number | null> {
  return channel.read(new Uint8Array(65536));
}

/** Closes both sides at once, as each waits for the other. */
export async function closeBoth(a: ByteChannel, b: ByteChannel): Promise<void> {
  await Promise.all([a.close(), b.close()]);
}

/** A timer that only fires by hand. */
export class HandTimer {
  /** The delays that were asked for and not taken back. */
  readonly pending = new Map<() => void, number>();

  /** For `setTimer`. */
  readonly set = (delayMs: number, callback: () => void): () => void => {
    this.pending.set(callback, delayMs);
    return () => this.pending.delete(callback);
  };

  /** Fires everything. */
  fire(): void {
    for (const callback of [...this.pending.keys()]) {
      this.pending.delete(callback);
      callback();
    }
  }
}
