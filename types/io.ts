import type { AbstractEventLoop, Executor } from "./loop.ts";
import type { AbstractServer } from "./server.ts";
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
} from "./options.ts";
import type {
  AnyStreamProtocol,
  Connected,
  DatagramCallbacks,
  ProtocolFactory,
  SubprocessCallbacks,
} from "./protocols.ts";
import type {
  Address,
  DatagramTransport,
  HostAddress,
  ReadTransport,
  SubprocessTransport,
  Transport,
  WriteTransport,
} from "./transports.ts";
import type { TlsContext } from "./tls.ts";

/** What watches file descriptors for `addReader` and `addWriter`. */
export interface FdWatcher {
  /**
   * Calls `ready` in the loop, as often as the fd is readable (level-triggered).
   * Replaces the one before. Calls `closed` instead, once, where the end of the
   * fd is announced, as that of a `Socket`.
   */
  addReader(loop: AbstractEventLoop, fd: number, ready: () => void, closed?: () => void): void;
  /** Stops it; whether there was one. */
  removeReader(loop: AbstractEventLoop, fd: number): boolean;
  /** Calls `ready` in the loop, as often as the fd is writable; `closed` as for reading. */
  addWriter(loop: AbstractEventLoop, fd: number, ready: () => void, closed?: () => void): void;
  /** Stops it; whether there was one. */
  removeWriter(loop: AbstractEventLoop, fd: number): boolean;
  /**
   * The loop does not run (any more): nothing is polled, and no wait keeps the
   * process alive. What is watched stays so. Resolves when a wait that was
   * pending has ended.
   */
  suspend(loop: AbstractEventLoop): Promise<void>;
  /** The loop runs (again). */
  resume(loop: AbstractEventLoop): void;
  /** The loop closes: forgets all of it. Resolves when a wait that was pending has ended. */
  closeLoop(loop: AbstractEventLoop): Promise<void>;
}

/**
 * Everything an event loop asks of the outside. The loop gets one by
 * constructor; what is missing answers `Deno.errors.NotSupported`.
 */
export interface Io {
  /** See `AbstractEventLoop.createConnection`. */
  createConnection?<P extends AnyStreamProtocol>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    options: CreateConnectionOptions,
  ): Promise<Connected<Transport, P>>;
  /** See `AbstractEventLoop.createServer`. */
  createServer?(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateServerOptions,
  ): Promise<AbstractServer>;
  /** See `AbstractEventLoop.createUnixConnection`. */
  createUnixConnection?<P extends AnyStreamProtocol>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    options: CreateUnixConnectionOptions,
  ): Promise<Connected<Transport, P>>;
  /** See `AbstractEventLoop.createUnixServer`. */
  createUnixServer?(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateUnixServerOptions,
  ): Promise<AbstractServer>;
  /** See `AbstractEventLoop.connectAcceptedSocket`. */
  connectAcceptedSocket?<P extends AnyStreamProtocol>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    sock: GivenSocket,
    options: ConnectAcceptedSocketOptions,
  ): Promise<Connected<Transport, P>>;
  /** See `AbstractEventLoop.createDatagramEndpoint`. */
  createDatagramEndpoint?<P extends DatagramCallbacks>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    options: CreateDatagramEndpointOptions,
  ): Promise<Connected<DatagramTransport, P>>;
  /** See `AbstractEventLoop.sendfile`. */
  sendfile?(
    loop: AbstractEventLoop,
    transport: WriteTransport,
    file: Deno.FsFile,
    options: SendfileOptions,
  ): Promise<number>;
  /** See `AbstractEventLoop.startTls`. */
  startTls?(
    loop: AbstractEventLoop,
    transport: Transport,
    protocol: AnyStreamProtocol,
    context: TlsContext,
    options: StartTlsOptions,
  ): Promise<Transport>;
  /** See `AbstractEventLoop.connectReadPipe`. */
  connectReadPipe?<P extends AnyStreamProtocol>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions,
  ): Promise<Connected<ReadTransport, P>>;
  /** See `AbstractEventLoop.connectWritePipe`. */
  connectWritePipe?<P extends AnyStreamProtocol>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions,
  ): Promise<Connected<WriteTransport, P>>;
  /** See `AbstractEventLoop.getaddrinfo`. */
  getaddrinfo?(
    loop: AbstractEventLoop,
    hostname: string | null,
    port: number | string | null,
    options: GetaddrinfoOptions,
  ): Promise<AddrInfo[]>;
  /** See `AbstractEventLoop.getnameinfo`. */
  getnameinfo?(
    loop: AbstractEventLoop,
    address: HostAddress,
    flags: number,
    options: AbortableOptions,
  ): Promise<[string, string]>;
  /** See `AbstractEventLoop.subprocessExec`. */
  subprocessExec?<P extends SubprocessCallbacks>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    program: string,
    args: readonly string[],
    options: SubprocessOptions,
  ): Promise<Connected<SubprocessTransport, P>>;
  /** Installs `deliver` for a signal of the process; returns how to take it away. */
  watchSignal?(signal: Deno.Signal, deliver: () => void): () => void;
  /** The executor of `runInExecutor(null, ...)`. */
  createExecutor?(loop: AbstractEventLoop): Executor;
  /** Watches file descriptors. */
  readonly fds?: FdWatcher;
  /** The calls on sockets. */
  readonly sockets?: SocketCalls;
  /** The loop closes: close servers, endpoints and watchers of this loop that are still open. */
  close?(loop: AbstractEventLoop): void;
}

/** The `sock*` calls of the loop, on the sockets of the platform. */
export interface SocketCalls {
  /** Receives up to `n` bytes; empty at EOF. */
  recv(
    loop: AbstractEventLoop,
    sock: SocketLike,
    n: number,
    options: AbortableOptions,
  ): Promise<Uint8Array>;
  /** Receives into `buffer`; the count, 0 at EOF. */
  recvInto(
    loop: AbstractEventLoop,
    sock: SocketLike,
    buffer: Uint8Array,
    options: AbortableOptions,
  ): Promise<number>;
  /** Receives one datagram of up to `n` bytes. */
  recvfrom(
    loop: AbstractEventLoop,
    sock: SocketLike,
    n: number,
    options: AbortableOptions,
  ): Promise<[Uint8Array, Deno.Addr]>;
  /** Receives one datagram into `buffer`. */
  recvfromInto(
    loop: AbstractEventLoop,
    sock: SocketLike,
    buffer: Uint8Array,
    nbytes: number,
    options: AbortableOptions,
  ): Promise<[number, Deno.Addr]>;
  /** Sends all of `data`. */
  sendall(
    loop: AbstractEventLoop,
    sock: SocketLike,
    data: Uint8Array,
    options: AbortableOptions,
  ): Promise<void>;
  /** Sends one datagram. */
  sendto(
    loop: AbstractEventLoop,
    sock: SocketLike,
    data: Uint8Array,
    addr: Address,
    options: AbortableOptions,
  ): Promise<number>;
  /** Connects. */
  connect(
    loop: AbstractEventLoop,
    sock: SocketLike,
    addr: Address,
    options: AbortableOptions,
  ): Promise<void>;
  /** Accepts one connection. */
  accept(
    loop: AbstractEventLoop,
    sock: SocketLike,
    options: AbortableOptions,
  ): Promise<[SocketLike, Deno.Addr]>;
  /** Sends a file. */
  sendfile(
    loop: AbstractEventLoop,
    sock: SocketLike,
    file: Deno.FsFile,
    options: SockSendfileOptions,
  ): Promise<number>;
}

/** Where a loop gets its time, and who wakes it when it sleeps. */
export interface Clock {
  /** Monotonic time in milliseconds. */
  now(): number;
  /** The smallest step of `now()`, in milliseconds. */
  readonly resolution: number;
  /**
   * The loop has nothing to do until `deadline` (`Infinity`: until something
   * happens). Call the `wake` of `start` then, or later; calling it early or
   * once too often does no harm. Keep the process alive meanwhile.
   */
  sleepUntil(deadline: number): void;
  /** The loop starts to run. */
  start(wake: () => void): void;
  /** The loop stopped running: let the process end. */
  stop(): void;
}
