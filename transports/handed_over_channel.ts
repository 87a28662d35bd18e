import type { ByteChannel } from "../types/transports.ts";
import type { Leftover } from "./stream_input.ts";

/**
 * A channel that belonged to a transport until now. What that transport was
 * reading comes first, and what it had still to send goes out first.
 */
export class HandedOverChannel implements ByteChannel {
  readonly #inner: ByteChannel;
  #leftover: Promise<Leftover> | null;
  #rest: Uint8Array | null = null;
  readonly #flushed = Promise.withResolvers<void>();
  #isFlushed = false;
  /** Half-closing, where the channel can. */
  readonly closeWrite?: () => Promise<void>;

  /** Takes `inner` over; `leftover` is what the read under way brings. */
  constructor(inner: ByteChannel, leftover: Promise<Leftover>) {
    this.#inner = inner;
    this.#leftover = leftover;
    // Whoever reads learns that the read failed; if nobody does any more, nobody needs to know.
    leftover.catch(() => null);
    if (inner.closeWrite !== undefined) {
      this.closeWrite = () => inner.closeWrite?.() as Promise<void>;
    }
  }

  /** The transport has sent everything it had. */
  drained(): void {
    this.#isFlushed = true;
    this.#flushed.resolve();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#leftover !== null) {
      const leftover = await this.#leftover;
      this.#leftover = null;
      if (leftover === null) return null;
      if (leftover.length > 0) this.#rest = leftover;
    }
    const rest = this.#rest;
    if (rest === null) return await this.#inner.read(buffer);
    const count = Math.min(rest.length, buffer.length);
    buffer.set(rest.subarray(0, count));
    this.#rest = count < rest.length ? rest.subarray(count) : null;
    return count;
  }

  async write(data: Uint8Array): Promise<number> {
    if (!this.#isFlushed) await this.#flushed.promise;
    return await this.#inner.write(data);
  }

  close(): Promise<void> | void {
    return this.#inner.close();
  }

  abort(): void {
    this.drained();
    this.#inner.abort();
  }

  setReading(on: boolean): void {
    this.#inner.setReading?.(on);
  }

  getExtraInfo(name: string): unknown {
    return this.#inner.getExtraInfo(name);
  }
}
