import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on a child process.
 *
 * Grammar: `connectionMade (pipeDataReceived | pipeConnectionLost | processExited)* connectionLost`.
 *
 * ```ts
 * import { getRunningLoop, run, SubprocessProtocol } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const loop = getRunningLoop();
 *   const ended = loop.createFuture<void>();
 *   class Printer extends SubprocessProtocol {
 *     override pipeDataReceived(fd: number, data: Uint8Array) {
 *       console.log(fd, new TextDecoder().decode(data));
 *     }
 *     override connectionLost() {
 *       ended.setResult();
 *     }
 *   }
 *   const [transport] = await loop.subprocessExec(() => new Printer(), "echo", ["hello"]);
 *   await ended;
 *   console.log(transport.getReturncode()); // 0
 * });
 * ```
 */
export class SubprocessProtocol extends BaseProtocol {
  /** The child wrote to its stdout (`fd` 1) or stderr (2). */
  pipeDataReceived(_fd: number, _data: Uint8Array): void {}

  /** One pipe of the child is gone; once a pipe, after all its data. */
  pipeConnectionLost(_fd: number, _error: Error | null): void {}

  /** The child ended; once. It may come before the last pipe events. */
  processExited(): void {}
}
