/**
 * Transports, and what belongs to them: their types and those of the options of
 * the loop's methods, which make them; servers; contexts for TLS; sockets of the
 * system; Workers that run functions; and the I/O of Deno below all of it.
 *
 * ```ts
 * import { getRunningLoop, run } from "@deno-asyncio/asyncio";
 * import type { Transport } from "@deno-asyncio/asyncio/transports";
 *
 * await run(async () => {
 *   const loop = getRunningLoop();
 *   await using server = await loop.createServer(() => ({
 *     connectionMade(transport: Transport) {
 *       console.log("from", transport.getExtraInfo("peername"));
 *       transport.close();
 *     },
 *   }), { hostname: "127.0.0.1" });
 *   const { hostname, port } = server.sockets[0]!.addr as Deno.NetAddr;
 *   const closed = loop.createFuture<void>();
 *   await loop.createConnection(() => ({ connectionLost: () => closed.setResult() }), {
 *     hostname,
 *     port,
 *   });
 *   await closed;
 * });
 * ```
 *
 * What needs a permission says so; nothing does before it is used.
 *
 * @module
 */

export type * from "../types/options.ts";
export type * from "../types/server.ts";
export type * from "../types/tls.ts";
export type * from "../types/transports.ts";
export { DenoIo } from "./deno_io.ts";
export { createTlsContext } from "./tls_context.ts";
export { NI_NAMEREQD, NI_NUMERICHOST, NI_NUMERICSERV } from "./dns.ts";
export * from "./ffi/constants.ts";
export { Socket, type SocketOptions, socketpair } from "./ffi/socket.ts";
export { Server } from "./server.ts";
export {
  connectLoop,
  exposeLoop,
  type LoopConnection,
  type LoopExposure,
  type LoopFunctions,
  type LoopPort,
} from "./loop_bridge.ts";
export { transfer } from "./transfer.ts";
export { workerFunction } from "./worker_function.ts";
export { WorkerPoolExecutor, type WorkerPoolExecutorOptions } from "./worker_pool_executor.ts";
