import { Deque } from "../internal/deque.ts";
import { returnStage, type Stage, takeStage } from "./stage_pool.ts";

/** Small writes that wait are sent together, up to this many bytes. */
const JOIN_SIZE = 64 * 1024;

/**
 * The bytes of a transport on their way out, copied from the caller: the
 * platform reads from the array it was given for as long as the socket is full,
 * and a caller that reuses its array must not change what is sent.
 *
 * What waits is copied behind each other into memory that is used again and
 * again. An array for each write that waits, joined when its turn comes, takes a
 * second copy, and makes garbage that full collections are started for: a third
 * of the time of a bulk transfer.
 */
export class WriteQueue {
  /** Bytes that wait, the current piece included. */
  size = 0;
  /** With the platform. */
  #current: Stage | null = null;
  #sent = 0;
  /** Full, and complete. */
  readonly #waiting = new Deque<Stage>();
  /** The last that waits: takes more as long as there is room. */
  #tail: Stage | null = null;
  #tailUsed = 0;

  /** Whether a piece is with the platform. */
  get sending(): boolean {
    return this.#current !== null;
  }

  /** Adds bytes at the end. */
  push(data: Uint8Array): void {
    const before = this.size;
    this.size += data.length;
    if (this.#current === null) {
      this.#current = takeStage(data.length);
      this.#current.view.set(data);
    } else this.#append(data, before);
  }

  /** What to give to the platform now. */
  get piece(): Uint8Array {
    const { view } = this.#current as Stage;
    return this.#sent === 0 ? view : view.subarray(this.#sent);
  }

  /** The platform took `count` bytes of the piece. Whether there is more to send. */
  sent(count: number): boolean {
    const current = this.#current as Stage;
    this.size -= count;
    this.#sent += count;
    if (this.#sent < current.view.length) return true;
    returnStage(current);
    this.#sent = 0;
    if (this.#waiting.size === 0) this.#completeTail();
    this.#current = this.#waiting.shift() ?? null;
    return this.#current !== null;
  }

  /** Forgets everything. The platform may still read from the current piece: its stage is not used again. */
  clear(): void {
    this.#completeTail();
    for (const stage of this.#waiting) returnStage(stage);
    this.#waiting.clear();
    this.#current = null;
    this.size = 0;
  }

  #append(data: Uint8Array, before: number): void {
    const tail = this.#tail;
    if (tail !== null && tail.memory.length - this.#tailUsed >= data.length) {
      tail.memory.set(data, this.#tailUsed);
      this.#tailUsed += data.length;
      return;
    }
    this.#completeTail();
    // One small write that waits, on each of many connections, must not take much memory.
    const room = Math.min(before, JOIN_SIZE);
    this.#tail = takeStage(Math.max(data.length, room));
    this.#tail.memory.set(data);
    this.#tailUsed = data.length;
  }

  #completeTail(): void {
    const tail = this.#tail;
    if (tail === null) return;
    if (tail.view.length !== this.#tailUsed) tail.view = tail.memory.subarray(0, this.#tailUsed);
    this.#waiting.push(tail);
    this.#tail = null;
  }
}
