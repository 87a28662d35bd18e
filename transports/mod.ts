/**
 * Transports: connections that call a protocol, and the I/O of Deno below them.
 *
 * ```ts
 * import { EventLoop } from "@deno-asyncio/asyncio/loop";
 * import { DenoIo } from "@deno-asyncio/asyncio/transports";
 *
 * await using loop = new EventLoop({ io: new DenoIo() });
 * console.log(loop.isRunning());
 * ```
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
