import type { LoopInternals } from "../loop/internals.ts";
import { WaitSet } from "../loop/wait_set.ts";

const READY = Promise.resolve();

/**
 * Those who wait until a protocol may write again: `drain()` of a stream or of
 * an endpoint (CPython `streams.py` `FlowControlMixin`).
 */
export class FlowWaiters {
  readonly #waiters: WaitSet;
  #paused = false;
  #lost = false;

  /** For a protocol of `loop`. */
  constructor(loop: LoopInternals) {
    this.#waiters = new WaitSet(loop);
  }

  /** The transport asks to stop writing. */
  pause(): void {
    this.#paused = true;
  }

  /** The transport takes more: everyone goes on. */
  resume(): void {
    this.#paused = false;
    this.#waiters.release();
  }

  /** The connection is lost: everyone goes on, or fails with `error`. */
  lose(error: Error | null): void {
    this.#lost = true;
    if (this.#paused) this.#waiters.release(error);
  }

  /**
   * Waits until writing is possible; at once if it is.
   *
   * @throws {Deno.errors.ConnectionReset} if the connection is lost
   */
  wait(signal: AbortSignal | undefined): Promise<void> {
    // No async function for what nearly always is so.
    return this.#paused || this.#lost ? this.#wait(signal) : READY;
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#lost) throw new Deno.errors.ConnectionReset("Cannot drain: Connection lost");
    await this.#waiters.wait(signal);
  }
}
