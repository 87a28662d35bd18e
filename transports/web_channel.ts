import type { ByteChannel } from "../types/transports.ts";

/** A stream that always has something would keep everything else waiting: so often others get a turn. */
const READS_PER_TURN = 16;

/** The reading end of a pipe: a web stream of bytes. */
export class ReadableStreamChannel implements ByteChannel {
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #info: Record<string, unknown>;
  #byob: ReadableStreamBYOBReader | null = null;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #rest: Uint8Array | null = null;
  #reads = 0;

  /** Takes the stream over; `info` is for `getExtraInfo`. */
  constructor(stream: ReadableStream<Uint8Array>, info: Record<string, unknown> = {}) {
    this.#stream = stream;
    this.#info = info;
    try {
      this.#byob = stream.getReader({ mode: "byob" });
    } catch (error) {
      // Not a byte stream: its chunks are as big as its maker likes.
      if (!(error instanceof TypeError) || stream.locked) throw error;
      this.#reader = stream.getReader();
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const chunk = this.#rest ?? await this.#next(buffer.length);
    if (chunk === null) return null;
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    this.#rest = count < chunk.length ? chunk.subarray(count) : null;
    return count;
  }

  async #next(size: number): Promise<Uint8Array | null> {
    for (;;) {
      if (++this.#reads % READS_PER_TURN === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      // A byte stream takes the buffer away for good, so it gets one of its own.
      const { value, done } = this.#byob !== null
        ? await this.#byob.read(new Uint8Array(size))
        : await (this.#reader as ReadableStreamDefaultReader<Uint8Array>).read();
      if (done) return null;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(
          `Cannot read from stream: expected a Uint8Array, got ${Deno.inspect(value)}`,
        );
      }
      if (value.length > 0) return value;
    }
  }

  write(): Promise<number> {
    return Promise.reject(new TypeError("Cannot write to a pipe that is for reading"));
  }

  async close(): Promise<void> {
    // What the other end is told, if it goes on writing: as of a pipe of the system.
    const reason = new Deno.errors.BrokenPipe("Nobody reads from the stream any more");
    await (this.#byob ?? this.#reader)?.cancel(reason);
  }

  abort(): void {
    // A stream that fails to be cancelled is gone as well.
    this.close().catch(() => this.#stream);
  }

  getExtraInfo(name: string): unknown {
    if (Object.hasOwn(this.#info, name)) return this.#info[name];
    return name === "pipe" ? this.#stream : undefined;
  }
}

/** The writing end of a pipe: a web stream of bytes. */
export class WritableStreamChannel implements ByteChannel {
  readonly isReadable = false;
  readonly #stream: WritableStream<Uint8Array>;
  readonly #info: Record<string, unknown>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #gone = Promise.withResolvers<null>();

  /** Takes the stream over; `info` is for `getExtraInfo`. */
  constructor(stream: WritableStream<Uint8Array>, info: Record<string, unknown> = {}) {
    this.#stream = stream;
    this.#info = info;
    this.#writer = stream.getWriter();
    // The write that fails tells why; here it only matters that the pipe is gone.
    this.#writer.closed.then(() => this.#gone.resolve(null), () => this.#gone.resolve(null));
  }

  /** Nothing ever comes, but the end of the pipe. */
  read(): Promise<number | null> {
    return this.#gone.promise;
  }

  async write(data: Uint8Array): Promise<number> {
    // Whoever reads at the other end may keep what it got; `data` is used again as soon as this settles.
    await this.#writer.write(data.slice());
    return data.length;
  }

  /** There is no other direction that would stay open. */
  async closeWrite(): Promise<void> {
    await this.#writer.close();
  }

  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } catch (error) {
      // Closed already, by closeWrite() or by the other end.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  abort(): void {
    const reason = new Deno.errors.ConnectionAborted("The writing end of the stream was aborted");
    this.#writer.abort(reason).catch(() => this.#gone.resolve(null));
    this.#gone.resolve(null);
  }

  getExtraInfo(name: string): unknown {
    if (Object.hasOwn(this.#info, name)) return this.#info[name];
    return name === "pipe" ? this.#stream : undefined;
  }
}
