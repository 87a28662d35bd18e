import { BaseProtocol } from "./base_protocol.ts";

/**
 * A protocol on a child process.
 *
 * Grammar: `connectionMade (pipeDataReceived | pipeConnectionLost | processExited)* connectionLost`.
 */
export class SubprocessProtocol extends BaseProtocol {
  /** The child wrote to its stdout (`fd` 1) or stderr (2). */
  pipeDataReceived(_fd: number, _data: Uint8Array): void {}

  /** One pipe of the child is gone; once a pipe, after all its data. */
  pipeConnectionLost(_fd: number, _error: Error | null): void {}

  /** The child ended; once. It may come before the last pipe events. */
  processExited(): void {}
}
