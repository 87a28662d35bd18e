import { RuntimeError } from "../errors.ts";
import type { AbortableOptions } from "../types/options.ts";
import type { SendSignalOptions, SubprocessTransport } from "../types/transports.ts";
import type { StreamReader } from "../streams/stream_reader.ts";
import type { StreamWriter } from "../streams/stream_writer.ts";
import { gather } from "../tasks/gather.ts";
import type { SubprocessStreamProtocol } from "./_stream_protocol.ts";

/** Bytes of input given to the pipe, and of output taken from it, at a time. */
const PORTION = 256 * 1024;

const EMPTY = new Uint8Array(0);

/** A `communicate()` under way: what is still to be given, and what has come. */
interface Exchange {
  rest: Uint8Array;
  readonly stdout: Uint8Array[];
  readonly stderr: Uint8Array[];
}

/**
 * A running program, made by `createSubprocessExec` and `createSubprocessShell`.
 *
 * Nothing stops it but its own end, a signal, or the closing of the loop; with
 * `await using` it is killed at the end of the scope, and its pipes are closed.
 *
 * ```ts
 * import { createSubprocessExec, PIPE, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   await using child = await createSubprocessExec("sort", [], { stdin: PIPE, stdout: PIPE });
 *   const [sorted] = await child.communicate(new TextEncoder().encode("b\na\n"));
 *   console.log(new TextDecoder().decode(sorted!)); // a, b
 * });
 * ```
 */
export class Process implements AsyncDisposable {
  /** The process id, also after the end. */
  readonly pid: number;
  /** Writes to its standard input; `null` where that is no pipe. */
  readonly stdin: StreamWriter | null;
  /** Reads its standard output; `null` where that is no pipe. */
  readonly stdout: StreamReader | null;
  /** Reads its standard error; `null` where that is no pipe. */
  readonly stderr: StreamReader | null;
  readonly #transport: SubprocessTransport;
  readonly #protocol: SubprocessStreamProtocol;
  #exchange: Exchange | null = null;

  /** Made by `createSubprocessExec` and `createSubprocessShell`. @internal */
  constructor(transport: SubprocessTransport, protocol: SubprocessStreamProtocol) {
    this.#transport = transport;
    this.#protocol = protocol;
    this.pid = transport.getPid();
    this.stdin = protocol.stdin;
    this.stdout = protocol.stdout;
    this.stderr = protocol.stderr;
  }

  /** `null` while it runs; the exit code, or minus the number of the signal that killed it. */
  get returncode(): number | null {
    return this.#transport.getReturncode();
  }

  /**
   * Waits for the end of the process; of its pipes it does not. A process whose
   * piped output nobody reads may never end: use `communicate()`.
   *
   * Cancellation: the process goes on.
   *
   * @returns the return code
   */
  async wait(options: AbortableOptions = {}): Promise<number> {
    await this.#protocol.exited.wait(options.signal);
    return this.returncode as number;
  }

  /**
   * Gives `input` to the process and closes its stdin, reads all output at the
   * same time, and waits for the end. All output is kept in memory. A process
   * that does not want all of the input is no error.
   *
   * Cancellation: the process goes on, with its pipes open. What was read is
   * kept, and `communicate()`, without an input, continues: after a timeout
   * `kill()` and `await communicate()` give all the output there was.
   *
   * @param input must not change before this ends
   * @returns what was written to stdout and stderr; `null` where that is no pipe
   * @throws {RangeError} if there is an input but stdin is no pipe
   * @throws {RuntimeError} if there is an input, and an earlier call was given one
   */
  async communicate(
    input: Uint8Array | null = null,
    options: AbortableOptions = {},
  ): Promise<[stdout: Uint8Array | null, stderr: Uint8Array | null]> {
    const exchange = this.#exchange = this.#continue(input);
    const { stdout, stderr } = this;
    await gather([
      () => this.#feed(exchange),
      () => collect(stdout, exchange.stdout),
      () => collect(stderr, exchange.stderr),
    ], options);
    await this.wait(options);
    this.#exchange = null;
    return [stdout && concat(exchange.stdout), stderr && concat(exchange.stderr)];
  }

  #continue(input: Uint8Array | null): Exchange {
    if (input !== null) {
      if (!(input instanceof Uint8Array)) {
        throw new TypeError(
          `Cannot communicate with ${this}: expected a Uint8Array, got ${Deno.inspect(input)}`,
        );
      }
      if (this.stdin === null) {
        throw new RangeError(`Cannot communicate with ${this}: its stdin is no pipe`);
      }
      if (this.#exchange !== null) {
        throw new RuntimeError(
          `Cannot communicate with ${this}: an earlier call was cancelled; continue it without input`,
        );
      }
    }
    return this.#exchange ?? { rest: input ?? EMPTY, stdout: [], stderr: [] };
  }

  /** In portions: all at once would be copied, and held until the process has read all. */
  async #feed(exchange: Exchange): Promise<void> {
    const { stdin } = this;
    if (stdin === null) return;
    try {
      while (exchange.rest.length > 0) {
        const portion = exchange.rest.subarray(0, PORTION);
        exchange.rest = exchange.rest.subarray(portion.length);
        stdin.write(portion);
        await stdin.drain();
      }
    } catch (error) {
      if (!isPipeBroken(error)) throw error;
    }
    stdin.close();
  }

  /**
   * Sends a signal, or with `group` to all of the process group of a process
   * that was started `detached`.
   *
   * @throws {Deno.errors.NotFound} once the process has ended
   * @throws {RangeError} if there is no such signal
   */
  sendSignal(signal: Deno.Signal, options?: SendSignalOptions): void {
    this.#transport.sendSignal(signal, options);
  }

  /** Sends SIGTERM, as `sendSignal`. */
  terminate(options?: SendSignalOptions): void {
    this.#transport.terminate(options);
  }

  /** Sends SIGKILL, as `sendSignal`. */
  kill(options?: SendSignalOptions): void {
    this.#transport.kill(options);
  }

  /** Kills the process if it still runs, closes its pipes, and waits for the end of both. */
  async [Symbol.asyncDispose](): Promise<void> {
    // A grandchild that holds the pipe and does not read must not hold us up.
    this.stdin?.transport.abort();
    this.#transport.close();
    await this.#protocol.closed.wait();
  }

  /** For messages. */
  toString(): string {
    const state = this.returncode === null ? "running" : `returncode=${this.returncode}`;
    return `<Process pid=${this.pid} ${state}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

async function collect(reader: StreamReader | null, pieces: Uint8Array[]): Promise<void> {
  if (reader === null) return;
  for (;;) {
    const piece = await reader.read(PORTION);
    if (piece.length === 0) return;
    pieces.push(piece);
  }
}

function isPipeBroken(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
