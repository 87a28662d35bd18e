import type { Address, HostAddress } from "./transports.ts";
import type { TlsContext } from "./tls.ts";

/** Version of the Internet Protocol. */
export type AddressFamily = "ipv4" | "ipv6";

/** A connected or listening socket that the caller made: of the platform, or a `Socket`. */
export type SocketLike =
  | Deno.Conn
  | Deno.Listener
  | Deno.DatagramConn
  | { fileno(): number };

/**
 * A socket to hand over: of the platform, a `Socket`, or the number of a file
 * descriptor. The transport or server owns it from then on.
 */
export type GivenSocket = SocketLike | number;

/** A pipe end: an open file, a web stream, or a file descriptor. */
export type PipeLike =
  | Deno.FsFile
  | { readonly readable: ReadableStream<Uint8Array> }
  | { readonly writable: WritableStream<Uint8Array> }
  | ReadableStream<Uint8Array>
  | WritableStream<Uint8Array>
  | number
  | { fileno(): number };

/** Times of the TLS handshake and goodbye. Refused without `tls`. */
export interface TlsTimeouts {
  /** Longest time for the handshake, in milliseconds. @default {60000} */
  tlsHandshakeTimeoutMs?: number;
  /** Longest time for the goodbye, in milliseconds. @default {30000} */
  tlsShutdownTimeoutMs?: number;
}

/** Something that can be given up. */
export interface AbortableOptions {
  /** Gives up the wait: it rejects with `signal.reason`. */
  signal?: AbortSignal;
}

/** Options of `createConnection`. */
export interface CreateConnectionOptions extends TlsTimeouts, AbortableOptions {
  /** Host to connect to. @default {"127.0.0.1"} where only `port` is given */
  hostname?: string;
  /** Port to connect to, 1 to 65535. */
  port?: number;
  /** `true` for the default client context. */
  tls?: TlsContext | boolean;
  /** Name the certificate must have, `""` to accept any; `hostname` by default. */
  serverHostname?: string;
  /** Use addresses of this family only. */
  family?: AddressFamily;
  /** Address to connect from. */
  localAddr?: HostAddress;
  /** A connected socket to use instead of `hostname` and `port`. */
  sock?: GivenSocket;
  /**
   * Start the next address when this many milliseconds passed without a
   * connection (RFC 8305); `null` tries one address after the other.
   * @default {null}
   */
  happyEyeballsDelayMs?: number | null;
  /** How many addresses of the first family come before families alternate. @default {1 with happyEyeballsDelayMs, else 0} */
  interleave?: number;
  /** Reject with an `ExceptionGroup` of all errors instead of a summary. @default {false} */
  allErrors?: boolean;
}

/** Options of `createServer`. */
export interface CreateServerOptions extends TlsTimeouts, AbortableOptions {
  /** Interface or interfaces to listen on; `undefined`, `null` and `""` mean all. */
  hostname?: string | readonly string[] | null;
  /** Port, 0 for any free one. @default {0} */
  port?: number;
  /** Listen on addresses of this family only. */
  family?: AddressFamily;
  /** A listening socket to use instead of `hostname` and `port`. */
  sock?: GivenSocket;
  /** Longest queue of connections not yet accepted. @default {100} */
  backlog?: number;
  /** Serve TLS with this context. */
  tls?: TlsContext;
  /** Let several sockets share the port (SO_REUSEPORT). @default {false} */
  reusePort?: boolean;
  /** Probe idle connections (SO_KEEPALIVE). @default {false} */
  keepAlive?: boolean;
  /** Accept at once; else call `startServing()`. @default {true} */
  startServing?: boolean;
  /** Stop accepting while this many connections are open. @default {Infinity} */
  maxConnections?: number;
}

/** Options of `createUnixConnection`. */
export interface CreateUnixConnectionOptions extends TlsTimeouts, AbortableOptions {
  /** Path of the socket. */
  path?: string;
  /** `true` needs a `serverHostname`. */
  tls?: TlsContext | boolean;
  /** Name the certificate must have. */
  serverHostname?: string;
  /** A connected socket to use instead of `path`. */
  sock?: GivenSocket;
}

/** Options of `createUnixServer`. */
export interface CreateUnixServerOptions extends TlsTimeouts, AbortableOptions {
  /** Path of the socket. */
  path?: string;
  /** A listening socket to use instead of `path`. */
  sock?: GivenSocket;
  /** Longest queue of connections not yet accepted. @default {100} */
  backlog?: number;
  /** Serve TLS with this context. */
  tls?: TlsContext;
  /** Accept at once. @default {true} */
  startServing?: boolean;
  /** Remove the socket file on close, if it is still ours. @default {true} */
  cleanupSocket?: boolean;
  /** Stop accepting while this many connections are open. @default {Infinity} */
  maxConnections?: number;
}

/** Options of `connectAcceptedSocket`. */
export interface ConnectAcceptedSocketOptions extends TlsTimeouts, AbortableOptions {
  /** Speak TLS as the server. */
  tls?: TlsContext;
}

/** Options of `createDatagramEndpoint`. */
export interface CreateDatagramEndpointOptions extends AbortableOptions {
  /** Address to bind. */
  localAddr?: Address;
  /** Peer to connect to: only its datagrams are received. */
  remoteAddr?: Address;
  /** Address family. */
  family?: AddressFamily | "unix";
  /** Let several sockets share the port (SO_REUSEPORT). @default {false} */
  reusePort?: boolean;
  /** Allow sending to broadcast addresses. @default {false} */
  allowBroadcast?: boolean;
  /** A datagram socket to use. */
  sock?: GivenSocket;
}

/** Options of `sockSendfile`. */
export interface SockSendfileOptions extends AbortableOptions {
  /** Where in the file to start, in bytes. @default {0} */
  offset?: number;
  /** How many bytes to send at most; `null` for all. @default {null} */
  count?: number | null;
  /** Read and write where the platform has no better way. @default {true} */
  fallback?: boolean;
}

/** Options of `sendfile`. */
export type SendfileOptions = SockSendfileOptions;

/** Options of `startTls`. */
export interface StartTlsOptions extends TlsTimeouts, AbortableOptions {
  /** We are the server. @default {false} */
  serverSide?: boolean;
  /** Name the certificate must have. */
  serverHostname?: string;
  /** Bytes of the peer that were received already: the beginning of its handshake. */
  received?: Uint8Array;
}

/** Options of `getaddrinfo`. */
export interface GetaddrinfoOptions extends AbortableOptions {
  /** Only addresses of this family. */
  family?: AddressFamily;
  /** Only this type of socket. */
  type?: "stream" | "datagram";
  /** Number of the protocol, 6 for TCP, 17 for UDP. */
  proto?: number;
  /** `AI_*` flags. */
  flags?: number;
}

/** One answer of `getaddrinfo`. */
export interface AddrInfo {
  /** Version of the protocol. */
  family: AddressFamily;
  /** Type of socket. */
  type: "stream" | "datagram";
  /** Number of the protocol. */
  proto: number;
  /** Canonical name, or empty. */
  canonname: string;
  /** Address and port. */
  sockaddr: HostAddress;
}

/**
 * Where a standard stream of a child goes: a pipe, ours, nowhere, or a file
 * descriptor or what has one, which stays the caller's to close. For a file,
 * the number that `openSync` of `node:fs` gives: that of a `Deno.FsFile` is secret.
 */
export type StdioOption = "piped" | "inherit" | "null" | number | { fileno(): number };

/** Options of `subprocessExec` and `subprocessShell`. */
export interface SubprocessOptions extends AbortableOptions {
  /** The standard input. @default {"piped"} */
  stdin?: StdioOption;
  /** The standard output. @default {"piped"} */
  stdout?: StdioOption;
  /**
   * The standard error. `"stdout"` merges it into stdout in the order in which it
   * was written; where stdout is piped that is done by `/bin/sh`, which then
   * becomes the program, and needs `--allow-run` for it. @default {"piped"}
   */
  stderr?: StdioOption | "stdout";
  /** Directory to run in. */
  cwd?: string | URL;
  /** Variables to add to, or with `clearEnv` to have instead of, ours. */
  env?: Record<string, string>;
  /** Start with no variables. @default {false} */
  clearEnv?: boolean;
  /** Number of the user to run as. */
  uid?: number;
  /** Number of the group to run as. */
  gid?: number;
  /** Make the child the leader of a new session and process group (setsid). @default {false} */
  detached?: boolean;
}
