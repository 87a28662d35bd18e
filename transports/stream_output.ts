import type { AnyStreamProtocol } from "../types/protocols.ts";
import type { ByteChannel, WriteBufferLimits } from "../types/transports.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import { FlowControl } from "./flow_control.ts";
import type { ProtocolPort } from "./protocol_port.ts";
import { WriteQueue } from "./write_queue.ts";

/** What happens to the output. */
export interface StreamOutputEvents {
  /** Everything written was sent. */
  drained(): void;
  /** Sending failed. */
  failed(error: unknown): void;
}

/**
 * The sending half of a stream transport: buffers what the channel does not
 * take at once, and keeps the protocol within the water marks.
 */
export class StreamOutput {
  readonly #channel: ByteChannel;
  readonly #scheduler: Scheduler;
  readonly #events: StreamOutputEvents;
  readonly #queue = new WriteQueue();
  readonly #flow: FlowControl;
  #stopped = false;
  #roomWaiter: Future<void> | null = null;
  #tellDrained = false;

  /** Sends to `channel`. */
  constructor(
    channel: ByteChannel,
    scheduler: Scheduler,
    port: ProtocolPort<AnyStreamProtocol>,
    events: StreamOutputEvents,
  ) {
    this.#channel = channel;
    this.#scheduler = scheduler;
    this.#events = events;
    this.#flow = new FlowControl((method) => port.call(method, (protocol) => protocol[method]?.()));
  }

  /** Bytes the channel has not taken yet. */
  get size(): number {
    return this.#queue.size;
  }

  /** Whether there is nothing left to send. */
  get isEmpty(): boolean {
    return !this.#queue.sending;
  }

  /** Whether the protocol was told to pause. */
  get paused(): boolean {
    return this.#flow.paused;
  }

  /** The water marks, `[low, high]`. */
  get limits(): [low: number, high: number] {
    return this.#flow.limits;
  }

  /** Sets the water marks. */
  setLimits(limits: WriteBufferLimits): void {
    this.#flow.setLimits(limits, this.#queue.size);
  }

  /** Sends bytes, not none. */
  write(data: Uint8Array): void {
    const idle = this.isEmpty;
    this.#queue.push(data);
    if (idle) this.#send();
    this.#flow.pauseAbove(this.#queue.size);
  }

  /** Done when no more waits than the low mark; fails if the output is stopped before. For one waiter. */
  room(loop: LoopInternals): Future<void> {
    const waiter = this.#roomWaiter = new Future<void>({ loop });
    this.#makeRoom();
    return waiter;
  }

  #makeRoom(): void {
    const waiter = this.#roomWaiter;
    if (waiter === null || (!this.#stopped && this.#queue.size > this.#flow.limits[0])) return;
    this.#roomWaiter = null;
    if (waiter.done()) return;
    if (this.#stopped) {
      waiter.setException(new Deno.errors.ConnectionReset("Cannot send file: Connection lost"));
    } else waiter.setResult();
  }

  /** Asks for `drained()` whenever everything is sent, from now on. */
  watchDrained(): void {
    this.#tellDrained = true;
  }

  /** Continues for a transport that had paused the protocol: it resumes when it may. */
  inheritPause(): void {
    this.#flow.inheritPause();
    this.#flow.resumeBelow(this.#queue.size);
  }

  /** Drops what is left; neither channel nor protocol hear of it any more. */
  stop(): void {
    this.#stopped = true;
    this.#queue.clear();
    this.#flow.end();
    this.#makeRoom();
  }

  #send(): void {
    let sending: Promise<number>;
    try {
      sending = this.#channel.write(this.#queue.piece);
    } catch (error) {
      sending = Promise.reject(error);
    }
    sending.then(this.#onSent, this.#onFailed);
  }

  readonly #onSent = (count: number): void => {
    if (this.#stopped) return;
    if (this.#queue.sent(count)) this.#send();
    this.#makeRoom();
    // Nearly always nobody has to be told.
    if (!this.#flow.paused && !(this.#tellDrained && this.isEmpty)) return;
    this.#inTurn(() => {
      // The protocol may write more when it resumes, also while we close: that is sent first.
      this.#flow.resumeBelow(this.#queue.size);
      if (this.#tellDrained && this.isEmpty && !this.#stopped) this.#events.drained();
    });
  };

  readonly #onFailed = (error: unknown): void => {
    if (!this.#stopped) this.#inTurn(() => this.#events.failed(error));
  };

  /** What the protocol may hear of happens in the loop's turn. */
  #inTurn(act: () => void): void {
    const turn = this.#scheduler.ioTurn();
    if (turn === null) act();
    else turn.then(() => void (this.#stopped || act()));
  }
}
