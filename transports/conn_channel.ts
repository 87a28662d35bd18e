import type { ByteChannel } from "../types/transports.ts";

/** A connection of Deno's own: TCP or unix. */
export class ConnChannel implements ByteChannel {
  readonly #conn: Deno.Conn;

  /** Takes `conn` over. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#conn.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    try {
      this.#conn.close();
    } catch (error) {
      // The platform closes a connection by itself in some error paths.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Deno cannot reset a connection: the peer sees an EOF. */
  abort(): void {
    this.close();
  }

  getExtraInfo(name: string): unknown {
    switch (name) {
      case "socket":
        return this.#conn;
      case "sockname":
        return this.#conn.localAddr;
      case "peername":
        return this.#conn.remoteAddr;
    }
  }
}
