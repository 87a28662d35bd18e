import type { AbstractEventLoop, ExceptionContext } from "../../types/loop.ts";
import type { AnyStreamProtocol } from "../../types/protocols.ts";
import type { Transport } from "../../types/transports.ts";
import { ConformanceError, expect, joined, pattern } from "./expect.ts";
import { BufferedRecorder, type Hooks, type Journal, PlainRecorder } from "./recorder.ts";

/**
 * Connects two protocols by two stream transports, in the running loop. What it
 * answers is disposed of when the connection has ended: the server, for one. Or
 * else it answers two transports that have not begun yet, and they are given
 * the protocols.
 */
export type StreamTransportFactory = (
  first: AnyStreamProtocol,
  second: AnyStreamProtocol,
) => PromiseLike<StreamTransportConnection> | StreamTransportConnection;

/** What a {@linkcode StreamTransportFactory} answers. */
export type StreamTransportConnection =
  | readonly [Transport, Transport]
  | Disposable
  | AsyncDisposable
  | void;

/** How patient a check is. */
export interface BenchOptions {
  /** Milliseconds of the loop after which what should happen never will. */
  timeoutMs: number;
  /** Milliseconds of the loop after which what should not happen will not. */
  settleMs: number;
}

/** One thing a stream transport must do. */
export interface Case {
  /** What it must do. */
  readonly name: string;
  /** Fails if it does not. */
  readonly body: (bench: Bench) => Promise<void>;
}

/** One end of a connection. */
export interface Side {
  /** Its transport. */
  readonly transport: Transport;
  /** What its protocol was told. */
  readonly journal: Journal;
}

/** More than any platform buffers between two sockets. */
const ENDLESS = 256 * 1024 * 1024;
/** So many times nothing is taken before the connection counts as full. */
const QUIET_TIMES = 4;
const FIRST_PIECE = 64 * 1024;

/** A protocol of a case. */
export type AnyRecorder = PlainRecorder | BufferedRecorder;

/** The rest of the case does not apply to this transport. */
export class NotApplicable extends Error {
  override readonly name: string = "NotApplicable";
}

/**
 * What a case works with: connections between recorders, and ways to wait.
 * {@linkcode finish} ends it, and fails if a rule was broken on the way.
 */
export class Bench {
  /** The loop. */
  readonly loop: AbstractEventLoop;
  /** What reached the exception handler and was not asked for. */
  readonly reports: ExceptionContext[] = [];
  readonly #factory: StreamTransportFactory;
  readonly #options: BenchOptions;
  readonly #recorders: AnyRecorder[] = [];
  readonly #transports: Transport[] = [];
  readonly #disposables: (Disposable | AsyncDisposable)[] = [];
  #wakeUp: (() => void) | null = null;

  /** Makes a bench on the running loop. */
  constructor(loop: AbstractEventLoop, factory: StreamTransportFactory, options: BenchOptions) {
    this.loop = loop;
    this.#factory = factory;
    this.#options = options;
  }

  /** A plain protocol that records. */
  plain(hooks: Hooks = {}): PlainRecorder {
    return this.#keep(new PlainRecorder(hooks, this.#notify));
  }

  /** A buffer protocol that records. */
  buffered(hooks: Hooks = {}): BufferedRecorder {
    return this.#keep(new BufferedRecorder(hooks, this.#notify));
  }

  /** Connects a recorder with `hooks`, whose transport is the subject, to another one. */
  async connect(hooks: Hooks = {}, peerHooks: Hooks = {}): Promise<[subject: Side, peer: Side]> {
    return await this.join(this.plain(hooks), this.plain(peerHooks));
  }

  /** Connects two recorders; the first one's transport is the subject. */
  async join(
    subject: AnyRecorder,
    peer: AnyRecorder = this.plain(),
  ): Promise<[subject: Side, peer: Side]> {
    const recorders = [subject, peer];
    const connection = await this.#factory(subject, peer);
    if (connection instanceof Array) {
      recorders.forEach((recorder, at) => {
        if (!recorder.journal.has("made")) connection[at as 0 | 1].setProtocol(recorder);
      });
    } else if (connection !== undefined) {
      this.#disposables.push(connection);
    }
    await this.until(
      "connectionMade() on both sides",
      () => recorders.every(({ journal }) => journal.has("made")),
    );
    const sides = recorders.map(({ journal }) => ({ journal, transport: journal.transport }));
    this.#transports.push(...sides.map(({ transport }) => transport as Transport));
    return sides as [Side, Side];
  }

  /** Makes `recorder` the protocol of a connected transport. */
  takeOver(transport: Transport, recorder: AnyRecorder): void {
    recorder.journal.transport = transport;
    transport.setProtocol(recorder);
  }

  /** Waits until `condition` holds. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const end = this.loop.time() + this.#options.timeoutMs;
    while (!condition()) {
      if (this.loop.time() >= end) {
        throw new ConformanceError(
          `waited ${this.#options.timeoutMs} ms in vain for ${what}${this.#story()}`,
        );
      }
      // Most conditions come true with a callback; the timer is for those that do not.
      await this.#wait(1);
    }
  }

  /** Waits long enough for anything under way to arrive. */
  async settle(): Promise<void> {
    const end = this.loop.time() + this.#options.settleMs;
    while (this.loop.time() < end) await this.#wait(end - this.loop.time());
  }

  /** Waits for one iteration of the loop. */
  async iteration(): Promise<void> {
    const next = this.loop.createFuture<void>();
    this.loop.callSoon(() => next.setResult(undefined));
    await next;
  }

  /** Waits until `side` has got so many bytes. */
  async arrival(side: Side, count: number): Promise<void> {
    await this.until(`${count} bytes to arrive`, () => side.journal.size >= count);
  }

  /** Waits until `side` was told that the connection is lost. */
  async loss(...sides: Side[]): Promise<void> {
    await this.until("connectionLost()", () => sides.every(({ journal }) => journal.has("lost")));
  }

  /**
   * Writes from `from` to `to`, which stops reading, until the platform takes no
   * more; without a high mark, so that `pauseWriting` is not called.
   *
   * @returns the bytes that were written
   */
  async fill(from: Side, to: Side): Promise<Uint8Array> {
    to.transport.pauseReading();
    from.transport.setWriteBufferLimits({ high: Infinity, low: 0 });
    const pieces: Uint8Array[] = [];
    const size = () => from.transport.getWriteBufferSize();
    for (let total = 0;;) {
      expect(total < ENDLESS, `cannot fill the connection: ${total} bytes were taken`);
      // Twice as much each time: a little fills memory, a socket takes megabytes.
      const piece = pattern(Math.max(FIRST_PIECE, total), pieces.length);
      from.transport.write(piece);
      pieces.push(piece);
      total += piece.length;
      await this.until("the platform to take some bytes", () => size() < total);
      // A busy process looks at its sockets late: once is not enough.
      for (let quiet = 0, before = total; quiet < QUIET_TIMES && size() > 0; before = size()) {
        await this.#settleUnless(() => size() === 0);
        quiet = size() === before ? quiet + 1 : 0;
      }
      // A socket that is full makes some more room later, when it has sorted its buffers.
      if (size() > total / 4) break;
    }
    return joined(pieces);
  }

  /** Takes the one report that mentions `text`, and fails if there is none. */
  takeReport(text: string): ExceptionContext {
    const at = this.reports.findIndex(({ message }) => message.includes(text));
    expect(at >= 0, `expected a call of the exception handler about ${text}, got none`);
    return this.reports.splice(at, 1)[0] as ExceptionContext;
  }

  /** The rest of the case needs a medium that can half-close. */
  needsHalfClose(side: Side): void {
    if (!side.transport.canWriteEof()) throw new NotApplicable("canWriteEof() is false");
  }

  /** Ends all connections, and fails if a rule was broken. */
  async finish(): Promise<void> {
    const last = this.#transports.map((transport) => transport.getProtocol());
    for (const transport of this.#transports) transport.abort();
    await this.until(
      "connectionLost() after abort()",
      () => this.#transports.every((transport) => transport.getProtocol() === null),
    );
    await this.settle();
    await using stack = new AsyncDisposableStack();
    for (const disposable of this.#disposables.splice(0)) stack.use(disposable);
    for (const recorder of this.#recorders) {
      const { violations, events } = recorder.journal;
      expect(violations.length === 0, violations.join("; "));
      expect(
        !last.includes(recorder) || events.at(-1) === "lost",
        `the last callback was not connectionLost() [${events.join(" ")}]`,
      );
    }
    for (const { message, exception } of this.reports) {
      throw new ConformanceError(`the exception handler was called: ${message}: ${exception}`, {
        cause: exception,
      });
    }
  }

  readonly #notify = (): void => {
    this.#wakeUp?.();
  };

  async #settleUnless(over: () => boolean): Promise<void> {
    const end = this.loop.time() + this.#options.settleMs;
    while (this.loop.time() < end && !over()) {
      await this.#wait(Math.min(end - this.loop.time(), this.#options.settleMs / 2));
    }
  }

  async #wait(ms: number): Promise<void> {
    const wake = this.loop.createFuture<void>();
    const open = () => void (wake.done() || wake.setResult(undefined));
    this.#wakeUp = open;
    const timer = this.loop.callLater(ms, open);
    try {
      await wake;
    } finally {
      timer.cancel();
      this.#wakeUp = null;
    }
  }

  #keep<R extends AnyRecorder>(recorder: R): R {
    this.#recorders.push(recorder);
    return recorder;
  }

  #story(): string {
    const stories = this.#recorders.map(({ journal }, at) =>
      `protocol ${at + 1}: ${journal.events.join(" ") || "nothing"} (${journal.size} bytes)`
    );
    return `; ${stories.join(", ")}`;
  }
}
