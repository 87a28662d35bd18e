/**
 * For tests: a loop whose time jumps instead of passing, connections in memory,
 * and a conformance suite for transports. None of it needs a permission.
 *
 * ```ts
 * import { sleep } from "@deno-asyncio/asyncio/tasks";
 * import { memoryTransportPair, runVirtual } from "@deno-asyncio/asyncio/testing";
 *
 * await runVirtual(async () => {
 *   const [client] = memoryTransportPair({
 *     delayMs: 60_000,
 *     protocols: [{}, { dataReceived: (data) => console.log("a minute later", data) }],
 *   });
 *   client.write(new Uint8Array([1, 2, 3]));
 *   await sleep(60_001); // at once
 * });
 * ```
 *
 * @module
 */

export {
  type CaseOutcome,
  checkStreamTransport,
  type CheckStreamTransportOptions,
  ConformanceError,
  type StreamTransportCase,
  streamTransportCases,
  type StreamTransportConnection,
  type StreamTransportFactory,
  type StreamTransportReport,
} from "./check_stream_transport.ts";
export { DeadlockError, type StuckTask } from "./deadlock_error.ts";
export { type MemoryChannelOptions, memoryChannelPair } from "./memory_channel.ts";
export type { Loss, MemoryLink, Script } from "./memory_link.ts";
export { type MemoryTransportOptions, memoryTransportPair } from "./memory_transport.ts";
export { runVirtual, type RunVirtualOptions } from "./run_virtual.ts";
export { VirtualTimeLoop, type VirtualTimeLoopOptions } from "./virtual_time_loop.ts";
