import type { Address } from "../types/transports.ts";
import { type DatagramLink, type Packet, shownAddress } from "./datagram_link.ts";
import { explain } from "./platform_error.ts";

/** Longer than any datagram: what does not fit is cut off. */
const ROOM = 65536;

/** A datagram socket of Deno's own, which only a program with `--unstable-net` can have made. */
export class ConnLink implements DatagramLink {
  readonly addr: Deno.Addr;
  /** It waits in the system, where nobody counts. */
  readonly dropped = 0;
  readonly #conn: Deno.DatagramConn;
  readonly #buffer = new Uint8Array(ROOM);
  #sending: Promise<void> = Promise.resolve();
  #closed = false;

  /** Takes the socket over. */
  constructor(conn: Deno.DatagramConn) {
    this.#conn = conn;
    this.addr = conn.addr;
  }

  get socket(): unknown {
    return this.#conn;
  }

  async receive(): Promise<Packet | null> {
    try {
      const [data, from] = await this.#conn.receive(this.#buffer);
      return [data.slice(), from];
    } catch (error) {
      const isGone = error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted;
      if (this.#closed || isGone) return null;
      throw error;
    }
  }

  send(data: Uint8Array, addr: Address): Promise<void> {
    // One after the other: of several at once Deno does the last one first, or none ("busy").
    const sent = this.#sending.then(() => this.#send(data, addr));
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  async #send(data: Uint8Array, addr: Address): Promise<void> {
    try {
      const target: Deno.Addr = "path" in addr
        ? { transport: "unixpacket", path: addr.path }
        : { transport: "udp", hostname: addr.hostname, port: addr.port };
      await this.#conn.send(data, target);
    } catch (error) {
      throw explain(
        error,
        `Cannot send a datagram of ${data.length} bytes to ${shownAddress(addr)}`,
      );
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}
