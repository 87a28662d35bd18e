import type { CreateServerOptions, CreateUnixServerOptions } from "../types/options.ts";
import type { AbstractServer } from "../types/server.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { StreamOptions } from "./open_connection.ts";
import { DEFAULT_LIMIT, StreamReader } from "./stream_reader.ts";
import { type ClientConnectedCallback, StreamReaderProtocol } from "./stream_reader_protocol.ts";

/** Options of {@linkcode startServer}. */
export interface StartServerOptions extends CreateServerOptions, StreamOptions {}

/** Options of {@linkcode startUnixServer}. */
export interface StartUnixServerOptions extends CreateUnixServerOptions, StreamOptions {}

/**
 * Listens on TCP and calls `clientConnected(reader, writer)` for each
 * connection, in a task of its own. If it fails the exception handler is told,
 * and the connection is closed; otherwise closing the writer is its business.
 *
 * Requires `--allow-net` permission.
 *
 * Cancellation: nothing listens.
 *
 * ```ts
 * import { run, startServer } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     writer.write(await reader.read());
 *     writer.close();
 *   }, { hostname: "127.0.0.1", port: 0 });
 *   console.log(server.sockets[0]?.addr);
 * });
 * ```
 *
 * @throws {RangeError} or {TypeError} for options that cannot work
 * @throws {Deno.errors.AddrInUse} if the port is taken
 * @throws {Deno.errors.NotCapable} without permission
 * @throws {RuntimeError} if no loop is running
 */
export async function startServer(
  clientConnected: ClientConnectedCallback,
  options: StartServerOptions,
): Promise<AbstractServer> {
  const { limit, ...rest } = options;
  const loop = getRunningLoop();
  return await loop.createServer(factoryOf("startServer", clientConnected, limit, loop), rest);
}

/**
 * As {@linkcode startServer}, on a unix socket.
 *
 * Requires `--allow-net`, and `--allow-read` and `--allow-write` for the path.
 *
 * Cancellation: nothing listens.
 *
 * ```ts
 * import { openUnixConnection, run, startUnixServer } from "@deno-asyncio/asyncio";
 *
 * const folder = await Deno.makeTempDir();
 * const path = `${folder}/echo.sock`;
 * await run(async () => {
 *   await using _server = await startUnixServer(async (reader, writer) => {
 *     writer.write(await reader.read());
 *     writer.close();
 *   }, { path });
 *   const [reader, writer] = await openUnixConnection({ path });
 *   writer.write(new Uint8Array([1, 2, 3]));
 *   writer.writeEof();
 *   console.log(await reader.read());
 *   writer.close();
 * });
 * await Deno.remove(folder);
 * ```
 *
 * @throws {Deno.errors.AddrInUse} if a file that is no socket is in the way
 */
export async function startUnixServer(
  clientConnected: ClientConnectedCallback,
  options: StartUnixServerOptions,
): Promise<AbstractServer> {
  const { limit, ...rest } = options;
  const loop = getRunningLoop();
  return await loop.createUnixServer(
    factoryOf("startUnixServer", clientConnected, limit, loop),
    rest,
  );
}

function factoryOf(
  what: string,
  clientConnected: ClientConnectedCallback,
  limit: number = DEFAULT_LIMIT,
  loop: AbstractEventLoop,
): () => StreamReaderProtocol {
  if (typeof clientConnected !== "function") {
    throw new TypeError(
      `Cannot call ${what}(): expected a function as callback, got ${typeof clientConnected}`,
    );
  }
  if (!(limit > 0)) {
    throw new RangeError(`Cannot call ${what}(): limit must be positive, got ${limit}`);
  }
  return () =>
    new StreamReaderProtocol(new StreamReader({ limit, loop }), { clientConnected, loop });
}
