import { RuntimeError } from "../errors.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import type { AnyStreamProtocol, ProtocolFactory } from "../types/protocols.ts";
import type { AbstractServer, ListeningSocket } from "../types/server.ts";
import type { ByteChannel } from "../types/transports.ts";
import { scope } from "../internal/context.ts";
import { abortable } from "../loop/abortable.ts";
import { Future } from "../loop/future.ts";
import { Latch } from "../loop/latch.ts";
import { type LoopInternals, resources, scheduler } from "../loop/internals.ts";
import { establish } from "./establish.ts";
import type { StreamTransport } from "./stream_transport.ts";

/** How long accepting rests when the system is out of descriptors or memory (CPython `constants.py`). */
const ACCEPT_RETRY_DELAY_MS = 1000;

/** A socket that listens, as the server needs it. */
export interface Acceptor {
  /** Its address. */
  readonly addr: Deno.Addr;
  /** Waits for a connection; `null` once closed. */
  accept(): Promise<ByteChannel | null>;
  /** Stops listening. Idempotent. */
  close(): void;
}

/** What a server is made of. */
export interface ServerOptions {
  /** The loop. */
  loop: LoopInternals;
  /** Makes the protocol of each connection. */
  factory: ProtocolFactory<AnyStreamProtocol>;
  /** The sockets. */
  acceptors: readonly Acceptor[];
  /** Accepting rests while so many connections are open. @default {Infinity} */
  maxConnections?: number | undefined;
  /** Makes something else of an accepted connection: TLS. */
  upgrade?: (channel: ByteChannel) => Promise<ByteChannel>;
}

/**
 * Listens on one or more sockets and makes a transport and a protocol of each
 * connection (CPython `base_events.py` `Server`). Made by `createServer`,
 * `startServer` and their relatives.
 *
 * ```ts
 * import { getRunningLoop, Protocol, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const loop = getRunningLoop();
 *   await using server = await loop.createServer(() => new Protocol(), { hostname: "127.0.0.1" });
 *   console.log(server.isServing(), server.sockets.length); // true 1
 * });
 * ```
 */
export class Server implements AbstractServer {
  readonly #loop: LoopInternals;
  readonly #factory: ProtocolFactory<AnyStreamProtocol>;
  readonly #acceptors: readonly Acceptor[];
  readonly #maxConnections: number;
  readonly #upgrade: ServerOptions["upgrade"];
  readonly #connections = new Set<StreamTransport>();
  readonly #ended: Latch;
  #serving = false;
  #closed = false;
  #forever: Future<void> | null = null;
  /** Accepted connections whose transport does not exist yet: in the TLS handshake. */
  readonly #arriving = new Set<ByteChannel>();
  #room: PromiseWithResolvers<void> | null = null;

  /** @internal */
  constructor(options: ServerOptions) {
    this.#loop = options.loop;
    this.#factory = options.factory;
    this.#acceptors = options.acceptors;
    this.#maxConnections = options.maxConnections ?? Infinity;
    this.#upgrade = options.upgrade;
    this.#ended = new Latch(this.#loop);
    this.#loop[resources].add(this);
  }

  /** The loop of the server. */
  getLoop(): AbstractEventLoop {
    return this.#loop;
  }

  /** Whether it accepts connections. */
  isServing(): boolean {
    return this.#serving && !this.#closed;
  }

  /** The listening sockets; none once closed. */
  get sockets(): readonly ListeningSocket[] {
    return this.#closed ? [] : this.#acceptors.map(({ addr }) => ({ addr }));
  }

  /**
   * Accepts connections from now on. Idempotent.
   *
   * Cancellation: it has begun to accept all the same.
   *
   * @throws {RuntimeError} if the server is closed
   */
  async startServing(): Promise<void> {
    this.#start();
    await this.#loop[scheduler].nextTurn();
  }

  #start(): void {
    if (this.#closed) throw new RuntimeError(`Cannot start serving: server ${this} is closed`);
    if (this.#serving) return;
    this.#serving = true;
    for (const acceptor of this.#acceptors) {
      scope.run(this.#loop[scheduler].scope, () => this.#acceptFrom(acceptor));
    }
  }

  /**
   * Accepts connections until the task is cancelled, or `signal` aborts.
   *
   * Cancellation: the server is closed, its connections are waited for.
   *
   * @throws {RuntimeError} if the server is closed or serves forever already
   */
  async serveForever(options: AbortableOptions = {}): Promise<void> {
    if (this.#forever !== null) {
      throw new RuntimeError(
        `Cannot serve forever: server ${this} is already being awaited on serveForever()`,
      );
    }
    options.signal?.throwIfAborted();
    this.#start();
    this.#forever = new Future<void>({ loop: this.#loop });
    try {
      await abortable(this.#forever, options.signal);
    } catch (error) {
      this.close();
      await this.waitClosed();
      throw error;
    } finally {
      this.#forever = null;
    }
  }

  /** Stops listening. Connections that exist go on; whoever serves forever is cancelled. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#serving = false;
    for (const acceptor of this.#acceptors) acceptor.close();
    this.#makeRoom();
    this.#loop[resources].delete(this);
    this.#forever?.cancel();
    this.#endIfDone();
  }

  /**
   * The loop closed.
   *
   * @internal
   */
  release(): void {
    this.close();
  }

  /** Closes the transport of every connection; what they have buffered is sent. */
  closeClients(): void {
    this.#turnAway();
    for (const transport of [...this.#connections]) transport.close();
  }

  /** Aborts the transport of every connection; what they have buffered is lost. */
  abortClients(): void {
    this.#turnAway();
    for (const transport of [...this.#connections]) transport.abort();
  }

  /** Ends the handshakes under way; they fail by that. */
  #turnAway(): void {
    const arriving = [...this.#arriving];
    this.#arriving.clear();
    for (const channel of arriving) channel.abort();
    this.#endIfDone();
  }

  /**
   * Resolves once the server is closed and its last connection has ended, in whichever order.
   *
   * Cancellation: the server goes on.
   */
  async waitClosed(options: AbortableOptions = {}): Promise<void> {
    await this.#ended.wait(options.signal);
  }

  /** Closes the server and waits for its connections to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.waitClosed();
  }

  /** @internal */
  attach(transport: StreamTransport): void {
    this.#connections.add(transport);
  }

  /** @internal */
  detach(transport: StreamTransport): void {
    this.#connections.delete(transport);
    this.#makeRoom();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#closed && this.#connections.size === 0 && this.#arriving.size === 0) {
      this.#ended.open();
    }
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  async #acceptFrom(acceptor: Acceptor): Promise<void> {
    while (!this.#closed) {
      if (this.#connections.size + this.#arriving.size >= this.#maxConnections) {
        this.#room ??= Promise.withResolvers();
        await this.#room.promise;
        continue;
      }
      let channel: ByteChannel | null;
      try {
        channel = await acceptor.accept();
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof Deno.errors.ConnectionAborted) continue;
        await this.#rest(error, acceptor);
        continue;
      }
      if (channel === null) return;
      const turn = this.#loop[scheduler].ioTurn();
      if (turn !== null) await turn;
      if (this.#closed) channel.abort();
      // A context per connection: a store entered by one protocol is not seen by the next.
      else scope.run(this.#loop[scheduler].scope, () => this.#welcome(channel));
    }
  }

  /** Out of file descriptors or memory: accepting again at once would fail at once. */
  async #rest(error: unknown, acceptor: Acceptor): Promise<void> {
    this.#loop.callExceptionHandler({
      message: `Cannot accept a connection, trying again in ${ACCEPT_RETRY_DELAY_MS} ms`,
      exception: error,
      socket: acceptor,
    });
    await new Promise<void>((resolve) =>
      this.#loop[scheduler].callAt(this.#loop.time() + ACCEPT_RETRY_DELAY_MS, resolve, undefined)
    );
  }

  async #welcome(channel: ByteChannel): Promise<void> {
    this.#arriving.add(channel);
    let turnedAway = false;
    try {
      let ready = channel;
      try {
        if (this.#upgrade !== undefined) ready = await this.#upgrade(channel);
      } finally {
        turnedAway = !this.#arriving.delete(channel);
      }
      if (turnedAway) ready.abort();
      else await establish(this.#loop, this.#factory, ready, { owner: this });
    } catch (error) {
      // A handshake that fails because we ended it is nobody's concern.
      if (turnedAway) return;
      this.#loop.callExceptionHandler({
        message: "Error on transport creation for incoming connection",
        exception: error,
        socket: channel.getExtraInfo("socket"),
      });
    } finally {
      this.#makeRoom();
      this.#endIfDone();
    }
  }

  /** For messages. */
  toString(): string {
    const addresses = this.sockets.map(({ addr }) =>
      addr.transport === "tcp" ? `${addr.hostname}:${addr.port}` : Deno.inspect(addr)
    );
    return `<Server sockets=[${addresses.join(", ")}]>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}
