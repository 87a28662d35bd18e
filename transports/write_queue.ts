import { Deque } from "../internal/deque.ts";

/** Small writes are sent together, up to this many bytes. */
const STAGE_SIZE = 64 * 1024;
/** Stages kept for reuse. One is enough for any number of connections while sockets take what they get. */
const SPARE_STAGES = 16;

const spares: Uint8Array[] = [];

/**
 * The bytes of a transport on their way out, copied from the caller: the
 * platform reads from the array it was given for as long as the socket is full,
 * and a caller that reuses its array must not change what is sent. Small pieces
 * are copied together into a stage that comes from a shared pool.
 */
export class WriteQueue {
  /** Bytes that wait, the current piece included. */
  size = 0;
  readonly #waiting = new Deque<Uint8Array>();
  #piece: Uint8Array | null = null;
  #stage: Uint8Array | null = null;
  #sent = 0;

  /** Whether a piece is with the platform. */
  get sending(): boolean {
    return this.#piece !== null;
  }

  /** Adds bytes at the end. */
  push(data: Uint8Array): void {
    this.size += data.length;
    if (this.#piece === null && data.length <= STAGE_SIZE) {
      const stage = this.#stage = spares.pop() ?? new Uint8Array(STAGE_SIZE);
      stage.set(data);
      this.#piece = stage.subarray(0, data.length);
      this.#sent = 0;
    } else if (this.#piece === null) {
      this.#piece = data.slice();
      this.#sent = 0;
    } else {
      this.#waiting.push(data.slice());
    }
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
    const piece = this.#piece as Uint8Array;
    if (this.#sent < piece.length) return true;
    this.#sent = 0;
    if (this.#waiting.size === 0) {
      this.#piece = null;
      this.#returnStage();
      return false;
    }
    this.#piece = this.#join();
    return true;
  }

  /** Forgets everything. The platform may still read from the current piece: its stage is not reused. */
  clear(): void {
    this.#waiting.clear();
    this.#piece = this.#stage = null;
    this.size = 0;
  }

  /** The next big piece, or as many small ones as fit into a stage. */
  #join(): Uint8Array {
    const first = this.#waiting.shift() as Uint8Array;
    if (this.#waiting.size === 0 || first.length >= STAGE_SIZE) return first;
    const stage = this.#stage ??= spares.pop() ?? new Uint8Array(STAGE_SIZE);
    let used = 0;
    let data: Uint8Array | undefined = first;
    for (; data !== undefined && used + data.length <= STAGE_SIZE; data = this.#waiting.shift()) {
      stage.set(data, used);
      used += data.length;
    }
    if (data !== undefined) this.#waiting.unshift(data);
    return stage.subarray(0, used);
  }

  #returnStage(): void {
    if (this.#stage !== null && spares.length < SPARE_STAGES) spares.push(this.#stage);
    this.#stage = null;
  }
}
