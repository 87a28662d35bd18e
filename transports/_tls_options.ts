import type { TlsContext } from "../types/tls.ts";
import { setPlatformTimer, type SetTimer } from "./_deadline.ts";
import { domainToAscii } from "./_node_tls.ts";
import { type TlsMaterial, tlsMaterial } from "./tls_context.ts";

/** Options of `TlsChannel.handshake`. */
export interface TlsHandshakeOptions {
  /** We are the server. @default {false} */
  serverSide?: boolean;
  /**
   * Client: the host name or address the certificate must be for; `""` accepts
   * any. Required, unless the context has `rejectUnauthorized: false`.
   */
  serverHostname?: string;
  /** Longest time for the handshake, in milliseconds. @default {60000} */
  handshakeTimeoutMs?: number;
  /** Longest time for the goodbye in `close()`, in milliseconds. @default {30000} */
  shutdownTimeoutMs?: number;
  /** Bytes of the peer that were read from the inner channel before. */
  initialData?: Uint8Array;
  /** Gives the handshake up: it rejects with `signal.reason`. */
  signal?: AbortSignal;
  /**
   * Calls `callback` after `delayMs` milliseconds, unless the function it
   * returns is called before. A loop gives its own clock here.
   * @default {setTimeout}
   */
  setTimer?: (delayMs: number, callback: () => void) => () => void;
}

/** Who we are in a connection. */
export interface TlsRole {
  /** What the context was made of. */
  readonly material: TlsMaterial;
  /** We are the server. */
  readonly serverSide: boolean;
  /** Client: the name the peer's certificate must have, empty for any. */
  readonly serverHostname: string;
}

/** The options, checked and complete. */
export interface TlsSettings {
  readonly role: TlsRole;
  readonly handshakeTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly initialData: Uint8Array;
  readonly signal: AbortSignal | undefined;
  readonly setTimer: SetTimer;
}

/** Checks what a handshake was called with; throws before anything happens. */
export function checkHandshake(context: TlsContext, options: TlsHandshakeOptions): TlsSettings {
  const {
    serverSide = false,
    handshakeTimeoutMs = 60_000,
    shutdownTimeoutMs = 30_000,
    initialData = new Uint8Array(),
    signal,
    setTimer = setPlatformTimer,
  } = options;
  const material = tlsMaterial(context);
  for (const [name, value] of Object.entries({ handshakeTimeoutMs, shutdownTimeoutMs })) {
    if (!(value > 0)) {
      throw refusal(RangeError, `${name} must be positive: current value is ${value}`);
    }
  }
  const serverHostname = serverSide
    ? checkServer(material, options.serverHostname)
    : checkName(material, options.serverHostname);
  signal?.throwIfAborted();
  const role = { material, serverSide, serverHostname };
  return { role, handshakeTimeoutMs, shutdownTimeoutMs, initialData, signal, setTimer };
}

function checkServer({ options }: TlsMaterial, serverHostname: string | undefined): "" {
  if (serverHostname !== undefined) {
    throw refusal(TypeError, "serverHostname is for clients, and serverSide is true");
  }
  if (options.cert === undefined && options.sniCallback === undefined) {
    throw refusal(TypeError, "a server needs a context with cert and key, or with sniCallback");
  }
  return "";
}

/** The name in the form in which it is sent and compared. */
function checkName({ options }: TlsMaterial, serverHostname: string | undefined): string {
  if (serverHostname === undefined) {
    if (options.rejectUnauthorized === false) return "";
    throw refusal(
      TypeError,
      'serverHostname is missing: give the name the certificate must have, or "" to accept any',
    );
  }
  if (typeof serverHostname !== "string") {
    throw refusal(TypeError, "serverHostname must be a string");
  }
  const bare = serverHostname.replace(/^\[(.*)\]$/, "$1").replace(/(.)\.$/, "$1");
  // deno-lint-ignore no-control-regex
  const name = /^[\x00-\x7f]*$/.test(bare) ? bare : domainToAscii(bare);
  // The engine would leave a name it cannot send out of the ClientHello.
  if (bare !== "" && !/^[\w.:%-]+$/.test(name)) {
    throw refusal(RangeError, `serverHostname "${serverHostname}" is no host name`);
  }
  return name;
}

function refusal(
  Class: typeof TypeError | typeof RangeError,
  what: string,
): TypeError | RangeError {
  return new Class(`Cannot start TLS handshake: ${what}`);
}
