import type { SubprocessTransport, Transport } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { Latch } from "../loop/latch.ts";
import { SubprocessProtocol } from "../protocols/subprocess_protocol.ts";
import { FlowWaiters } from "../streams/flow_waiters.ts";
import type { StreamFlow } from "../streams/stream_flow.ts";
import { StreamReader } from "../streams/stream_reader.ts";
import { StreamWriter } from "../streams/stream_writer.ts";

/**
 * Joins a child to streams: what it writes is fed to readers, and flow control
 * of its stdin holds up `drain()` (CPython `asyncio/subprocess.py`).
 */
export class SubprocessStreamProtocol extends SubprocessProtocol {
  /** Writes to the child; `null` where its stdin is no pipe. */
  stdin: StreamWriter | null = null;
  /** What the child writes to its stdout; `null` where that is no pipe. */
  stdout: StreamReader | null = null;
  /** What it writes to its stderr; `null` where that is no pipe. */
  stderr: StreamReader | null = null;
  /** Opens when the process has ended. */
  readonly exited: Latch;
  /** Opens when its pipes are gone, too. */
  readonly closed: Latch;
  readonly #loop: LoopInternals;
  readonly #flow: StdinFlow;
  /** The readers of fds 1 and 2, made before the child is: a bad limit must not leave it running. */
  readonly #readers: ReadonlyMap<number, StreamReader>;

  /** Makes a protocol whose readers have the given limit. */
  constructor(loop: LoopInternals, limit: number) {
    super();
    this.#loop = loop;
    this.exited = new Latch(loop);
    this.closed = new Latch(loop);
    this.#flow = new StdinFlow(loop);
    this.#readers = new Map([1, 2].map((fd) => [fd, new StreamReader({ limit, loop })]));
  }

  /** The process runs: joins its pipes. */
  override connectionMade(transport: SubprocessTransport): void {
    for (const [fd, reader] of this.#readers) {
      const pipe = transport.getPipeTransport(fd);
      if (pipe === null) continue;
      reader.setTransport(pipe as Transport);
      if (fd === 1) this.stdout = reader;
      else this.stderr = reader;
    }
    const stdin = transport.getPipeTransport(0) as Transport | null;
    if (stdin !== null) this.stdin = new StreamWriter(stdin, this.#flow, null, this.#loop);
  }

  /** Feeds a reader. */
  override pipeDataReceived(fd: number, data: Uint8Array): void {
    this.#readers.get(fd)?.feedData(data);
  }

  /** Ends a reader, or those who wait to write. */
  override pipeConnectionLost(fd: number, error: Error | null): void {
    const reader = this.#readers.get(fd);
    if (reader === undefined) return this.#flow.lose(error);
    if (error === null) reader.feedEof();
    else reader.setException(error);
  }

  /** `drain()` of stdin waits from now on. */
  override pauseWriting(): void {
    this.#flow.pause();
  }

  /** `drain()` goes on. */
  override resumeWriting(): void {
    this.#flow.resume();
  }

  /** Lets everyone go on who waits for the end. */
  override processExited(): void {
    this.exited.open();
  }

  /** Nothing more will come. */
  override connectionLost(): void {
    this.closed.open();
  }
}

/** The protocol of a child's stdin, as its writer sees it. */
class StdinFlow implements StreamFlow {
  readonly isServer = false;
  readonly #waiters: FlowWaiters;
  readonly #closed: Latch;

  constructor(loop: LoopInternals) {
    this.#waiters = new FlowWaiters(loop);
    this.#closed = new Latch(loop);
  }

  pause(): void {
    this.#waiters.pause();
  }

  resume(): void {
    this.#waiters.resume();
  }

  lose(error: Error | null): void {
    this.#waiters.lose(error);
    this.#closed.open(error);
  }

  drain(signal: AbortSignal | undefined): Promise<void> {
    return this.#waiters.wait(signal);
  }

  waitClosed(signal: AbortSignal | undefined): Promise<void> {
    return this.#closed.wait(signal);
  }

  replaceTransport(): void {
    // Only startTls() asks for it, which a pipe refuses before.
  }
}
