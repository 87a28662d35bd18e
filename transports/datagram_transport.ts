import type { DatagramCallbacks } from "../types/protocols.ts";
import type {
  Address,
  DatagramTransport as Contract,
  ExtraInfo,
  WriteBufferLimits,
} from "../types/transports.ts";
import { type LoopInternals, type LoopResource, resources, scheduler } from "../loop/internals.ts";
import type { Scheduler } from "../loop/scheduler.ts";
import { type DatagramLink, shownAddress } from "./datagram_link.ts";
import { FlowControl } from "./flow_control.ts";
import { isSameHost } from "./host_number.ts";
import { ProtocolPort } from "./protocol_port.ts";
import { checkPort } from "./validate.ts";

/** What a packet that waits counts beside its bytes (CPython `selector_events.py` `_header_size`). */
const HEADER_SIZE = 8;

/** What a datagram transport is made of. */
export interface DatagramTransportOptions {
  /** The loop. */
  loop: LoopInternals;
  /** The socket. */
  link: DatagramLink;
  /** Where packets go that have no address of their own; the only place they may go to. */
  remote: Deno.Addr | null;
  /** Whether `remote` is the peer, and the link hears nobody else. */
  connected: boolean;
  /** Who gets the packets. */
  protocol: DatagramCallbacks;
}

/**
 * A datagram endpoint (CPython `selector_events.py`). A failed send is told to
 * `errorReceived`, and an error of the protocol to the exception handler; the
 * endpoint goes on.
 *
 * States: `open -> flushing (close() with packets left) -> ended`. Entering
 * `ended` happens once, and schedules `connectionLost`.
 */
export class DatagramTransport implements Contract, LoopResource {
  readonly #loop: LoopInternals;
  readonly #scheduler: Scheduler;
  readonly #link: DatagramLink;
  readonly #remote: Deno.Addr | null;
  readonly #connected: boolean;
  readonly #port: ProtocolPort<DatagramCallbacks>;
  readonly #flow: FlowControl;
  #size = 0;
  #sending = 0;
  #closing = false;
  #ending = false;

  /** Makes a transport that does nothing before {@linkcode open}. */
  constructor(options: DatagramTransportOptions) {
    this.#loop = options.loop;
    this.#scheduler = options.loop[scheduler];
    this.#link = options.link;
    this.#remote = options.remote;
    this.#connected = options.connected;
    this.#port = new ProtocolPort(options.loop, this, options.protocol);
    this.#flow = new FlowControl((method) =>
      this.#port.call(method, (protocol) => protocol[method]?.())
    );
    this.#loop[resources].add(this);
  }

  /** Begins: `connectionMade` in the next iteration, then `opened()`, then packets. */
  open(opened: () => void): void {
    this.#port.start(async () => {
      await this.#scheduler.nextTurn();
      this.#port.callHere("connectionMade", (protocol) => protocol.connectionMade?.(this));
      this.#port.adoptContext();
      opened();
      await this.#receive();
    });
  }

  async #receive(): Promise<void> {
    while (!this.#closing) {
      try {
        const packet = await this.#link.receive();
        const turn = this.#scheduler.ioTurn();
        if (turn !== null) await turn;
        if (packet === null || this.#closing) return;
        const [data, from] = packet;
        this.#port.callHere(
          "datagramReceived",
          (protocol) => protocol.datagramReceived?.(data, from),
        );
      } catch (error) {
        const turn = this.#scheduler.ioTurn();
        if (turn !== null) await turn;
        if (this.#closing) return;
        this.#port.callHere(
          "errorReceived",
          (protocol) => protocol.errorReceived?.(error as Error),
        );
      }
    }
  }

  /**
   * Sends one packet, an empty one too. Never blocks. `data` may be reused at
   * once. A host that is given by name is looked up each time.
   *
   * @throws {TypeError} if `data` is not a `Uint8Array`, or `addr` no address
   * @throws {RangeError} for an address other than the connected one, none where
   * one is needed, or a port that cannot be
   */
  sendto(data: Uint8Array, addr: Address | Deno.Addr | null = null): void {
    if (!(data instanceof Uint8Array)) {
      throw new TypeError(
        `Cannot send a datagram: expected a Uint8Array, got ${Deno.inspect(data)}`,
      );
    }
    const target = this.#target(addr);
    if (this.#ending) return;
    const size = data.length + HEADER_SIZE;
    this.#size += size;
    this.#sending++;
    this.#link.send(data.slice(), target).then(
      () => this.#sent(size, null),
      (error) => this.#sent(size, error),
    );
    this.#flow.pauseAbove(this.#size);
  }

  #target(addr: Address | Deno.Addr | null): Address {
    const remote = this.#remote as Address | null;
    if (addr === null) {
      if (remote !== null) return remote;
      throw new RangeError(
        "Cannot send a datagram: the endpoint is not connected, an address is needed",
      );
    }
    const target = checkAddress(addr, this.#link.addr.transport === "unixpacket");
    if (remote === null) return target;
    if (isSameAddress(remote, target)) return remote;
    throw new RangeError(
      `Cannot send a datagram to ${shownAddress(target)}: Invalid address: must be null or ${
        shownAddress(remote)
      }`,
    );
  }

  #sent(size: number, error: Error | null): void {
    if (this.#ending) return;
    this.#size -= size;
    this.#sending--;
    if (error === null && !this.#flow.paused && !this.#closing) return;
    const turn = this.#scheduler.ioTurn();
    const settle = () => {
      if (this.#ending) return;
      if (error !== null) this.#tellError(error);
      this.#flow.resumeBelow(this.#size);
      if (this.#closing && this.#sending === 0) this.#end(null);
    };
    if (turn === null) settle();
    else turn.then(settle);
  }

  #tellError(error: Error): void {
    this.#port.call("errorReceived", (protocol) => protocol.errorReceived?.(error));
  }

  /** Sends what is queued, then `connectionLost(null)`. Idempotent. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#sending === 0) this.#end(null);
  }

  /** Drops what is queued; `connectionLost(null)` in the next iteration. */
  abort(): void {
    this.#end(null);
  }

  #end(error: Error | null): void {
    if (this.#ending) return;
    this.#closing = this.#ending = true;
    this.#size = 0;
    this.#flow.end();
    this.#link.close();
    this.#scheduler.callSoon((reason) => {
      this.#port.call("connectionLost", (protocol) => protocol.connectionLost?.(reason));
      this.#port.protocol = null;
      this.#loop[resources].delete(this);
    }, error);
  }

  /** `true` from `close()` or `abort()` on. */
  isClosing(): boolean {
    return this.#closing;
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The loop closed.
   *
   * @internal
   */
  release(): void {
    this.#closing = this.#ending = true;
    this.#link.close();
  }

  /** Bytes queued, and 8 for each packet. */
  getWriteBufferSize(): number {
    return this.#size;
  }

  /** The water marks, `[low, high]`. */
  getWriteBufferLimits(): [low: number, high: number] {
    return this.#flow.limits;
  }

  /** Sets the water marks. `RangeError` unless `high >= low >= 0`. */
  setWriteBufferLimits(limits: WriteBufferLimits = {}): void {
    this.#flow.setLimits(limits, this.#size);
  }

  /** Makes `protocol` the receiver of all later callbacks. */
  setProtocol(protocol: DatagramCallbacks): void {
    this.#port.replace(protocol);
  }

  /** The protocol; `null` after `connectionLost`. */
  getProtocol(): DatagramCallbacks | null {
    return this.#port.protocol;
  }

  /** A fact about the endpoint, or the default. Never throws. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  getExtraInfo<K extends keyof ExtraInfo, D>(name: K, defaultValue: D): ExtraInfo[K] | D;
  getExtraInfo(name: string, defaultValue?: unknown): unknown;
  getExtraInfo(name: string, defaultValue: unknown = null): unknown {
    switch (name) {
      case "socket":
        return this.#link.socket;
      case "sockname":
        return this.#link.addr;
      case "peername":
        return this.#connected ? this.#remote : defaultValue;
      case "dropped":
        return this.#link.dropped;
      default:
        return defaultValue;
    }
  }

  /** For messages. */
  toString(): string {
    const state = this.#closing ? "closing" : "open";
    return `<DatagramTransport ${state} ${shownAddress(this.#link.addr)}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

function checkAddress(addr: unknown, isUnix: boolean): Address {
  const { hostname, path, port } = Object(addr) as { [name: string]: unknown };
  if (typeof (isUnix ? path : hostname) !== "string") {
    throw new TypeError(
      `Cannot send a datagram: expected an address ${
        isUnix ? "{ path }" : "{ hostname, port }"
      }, got ${Deno.inspect(addr)}`,
    );
  }
  if (!isUnix) checkPort("sendto", port, 1);
  return addr as Address;
}

function isSameAddress(one: Address, other: Address): boolean {
  if ("path" in one || "path" in other) {
    return (one as { path?: string }).path === (other as { path?: string }).path;
  }
  return one.port === other.port && isSameHost(one.hostname, other.hostname);
}
