import type { Duplex } from "node:stream";
import { nodeStream } from "./_node_tls.ts";

/** Sends ciphertext; resolves to whether it could. Not called again before that. */
export type SendCiphertext = (ciphertext: Uint8Array) => Promise<boolean>;

/**
 * The Duplex that a TLS socket runs over. It buffers nothing: a chunk is
 * delivered by emitting `data`, and what is written goes straight to `send`.
 *
 * It stays a real Duplex, because that is what `node:tls` asks for; only what
 * would put a queue between engine and channel is replaced. With `push` and
 * `_write` an echo of 1 KiB costs up to 10 % more, and bulk the same; but there
 * `feed()` would return before all was decrypted, and alerts would be lost.
 */
export interface TlsWire extends Duplex {
  /** Takes what the engine has to send; `done` lets it have the next. */
  write(chunk: Uint8Array, done?: unknown): boolean;
}

let Wire: (new (send: SendCiphertext) => TlsWire) | undefined;

/** Makes a wire. The class is made at first use, because its base is loaded then. */
export function makeWire(send: SendCiphertext): TlsWire {
  Wire ??= class extends nodeStream().Duplex {
    readonly #send: SendCiphertext;

    constructor(send: SendCiphertext) {
      super({ allowHalfOpen: true });
      this.#send = send;
    }

    override _read(): void {}

    override pause(): this {
      return this;
    }

    override resume(): this {
      return this;
    }

    /**
     * Also after `destroy()`: a fatal alert comes then, and a stock Duplex
     * refuses it, so that the peer never learns what it did wrong.
     */
    override write(chunk: Uint8Array, done?: unknown): boolean {
      // Where sending failed, `done` is never called: the engine waits, and
      // encrypts no more.
      this.#send(chunk).then((sent) => {
        if (sent) (done as () => void)();
      });
      return true;
    }
  };
  return new Wire(send);
}
