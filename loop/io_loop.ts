import type { Clock, Io, SocketCalls } from "../types/io.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
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
import { BaseEventLoop } from "./base_loop.ts";
import { brief } from "./format.ts";

/**
 * The part of an event loop that waits for the platform: names, connections,
 * servers, pipes, sockets, programs. All of it is the work of the
 * {@linkcode Io} that the loop was given; what that does not offer rejects with
 * `Deno.errors.NotSupported`, and a closed loop rejects everything with a
 * {@linkcode RuntimeError}.
 */
export abstract class IoEventLoop extends BaseEventLoop {
  /** The way to the outside. */
  protected readonly io: Io;

  /** Makes a loop on `clock`, with `io` as the way to the outside. */
  constructor(clock: Clock, io: Io) {
    super(clock);
    this.io = io;
  }

  /**
   * Asks the system's resolver, hosts file included. `port` may be the name of a
   * service. Resolves to at least one address.
   *
   * Requires `--allow-net` permission of the host, unless it is a number.
   *
   * Cancellation: the answer is not waited for.
   *
   * @throws {Deno.errors.NotFound} if the host has no address, or the service no port
   * @throws {Deno.errors.NotCapable} without permission
   */
  async getaddrinfo(
    hostname: string | null,
    port: number | string | null,
    options: GetaddrinfoOptions = {},
  ): Promise<AddrInfo[]> {
    return await this.need("getaddrinfo")(this.#self, hostname, port, options);
  }

  /**
   * The names of the host and service at an address; with the `flags`
   * `NI_NUMERICHOST` and `NI_NUMERICSERV` the numbers as they are.
   *
   * Requires `--allow-net` permission.
   *
   * Cancellation: the answer is not waited for.
   *
   * @throws {RangeError} if `hostname` is not the number of a host
   * @throws {Deno.errors.NotFound} for a host without a name, with `NI_NAMEREQD`
   * @throws {Deno.errors.NotCapable} without permission
   */
  async getnameinfo(
    address: HostAddress,
    flags = 0,
    options: AbortableOptions = {},
  ): Promise<[string, string]> {
    return await this.need("getnameinfo")(this.#self, address, flags, options);
  }

  /**
   * Connects over TCP, and TLS with `tls`. Resolves to transport and protocol once
   * `connectionMade` was called. Where a host has several addresses, they are tried
   * one after the other, or with `happyEyeballsDelayMs` overlapping (RFC 8305).
   *
   * Requires `--allow-net` permission.
   *
   * Cancellation: what was opened is closed again; no callback is called, unless
   * `connectionMade` was.
   *
   * @throws {RangeError} or {TypeError} for options that cannot work
   * @throws {Deno.errors.ConnectionRefused} and its like if no address answers,
   * {@linkcode ExceptionGroup} of them with `allErrors`
   * @throws {Deno.errors.NotCapable} without permission
   */
  async createConnection<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateConnectionOptions,
  ): Promise<Connected<Transport, P>> {
    const call = this.need("createConnection");
    checkOptions("createConnection", options);
    return await call(this.#self, protocolFactory, options);
  }

  /**
   * Listens on TCP, on every address that `hostname` stands for, and speaks TLS
   * with `tls`. Each connection gets a protocol of `protocolFactory` and an async
   * context of its own.
   *
   * Requires `--allow-net` permission.
   *
   * Cancellation: nothing listens.
   *
   * @throws {RangeError} or {TypeError} for options that cannot work
   * @throws {Deno.errors.AddrInUse} if the port is taken
   * @throws {Deno.errors.NotCapable} without permission
   */
  async createServer(
    protocolFactory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateServerOptions,
  ): Promise<AbstractServer> {
    const call = this.need("createServer");
    checkOptions("createServer", options);
    return await call(this.#self, protocolFactory, options);
  }

  /**
   * Connects to the unix socket at `path`; otherwise as `createConnection`.
   *
   * Requires `--allow-net`, and `--allow-read` and `--allow-write` of the path.
   *
   * Cancellation: what was opened is closed again.
   *
   * @throws {Deno.errors.NotFound} if there is no socket
   * @throws {Deno.errors.ConnectionRefused} if nobody listens
   */
  async createUnixConnection<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateUnixConnectionOptions,
  ): Promise<Connected<Transport, P>> {
    const call = this.need("createUnixConnection");
    checkOptions("createUnixConnection", options);
    return await call(this.#self, protocolFactory, options);
  }

  /**
   * Listens on a unix socket at `path`. A socket that is there already is replaced,
   * as in asyncio; the file goes with the server unless `cleanupSocket` is off.
   *
   * Requires `--allow-net`, and `--allow-read` and `--allow-write` of the path.
   *
   * Cancellation: nothing listens.
   *
   * @throws {Deno.errors.AddrInUse} if a file that is no socket is in the way
   */
  async createUnixServer(
    protocolFactory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateUnixServerOptions,
  ): Promise<AbstractServer> {
    const call = this.need("createUnixServer");
    checkOptions("createUnixServer", options);
    return await call(this.#self, protocolFactory, options);
  }

  /**
   * Makes a transport of a connection that was accepted elsewhere, with `tls` as
   * the server of TLS. The connection belongs to the transport from then on.
   *
   * Cancellation: the connection is closed.
   *
   * @throws {TypeError} if `sock` is no connection
   */
  async connectAcceptedSocket<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    sock: GivenSocket,
    options: ConnectAcceptedSocketOptions = {},
  ): Promise<Connected<Transport, P>> {
    return await this.need("connectAcceptedSocket")(this.#self, protocolFactory, sock, options);
  }

  /**
   * Opens an endpoint for datagrams, of UDP or of unix sockets: bound with
   * `localAddr`, connected with `remoteAddr`, so that nobody else is heard.
   *
   * Requires `--allow-net` permission for UDP, and `--allow-ffi` to share a port. Unix
   * sockets require `--allow-ffi`, and `--allow-read` and `--allow-write` of the path.
   *
   * Cancellation: what was opened is closed again.
   *
   * @throws {RangeError} or {TypeError} for options that cannot work
   * @throws {Deno.errors.AddrInUse} if the address is taken
   * @throws {Deno.errors.NotCapable} without permission
   */
  async createDatagramEndpoint<P extends DatagramCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    options: CreateDatagramEndpointOptions,
  ): Promise<Connected<DatagramTransport, P>> {
    const call = this.need("createDatagramEndpoint");
    checkOptions("createDatagramEndpoint", options);
    return await call(this.#self, protocolFactory, options);
  }

  /**
   * Sends `count` bytes of a file, or all, from `offset` on, with regard to flow
   * control. Resolves to the number of bytes sent; the file's position is behind
   * them, however it ends. Nobody else can write meanwhile.
   *
   * Cancellation: what was sent is sent, and the transport can be used on.
   *
   * @throws {SendfileNotAvailableError} with `fallback: false`
   * @throws {RuntimeError} if the transport is closing, or of another library
   */
  async sendfile(
    transport: WriteTransport,
    file: Deno.FsFile,
    options: SendfileOptions = {},
  ): Promise<number> {
    return await this.need("sendfile")(this.#self, transport, file, options);
  }

  /**
   * Makes a connection a TLS connection in its midst, as either side, over any
   * transport of this library, TLS included. Resolves to the transport to use from
   * then on; the protocol stays, and `connectionMade` is not called again.
   *
   * Cancellation: the connection is gone, and the protocol gets
   * `connectionLost(null)`.
   *
   * @throws {RangeError} or {TypeError} for arguments that cannot work; nothing happened
   * @throws what broke the handshake, {@linkcode TimeoutError} if it took too long;
   * the protocol gets `connectionLost` with it, once
   */
  async startTls(
    transport: Transport,
    protocol: AnyStreamProtocol,
    tlsContext: TlsContext,
    options: StartTlsOptions = {},
  ): Promise<Transport> {
    return await this.need("startTls")(this.#self, transport, protocol, tlsContext, options);
  }

  /**
   * Reads from a pipe: an open FIFO or device, standard input, a web stream, or a
   * file descriptor. It belongs to the transport from then on.
   *
   * Cancellation: the pipe is closed.
   *
   * @throws {RangeError} for a regular file, as asyncio
   * @throws {TypeError} for what is no pipe
   */
  async connectReadPipe<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions = {},
  ): Promise<Connected<ReadTransport, P>> {
    return await this.need("connectReadPipe")(this.#self, protocolFactory, pipe, options);
  }

  /** Writes to a pipe; otherwise as {@linkcode connectReadPipe}. Cancellation: the pipe is closed. */
  async connectWritePipe<P extends AnyStreamProtocol>(
    protocolFactory: ProtocolFactory<P>,
    pipe: PipeLike,
    options: AbortableOptions = {},
  ): Promise<Connected<WriteTransport, P>> {
    return await this.need("connectWritePipe")(this.#self, protocolFactory, pipe, options);
  }

  /**
   * Receives up to `n` bytes; none at EOF. This and the other calls on sockets take
   * a `Deno.Conn`, `Listener` or `DatagramConn`, or a `Socket`.
   *
   * Cancellation: nothing that arrives is lost, the next call gets it.
   *
   * @throws {TypeError} for a socket of another kind
   * @throws {RangeError} if `n` is no whole number from 0 on
   * @throws {RuntimeError} if a transport uses the socket
   */
  async sockRecv(
    sock: SocketLike,
    n: number,
    options: AbortableOptions = {},
  ): Promise<Uint8Array> {
    return await this.#sockets("sockRecv").recv(this.#self, sock, n, options);
  }

  /** Receives into `buffer`; the count, 0 at EOF. Cancellation: as of {@linkcode sockRecv}. */
  async sockRecvInto(
    sock: SocketLike,
    buffer: Uint8Array,
    options: AbortableOptions = {},
  ): Promise<number> {
    return await this.#sockets("sockRecvInto").recvInto(this.#self, sock, buffer, options);
  }

  /**
   * Receives one datagram, cut to `n` bytes, and the address of its sender.
   * Cancellation: as of {@linkcode sockRecv}.
   */
  async sockRecvfrom(
    sock: SocketLike,
    n: number,
    options: AbortableOptions = {},
  ): Promise<[Uint8Array, Deno.Addr]> {
    return await this.#sockets("sockRecvfrom").recvfrom(this.#self, sock, n, options);
  }

  /**
   * Receives one datagram into the first `nbytes` of `buffer`, 0 for all of it; the
   * count and the address of its sender. Cancellation: as of {@linkcode sockRecv}.
   */
  async sockRecvfromInto(
    sock: SocketLike,
    buffer: Uint8Array,
    nbytes = 0,
    options: AbortableOptions = {},
  ): Promise<[number, Deno.Addr]> {
    const calls = this.#sockets("sockRecvfromInto");
    return await calls.recvfromInto(this.#self, sock, buffer, nbytes, options);
  }

  /**
   * Sends all of `data`, which must not change meanwhile.
   *
   * Cancellation: a part of it may have been sent.
   */
  async sockSendall(
    sock: SocketLike,
    data: Uint8Array,
    options: AbortableOptions = {},
  ): Promise<void> {
    return await this.#sockets("sockSendall").sendall(this.#self, sock, data, options);
  }

  /**
   * Sends one datagram; the number of bytes sent. Of a `Socket` a hostname is looked up.
   *
   * Cancellation: it may have been sent.
   */
  async sockSendto(
    sock: SocketLike,
    data: Uint8Array,
    addr: Address,
    options: AbortableOptions = {},
  ): Promise<number> {
    return await this.#sockets("sockSendto").sendto(this.#self, sock, data, addr, options);
  }

  /**
   * Connects a `Socket`; a hostname is looked up.
   *
   * Cancellation: the attempt goes on in the kernel; close the socket, or call this again.
   */
  async sockConnect(
    sock: SocketLike,
    addr: Address,
    options: AbortableOptions = {},
  ): Promise<void> {
    return await this.#sockets("sockConnect").connect(this.#self, sock, addr, options);
  }

  /**
   * Accepts one connection: it and the address of its peer. A `Deno.Conn` of a
   * `Deno.Listener`, a `Socket` of a `Socket`.
   *
   * Cancellation: no connection is lost, the next call gets it.
   */
  async sockAccept(
    sock: SocketLike,
    options: AbortableOptions = {},
  ): Promise<[SocketLike, Deno.Addr]> {
    return await this.#sockets("sockAccept").accept(this.#self, sock, options);
  }

  /**
   * Sends a file, from a `Socket` on Linux without copying it; the number of bytes
   * sent. The file's position is behind them, however it ends.
   *
   * Cancellation: a part of it may have been sent.
   *
   * @throws {SendfileNotAvailableError} if it would have to be copied and `fallback` is off
   */
  async sockSendfile(
    sock: SocketLike,
    file: Deno.FsFile,
    options: SockSendfileOptions = {},
  ): Promise<number> {
    return await this.#sockets("sockSendfile").sendfile(this.#self, sock, file, options);
  }

  /**
   * Starts `program` with `args`. Resolves once `connectionMade` was called. A
   * standard stream that is not mentioned is a pipe.
   *
   * Requires `--allow-run` permission of the program, and of `/bin/sh` to merge
   * stderr into a piped stdout.
   *
   * Cancellation: a program that was started is killed.
   *
   * @throws {Deno.errors.NotFound} if there is no such program or directory
   * @throws {Deno.errors.NotCapable} without permission
   */
  async subprocessExec<P extends SubprocessCallbacks>(
    protocolFactory: ProtocolFactory<P>,
    program: string,
    args: readonly string[] = [],
    options: SubprocessOptions = {},
  ): Promise<Connected<SubprocessTransport, P>> {
    return await this.need("subprocessExec")(this.#self, protocolFactory, program, args, options);
  }

  /**
   * Starts a command line in the shell, `/bin/sh -c`; otherwise as {@linkcode subprocessExec}.
   *
   * Cancellation: the shell is killed, but not what it started.
   */
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
    return await this.subprocessExec(protocolFactory, "/bin/sh", ["-c", command], options);
  }

  /**
   * The part of the I/O named `name`, bound to it, for the method `call`.
   *
   * @internal
   */
  protected need<K extends Exclude<keyof Io, "close">>(
    name: K,
    call: string = name,
  ): NonNullable<Io[K]> {
    this.checkOpen(call);
    const part = this.io[name];
    if (part === undefined) {
      throw new Deno.errors.NotSupported(
        `Cannot call ${call}(): the I/O of this event loop does not offer it`,
      );
    }
    return (typeof part === "function" ? part.bind(this.io) : part) as NonNullable<Io[K]>;
  }

  get #self(): AbstractEventLoop {
    return this as unknown as AbstractEventLoop;
  }

  #sockets(call: string): SocketCalls {
    return this.need("sockets", call);
  }
}

/** TypeScript asks for them; whoever forgets them in JavaScript is told so. */
function checkOptions(what: string, options: unknown): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(
    `Cannot call ${what}(): expected an object as options, got ${brief(options)}`,
  );
}
