import type { WriteBufferLimits } from "../types/transports.ts";

const DEFAULT_HIGH = 64 * 1024;

/** Calls a method of the protocol; errors in it are the caller's to report. */
export type FlowCallback = (method: "pauseWriting" | "resumeWriting") => void;

/**
 * Write flow control: the water marks of asyncio, for every kind of transport
 * (CPython `transports.py` `_FlowControlMixin`). `pauseWriting` and
 * `resumeWriting` come strictly in turns: paused above the high mark, resumed at
 * or below the low one.
 */
export class FlowControl {
  readonly #call: FlowCallback;
  #high = DEFAULT_HIGH;
  #low = DEFAULT_HIGH / 4;
  #paused = false;

  /** `call` reaches the protocol. */
  constructor(call: FlowCallback) {
    this.#call = call;
  }

  /** The marks, `[low, high]`. */
  get limits(): [low: number, high: number] {
    return [this.#low, this.#high];
  }

  /** Whether the protocol was told to pause and not yet to resume. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Sets the marks; `size` bytes wait now. */
  setLimits(limits: WriteBufferLimits, size: number): void {
    const high = limits.high ?? (limits.low === undefined ? DEFAULT_HIGH : 4 * limits.low);
    const low = limits.low ?? Math.floor(high / 4);
    if (!(high >= low && low >= 0)) {
      throw new RangeError(
        `Cannot set write buffer limits: high (${high}) must be >= low (${low}) must be >= 0`,
      );
    }
    this.#high = high;
    this.#low = low;
    this.pauseAbove(size);
  }

  /** More waits now: `size` bytes. */
  pauseAbove(size: number): void {
    if (size <= this.#high || this.#paused) return;
    this.#paused = true;
    this.#call("pauseWriting");
  }

  /** Less waits now: `size` bytes. */
  resumeBelow(size: number): void {
    if (!this.#paused || size > this.#low) return;
    this.#paused = false;
    this.#call("resumeWriting");
  }

  /** The connection is over: the protocol hears no more of it. */
  end(): void {
    this.#paused = false;
  }

  /** The protocol was paused on behalf of another transport, whose place this one takes. */
  inheritPause(): void {
    this.#paused = true;
  }
}
