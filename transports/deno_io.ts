import type { FdWatcher, Io, SocketCalls } from "../types/io.ts";
import type { AbstractEventLoop, Executor } from "../types/loop.ts";
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
  StartTlsOptions,
  SubprocessOptions,
  TlsTimeouts,
} from "../types/options.ts";
import type {
  AnyStreamProtocol,
  Connected,
  DatagramCallbacks,
  ProtocolFactory,
  SubprocessCallbacks,
} from "../types/protocols.ts";
import type { TlsContext } from "../types/tls.ts";
import type { AbstractServer } from "../types/server.ts";
import type {
  ByteChannel,
  DatagramTransport,
  HostAddress,
  ReadTransport,
  SubprocessTransport,
  Transport,
  WriteTransport,
} from "../types/transports.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { createDatagramEndpoint } from "./datagram_endpoint.ts";
import { getaddrinfo, getnameinfo } from "./dns.ts";
import { establish } from "./establish.ts";
import { acceptorOf, channelOf } from "./given_socket.ts";
import { checkSecure, secure, type SecureOptions, startTls } from "./start_tls.ts";
import { isTlsContext } from "./tls_context.ts";
import { operate } from "./operation.ts";
import { DefaultSocketCalls } from "./socket_calls.ts";
import { fdWatcher } from "./ffi/watcher.ts";
import { pipeChannel } from "./pipe.ts";
import { sendfile } from "./sendfile.ts";
import { type Acceptor, Server } from "./server.ts";
import { startSubprocess } from "./subprocess.ts";
import { checkConnectOptions, connectTcp } from "./tcp_connect.ts";
import { checkListenOptions, listenTcp } from "./tcp_server.ts";
import { checkPath, connectUnix, listenUnix } from "./unix_socket.ts";
import { checkFactory, checkMaxConnections, checkTlsTimeouts } from "./validate.ts";
import { WorkerPoolExecutor } from "./worker_pool_executor.ts";

/** The way to the outside on `Deno.*` and node's built-in modules. */
export class DenoIo implements Io {
  /** Watches file descriptors. Requires `--allow-ffi` once something is watched. */
  readonly fds: FdWatcher = fdWatcher;
  /** The calls on sockets. */
  readonly sockets: SocketCalls = new DefaultSocketCalls();

  /** The loop closes: nothing is watched for it any more. */
  close(loop: AbstractEventLoop): void {
    fdWatcher.closeLoop(loop).catch((exception) =>
      loop.callExceptionHandler({ message: "Cannot stop watching file descriptors", exception })
    );
  }

  async createConnection<P extends AnyStreamProtocol>(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    options: CreateConnectionOptions,
  ): Promise<Connected<Transport, P>> {
    const loop = internalsOf(eventLoop);
    checkFactory("createConnection", factory);
    checkTlsTimeouts("createConnection", options);
    if (options.serverHostname !== undefined && !options.tls) {
      throw new RangeError(
        "Cannot call createConnection(): serverHostname is only meaningful with tls",
      );
    }
    const tls = clientContext("createConnection", options.tls);
    if (tls !== null && options.serverHostname === undefined && options.hostname === undefined) {
      throw new RangeError(
        "Cannot call createConnection(): You must set serverHostname when using tls without a hostname",
      );
    }
    if (tls !== null) checkSecure(tls, clientSide(options));
    if (options.sock !== undefined) {
      if (options.hostname !== undefined || options.port !== undefined) {
        throw new RangeError(
          "Cannot call createConnection(): hostname/port and sock can not be specified at the same time",
        );
      }
      options.signal?.throwIfAborted();
      const given = channelOf(loop, options.sock, "createConnection");
      return await establish(loop, factory, await secureClient(loop, given, tls, options), options);
    }
    if (options.port === undefined && options.hostname === undefined) {
      throw new RangeError(
        "Cannot call createConnection(): hostname and port was not specified and no sock specified",
      );
    }
    checkConnectOptions(options);
    const channel = await connectTcp(loop, options);
    return await establish(loop, factory, await secureClient(loop, channel, tls, options), options);
  }

  async createServer(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateServerOptions,
  ): Promise<AbstractServer> {
    const loop = internalsOf(eventLoop);
    checkFactory("createServer", factory);
    checkTlsTimeouts("createServer", options);
    checkServerContext("createServer", options.tls);
    if (
      options.sock !== undefined && (options.hostname !== undefined || options.port !== undefined)
    ) {
      throw new RangeError(
        "Cannot call createServer(): hostname/port and sock can not be specified at the same time",
      );
    }
    checkListenOptions(options);
    options.signal?.throwIfAborted();
    const acceptors = options.sock === undefined
      ? await listenOnHosts(loop, options)
      : [await acceptorOf(loop, options.sock, "createServer", options)];
    return await serve(loop, factory, acceptors, options);
  }

  async createUnixConnection<P extends AnyStreamProtocol>(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    options: CreateUnixConnectionOptions,
  ): Promise<Connected<Transport, P>> {
    const loop = internalsOf(eventLoop);
    checkFactory("createUnixConnection", factory);
    checkTlsTimeouts("createUnixConnection", options);
    const tls = clientContext("createUnixConnection", options.tls);
    if ((tls === null) !== (options.serverHostname === undefined)) {
      throw new RangeError(
        "Cannot call createUnixConnection(): tls and serverHostname are only meaningful together",
      );
    }
    checkEither("createUnixConnection", options, "path");
    if (tls !== null) checkSecure(tls, clientSide(options));
    const channel = options.sock === undefined
      ? await connectUnix(loop, checkPath("createUnixConnection", options.path), options.signal)
      : channelOf(loop, options.sock, "createUnixConnection", { unix: true });
    return await establish(loop, factory, await secureClient(loop, channel, tls, options), options);
  }

  async createUnixServer(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateUnixServerOptions,
  ): Promise<AbstractServer> {
    const loop = internalsOf(eventLoop);
    checkFactory("createUnixServer", factory);
    checkTlsTimeouts("createUnixServer", options);
    checkServerContext("createUnixServer", options.tls);
    checkEither("createUnixServer", options, "path");
    checkMaxConnections("createUnixServer", options.maxConnections);
    options.signal?.throwIfAborted();
    const acceptor = options.sock === undefined
      ? await listenOnPath(loop, checkPath("createUnixServer", options.path), options)
      : await acceptorOf(loop, options.sock, "createUnixServer", { ...options, unix: true });
    return await serve(loop, factory, [acceptor], options);
  }

  async connectAcceptedSocket<P extends AnyStreamProtocol>(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    sock: GivenSocket,
    options: ConnectAcceptedSocketOptions,
  ): Promise<Connected<Transport, P>> {
    checkFactory("connectAcceptedSocket", factory);
    checkTlsTimeouts("connectAcceptedSocket", options);
    checkServerContext("connectAcceptedSocket", options.tls);
    const loop = internalsOf(eventLoop);
    options.signal?.throwIfAborted();
    const accepted = channelOf(loop, sock, "connectAcceptedSocket");
    const channel = options.tls === undefined
      ? accepted
      : await secure(loop, accepted, options.tls, serverSide(options));
    return await establish(loop, factory, channel, options);
  }

  startTls(
    loop: AbstractEventLoop,
    transport: Transport,
    protocol: AnyStreamProtocol,
    context: TlsContext,
    options: StartTlsOptions,
  ): Promise<Transport> {
    checkTlsTimeouts("startTls", { ...options, tls: context });
    return startTls(internalsOf(loop), transport, protocol, context, options);
  }

  createDatagramEndpoint<P extends DatagramCallbacks>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    options: CreateDatagramEndpointOptions,
  ): Promise<Connected<DatagramTransport, P>> {
    return createDatagramEndpoint(internalsOf(loop), factory, options);
  }

  sendfile(
    loop: AbstractEventLoop,
    transport: WriteTransport,
    file: Deno.FsFile,
    options: SendfileOptions,
  ): Promise<number> {
    return sendfile(internalsOf(loop), transport, file, options);
  }

  async connectReadPipe<P extends AnyStreamProtocol>(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions,
  ): Promise<Connected<ReadTransport, P>> {
    const loop = internalsOf(eventLoop);
    checkFactory("connectReadPipe", factory);
    options.signal?.throwIfAborted();
    const channel = pipeChannel(pipe, { loop, what: "connectReadPipe", direction: "read" });
    return await establish(loop, factory, channel, options);
  }

  async connectWritePipe<P extends AnyStreamProtocol>(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions,
  ): Promise<Connected<WriteTransport, P>> {
    const loop = internalsOf(eventLoop);
    checkFactory("connectWritePipe", factory);
    options.signal?.throwIfAborted();
    const channel = pipeChannel(pipe, { loop, what: "connectWritePipe", direction: "write" });
    return await establish(loop, factory, channel, options);
  }

  getaddrinfo(
    loop: AbstractEventLoop,
    hostname: string | null,
    port: number | string | null,
    options: GetaddrinfoOptions,
  ): Promise<AddrInfo[]> {
    return operate(internalsOf(loop), () => getaddrinfo(hostname, port, options), {
      signal: options.signal,
    });
  }

  getnameinfo(
    loop: AbstractEventLoop,
    address: HostAddress,
    flags: number,
    { signal }: AbortableOptions,
  ): Promise<[string, string]> {
    return operate(internalsOf(loop), () => getnameinfo(address, flags), { signal });
  }

  subprocessExec<P extends SubprocessCallbacks>(
    loop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    program: string,
    args: readonly string[],
    options: SubprocessOptions,
  ): Promise<Connected<SubprocessTransport, P>> {
    return startSubprocess(internalsOf(loop), factory, program, args, options);
  }

  watchSignal(signal: Deno.Signal, deliver: () => void): () => void {
    Deno.addSignalListener(signal, deliver);
    return () => Deno.removeSignalListener(signal, deliver);
  }

  /** A pool of Workers, of which none has started. */
  createExecutor(): Executor {
    return new WorkerPoolExecutor();
  }
}

/** An address or a socket, and not both. */
function checkEither(
  what: string,
  options: { path?: unknown; sock?: unknown },
  name: "path",
): void {
  if ((options[name] === undefined) !== (options.sock === undefined)) return;
  throw new RangeError(
    options.sock === undefined
      ? `Cannot call ${what}(): no ${name} and sock were specified`
      : `Cannot call ${what}(): ${name} and sock can not be specified at the same time`,
  );
}

/** Binds what `createServer` names. */
function listenOnHosts(loop: LoopInternals, options: CreateServerOptions): Promise<Acceptor[]> {
  return operate(loop, () => listenTcp(options), {
    signal: options.signal,
    discard: (late) => late.forEach((acceptor) => acceptor.close()),
  });
}

/** Binds what `createUnixServer` names. */
function listenOnPath(
  loop: LoopInternals,
  path: string,
  options: CreateUnixServerOptions,
): Promise<Acceptor> {
  const listen = () =>
    listenUnix(path, {
      cleanup: options.cleanupSocket ?? true,
      report: (message, exception) => loop.callExceptionHandler({ message, exception }),
    });
  return operate(loop, listen, {
    signal: options.signal,
    discard: (late) => late.close(),
  });
}

async function serve(
  loop: LoopInternals,
  factory: ProtocolFactory<AnyStreamProtocol>,
  acceptors: readonly Acceptor[],
  options: CreateServerOptions | CreateUnixServerOptions,
): Promise<AbstractServer> {
  const { maxConnections, startServing } = options;
  const server = new Server({
    loop,
    factory,
    acceptors,
    maxConnections,
    ...upgradeOf(loop, options),
  });
  if (startServing !== false) await server.startServing();
  return server;
}

function clientContext(
  what: string,
  tls: TlsContext | boolean | undefined,
): TlsContext | true | null {
  if (tls === undefined || tls === false) return null;
  if (tls === true || isTlsContext(tls)) return tls;
  throw new TypeError(
    `Cannot call ${what}(): tls must be true or a TlsContext made by createTlsContext()`,
  );
}

function checkServerContext(what: string, tls: unknown): void {
  if (tls === undefined) return;
  if (isTlsContext(tls)) return checkSecure(tls, { serverSide: true });
  throw new TypeError(`Cannot call ${what}(): tls must be a TlsContext made by createTlsContext()`);
}

/** Options of a client. */
type ClientOptions = TlsTimeouts & {
  serverHostname?: string;
  hostname?: string;
  signal?: AbortSignal;
};

function clientSide(options: ClientOptions): SecureOptions {
  const serverHostname = options.serverHostname ?? options.hostname;
  return { ...options, serverSide: false, serverHostname };
}

async function secureClient(
  loop: LoopInternals,
  channel: ByteChannel,
  tls: TlsContext | true | null,
  options: ClientOptions,
): Promise<ByteChannel> {
  return tls === null ? channel : await secure(loop, channel, tls, clientSide(options));
}

/** How a server makes TLS of a connection, if it does. */
function upgradeOf(
  loop: LoopInternals,
  options: TlsTimeouts & { tls?: TlsContext },
): { upgrade?: (channel: ByteChannel) => Promise<ByteChannel> } {
  const { tls } = options;
  if (tls === undefined) return {};
  return { upgrade: (channel) => secure(loop, channel, tls, serverSide(options)) };
}

function serverSide(options: TlsTimeouts & { signal?: AbortSignal }): SecureOptions {
  const { tlsHandshakeTimeoutMs, tlsShutdownTimeoutMs, signal } = options;
  return {
    serverSide: true,
    ...(tlsHandshakeTimeoutMs !== undefined && { tlsHandshakeTimeoutMs }),
    ...(tlsShutdownTimeoutMs !== undefined && { tlsShutdownTimeoutMs }),
    ...(signal !== undefined && { signal }),
  };
}
