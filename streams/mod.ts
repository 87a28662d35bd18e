/**
 * Streams: a reader and a writer for each connection, for code that would
 * rather await than be called. TCP and TLS need `--allow-net`, unix sockets
 * `--allow-read` and `--allow-write` of the path as well.
 *
 * ```ts
 * import { run } from "@deno-asyncio/asyncio";
 * import { openConnection, startServer } from "@deno-asyncio/asyncio/streams";
 *
 * await run(async () => {
 *   await using server = await startServer(async (reader, writer) => {
 *     for await (const line of reader) writer.write(line);
 *     writer.close();
 *   }, { hostname: "127.0.0.1" });
 *   const { hostname, port } = server.sockets[0]!.addr as Deno.NetAddr;
 *   const [reader, writer] = await openConnection({ hostname, port });
 *   writer.write(new TextEncoder().encode("line\n"));
 *   console.log(await reader.readline());
 *   writer.close();
 * });
 * ```
 *
 * @module
 */

export {
  type Datagram,
  DatagramEndpoint,
  openDatagramEndpoint,
  type OpenDatagramEndpointOptions,
} from "./datagram_endpoint.ts";
export {
  openConnection,
  type OpenConnectionOptions,
  openUnixConnection,
  type OpenUnixConnectionOptions,
  type StreamOptions,
  type Streams,
} from "./open_connection.ts";
export {
  startServer,
  type StartServerOptions,
  startUnixServer,
  type StartUnixServerOptions,
} from "./start_server.ts";
export { type ReadOptions, StreamReader, type StreamReaderOptions } from "./stream_reader.ts";
export {
  type ClientConnectedCallback,
  StreamReaderProtocol,
  type StreamReaderProtocolOptions,
} from "./stream_reader_protocol.ts";
export { StreamWriter } from "./stream_writer.ts";
