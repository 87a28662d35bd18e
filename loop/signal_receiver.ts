import { RuntimeError } from "../errors.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import {
  internalsOf,
  type LoopInternals,
  type LoopResource,
  receiveSignal,
  resources,
} from "./internals.ts";
import { getRunningLoop } from "./running.ts";
import { WaitQueue } from "./wait_queue.ts";

/** Options of {@linkcode SignalReceiver}. */
export interface SignalReceiverOptions {
  /** The loop. @default {the running loop} */
  loop?: AbstractEventLoop;
}

/**
 * Receives signals of the process as a stream, for code that would rather wait
 * for a signal than be called: what asyncio lacks, and trio and anyio have.
 *
 * While it is open, the handlers of the loop are not called for its signals, nor
 * does `run()` interrupt the program for them. Any number of receivers may be
 * open; each gets every signal. Signals of one kind that nobody took yet are one,
 * as in the kernel; kinds come in the order in which they arrived.
 *
 * `for await` ends when the receiver is closed.
 *
 * ```ts
 * import { run, SignalReceiver } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   using signals = new SignalReceiver(["SIGTERM", "SIGHUP"]);
 *   Deno.kill(Deno.pid, "SIGTERM");
 *   for await (const signal of signals) {
 *     if (signal === "SIGTERM") break;
 *     console.log("reading the configuration again");
 *   }
 * });
 * ```
 */
export class SignalReceiver implements AsyncIterable<Deno.Signal>, Disposable {
  readonly #loop: LoopInternals;
  readonly #stops: (() => void)[] = [];
  readonly #pending = new Set<Deno.Signal>();
  readonly #waiters: WaitQueue = new WaitQueue(this, "receive()");
  readonly #resource: LoopResource = { release: () => this.close() };
  #closed = false;

  /**
   * Receives `signals` from now on.
   *
   * @throws {RangeError} if there is no such signal, or none is named
   * @throws {RuntimeError} if one cannot be caught, or no loop is running
   */
  constructor(signals: Iterable<Deno.Signal>, options: SignalReceiverOptions = {}) {
    const names = new Set(signals);
    if (names.size === 0) throw new RangeError("Cannot make a SignalReceiver: no signal is named");
    this.#loop = internalsOf(options.loop ?? getRunningLoop());
    try {
      for (const name of names) {
        this.#stops.push(this.#loop[receiveSignal](name, () => this.#deliver(name)));
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.#loop[resources].add(this.#resource);
  }

  #deliver(signal: Deno.Signal): void {
    this.#pending.add(signal);
    this.#waiters.wakeNext();
  }

  /**
   * The next signal, as soon as there is one. Several may wait; each signal goes
   * to one of them.
   *
   * Cancellation: no signal is lost.
   *
   * @throws {RuntimeError} if the receiver is or gets closed
   */
  async receive(options: AbortableOptions = {}): Promise<Deno.Signal> {
    const signal = await this.#next(options.signal);
    if (signal === null) {
      throw new RuntimeError("Cannot receive a signal: SignalReceiver is closed");
    }
    return signal;
  }

  async #next(signal?: AbortSignal): Promise<Deno.Signal | null> {
    signal?.throwIfAborted();
    while (this.#pending.size === 0 && !this.#closed) {
      await this.#waiters.wait(signal, (granted) => {
        if (granted && this.#pending.size > 0) this.#waiters.wakeNext();
      });
    }
    for (const name of this.#pending) {
      this.#pending.delete(name);
      return name;
    }
    return null;
  }

  /** The signals, until the receiver is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Deno.Signal, void, undefined> {
    for (;;) {
      const signal = await this.#next();
      if (signal === null) return;
      yield signal;
    }
  }

  /** Receives no more, and drops what nobody took. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    this.#pending.clear();
    this.#loop[resources].delete(this.#resource);
    this.#waiters.wakeAll();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages. */
  toString(): string {
    return `<SignalReceiver ${this.#closed ? "closed" : "open"}>`;
  }
}
