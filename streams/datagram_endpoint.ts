import { QueueShutDown } from "../errors.ts";
import type { AbortableOptions, CreateDatagramEndpointOptions } from "../types/options.ts";
import type { Address, DatagramTransport, ExtraInfo } from "../types/transports.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { Latch } from "../loop/latch.ts";
import { getRunningLoop } from "../loop/running.ts";
import { DatagramProtocol } from "../protocols/datagram_protocol.ts";
import { Queue } from "../queues/queue.ts";
import { FlowWaiters } from "./flow_waiters.ts";

const DEFAULT_QUEUE_SIZE = 1024;

/** One packet, and where it came from. The bytes are the receiver's to keep. */
export type Datagram = [data: Uint8Array, addr: Deno.Addr];

/** Options of {@linkcode openDatagramEndpoint}. */
export interface OpenDatagramEndpointOptions extends CreateDatagramEndpointOptions {
  /** How many packets may wait to be received; one more and one is dropped. @default {1024} */
  queueSize?: number;
  /** When the queue is full, drop the packet that waits longest, not the one that arrives. @default {false} */
  dropOldest?: boolean;
  /**
   * Hears of packets that could not be sent, or that came back. None of them is
   * the end of the endpoint.
   *
   * @default {the exception handler of the loop hears of them}
   */
  onError?: (error: Error) => void;
}

/**
 * Opens a UDP endpoint, or one of unix datagrams, for programs that would
 * rather await packets than be called with them.
 *
 * Requires `--allow-net` for the addresses of both sides; unix addresses and
 * `reusePort` require `--allow-ffi`.
 *
 * ```ts
 * import { openDatagramEndpoint, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const local = { hostname: "127.0.0.1", port: 0 };
 *   await using server = await openDatagramEndpoint({ localAddr: local });
 *   await using client = await openDatagramEndpoint({ remoteAddr: server.addr as Deno.NetAddr });
 *   client.send(new TextEncoder().encode("ping"));
 *   for await (const [data, sender] of server) {
 *     console.log(new TextDecoder().decode(data)); // ping
 *     server.send(data, sender);
 *     break;
 *   }
 *   await client.receive({ signal: AbortSignal.timeout(1000) });
 * });
 * ```
 *
 * Cancellation: what was opened is closed again.
 *
 * @throws {RangeError} if `queueSize` is not positive, or the addresses make no sense
 */
export async function openDatagramEndpoint(
  options: OpenDatagramEndpointOptions,
): Promise<DatagramEndpoint> {
  const { queueSize = DEFAULT_QUEUE_SIZE, dropOldest = false, onError, ...rest } = options;
  if (!(queueSize > 0)) {
    throw new RangeError(
      `Cannot open a datagram endpoint: queueSize must be positive, got ${queueSize}`,
    );
  }
  const loop = internalsOf(getRunningLoop());
  const inbox = new Inbox(loop, { queueSize, dropOldest, onError });
  const [transport] = await loop.createDatagramEndpoint(() => inbox, rest);
  return new DatagramEndpoint(transport, inbox);
}

/** What an {@linkcode Inbox} needs to know. */
interface InboxOptions {
  queueSize: number;
  dropOldest: boolean;
  onError: ((error: Error) => void) | undefined;
}

/** The protocol behind an endpoint: keeps what arrived until somebody asks for it. */
class Inbox extends DatagramProtocol {
  readonly queue: Queue<Datagram>;
  readonly flow: FlowWaiters;
  readonly closed: Latch;
  dropped = 0;
  readonly #loop: LoopInternals;
  readonly #options: InboxOptions;
  #transport: DatagramTransport | null = null;

  constructor(loop: LoopInternals, options: InboxOptions) {
    super();
    this.queue = new Queue(options.queueSize);
    this.flow = new FlowWaiters(loop);
    this.closed = new Latch(loop);
    this.#loop = loop;
    this.#options = options;
  }

  override connectionMade(transport: DatagramTransport): void {
    this.#transport = transport;
  }

  override datagramReceived(data: Uint8Array, addr: Deno.Addr): void {
    if (this.queue.full()) {
      this.dropped++;
      if (!this.#options.dropOldest) return;
      this.queue.getNowait();
    }
    this.queue.putNowait([data, addr]);
  }

  override errorReceived(error: Error): void {
    const { onError } = this.#options;
    if (onError !== undefined) return onError(error);
    this.#loop.callExceptionHandler({
      message: "Error on datagram endpoint, which has no onError",
      exception: error,
      transport: this.#transport,
      protocol: this,
    });
  }

  override pauseWriting(): void {
    this.flow.pause();
  }

  override resumeWriting(): void {
    this.flow.resume();
  }

  override connectionLost(error: Error | null): void {
    this.queue.shutdown();
    this.flow.lose(error);
    this.closed.open(error);
  }
}

/**
 * Sends and receives packets: what asyncio's streams are to connections. Made by
 * {@linkcode openDatagramEndpoint}.
 *
 * What arrives waits in a queue; when that is full packets are dropped, and
 * {@linkcode dropped} counts them. `for await` receives until the endpoint is
 * closed; several loops share the packets. Leaving a loop does not close it.
 */
export class DatagramEndpoint implements AsyncIterable<Datagram>, Disposable, AsyncDisposable {
  /** The transport below. */
  readonly transport: DatagramTransport;
  readonly #inbox: Inbox;

  /** Made by `openDatagramEndpoint`. @internal */
  constructor(transport: DatagramTransport, inbox: Inbox) {
    this.transport = transport;
    this.#inbox = inbox;
  }

  /** Its own address. */
  get addr(): Deno.Addr {
    return this.transport.getExtraInfo("sockname") as Deno.Addr;
  }

  /** The peer of a connected endpoint, else `null`. */
  get remoteAddr(): Deno.Addr | null {
    return this.transport.getExtraInfo("peername");
  }

  /** How many packets arrived and were dropped, since nobody had received those before them. */
  get dropped(): number {
    return this.#inbox.dropped + ((this.transport.getExtraInfo("dropped") as number | null) ?? 0);
  }

  /** How many packets wait to be received. */
  get pending(): number {
    return this.#inbox.queue.qsize();
  }

  /**
   * Sends one packet, to `addr` or to the connected peer. Never waits: follow it
   * by `await endpoint.drain()` to go no faster than the system sends. `data` may
   * be reused at once. That it cannot be sent `onError` hears.
   *
   * @throws {TypeError} if `data` is not a `Uint8Array`, or `addr` no address
   * @throws {RangeError} if `addr` is missing, or not the connected peer's
   */
  send(data: Uint8Array, addr: Address | Deno.Addr | null = null): void {
    this.transport.sendto(data, addr);
  }

  /**
   * Waits until it makes sense to send more: at once while little is queued.
   * Any number of tasks may wait.
   *
   * Cancellation: nothing happened.
   *
   * @throws {Deno.errors.ConnectionReset} if the endpoint is closed
   */
  async drain(options: AbortableOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    await this.#inbox.flow.wait(options.signal);
  }

  /**
   * Takes the packet that waits longest, as soon as there is one; also after
   * `close()`, while some are left.
   *
   * Cancellation: no packet is taken.
   *
   * @throws {Deno.errors.BadResource} if the endpoint is closed, and none is left
   */
  async receive(options: AbortableOptions = {}): Promise<Datagram> {
    try {
      return await this.#inbox.queue.get(options);
    } catch (error) {
      if (!(error instanceof QueueShutDown)) throw error;
      throw new Deno.errors.BadResource("Cannot receive a datagram: the endpoint is closed", {
        cause: error,
      });
    }
  }

  /** Receives until the endpoint is closed and no packet is left. */
  [Symbol.asyncIterator](): AsyncIterator<Datagram, undefined> {
    return this.#inbox.queue[Symbol.asyncIterator]();
  }

  /** Stops receiving, sends what is queued, and closes. Idempotent. See `waitClosed()`. */
  close(): void {
    this.transport.close();
  }

  /** Drops what is queued and closes. */
  abort(): void {
    this.transport.abort();
  }

  /** `true` from `close()` or `abort()` on. */
  isClosing(): boolean {
    return this.transport.isClosing();
  }

  /**
   * Resolves once the endpoint is closed, and what was queued is sent.
   *
   * Cancellation: the endpoint ends as it would have.
   */
  async waitClosed(options: AbortableOptions = {}): Promise<void> {
    await this.#inbox.closed.wait(options.signal);
  }

  /** A fact about the endpoint, as of the transport; `null` where there is none. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  /** A fact about the endpoint, or the given default. */
  getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  /** A fact only the socket knows. */
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  getExtraInfo(name: string, defaultValue: unknown = null): unknown {
    return this.transport.getExtraInfo(name, defaultValue);
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes and waits until what was queued is sent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.waitClosed();
  }

  /** For messages. */
  toString(): string {
    return `<DatagramEndpoint ${this.transport} pending=${this.pending} dropped=${this.dropped}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
