import type { Server, TLSSocket } from "node:tls";
import { nodeTls } from "./_node_tls.ts";
import type { TlsWire } from "./_tls_wire.ts";
import { type TlsMaterial, tlsMaterial } from "./tls_context.ts";

/** What a server tells about the one handshake it is busy with. */
export interface ServerEvents {
  /** It is complete, and the client's certificate, if asked for, in order. */
  secure(socket: TLSSocket): void;
  /** It failed. */
  failed(error: unknown): void;
  /** `sniCallback` chose another context. */
  selected(material: TlsMaterial): void;
}

/** At most so many idle servers are kept for a context. */
const MAX_IDLE = 16;

/**
 * A `tls.Server` that never listens and is given wires.
 *
 * A bare `TLSSocket` of the server side would do, but leaves the client's
 * certificate unchecked; the check is in `tls.Server`, whose `connection` event
 * takes any Duplex. Its reports do not say which Duplex they are about, so a
 * server does one handshake at a time. It is kept for the next: making one
 * reads the certificates again, which takes 0.6 ms, as long as a handshake.
 */
export class ServerSlot {
  static readonly #idle = new WeakMap<TlsMaterial, ServerSlot[]>();

  readonly #material: TlsMaterial;
  readonly #server: Server;
  #events: ServerEvents | null = null;

  /** An idle server for a context, or a new one. */
  static of(material: TlsMaterial): ServerSlot {
    return ServerSlot.#idle.get(material)?.pop() ?? new ServerSlot(material);
  }

  private constructor(material: TlsMaterial) {
    this.#material = material;
    const { options, secure } = material;
    const server = nodeTls().createServer({
      ...secure,
      requestCert: options.requestCert ?? false,
      rejectUnauthorized: options.rejectUnauthorized ?? true,
      ...(options.alpnProtocols && { ALPNProtocols: [...options.alpnProtocols] }),
      ...(options.sniCallback && { SNICallback: this.#select.bind(this) }),
      // No timer (0 would mean two minutes): the channel has one, and node:tls
      // forgets to stop its own when a handshake fails.
      handshakeTimeout: -1,
    });
    server.on("secureConnection", (socket) => this.#release()?.secure(socket));
    server.on("tlsClientError", (error, socket) => {
      // A certificate that does not verify ends the connection without an
      // error ("socket hang up"); the reason is with the socket.
      const code = socket.authorizationError as unknown as string | undefined;
      this.#release()?.failed(
        code ? Object.assign(new Error("certificate verify failed"), { code }) : error,
      );
    });
    this.#server = server;
  }

  /** Starts a handshake; exactly one of `secure` and `failed` is called, later. */
  start(wire: TlsWire, events: ServerEvents): void {
    this.#events = events;
    this.#server.emit("connection", wire);
  }

  #release(): ServerEvents | null {
    const events = this.#events;
    this.#events = null;
    if (events !== null) {
      const idle = ServerSlot.#idle.get(this.#material) ?? [];
      ServerSlot.#idle.set(this.#material, idle);
      if (idle.length < MAX_IDLE) idle.push(this);
    }
    return events;
  }

  #select(
    name: string,
    done: (error: Error | null, context?: TlsMaterial["secureContext"]) => void,
  ): void {
    try {
      // A client that gives no name is not asked about.
      const context = name === "" ? undefined : this.#material.options.sniCallback?.(name);
      if (context === undefined) return done(null);
      const material = tlsMaterial(context);
      this.#events?.selected(material);
      done(null, material.secureContext);
    } catch (error) {
      done(new Error(`sniCallback failed for "${name}": ${String(error)}`, { cause: error }));
    }
  }
}
