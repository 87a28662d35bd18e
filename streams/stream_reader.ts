import { IncompleteReadError, LimitOverrunError, RuntimeError } from "../errors.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { ReadTransport } from "../types/transports.ts";
import { abortable } from "../loop/abortable.ts";
import { settle } from "../loop/future.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import type { Outcome } from "../loop/outcome.ts";
import { SoleWait } from "../loop/sole_wait.ts";
import { getEventLoop } from "../policy/current_loop.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import type { Hold } from "./hold.ts";

/** The buffer limit of a stream, in bytes, unless another is given. */
export const DEFAULT_LIMIT = 64 * 1024;

const NEWLINE = new Uint8Array([10]);
const FOUND_TOO_FAR = "Separator is found, but chunk is longer than limit";
const NOT_FOUND = "Separator is not found, and chunk exceed the limit";
const encoder = new TextEncoder();
/** One for all calls. */
const NO_OPTIONS: ReadOptions = Object.freeze({});

/** Options of {@linkcode StreamReader}. */
export interface StreamReaderOptions {
  /**
   * Longest line, in bytes. Reading from the transport pauses above twice this
   * and resumes at or below it.
   * @default {65536}
   */
  limit?: number;
  /** The loop. @default {the running loop, or else the current one} */
  loop?: AbstractEventLoop;
}

/** Options of every reading method. */
export interface ReadOptions {
  /** Ends the wait: it rejects with `signal.reason`, and no byte is lost. */
  signal?: AbortSignal | undefined;
}

/** Tells a reader that its wait is over. */
let endWait: (reader: StreamReader) => void;
/** Lets a read wait that what came was not enough for. */
let waitAgain: (reader: StreamReader, method: string, options: ReadOptions) => DataWaiter;

/** Tells a reader by what it is held, weakly from then on. For the library itself. */
export let holdBy: (reader: StreamReader, hold: Hold<StreamReader>) => void;

/**
 * Reads bytes from a connection. One read at a time; cancelling a read loses no
 * byte.
 *
 * ```ts
 * import { run, StreamReader } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const reader = new StreamReader();
 *   reader.feedData(new TextEncoder().encode("one\ntwo\n"));
 *   reader.feedEof();
 *   for await (const line of reader) console.log(new TextDecoder().decode(line));
 * });
 * ```
 */
export class StreamReader {
  static {
    holdBy = (reader, hold) => {
      reader.#hold = hold;
      hold.pinned = reader.#waiter === null ? null : reader;
    };
    waitAgain = (reader, method, options) => reader.#moreData(method, options);
    endWait = (reader) => {
      reader.#waiter = null;
      if (reader.#hold !== null) reader.#hold.pinned = null;
    };
  }

  readonly #loop: LoopInternals;
  readonly #limit: number;
  readonly #buffer = new ByteBuffer();
  #eof = false;
  #exception: unknown = null;
  #waiter: DataWaiter | null = null;
  #transport: ReadTransport | null = null;
  #paused = false;
  #hold: Hold<StreamReader> | null = null;
  #readable: ReadableStream<Uint8Array> | null = null;

  /**
   * Makes a reader that is fed by hand or by a protocol.
   *
   * @throws {RangeError} if the limit is not positive
   */
  constructor(options: StreamReaderOptions = {}) {
    this.#limit = options.limit ?? DEFAULT_LIMIT;
    if (!(this.#limit > 0)) {
      throw new RangeError(
        `Cannot create StreamReader: limit must be positive, got ${options.limit}`,
      );
    }
    this.#loop = internalsOf(options.loop ?? getEventLoop());
  }

  /** The longest line, in bytes. */
  get limit(): number {
    return this.#limit;
  }

  /** What broke the stream, or `null`. */
  exception(): unknown {
    return this.#exception;
  }

  /** Whether the end was received and everything was read. */
  atEof(): boolean {
    return this.#eof && this.#buffer.size === 0;
  }

  /**
   * Up to `n` bytes, at least one unless the end has come; all bytes to the end
   * when `n` is negative. Empty at the end. The limit does not apply.
   *
   * Cancellation, of this and the other ways to read: no byte is taken.
   *
   * @throws {RuntimeError} if somebody else reads
   * @throws {RangeError} if `n` is no integer
   * @throws what broke the connection, if something did
   */
  read(n = -1, options: ReadOptions = NO_OPTIONS): Promise<Uint8Array> {
    if (n !== Infinity && !Number.isInteger(n)) return Promise.reject(badCount("read", n));
    // Nothing is taken before the end, so that giving up loses nothing.
    if (n < 0) return this.#read("read", options, () => this.#eof ? this.#take(Infinity) : null);
    return this.#read(
      "read",
      options,
      () => n === 0 || this.#buffer.size > 0 || this.#eof ? this.#take(n) : null,
    );
  }

  /**
   * A line with its newline; what is left, without one, at the end of the stream;
   * then an empty array.
   *
   * Cancellation: no byte is taken.
   *
   * @throws {RangeError} if the line is longer than the limit; it is dropped
   */
  readline(options: ReadOptions = NO_OPTIONS): Promise<Uint8Array> {
    const buffer = this.#buffer;
    let searched = 0;
    return this.#read("readline", options, () => {
      const at = buffer.indexOf(NEWLINE, searched);
      searched = buffer.size;
      if (at > this.#limit || (at < 0 && searched > this.#limit)) throw this.#dropLine(at);
      return at >= 0 || this.#eof ? this.#take(at < 0 ? searched : at + 1) : null;
    });
  }

  /** Drops a line over the limit, and its newline if that has come; says so. */
  #dropLine(newlineAt: number): RangeError {
    const buffer = this.#buffer;
    const cause = newlineAt < 0
      ? new LimitOverrunError(NOT_FOUND, buffer.size)
      : new LimitOverrunError(FOUND_TOO_FAR, newlineAt);
    if (newlineAt < 0) buffer.clear();
    else buffer.drop(newlineAt + 1);
    this.#resumeIfLow();
    return new RangeError(
      `Cannot read a line of more than ${this.#limit} bytes: ${cause.message}`,
      { cause },
    );
  }

  /**
   * Bytes up to and including `separator`, or whichever of several ends first.
   *
   * Cancellation: no byte is taken.
   *
   * @throws {IncompleteReadError} if the stream ends before one; `partial` has what there was
   * @throws {LimitOverrunError} if it is further away than the limit; the bytes stay, and
   * `consumed` tells how many can be read without breaking a separator apart
   * @throws {RangeError} if a separator is empty, or there is none
   */
  readuntil(
    separator: Uint8Array | string | readonly (Uint8Array | string)[] = NEWLINE,
    options: ReadOptions = NO_OPTIONS,
  ): Promise<Uint8Array> {
    try {
      return this.#readuntil(separatorsOf(separator), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #readuntil(separators: readonly Uint8Array[], options: ReadOptions): Promise<Uint8Array> {
    const longest = Math.max(...separators.map((separator) => separator.length));
    let offset = 0;
    return this.#read("readuntil", options, () => {
      const match = this.#earliest(separators, offset);
      if (match !== null) {
        if (match.start > this.#limit) {
          throw new LimitOverrunError(FOUND_TOO_FAR, match.start);
        }
        return this.#take(match.end);
      }
      offset = Math.max(0, this.#buffer.size + 1 - longest);
      if (offset > this.#limit) {
        throw new LimitOverrunError(NOT_FOUND, offset);
      }
      if (this.#eof) throw new IncompleteReadError(this.#buffer.take(Infinity), null);
      return null;
    });
  }

  /** The separator that ends first. */
  #earliest(
    separators: readonly Uint8Array[],
    offset: number,
  ): { start: number; end: number } | null {
    let best: { start: number; end: number } | null = null;
    for (const separator of separators) {
      const start = this.#buffer.indexOf(separator, offset);
      if (start < 0) continue;
      const end = start + separator.length;
      if (best === null || end < best.end || (end === best.end && start > best.start)) {
        best = { start, end };
      }
    }
    return best;
  }

  /**
   * Exactly `n` bytes. The limit does not apply.
   *
   * Cancellation: no byte is taken.
   *
   * @throws {IncompleteReadError} if the stream ends before; `partial` has what there was
   * @throws {RangeError} if `n` is negative, or no integer
   */
  readexactly(n: number, options: ReadOptions = NO_OPTIONS): Promise<Uint8Array> {
    if (!Number.isInteger(n)) return Promise.reject(badCount("readexactly", n));
    if (n < 0) {
      return Promise.reject(
        new RangeError(`Cannot read exactly ${n} bytes: the size can not be less than zero`),
      );
    }
    return this.#read("readexactly", options, () => {
      if (this.#buffer.size >= n) return this.#take(n);
      if (this.#eof) throw new IncompleteReadError(this.#buffer.take(Infinity), n);
      return null;
    });
  }

  /** The lines, with their newlines, to the end of the stream. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    // A generator would take half as long again for each line, and end for good when a read is given up.
    const lines: AsyncIterableIterator<Uint8Array> = {
      next: async () => {
        const value = await this.readline();
        return value.length === 0 ? { done: true, value: undefined } : { done: false, value };
      },
      [Symbol.asyncIterator]: () => lines,
    };
    return lines;
  }

  /**
   * The rest of the stream as a web stream, always the same one. Cancelling it
   * leaves the connection open, and what was not read yet to the reader.
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= this.#view();
  }

  #view(): ReadableStream<Uint8Array> {
    const cancelled = new AbortController();
    return new ReadableStream({
      pull: async (controller) => {
        const data = await this.read(this.#limit, { signal: cancelled.signal });
        if (data.length === 0) controller.close();
        else controller.enqueue(data);
      },
      cancel: (reason) => {
        this.#readable = null;
        cancelled.abort(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Adds received bytes; they must not change from now on. */
  feedData(data: Uint8Array): void {
    if (this.#eof) throw new RuntimeError("Cannot feed data after feedEof()");
    if (data.length === 0) return;
    this.#buffer.push(data);
    this.#wake();
    this.#pauseIfFull();
  }

  /** The end was received. */
  feedEof(): void {
    this.#eof = true;
    this.#wake();
  }

  /** Breaks the stream: the waiting read, and every later one, rejects with `error`. */
  setException(error: unknown): void {
    this.#exception = error;
    this.#waiter?.setException(error);
  }

  /** The transport to pause when the buffer is full; a later one replaces it, as TLS does. */
  setTransport(transport: ReadTransport): void {
    this.#transport = transport;
    this.#paused = false;
    this.#pauseIfFull();
  }

  /**
   * Takes what was received but not read, for whoever takes the connection over.
   *
   * @internal
   */
  takeBuffered(): Uint8Array {
    return this.#buffer.take(Infinity);
  }

  /**
   * Takes back what nobody took over.
   *
   * @internal
   */
  returnBuffered(data: Uint8Array): void {
    this.#buffer.unshift(data);
    this.#pauseIfFull();
  }

  /** For messages. */
  toString(): string {
    const facts = ["<StreamReader"];
    if (this.#buffer.size > 0) facts.push(`${this.#buffer.size} bytes`);
    if (this.#eof) facts.push("eof");
    if (this.#limit !== DEFAULT_LIMIT) facts.push(`limit=${this.#limit}`);
    if (this.#waiter !== null) facts.push("waiting");
    if (this.#exception !== null) facts.push(`exception=${this.#exception}`);
    if (this.#paused) facts.push("paused");
    return `${facts.join(" ")}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** The one way to read: `attempt` whenever there is more, until it is not `null`. */
  #read(
    method: string,
    options: ReadOptions,
    attempt: () => Uint8Array | null,
  ): Promise<Uint8Array> {
    try {
      if (this.#exception !== null) throw this.#exception;
      options.signal?.throwIfAborted();
      const data = attempt();
      if (data !== null) return Promise.resolve(data);
      return this.#moreData(method, options).wait(attempt);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #wake(): void {
    this.#waiter?.setResult();
  }

  #pauseIfFull(): void {
    if (this.#transport === null || this.#paused || this.#buffer.size <= 2 * this.#limit) return;
    this.#transport.pauseReading();
    this.#paused = true;
  }

  #resumeIfLow(): void {
    if (!this.#paused || this.#buffer.size > this.#limit) return;
    this.#paused = false;
    this.#transport?.resumeReading();
  }

  /** Done when there is more, or the end. */
  #moreData(method: string, options: ReadOptions): DataWaiter {
    if (this.#waiter !== null) {
      throw new RuntimeError(
        `Cannot call ${method}(): called while another coroutine is already waiting for incoming data`,
      );
    }
    if (this.#paused) {
      // A read of more than the limit waits for bytes that a paused transport would never bring.
      this.#paused = false;
      this.#transport?.resumeReading();
    }
    this.#waiter = new DataWaiter(this, this.#loop, method, options);
    if (this.#hold !== null) this.#hold.pinned = this;
    return abortable(this.#waiter, options.signal);
  }

  #take(n: number): Uint8Array {
    const data = this.#buffer.take(n);
    this.#resumeIfLow();
    return data;
  }
}

/** A read that waits. Once that is over, however it ended, another one may wait. */
class DataWaiter extends SoleWait {
  readonly #reader: StreamReader;
  readonly #method: string;
  readonly #options: ReadOptions;

  constructor(reader: StreamReader, loop: LoopInternals, method: string, options: ReadOptions) {
    super(loop);
    this.#reader = reader;
    this.#method = method;
    this.#options = options;
  }

  protected override again(): DataWaiter {
    return waitAgain(this.#reader, this.#method, this.#options);
  }

  override [settle](outcome: Outcome, value: unknown): void {
    endWait(this.#reader);
    super[settle](outcome, value);
  }
}

function separatorsOf(
  separator: Uint8Array | string | readonly (Uint8Array | string)[],
): Uint8Array[] {
  const list = typeof separator === "string" || separator instanceof Uint8Array
    ? [separator]
    : [...separator];
  const separators = list.map((one) => typeof one === "string" ? encoder.encode(one) : one);
  if (separators.length === 0) {
    throw new RangeError("Cannot read: Separator should contain at least one element");
  }
  if (separators.some((one) => one.length === 0)) {
    throw new RangeError("Cannot read: Separator should be at least one-byte string");
  }
  return separators;
}

function badCount(method: string, n: unknown): RangeError {
  return new RangeError(
    `Cannot call ${method}(): the size must be an integer, got ${Deno.inspect(n)}`,
  );
}
