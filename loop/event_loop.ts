import { RuntimeError } from "../errors.ts";
import type { Clock, Io, SocketCalls } from "../types/io.ts";
import type {
  AbstractEventLoop,
  Executor,
  ExecutorFunction,
  ShutdownDefaultExecutorOptions,
} from "../types/loop.ts";
import type {
  AbortableOptions,
  AddrInfo,
  ConnectAcceptedSocketOptions,
  CreateConnectionOptions,
  CreateDatagramEndpointOptions,
  CreateServerOptions,
  CreateUnixConnectionOptions,
  CreateUnixServerOptions,
  GetaddrinfoOptions,
  GivenSocket,
  PipeLike,
  SendfileOptions,
  SocketLike,
  SockSendfileOptions,
  StartTlsOptions,
  SubprocessOptions,
} from "../types/options.ts";
import type {
  AnyStreamProtocol,
  Connected,
  DatagramCallbacks,
  ProtocolFactory,
  SubprocessCallbacks,
} from "../types/protocols.ts";
import type { AbstractServer } from "../types/server.ts";
import type { TlsContext } from "../types/tls.ts";
import type {
  Address,
  DatagramTransport,
  HostAddress,
  ReadTransport,
  SubprocessTransport,
  Transport,
  WriteTransport,
} from "../types/transports.ts";
import { enterCallback, leaveCallback } from "../internal/context.ts";
import { BaseEventLoop } from "./base_loop.ts";
import { SystemClock } from "./clock.ts";
import { DefaultExecutor } from "./default_executor.ts";
import { ensureFuture } from "./ensure_future.ts";
import { FdHandles } from "./fd_handles.ts";
import { brief } from "./format.ts";
import type { Future } from "./future.ts";
import { receiveSignal, scheduler } from "./internals.ts";
import { SignalHandles } from "./signal_handles.ts";

/** What an event loop is made of. */
export interface EventLoopOptions {
  /** The way to the outside; without it everything that needs one is refused. */
  io?: Io;
  /** The time. @default {the clock of the machine} */
  clock?: Clock;
}

/**
 * An event loop with every method of asyncio's. Made by `newEventLoop()`, which
 * gives it the I/O of Deno; a bare `new EventLoop()` has none.
 *
 * ```ts
 * import { newEventLoop } from "@deno-asyncio/asyncio";
 *
 * await using loop = newEventLoop();
 * loop.callLater(10, () => loop.stop());
 * await loop.runForever();
 * ```
 */
export class EventLoop extends BaseEventLoop implements AbstractEventLoop {
  readonly #io: Io;
  readonly #executor = new DefaultExecutor(this);
  readonly #signals = new SignalHandles();
  readonly #fds = new FdHandles();

  /** Makes a loop. */
  constructor(options: EventLoopOptions = {}) {
    super(options.clock ?? new SystemClock());
    this.#io = options.io ?? {};
  }

  /** What is watched may be waited for. */
  protected override onRunBegin(): void {
    this.#io.fds?.resume(this);
  }

  /** A loop that stands still must not keep the process alive by what it watches. */
  protected override onRunEnd(): Promise<void> | void {
    return this.#io.fds?.suspend(this);
  }

  /** Closes what belongs to the platform. */
  protected override onClose(): void {
    this.#signals.clear();
    this.#executor.abandon();
    this.#io.close?.(this);
    this.#fds.clear();
  }

  /**
   * Runs `fn(...args)` in `executor`, by default in a pool of Workers of this
   * loop: there `fn` is self-contained, or made by `workerFunction`, whose module
   * needs `--allow-read`.
   *
   * Cancellation: a job that has not started never does; one that runs goes on, unseen.
   *
   * @throws {TypeError} if `fn` is not a function; what else keeps it from running fails the future
   * @throws {RuntimeError} if the loop is closed, or `shutdownDefaultExecutor` was called
   */
  runInExecutor<A extends unknown[], T>(
    executor: Executor | null,
    fn: ExecutorFunction<A, T>,
    ...args: A
  ): Future<T> {
    this.#checkOpen("runInExecutor");
    if (typeof fn !== "function") {
      throw new TypeError(`Cannot call runInExecutor(): expected a function, got ${brief(fn)}`);
    }
    const chosen = executor ?? this.#executor.get(this.#io);
    // Called as a callback of this loop, which need not be running yet: the executor makes its future in it.
    const outer = enterCallback(this);
    try {
      return ensureFuture(chosen.submit(fn, ...args), { loop: this });
    } finally {
      leaveCallback(outer);
    }
  }

  /** Sets the executor that `null` stands for. */
  setDefaultExecutor(executor: Executor): void {
    this.#executor.set(executor);
  }

  /**
   * Waits until the default executor has ended, `timeoutMs` at most; from now on
   * it takes no more work.
   *
   * Cancellation: it goes on ending, and nobody waits.
   */
  shutdownDefaultExecutor(options: ShutdownDefaultExecutorOptions = {}): Promise<void> {
    return this.#executor.shutdown(options);
  }

  /** Asks the system's resolver, hosts file included. Requires `--allow-net`. */
  async getaddrinfo(
    hostname: string | null,
    port: number | string | null,
    options: GetaddrinfoOptions = {},
  ): Promise<AddrInfo[]> {
    return await this.#need("getaddrinfo")(this, hostname, port, options);
  }

  /** Host and service name of an address. Requires `--allow-net`. */
  async getnameinfo(
    address: HostAddress,
    flags = 0,
    options: AbortableOptions = {},
  ): Promise<[string, string]> {
    return await this.#need("getnameinfo")(this, address, flags, options);
  }

  /** Connects over TCP, and TLS with `tls`. Requires `--allow-net`. */
  async createConnection<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateConnectionOptions,
  ): Promise<Connected<Transport, P>> {
    return await this.#need("createConnection")(this, protocolFactory, options);
  }

  /** Listens on TCP. Requires `--allow-net`. */
  async createServer(
    protocolFactory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateServerOptions,
  ): Promise<AbstractServer> {
    return await this.#need("createServer")(this, protocolFactory, options);
  }

  /** Connects to a unix socket. Requires `--allow-net`, and `--allow-read` and `--allow-write` of the path. */
  async createUnixConnection<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateUnixConnectionOptions,
  ): Promise<Connected<Transport, P>> {
    return await this.#need("createUnixConnection")(
      this,
      protocolFactory,
      options,
    );
  }

  /** Listens on a unix socket. Requires `--allow-net`, and `--allow-read` and `--allow-write` of the path. */
  async createUnixServer(
    protocolFactory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateUnixServerOptions,
  ): Promise<AbstractServer> {
    return await this.#need("createUnixServer")(this, protocolFactory, options);
  }

  /** Makes a transport of a connection that was accepted elsewhere. */
  async connectAcceptedSocket<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    sock: GivenSocket,
    options: ConnectAcceptedSocketOptions = {},
  ): Promise<Connected<Transport, P>> {
    return await this.#need("connectAcceptedSocket")(
      this,
      protocolFactory,
      sock,
      options,
    );
  }

  /** Opens a UDP or unix datagram endpoint. Requires `--allow-net`. */
  async createDatagramEndpoint<P extends DatagramCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateDatagramEndpointOptions,
  ): Promise<Connected<DatagramTransport, P>> {
    return await this.#need("createDatagramEndpoint")(
      this,
      protocolFactory,
      options,
    );
  }

  /** Sends a file over a transport. Resolves to the number of bytes sent. */
  async sendfile(
    transport: WriteTransport,
    file: Deno.FsFile,
    options: SendfileOptions = {},
  ): Promise<number> {
    return await this.#need("sendfile")(this, transport, file, options);
  }

  /** Makes a connection a TLS connection. Resolves to the transport to use from then on. */
  async startTls(
    transport: Transport,
    protocol: AnyStreamProtocol,
    tlsContext: TlsContext,
    options: StartTlsOptions = {},
  ): Promise<Transport> {
    return await this.#need("startTls")(
      this,
      transport,
      protocol,
      tlsContext,
      options,
    );
  }

  /** Reads from a pipe. */
  async connectReadPipe<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions = {},
  ): Promise<Connected<ReadTransport, P>> {
    return await this.#need("connectReadPipe")(this, protocolFactory, pipe, options);
  }

  /** Writes to a pipe. */
  async connectWritePipe<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions = {},
  ): Promise<Connected<WriteTransport, P>> {
    return await this.#need("connectWritePipe")(this, protocolFactory, pipe, options);
  }

  /** Calls `callback(...args)` whenever `fd` is readable, in the context of the caller. Requires `--allow-ffi`. */
  addReader<A extends unknown[]>(
    fd: number | { fileno(): number },
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    this.#checkOpen("addReader");
    this.#fds.add(
      "Reader",
      this.#need("fds", "addReader"),
      this,
      fd,
      callback as (...args: never[]) => unknown,
      args,
    );
  }

  /** Stops watching; whether there was a reader. */
  removeReader(fd: number | { fileno(): number }): boolean {
    if (this.isClosed()) return false;
    return this.#fds.remove("Reader", this.#need("fds", "removeReader"), this, fd);
  }

  /** Calls `callback(...args)` whenever `fd` is writable, in the context of the caller. Requires `--allow-ffi`. */
  addWriter<A extends unknown[]>(
    fd: number | { fileno(): number },
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    this.#checkOpen("addWriter");
    this.#fds.add(
      "Writer",
      this.#need("fds", "addWriter"),
      this,
      fd,
      callback as (...args: never[]) => unknown,
      args,
    );
  }

  /** Stops watching; whether there was a writer. */
  removeWriter(fd: number | { fileno(): number }): boolean {
    if (this.isClosed()) return false;
    return this.#fds.remove("Writer", this.#need("fds", "removeWriter"), this, fd);
  }

  /** Receives up to `n` bytes; none at EOF. */
  async sockRecv(
    sock: SocketLike,
    n: number,
    options: AbortableOptions = {},
  ): Promise<Uint8Array> {
    return await this.#sockets("sockRecv").recv(this, sock, n, options);
  }

  /** Receives into `buffer`; the count, 0 at EOF. */
  async sockRecvInto(
    sock: SocketLike,
    buffer: Uint8Array,
    options: AbortableOptions = {},
  ): Promise<number> {
    return await this.#sockets("sockRecvInto").recvInto(this, sock, buffer, options);
  }

  /** Receives one datagram of up to `n` bytes. */
  async sockRecvfrom(
    sock: SocketLike,
    n: number,
    options: AbortableOptions = {},
  ): Promise<[Uint8Array, Deno.Addr]> {
    return await this.#sockets("sockRecvfrom").recvfrom(this, sock, n, options);
  }

  /** Receives one datagram into `buffer`. */
  async sockRecvfromInto(
    sock: SocketLike,
    buffer: Uint8Array,
    nbytes = 0,
    options: AbortableOptions = {},
  ): Promise<[number, Deno.Addr]> {
    const calls = this.#sockets("sockRecvfromInto");
    return await calls.recvfromInto(this, sock, buffer, nbytes, options);
  }

  /** Sends all of `data`. */
  async sockSendall(
    sock: SocketLike,
    data: Uint8Array,
    options: AbortableOptions = {},
  ): Promise<void> {
    return await this.#sockets("sockSendall").sendall(this, sock, data, options);
  }

  /** Sends one datagram; the number of bytes sent. */
  async sockSendto(
    sock: SocketLike,
    data: Uint8Array,
    addr: Address,
    options: AbortableOptions = {},
  ): Promise<number> {
    return await this.#sockets("sockSendto").sendto(this, sock, data, addr, options);
  }

  /** Connects. */
  async sockConnect(
    sock: SocketLike,
    addr: Address,
    options: AbortableOptions = {},
  ): Promise<void> {
    return await this.#sockets("sockConnect").connect(this, sock, addr, options);
  }

  /** Accepts one connection; it and the address of its peer. */
  async sockAccept(
    sock: SocketLike,
    options: AbortableOptions = {},
  ): Promise<[SocketLike, Deno.Addr]> {
    return await this.#sockets("sockAccept").accept(this, sock, options);
  }

  /** Sends a file; the number of bytes sent. */
  async sockSendfile(
    sock: SocketLike,
    file: Deno.FsFile,
    options: SockSendfileOptions = {},
  ): Promise<number> {
    return await this.#sockets("sockSendfile").sendfile(this, sock, file, options);
  }

  /**
   * Calls `callback(...args)` in the loop when the process receives `signal`, in
   * the context of the caller; replaces the one before. A handler that throws is
   * reported and stays. Of several signals of one kind that come before its turn,
   * it hears once. SIGUSR1 also makes `deno run` open its inspector.
   *
   * @throws {RangeError} if there is no such signal
   * @throws {RuntimeError} if it cannot be caught
   */
  addSignalHandler<A extends unknown[]>(
    signal: Deno.Signal,
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    this.#checkOpen("addSignalHandler");
    this.#signals.add(
      this[scheduler],
      this.#need("watchSignal", "addSignalHandler"),
      signal,
      callback as (...args: never[]) => unknown,
      args,
    );
  }

  /**
   * Takes the handler of a signal away; whether there was one. The platform's
   * default action is back when nobody else listens.
   *
   * @throws {RangeError} if there is no such signal
   */
  removeSignalHandler(signal: Deno.Signal): boolean {
    return this.#signals.remove(signal);
  }

  /** @internal */
  [receiveSignal](signal: Deno.Signal, deliver: () => void): () => void {
    const call = "new SignalReceiver";
    this.#checkOpen(call);
    return this.#signals.receive(this.#need("watchSignal", call), signal, deliver);
  }

  /** Starts a program. Requires `--allow-run`. */
  async subprocessExec<P extends SubprocessCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    program: string,
    args: readonly string[] = [],
    options: SubprocessOptions = {},
  ): Promise<Connected<SubprocessTransport, P>> {
    return await this.#need("subprocessExec")(
      this,
      protocolFactory,
      program,
      args,
      options,
    );
  }

  /** Starts a command line in the shell, `/bin/sh -c`. Requires `--allow-run`. */
  async subprocessShell<P extends SubprocessCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    command: string,
    options: SubprocessOptions = {},
  ): Promise<Connected<SubprocessTransport, P>> {
    if (typeof command !== "string") {
      throw new TypeError(
        `Cannot start a shell command: expected a string, got ${typeof command}`,
      );
    }
    return await this.subprocessExec(protocolFactory, "/bin/sh", [
      "-c",
      command,
    ], options);
  }

  #sockets(call: string): SocketCalls {
    return this.#need("sockets", call);
  }

  /** The part of the I/O named `name`, bound to it, for the method `call`. */
  #need<K extends Exclude<keyof Io, "close">>(
    name: K,
    call: string = name,
  ): NonNullable<Io[K]> {
    this.#checkOpen(call);
    const part = this.#io[name];
    if (part === undefined) {
      throw new Deno.errors.NotSupported(
        `Cannot call ${call}(): the I/O of this event loop does not offer it`,
      );
    }
    return (typeof part === "function" ? part.bind(this.#io) : part) as NonNullable<Io[K]>;
  }

  #checkOpen(what: string): void {
    if (this.isClosed()) {
      throw new RuntimeError(`Cannot call ${what}(): Event loop is closed`);
    }
  }
}
