import type { PeerCertificate, TLSSocket } from "node:tls";
import { afterTicks, nodeTls } from "./_node_tls.ts";
import type { TlsRole } from "./_tls_options.ts";
import { ServerSlot } from "./_tls_server_slot.ts";
import { makeWire, type SendCiphertext, type TlsWire } from "./_tls_wire.ts";
import type { TlsMaterial } from "./tls_context.ts";

/** What a handshake agreed on. */
export interface TlsAgreement {
  /** Suite, with OpenSSL's and the standard's name. */
  readonly cipher: { name: string; standardName: string; version: string };
  /** Version of the protocol. */
  readonly tlsVersion: string;
  /** The protocol agreed on by ALPN. */
  readonly alpnProtocol: string | undefined;
  /** The peer has a certificate, and it was verified. */
  readonly authorized: boolean;
  /** Why it was not, as a code of `node:tls`. */
  readonly authorizationError: string | undefined;
  /** The peer's certificate, DER. */
  readonly peercert: Uint8Array | undefined;
}

/** What takes what comes out of the engine. */
export interface TlsEngineOutputs {
  /** Sends ciphertext. */
  send: SendCiphertext;
  /** Takes decrypted bytes, which are its to keep. Called within `feed()`. */
  receive: (plaintext: Uint8Array) => void;
}

/**
 * One TLS connection of `node:tls`, as an engine without I/O: ciphertext goes
 * in by `feed()` and comes out by `send`, plaintext goes in by `write()` and
 * comes out by `receive`. Built on these facts about Deno 2.9:
 *
 * - What a chunk of ciphertext holds is decrypted within the event that
 *   delivers it, and so is the peer's close_notify, which shows as
 *   `push(null)`. Nothing else shows so, as the wire never ends: an EOF of the
 *   medium is the channel's to see. That is how truncation is told apart.
 * - That is so from the tick on in which the socket begins to read: wait for
 *   `started`.
 * - An error drops what was decrypted before it from the same chunk.
 * - A write is encrypted 48 KiB at a time, the next when the one before was
 *   sent: that is all the ciphertext the engine ever holds.
 * - A socket keeps a buffer as large as the largest chunk it was fed.
 */
export class TlsEngine {
  /** Resolves when bytes may be fed. */
  readonly started: Promise<void>;
  /** Resolves when the handshake is over: `agreement` or `error` is set. */
  readonly settled: Promise<void>;
  /** What the handshake agreed on. */
  agreement: TlsAgreement | null = null;
  /** What ended handshake or connection, as the engine says it. */
  error: unknown = null;
  /** The peer said goodbye (close_notify). */
  ended = false;
  /** The context in force: the one given, or the choice of its `sniCallback`. */
  material: TlsMaterial;

  readonly #wire: TlsWire;
  readonly #receive: (plaintext: Uint8Array) => void;
  #settle: () => void;
  #socket: TLSSocket | null = null;

  /** Starts a handshake. */
  constructor(role: TlsRole, { send, receive }: TlsEngineOutputs) {
    this.material = role.material;
    this.#receive = receive;
    this.#wire = makeWire(send);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
    if (role.serverSide) this.#accept();
    else this.#connect(role.serverHostname);
    this.started = afterTicks();
  }

  /** The handshake failed, or the engine was destroyed: it takes no more bytes. */
  get dead(): boolean {
    return this.#wire.destroyed;
  }

  /** Takes bytes from the peer; they may be reused at once. */
  feed(ciphertext: Uint8Array): void {
    this.#wire.emit("data", ciphertext);
  }

  /** Encrypts `plaintext`, copied at once; calls `done` when all of it was sent. */
  write(plaintext: Uint8Array, done: (error?: Error | null) => void): void {
    (this.#socket as TLSSocket).write(plaintext, done);
  }

  /** Hands out close_notify; when this resolves, `send` has been called with it. */
  async shutdown(): Promise<void> {
    await new Promise<void>((resolve) => (this.#socket as TLSSocket).end(resolve));
    await afterTicks();
  }

  /** Lets everything go. */
  destroy(): void {
    this.#wire.destroy();
    this.#socket?.destroy();
  }

  #connect(serverHostname: string): void {
    const { secureContext, options } = this.material;
    const { connect, checkServerIdentity } = nodeTls();
    let certificate: PeerCertificate | undefined;
    // An address is no name to send (RFC 6066), but the certificate must have it.
    const sendsName = serverHostname !== "" && !/^[\d.]+$|:/.test(serverHostname);
    const socket = connect({
      socket: this.#wire,
      secureContext,
      rejectUnauthorized: options.rejectUnauthorized ?? true,
      ...(sendsName && { servername: serverHostname }),
      ...(options.alpnProtocols && { ALPNProtocols: [...options.alpnProtocols] }),
      checkServerIdentity(_name, cert): Error | undefined {
        certificate = cert;
        return serverHostname === "" ? undefined : checkServerIdentity(serverHostname, cert);
      },
    });
    this.#listen(socket);
    socket.once("secureConnect", () => {
      this.#succeed(socket, certificate);
      // The socket keeps its options, the closure above, and what that sees.
      certificate = undefined;
    });
  }

  #accept(): void {
    ServerSlot.of(this.material).start(this.#wire, {
      secure: (socket) => {
        this.#listen(socket);
        this.#succeed(socket);
      },
      failed: (error) => this.#fail(error),
      selected: (material) => this.material = material,
    });
  }

  #listen(socket: TLSSocket): void {
    this.#socket = socket;
    // The readable side is cut short, so that after feed() all there is to know
    // is known. Through events, 'end' would come ticks later, and an EOF of the
    // medium right after close_notify would look like truncation.
    socket.push = (chunk: Uint8Array | null): boolean => {
      if (chunk === null) this.ended = true;
      // A Buffer, whose slice() does not copy, is not for users.
      else this.#receive(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
      return true;
    };
    socket.on("error", (error) => this.#fail(error));
  }

  #succeed(socket: TLSSocket, certificate?: PeerCertificate): void {
    const peercert = (certificate ?? socket.getPeerCertificate())?.raw;
    const reason = socket.authorizationError as unknown as string | null | undefined;
    this.agreement = {
      cipher: socket.getCipher() as TlsAgreement["cipher"],
      tlsVersion: socket.getProtocol() ?? "",
      alpnProtocol: socket.alpnProtocol || undefined,
      // To node:tls a client nobody asked for a certificate is authorized, too.
      authorized: socket.authorized && peercert !== undefined,
      authorizationError: reason ?? undefined,
      peercert: peercert && new Uint8Array(peercert),
    };
    this.#settle();
  }

  #fail(error: unknown): void {
    this.error ??= error;
    this.#settle();
  }
}
