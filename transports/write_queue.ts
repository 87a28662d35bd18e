import { Deque } from "../internal/deque.ts";
import { returnStage, type Stage, takeStage } from "./stage_pool.ts";

/** Small writes that wait are sent together, up to this many bytes. */
const JOIN_SIZE = 64 * 1024;

/**
 * The bytes of a transport on their way out, copied from the caller: the
 * platform reads from the array it was given for as long as the socket is full,
 * and a caller that reuses its array must not change what is sent.
 */
export class WriteQueue {
  /** Bytes that wait, the current piece included. */
  size = 0;
  readonly #waiting = new Deque<Uint8Array>();
  #piece: Uint8Array | null = null;
  #stage: Stage | null = null;
  #sent = 0;

  /** Whether a piece is with the platform. */
  get sending(): boolean {
    return this.#piece !== null;
  }

  /** Adds bytes at the end. */
  push(data: Uint8Array): void {
    this.size += data.length;
    if (this.#piece !== null) {
      this.#waiting.push(data.slice());
      return;
    }
    const stage = this.#stage = takeStage(data.length);
    stage.view.set(data);
    this.#piece = stage.view;
    this.#sent = 0;
  }

  /** What to give to the platform now. */
  get piece(): Uint8Array {
    const piece = this.#piece as Uint8Array;
    return this.#sent === 0 ? piece : piece.subarray(this.#sent);
  }

  /** The platform took `count` bytes of the piece. Whether there is more to send. */
  sent(count: number): boolean {
    this.size -= count;
    this.#sent += count;
    if (this.#sent < (this.#piece as Uint8Array).length) return true;
    if (this.#stage !== null) returnStage(this.#stage);
    this.#stage = null;
    this.#sent = 0;
    this.#piece = this.#waiting.size === 0 ? null : this.#join();
    return this.#piece !== null;
  }

  /** Forgets everything. The platform may still read from the current piece: its stage is not used again. */
  clear(): void {
    this.#waiting.clear();
    this.#piece = this.#stage = null;
    this.size = 0;
  }

  /** The next big piece, or as many small ones as fit together. */
  #join(): Uint8Array {
    const first = this.#waiting.shift() as Uint8Array;
    if (this.#waiting.size === 0 || first.length >= JOIN_SIZE) return first;
    const { memory } = this.#stage = takeStage(JOIN_SIZE);
    let used = 0;
    let data: Uint8Array | undefined = first;
    for (; data !== undefined && used + data.length <= JOIN_SIZE; data = this.#waiting.shift()) {
      memory.set(data, used);
      used += data.length;
    }
    if (data !== undefined) this.#waiting.unshift(data);
    return memory.subarray(0, used);
  }
}
