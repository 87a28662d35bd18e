import type { SubprocessCallbacks } from "../types/protocols.ts";
import type {
  ByteChannel,
  ExtraInfo,
  ReadTransport,
  SendSignalOptions,
  SubprocessTransport,
  WriteTransport,
} from "../types/transports.ts";
import { type LoopInternals, type LoopResource, resources, scheduler } from "../loop/internals.ts";
import { Latch } from "../loop/latch.ts";
import { explain } from "./platform_error.ts";
import { ProtocolPort } from "./protocol_port.ts";
import { StreamTransport } from "./stream_transport.ts";
import { type Ending, signalUnlessEnded, type Started } from "./subprocess_spawn.ts";
import { ReadableStreamChannel, WritableStreamChannel } from "./web_channel.ts";

/** The return code of a process whose end was not told (CPython `unix_events.py`). */
const UNKNOWN_RETURNCODE = 255;

/** What a {@linkcode ChildTransport} is made of. */
export interface ChildTransportOptions {
  /** The loop. */
  loop: LoopInternals;
  /** The process. */
  started: Started;
  /** Which of its standard streams are pipes. */
  piped: readonly number[];
  /** Whether it leads a process group. */
  detached: boolean;
  /** Who hears of it. */
  protocol: SubprocessCallbacks;
}

/**
 * A child process (CPython `base_subprocess.py`). Its pipes are ordinary stream
 * transports, whose events are passed on with the number of the descriptor.
 *
 * `connectionMade` comes first because nothing is read, and nothing asked of the
 * process, before. `connectionLost(null)` comes last, once the exit status is
 * known and every pipe is gone; who waits for the end of the process only does
 * not wait for pipes, which a grandchild may keep open.
 *
 * The end of the process closes stdin: the platform would not tell that nobody
 * reads it any more. (In CPython a grandchild could still be written to.)
 */
export class ChildTransport implements SubprocessTransport, LoopResource {
  /** Opens when the process has ended. */
  readonly exited: Latch;
  readonly #loop: LoopInternals;
  readonly #child: Deno.ChildProcess;
  readonly #ending: Promise<Ending>;
  readonly #detached: boolean;
  readonly #port: ProtocolPort<SubprocessCallbacks>;
  readonly #pipes: ReadonlyMap<number, StreamTransport>;
  #openPipes: number;
  #returncode: number | null = null;
  #closed = false;
  #lost = false;

  /** Takes the process over; does nothing before {@linkcode open}. */
  constructor(options: ChildTransportOptions) {
    const { loop, started, piped } = options;
    this.#loop = loop;
    this.#child = started.child;
    this.#ending = started.ending;
    this.#detached = options.detached;
    this.exited = new Latch(loop);
    this.#port = new ProtocolPort(loop, this, options.protocol);
    this.#pipes = new Map(piped.map((fd) => [fd, this.#makePipe(fd)]));
    this.#openPipes = piped.length;
    loop[resources].add(this);
  }

  #makePipe(fd: number): StreamTransport {
    return new StreamTransport({
      loop: this.#loop,
      channel: channelOf(this.#child, fd),
      protocol: {
        dataReceived: (data) =>
          this.#port.call("pipeDataReceived", (protocol) => protocol.pipeDataReceived?.(fd, data)),
        pauseWriting: () =>
          this.#port.call("pauseWriting", (protocol) => protocol.pauseWriting?.()),
        resumeWriting: () =>
          this.#port.call("resumeWriting", (protocol) => protocol.resumeWriting?.()),
        connectionLost: (error) => this.#losePipe(fd, error),
      },
    });
  }

  /** Begins: `connectionMade` in the next iteration, then `opened()`, then reading and waiting. */
  open(opened: () => void): void {
    this.#port.start(() => this.#live(opened));
  }

  async #live(opened: () => void): Promise<void> {
    const engine = this.#loop[scheduler];
    await engine.nextTurn();
    this.#port.callHere("connectionMade", (protocol) => protocol.connectionMade?.(this));
    this.#port.adoptContext();
    for (const pipe of this.#pipes.values()) pipe.open(() => {});
    opened();
    const ending = await this.#ending;
    const turn = engine.ioTurn();
    if (turn !== null) await turn;
    if (this.#lost) return;
    if ("error" in ending) this.#port.report(`Cannot learn how ${this} ended`, ending.error);
    this.#exit("error" in ending ? UNKNOWN_RETURNCODE : ending.returncode);
  }

  #exit(returncode: number): void {
    this.#returncode = returncode;
    this.#port.callHere("processExited", (protocol) => protocol.processExited?.());
    this.exited.open();
    this.#pipes.get(0)?.close();
    this.#finishIfOver();
  }

  #losePipe(fd: number, error: Error | null): void {
    this.#openPipes--;
    this.#port.call(
      "pipeConnectionLost",
      (protocol) => protocol.pipeConnectionLost?.(fd, error),
    );
    this.#finishIfOver();
  }

  #finishIfOver(): void {
    if (this.#returncode === null || this.#openPipes > 0) return;
    this.#loop[scheduler].callSoon(() => this.#lose(), undefined);
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#port.call("connectionLost", (protocol) => protocol.connectionLost?.(null));
    this.#port.protocol = null;
    this.#loop[resources].delete(this);
  }

  /** The process id, also after the end. */
  getPid(): number {
    return this.#child.pid;
  }

  /** `null` while it runs; the exit code, or minus the number of the signal that killed it. */
  getReturncode(): number | null {
    return this.#returncode;
  }

  /** The transport of stdin (0), stdout (1) or stderr (2); `null` where it is no pipe. */
  getPipeTransport(fd: number): ReadTransport | WriteTransport | null {
    return this.#pipes.get(fd) ?? null;
  }

  /** Sends SIGKILL; as `sendSignal`. */
  kill(options: SendSignalOptions = {}): void {
    this.sendSignal("SIGKILL", options);
  }

  /** Sends SIGTERM; as `sendSignal`. */
  terminate(options: SendSignalOptions = {}): void {
    this.sendSignal("SIGTERM", options);
  }

  /**
   * Sends a signal to the process, or with `group` to all of its process group.
   *
   * @throws {Deno.errors.NotFound} if the process, or all of the group, has ended
   * @throws {RangeError} if there is no such signal, or `group` is asked of a
   * process that was not started `detached`
   */
  sendSignal(signal: Deno.Signal, options: SendSignalOptions = {}): void {
    const { group = false } = options;
    const attempt = `Cannot send ${Deno.inspect(signal)} to ${group ? "the group of " : ""}${this}`;
    if (group && !this.#detached) {
      throw new RangeError(`${attempt}: it shares ours, as it was started without detached`);
    }
    if (!group && this.#returncode !== null) {
      throw new Deno.errors.NotFound(`${attempt}: it has ended`);
    }
    try {
      if (group) Deno.kill(-this.#child.pid, signal);
      else signalUnlessEnded(this.#child, signal);
    } catch (error) {
      if (error instanceof TypeError) {
        throw new RangeError(`${attempt}: there is no such signal here`, { cause: error });
      }
      throw explain(error, attempt);
    }
  }

  /**
   * Kills the process if it runs, and closes its pipes; the callbacks follow.
   * Idempotent. A process that may not be killed is reported to the exception handler.
   */
  close(): void {
    if (this.#closed || this.#lost) return;
    this.#closed = true;
    const running = this.#returncode === null;
    for (const pipe of this.#pipes.values()) {
      // What a process that is killed has not read will not be read; a wait for it could be for ever.
      if (running) pipe.abort();
      else pipe.close();
    }
    if (!running) return;
    try {
      signalUnlessEnded(this.#child, "SIGKILL");
    } catch (error) {
      // It has become another user, as sudo does: it will end when it likes.
      this.#port.report(`Cannot kill ${this}`, error);
    }
  }

  /** `true` from `close()` or the end on. */
  isClosing(): boolean {
    return this.#closed || this.#lost;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The loop closed: nothing that it started goes on. @internal */
  release(): void {
    // Its pipes are resources of the loop as well.
    this.#closed = this.#lost = true;
    if (this.#returncode === null) signalUnlessEnded(this.#child, "SIGKILL");
  }

  /** Makes `protocol` the receiver of all later callbacks. */
  setProtocol(protocol: SubprocessCallbacks): void {
    this.#port.protocol = protocol;
  }

  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): SubprocessCallbacks | null {
    return this.#port.protocol;
  }

  /** `subprocess` is Deno's object for the process; for looking, not for use. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  getExtraInfo(name: string, defaultValue: unknown = null): unknown {
    return name === "subprocess" ? this.#child : defaultValue;
  }

  /** For messages. */
  toString(): string {
    const state = this.#returncode === null ? "running" : `returncode=${this.#returncode}`;
    return `<SubprocessTransport pid=${this.#child.pid} ${state}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function channelOf(child: Deno.ChildProcess, fd: number): ByteChannel {
  switch (fd) {
    case 0:
      return new WritableStreamChannel(child.stdin);
    case 1:
      return new ReadableStreamChannel(child.stdout);
    default:
      return new ReadableStreamChannel(child.stderr);
  }
}
