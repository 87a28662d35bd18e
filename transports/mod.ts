/**
 * Transports: connections that call a protocol, and the I/O of Deno below them.
 *
 * ```ts
 * import { EventLoop } from "@deno-asyncio/asyncio/loop";
 * import { DenoIo } from "@deno-asyncio/asyncio/transports";
 *
 * using loop = { [Symbol.dispose]: () => real.close() };
 * const real = new EventLoop({ io: new DenoIo() });
 * console.log(real.isRunning(), typeof loop);
 * ```
 *
 * @module
 */

export { DenoIo } from "./deno_io.ts";
