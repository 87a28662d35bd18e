import type { Address, HostAddress } from "../types/transports.ts";
import { Deque } from "../internal/deque.ts";
import { literalFamily } from "./host_number.ts";
import { explain } from "./platform_error.ts";

/** One packet and where it came from. */
export type Packet = [data: Uint8Array, from: Deno.Addr];

/** A socket for datagrams, as the transport needs it. */
export interface DatagramLink {
  /** The local address. */
  readonly addr: Deno.Addr;
  /** The object of the platform. */
  readonly socket: unknown;
  /** How many packets were lost here; as far as is known, not counting those the system lost. */
  readonly dropped: number;
  /** Waits for a packet; `null` once closed. Rejects when the system reports an error; the link stays usable. */
  receive(): Promise<Packet | null>;
  /** Sends one packet to a host by number or name, or to a path. `data` must not change until it settles. */
  send(data: Uint8Array, addr: Address): Promise<void>;
  /** Releases the socket. Idempotent. */
  close(): void;
}

/** As much as a socket of Linux holds by default, and some more; beyond it the kernel drops, and so do we. */
const CAPACITY = 256 * 1024;
/** What a packet counts beside its bytes, so that empty ones count too. */
const OVERHEAD = 256;

/**
 * Packets of a platform that pushes, until the transport takes them. A loop that
 * is busy takes one an iteration; what it cannot keep up with is lost, as it
 * would be in the socket.
 */
export class DatagramInbox {
  /** How many packets there was no room for. */
  dropped = 0;
  readonly #arrived = new Deque<Packet | Error>();
  #size = 0;
  #waiting: PromiseWithResolvers<Packet | null> | null = null;
  #ended = false;

  /** A packet arrived, or the system reports an error. */
  push(arrived: Packet | Error): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    if (waiting === null) {
      if (this.#size >= CAPACITY) return void this.dropped++;
      this.#arrived.push(arrived);
      this.#size += weight(arrived);
      return;
    }
    this.#waiting = null;
    if (arrived instanceof Error) waiting.reject(arrived);
    else waiting.resolve(arrived);
  }

  /** Waits for what is next; `null` after the end. */
  take(): Promise<Packet | null> {
    const next = this.#arrived.shift();
    if (next !== undefined) {
      this.#size -= weight(next);
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    }
    if (this.#ended) return Promise.resolve(null);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Nothing comes any more. */
  end(): void {
    this.#ended = true;
    this.#arrived.clear();
    this.#waiting?.resolve(null);
    this.#waiting = null;
  }
}

function weight(arrived: Packet | Error): number {
  return OVERHEAD + (arrived instanceof Error ? 0 : arrived[0].length);
}

/**
 * Refuses an address that the program may not reach.
 *
 * @throws {Deno.errors.NotCapable} naming what was attempted, the address and the flag
 */
export async function requireNet(
  attempt: "bind" | "connect to",
  { hostname, port }: HostAddress,
): Promise<void> {
  const host = hostPort(hostname, port);
  const { state } = await Deno.permissions.query({ name: "net", host });
  if (state !== "granted") throw explain(notCapable(host), `Cannot ${attempt} ${host}`);
}

/** What Deno throws for an address that the program may not reach. */
export function notCapable(host: string): Error {
  return new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

/** Host and port as `--allow-net` takes them. */
export function hostPort(hostname: string, port: number): string {
  return literalFamily(hostname) === "ipv6" ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** For messages. */
export function shownAddress(addr: Address | Deno.Addr): string {
  if ("hostname" in addr) return hostPort(addr.hostname, addr.port);
  return "path" in addr ? Deno.inspect(addr.path) : Deno.inspect(addr);
}
