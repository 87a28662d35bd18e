import type { BaseTransport } from "../types/transports.ts";

/**
 * What all protocols share: every method does nothing until it is overridden.
 *
 * Grammar: `connectionMade (pauseWriting resumeWriting?)* connectionLost`.
 */
export class BaseProtocol {
  /** The connection exists. Called once, before anything else. */
  connectionMade(_transport: BaseTransport): void {}

  /**
   * The connection is gone. Called once, after everything else; `null` for a
   * regular end (EOF, `close()` or `abort()`), else what broke it.
   */
  connectionLost(_error: Error | null): void {}

  /**
   * The write buffer went over its high-water mark: stop writing. Called from
   * inside `write()`, once until `resumeWriting`.
   */
  pauseWriting(): void {}

  /** The write buffer fell to its low-water mark: write again. */
  resumeWriting(): void {}
}
