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
import type { AbstractServer } from "./server.ts";
import type { TlsContext } from "./tls.ts";
import type {
  Address,
  DatagramTransport,
  HostAddress,
  ReadTransport,
  SubprocessTransport,
  Transport,
  WriteTransport,
} from "./transports.ts";

/** The outcome of something that is not finished yet. */
export interface AbstractFuture<T> extends PromiseLike<T> {
  /** Gives up; `false` when it was done already. */
  cancel(message?: string): boolean;
  /** Whether it was cancelled. */
  cancelled(): boolean;
  /** Whether it has a result, an error, or was cancelled. */
  done(): boolean;
  /** The result; throws the error, `CancelledError`, or `InvalidStateError` when not done. */
  result(): T;
  /** The error, or `null`; throws `CancelledError`, or `InvalidStateError` when not done. */
  exception(): unknown;
  /** Calls `callback(this)` in a later iteration, once done. */
  addDoneCallback(callback: (future: this) => void): void;
  /** Takes a callback away; how many there were. */
  removeDoneCallback(callback: (future: this) => void): number;
  /** Ends it with a result; `InvalidStateError` when done, `RuntimeError` for a task. */
  setResult(value: T): void;
  /** Ends it with an error; `InvalidStateError` when done, `RuntimeError` for a task. */
  setException(error: unknown): void;
  /** The loop it belongs to. */
  getLoop(): AbstractEventLoop;
}

/** A coroutine that runs. */
export interface AbstractTask<T> extends AbstractFuture<T> {
  /** The function it runs; `null` once an eager task is complete. */
  getCoro(): Coroutine<T> | null;
  /** Its name. */
  getName(): string;
  /** Names it. */
  setName(name: string): void;
  /** How many cancellations were asked for and not taken back. */
  cancelling(): number;
  /** Takes one cancellation back; how many remain. */
  uncancel(): number;
  /** Aborted when the task is cancelled. */
  readonly signal: AbortSignal;
}

/** What a task runs: a function, called once with the task. */
export type Coroutine<T> = CoroutineMethod<T>["run"];

/** A method, so that a function that asks for a `Task` is accepted as well as one that asks for less. */
export interface CoroutineMethod<T> {
  /** Runs the coroutine. */
  // deno-lint-ignore no-explicit-any
  run(task: AbstractTask<any>): PromiseLike<T> | T;
}

/** What can be waited for: a future or promise, or a function to start as a task. */
export type Awaitable<T> = PromiseLike<T> | Coroutine<T>;

/** Options of `createTask`. */
export interface CreateTaskOptions {
  /** Name of the task. @default {"Task-N"} */
  name?: string;
  /** Run the first step at once instead of in the next iteration. @default {false} */
  eagerStart?: boolean;
  /** Cancels the task when it aborts. */
  signal?: AbortSignal;
}

/** Makes the tasks of a loop. */
export type TaskFactory = <T>(
  loop: AbstractEventLoop,
  coro: Coroutine<T>,
  options: CreateTaskOptions,
) => AbstractTask<T>;

/** A callback that waits for its turn. */
export interface AbstractHandle {
  /** Takes it back; without effect once it ran. Idempotent. */
  cancel(): void;
  /** Whether it was taken back. */
  cancelled(): boolean;
}

/** A callback that waits for its time. */
export interface AbstractTimerHandle extends AbstractHandle {
  /** Its time, on the clock of `loop.time()`; also after it ran or was cancelled. */
  when(): number;
}

/** What an exception handler learns. */
export interface ExceptionContext {
  /** What happened. */
  message: string;
  /** The error. */
  exception?: unknown;
  /** The future it belongs to. */
  future?: AbstractFuture<unknown>;
  /** The task it belongs to. */
  task?: AbstractTask<unknown>;
  /** The callback it came from. */
  handle?: AbstractHandle;
  /** The protocol it came from. */
  protocol?: unknown;
  /** The transport it belongs to. */
  transport?: unknown;
  /** The socket it belongs to. */
  socket?: unknown;
  /** The async generator it came from. */
  asyncgen?: AsyncGenerator<unknown, unknown, unknown>;
  /** Where the future, task or handle was made; debug mode only. */
  sourceTraceback?: string;
  /** More facts. */
  [key: string]: unknown;
}

/** Receives errors that nobody else receives. */
export type ExceptionHandler = (
  loop: AbstractEventLoop,
  context: ExceptionContext,
) => void;

/** Runs functions elsewhere. */
export interface Executor {
  /** Starts `fn(...args)`. */
  submit<A extends unknown[], T>(
    fn: ExecutorFunction<A, T>,
    ...args: A
  ): AbstractFuture<T>;
  /** Takes no more work; with `wait` (default) resolves when all that runs has ended. */
  shutdown(options?: ExecutorShutdownOptions): Promise<void>;
}

/** Options of {@linkcode Executor.shutdown}. */
export interface ExecutorShutdownOptions {
  /** Resolve when all that runs has ended, not at once. @default {true} */
  wait?: boolean;
  /** Cancel what has not started. @default {false} */
  cancelFutures?: boolean;
}

/** Options of {@linkcode AbstractEventLoop.shutdownDefaultExecutor}. */
export interface ShutdownDefaultExecutorOptions extends AbortableOptions {
  /** Longest wait, in milliseconds; `null` for no limit. @default {null} */
  timeoutMs?: number | null;
}

/** A function an executor can run: self-contained, or made by `workerFunction`. */
export type ExecutorFunction<A extends unknown[], T> = (
  ...args: A
) => T | PromiseLike<T>;

/** Every method of an event loop. Times are in milliseconds. */
export interface AbstractEventLoop extends AsyncDisposable {
  /** Runs until `future` is done; its result. */
  runUntilComplete<T>(future: Awaitable<T>, options?: AbortableOptions): Promise<T>;
  /** Runs until `stop()`. */
  runForever(options?: AbortableOptions): Promise<void>;
  /** Ends the run after the current iteration; before a run, the run is one iteration. */
  stop(): void;
  /** Releases everything; what is pending is reported and dropped. Idempotent. `RuntimeError` while running. */
  close(): void;
  /** Whether it runs. */
  isRunning(): boolean;
  /** Whether it was closed. */
  isClosed(): boolean;
  /** Makes `shutdownAsyncgens` close this generator. */
  registerAsyncgen(generator: AsyncGenerator<unknown, unknown, unknown>): void;
  /** Closes all registered async generators. */
  shutdownAsyncgens(options?: AbortableOptions): Promise<void>;
  /** Waits for the default executor to end. */
  shutdownDefaultExecutor(options?: ShutdownDefaultExecutorOptions): Promise<void>;

  /** Switches debug mode. */
  setDebug(on: boolean): void;
  /** Whether debug mode is on. */
  getDebug(): boolean;
  /** In debug mode a callback that takes longer is reported, in milliseconds. @default {100} */
  slowCallbackDurationMs: number;

  /** Calls `callback(...args)` in the next iteration, in the async context of the caller. */
  callSoon<A extends unknown[]>(
    callback: (...args: A) => unknown,
    ...args: A
  ): AbstractHandle;
  /** As `callSoon`, from anywhere. */
  callSoonThreadsafe<A extends unknown[]>(
    callback: (...args: A) => unknown,
    ...args: A
  ): AbstractHandle;
  /** Calls it after `delayMs`. */
  callLater<A extends unknown[]>(
    delayMs: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): AbstractTimerHandle;
  /** Calls it at `whenMs` on the clock of `time()`. */
  callAt<A extends unknown[]>(
    whenMs: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): AbstractTimerHandle;
  /** The time of the loop: monotonic milliseconds. */
  time(): number;

  /** A new future. */
  createFuture<T>(): AbstractFuture<T>;
  /** Starts `coro` as a task. */
  createTask<T>(
    coro: Coroutine<T>,
    options?: CreateTaskOptions,
  ): AbstractTask<T>;
  /** Sets what makes tasks; `null` for the default. */
  setTaskFactory(factory: TaskFactory | null): void;
  /** What makes tasks; `null` for the default. */
  getTaskFactory(): TaskFactory | null;

  /** Runs `fn(...args)` in an executor, by default in a pool of Workers. */
  runInExecutor<A extends unknown[], T>(
    executor: Executor | null,
    fn: ExecutorFunction<A, T>,
    ...args: A
  ): AbstractFuture<T>;
  /** Sets the executor that `null` stands for. */
  setDefaultExecutor(executor: Executor): void;

  /** Asks the system's resolver. Requires `--allow-net`. */
  getaddrinfo(
    hostname: string | null,
    port: number | string | null,
    options?: GetaddrinfoOptions,
  ): Promise<AddrInfo[]>;
  /** Host and service name of an address. Requires `--allow-net`. */
  getnameinfo(
    address: HostAddress,
    flags?: number,
    options?: AbortableOptions,
  ): Promise<[string, string]>;

  /** Connects over TCP, and TLS. Requires `--allow-net`. */
  createConnection<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateConnectionOptions,
  ): Promise<Connected<Transport, P>>;
  /** Listens on TCP. Requires `--allow-net`. */
  createServer(
    protocolFactory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateServerOptions,
  ): Promise<AbstractServer>;
  /** Connects to a unix socket. Requires `--allow-net`, `--allow-read` and `--allow-write`. */
  createUnixConnection<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateUnixConnectionOptions,
  ): Promise<Connected<Transport, P>>;
  /** Listens on a unix socket. Requires `--allow-net`, `--allow-read` and `--allow-write`. */
  createUnixServer(
    protocolFactory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateUnixServerOptions,
  ): Promise<AbstractServer>;
  /** Makes a transport of a connection accepted elsewhere. */
  connectAcceptedSocket<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    sock: GivenSocket,
    options?: ConnectAcceptedSocketOptions,
  ): Promise<Connected<Transport, P>>;
  /** Opens a UDP or unix datagram endpoint. Requires `--allow-net`. */
  createDatagramEndpoint<P extends DatagramCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateDatagramEndpointOptions,
  ): Promise<Connected<DatagramTransport, P>>;
  /** Sends a file over a transport; the number of bytes sent. */
  sendfile(
    transport: WriteTransport,
    file: Deno.FsFile,
    options?: SendfileOptions,
  ): Promise<number>;
  /** Makes a connection a TLS connection; the new transport. */
  startTls(
    transport: Transport,
    protocol: AnyStreamProtocol,
    tlsContext: TlsContext,
    options?: StartTlsOptions,
  ): Promise<Transport>;
  /** Reads from a pipe. */
  connectReadPipe<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    pipe: PipeLike,
    options?: AbortableOptions,
  ): Promise<Connected<ReadTransport, P>>;
  /** Writes to a pipe. */
  connectWritePipe<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    pipe: PipeLike,
    options?: AbortableOptions,
  ): Promise<Connected<WriteTransport, P>>;

  /** Calls `callback` whenever `fd` is readable. Requires `--allow-ffi`. */
  addReader<A extends unknown[]>(
    fd: number | { fileno(): number },
    callback: (...args: A) => unknown,
    ...args: A
  ): void;
  /** Stops it; whether there was one. */
  removeReader(fd: number | { fileno(): number }): boolean;
  /** Calls `callback` whenever `fd` is writable. Requires `--allow-ffi`. */
  addWriter<A extends unknown[]>(
    fd: number | { fileno(): number },
    callback: (...args: A) => unknown,
    ...args: A
  ): void;
  /** Stops it; whether there was one. */
  removeWriter(fd: number | { fileno(): number }): boolean;

  /** Receives up to `n` bytes. */
  sockRecv(sock: SocketLike, n: number, options?: AbortableOptions): Promise<Uint8Array>;
  /** Receives into `buffer`; the count. */
  sockRecvInto(
    sock: SocketLike,
    buffer: Uint8Array,
    options?: AbortableOptions,
  ): Promise<number>;
  /** Receives one datagram of up to `n` bytes. */
  sockRecvfrom(
    sock: SocketLike,
    n: number,
    options?: AbortableOptions,
  ): Promise<[Uint8Array, Deno.Addr]>;
  /** Receives one datagram into `buffer`. */
  sockRecvfromInto(
    sock: SocketLike,
    buffer: Uint8Array,
    nbytes?: number,
    options?: AbortableOptions,
  ): Promise<[number, Deno.Addr]>;
  /** Sends all of `data`. */
  sockSendall(
    sock: SocketLike,
    data: Uint8Array,
    options?: AbortableOptions,
  ): Promise<void>;
  /** Sends one datagram. */
  sockSendto(
    sock: SocketLike,
    data: Uint8Array,
    addr: Address,
    options?: AbortableOptions,
  ): Promise<number>;
  /** Connects. */
  sockConnect(sock: SocketLike, addr: Address, options?: AbortableOptions): Promise<void>;
  /** Accepts one connection. */
  sockAccept(sock: SocketLike, options?: AbortableOptions): Promise<[SocketLike, Deno.Addr]>;
  /** Sends a file. */
  sockSendfile(
    sock: SocketLike,
    file: Deno.FsFile,
    options?: SockSendfileOptions,
  ): Promise<number>;

  /** Calls `callback(...args)` when the process receives `signal`. Replaces the one before. */
  addSignalHandler<A extends unknown[]>(
    signal: Deno.Signal,
    callback: (...args: A) => unknown,
    ...args: A
  ): void;
  /** Takes it away; whether there was one. */
  removeSignalHandler(signal: Deno.Signal): boolean;

  /** Starts a program. Requires `--allow-run`. */
  subprocessExec<P extends SubprocessCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    program: string,
    args?: readonly string[],
    options?: SubprocessOptions,
  ): Promise<Connected<SubprocessTransport, P>>;
  /** Starts a command line in the shell. Requires `--allow-run`. */
  subprocessShell<P extends SubprocessCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    command: string,
    options?: SubprocessOptions,
  ): Promise<Connected<SubprocessTransport, P>>;

  /** Reports an error that nobody else receives. */
  callExceptionHandler(context: ExceptionContext): void;
  /** Sets who hears of them; `null` for the default. */
  setExceptionHandler(handler: ExceptionHandler | null): void;
  /** Who hears of them; `null` for the default. */
  getExceptionHandler(): ExceptionHandler | null;
  /** Writes the error to the console. */
  defaultExceptionHandler(context: ExceptionContext): void;
}
