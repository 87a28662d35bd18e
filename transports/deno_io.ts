import type { Io } from "../types/io.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import type {
  ConnectAcceptedSocketOptions,
  CreateConnectionOptions,
  CreateServerOptions,
  SocketLike,
} from "../types/options.ts";
import type { AnyStreamProtocol, Connected, ProtocolFactory } from "../types/protocols.ts";
import type { AbstractServer } from "../types/server.ts";
import type { ByteChannel, Transport } from "../types/transports.ts";
import { internalsOf } from "../loop/internals.ts";
import { ConnChannel } from "./conn_channel.ts";
import { establish } from "./establish.ts";
import { Server } from "./server.ts";
import { checkConnectOptions, connectTcp } from "./tcp_connect.ts";
import { checkListenOptions, DenoAcceptor, listenTcp } from "./tcp_server.ts";
import { checkFactory, checkTlsTimeouts } from "./validate.ts";

/** The way to the outside on `Deno.*` and node's built-in modules. */
export class DenoIo implements Io {
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
    if (options.sock !== undefined) {
      if (options.hostname !== undefined || options.port !== undefined) {
        throw new RangeError(
          "Cannot call createConnection(): hostname/port and sock can not be specified at the same time",
        );
      }
      return await establish(loop, factory, channelOf(options.sock, "createConnection"));
    }
    if (options.port === undefined && options.hostname === undefined) {
      throw new RangeError(
        "Cannot call createConnection(): hostname and port was not specified and no sock specified",
      );
    }
    checkConnectOptions(options);
    return await establish(loop, factory, await connectTcp(loop, options));
  }

  async createServer(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<AnyStreamProtocol>,
    options: CreateServerOptions,
  ): Promise<AbstractServer> {
    const loop = internalsOf(eventLoop);
    checkFactory("createServer", factory);
    checkTlsTimeouts("createServer", options);
    if (typeof options.tls === "boolean") {
      throw new TypeError(
        "Cannot call createServer(): tls must be a TlsContext made by createTlsContext()",
      );
    }
    if (
      options.sock !== undefined && (options.hostname !== undefined || options.port !== undefined)
    ) {
      throw new RangeError(
        "Cannot call createServer(): hostname/port and sock can not be specified at the same time",
      );
    }
    checkListenOptions(options);
    const acceptors = options.sock === undefined
      ? await listenTcp(options)
      : [new DenoAcceptor(options.sock as Deno.Listener, options.keepAlive ?? false)];
    const server = new Server({ loop, factory, acceptors, maxConnections: options.maxConnections });
    if (options.startServing !== false) await server.startServing();
    return server;
  }

  async connectAcceptedSocket<P extends AnyStreamProtocol>(
    eventLoop: AbstractEventLoop,
    factory: ProtocolFactory<P>,
    sock: SocketLike,
    options: ConnectAcceptedSocketOptions,
  ): Promise<Connected<Transport, P>> {
    checkFactory("connectAcceptedSocket", factory);
    checkTlsTimeouts("connectAcceptedSocket", options);
    return await establish(
      internalsOf(eventLoop),
      factory,
      channelOf(sock, "connectAcceptedSocket"),
    );
  }

  watchSignal(signal: Deno.Signal, deliver: () => void): () => void {
    Deno.addSignalListener(signal, deliver);
    return () => Deno.removeSignalListener(signal, deliver);
  }
}

function channelOf(sock: SocketLike, what: string): ByteChannel {
  if (typeof (sock as Partial<Deno.Conn>)?.read === "function") {
    return new ConnChannel(sock as Deno.Conn);
  }
  throw new TypeError(
    `Cannot call ${what}(): expected a connected Deno.Conn as sock, got ${Deno.inspect(sock)}`,
  );
}
