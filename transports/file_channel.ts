import type { ByteChannel } from "../types/transports.ts";

/**
 * A write of a file is done by a thread, which waits until all of it is taken,
 * also when the file is closed: so what `abort()` cannot drop is no more than this.
 */
const LONGEST_WRITE = 16 * 1024;

/** A FIFO, terminal or other device, opened with `Deno.open`. */
export class FileChannel implements ByteChannel {
  /** `false` for the writing end: nothing will come. */
  readonly isReadable: boolean;
  /** Closing is the only end a file knows. */
  readonly closeWrite?: () => Promise<void>;
  readonly #file: Deno.FsFile;
  readonly #gone = Promise.withResolvers<null>();
  #closed = false;

  /** Takes the file over, for reading or for writing. */
  constructor(file: Deno.FsFile, direction: "read" | "write") {
    this.#file = file;
    this.isReadable = direction === "read";
    if (direction === "write") {
      this.closeWrite = () => {
        this.close();
        return Promise.resolve();
      };
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.isReadable ? this.#file.read(buffer) : this.#gone.promise;
  }

  write(data: Uint8Array): Promise<number> {
    return this.#file.write(data.subarray(0, LONGEST_WRITE));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
    this.#gone.resolve(null);
  }

  abort(): void {
    this.close();
  }

  getExtraInfo(name: string): unknown {
    return name === "pipe" ? this.#file : undefined;
  }
}
