import type { CreateConnectionOptions, CreateUnixConnectionOptions } from "../types/options.ts";
import type { ProtocolFactory } from "../types/protocols.ts";
import type { Transport } from "../types/transports.ts";
import { internalsOf } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import { DEFAULT_LIMIT, StreamReader } from "./stream_reader.ts";
import { StreamReaderProtocol } from "./stream_reader_protocol.ts";
import { StreamWriter } from "./stream_writer.ts";

/** What the stream functions add to the options of the loop's method. */
export interface StreamOptions {
  /** Longest line, in bytes. @default {65536} */
  limit?: number;
}

/** Options of {@linkcode openConnection}. */
export interface OpenConnectionOptions extends CreateConnectionOptions, StreamOptions {}

/** Options of {@linkcode openUnixConnection}. */
export interface OpenUnixConnectionOptions extends CreateUnixConnectionOptions, StreamOptions {}

/** The two ends of a stream. */
export type Streams = [reader: StreamReader, writer: StreamWriter];

/**
 * Connects over TCP, or TLS with `tls`; see `loop.createConnection`.
 *
 * Requires `--allow-net` permission.
 *
 * Cancellation: what was opened is closed again.
 *
 * ```ts
 * import { openConnection, run, startServer } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     writer.write(await reader.readline());
 *     writer.close();
 *   }, { hostname: "127.0.0.1" });
 *   const { hostname, port } = server.sockets[0]!.addr as Deno.NetAddr;
 *   const [reader, writer] = await openConnection({ hostname, port });
 *   writer.write(new TextEncoder().encode("hello\n"));
 *   console.log(new TextDecoder().decode(await reader.read()));
 *   writer.close();
 *   await writer.waitClosed();
 * });
 * ```
 *
 * @throws {RangeError} or {TypeError} for options that cannot work
 * @throws {Deno.errors.ConnectionRefused} and its like if no address of the host answers
 * @throws {Deno.errors.NotCapable} without permission
 * @throws {RuntimeError} if no loop is running
 */
export async function openConnection(options: OpenConnectionOptions): Promise<Streams> {
  const { limit, ...rest } = options;
  const loop = getRunningLoop();
  return await open(limit, (factory) => loop.createConnection(factory, rest));
}

/**
 * Connects to a unix socket.
 *
 * Requires `--allow-net`, and `--allow-read` and `--allow-write` for the path.
 *
 * Cancellation: what was opened is closed again.
 *
 * @throws {Deno.errors.NotFound} if there is no socket
 * @throws {Deno.errors.ConnectionRefused} if nobody listens
 */
export async function openUnixConnection(options: OpenUnixConnectionOptions): Promise<Streams> {
  const { limit, ...rest } = options;
  const loop = getRunningLoop();
  return await open(limit, (factory) => loop.createUnixConnection(factory, rest));
}

async function open(
  limit: number = DEFAULT_LIMIT,
  connect: (
    factory: ProtocolFactory<StreamReaderProtocol>,
  ) => Promise<[Transport, StreamReaderProtocol]>,
): Promise<Streams> {
  const loop = internalsOf(getRunningLoop());
  const reader = new StreamReader({ limit, loop });
  const protocol = new StreamReaderProtocol(reader, { loop });
  const [transport] = await connect(() => protocol);
  return [reader, new StreamWriter(transport, protocol, reader, loop)];
}
