import type { RemoteInfo, Socket } from "node:dgram";
import type { AddressFamily } from "../types/options.ts";
import type { Address, HostAddress } from "../types/transports.ts";
import { Deque } from "../internal/deque.ts";
import { nodeModule } from "../internal/node.ts";
import {
  DatagramInbox,
  type DatagramLink,
  hostPort,
  notCapable,
  type Packet,
  requireNet,
} from "./datagram_link.ts";
import { resolveHost } from "./dns.ts";
import { isSameHost, literalFamily } from "./host_number.ts";
import { explain, fromNode } from "./platform_error.ts";

/** How {@linkcode bindUdp} binds. */
export interface BindOptions {
  /** Version of the protocol. */
  family: AddressFamily;
  /** Where, by number; any address and port by default. */
  local: HostAddress | null;
  /** The only sender that is heard; `null` for everybody. */
  peer: HostAddress | null;
  /** Whether packets may go to broadcast addresses. */
  broadcast: boolean;
}

/**
 * Binds a UDP socket of node:dgram: Deno's own needs an unstable flag. The
 * permission is asked for before, since node:dgram throws where nobody can catch.
 */
export async function bindUdp(options: BindOptions): Promise<DatagramLink> {
  const { family, broadcast } = options;
  const local = options.local ?? { hostname: family === "ipv6" ? "::" : "0.0.0.0", port: 0 };
  await requireNet("bind", local);
  const { createSocket } = nodeModule("node:dgram");
  const socket = createSocket({ type: family === "ipv6" ? "udp6" : "udp4" });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("listening", resolve).once("error", reject);
      socket.bind(local.port, local.hostname);
    });
    if (broadcast) socket.setBroadcast(true);
  } catch (error) {
    socket.close();
    throw explain(fromNode(error), `Cannot bind ${hostPort(local.hostname, local.port)}`);
  }
  socket.removeAllListeners("error");
  const { state } = await Deno.permissions.query({ name: "net" });
  return new UdpLink(socket, options, state === "granted");
}

/** A packet that is being sent, or waits for its turn. */
interface Outgoing {
  data: Uint8Array;
  port: number;
  hostname: string;
  sent: PromiseWithResolvers<void>;
}

class UdpLink implements DatagramLink {
  readonly addr: Deno.NetAddr;
  readonly #socket: Socket;
  readonly #family: AddressFamily;
  readonly #broadcast: boolean;
  /** Whether every address may be reached: then nobody is asked again. */
  readonly #freely: boolean;
  readonly #inbox = new DatagramInbox();
  readonly #outgoing = new Deque<Outgoing>();
  #closed = false;

  constructor(socket: Socket, { family, broadcast, peer }: BindOptions, freely: boolean) {
    this.#socket = socket;
    this.#family = family;
    this.#broadcast = broadcast;
    this.#freely = freely;
    const { address, port } = socket.address();
    this.addr = { transport: "udp", hostname: address, port };
    // node:dgram connects in name only: strangers' packets come through (and would wake the loop).
    const isHeard = peer === null
      ? () => true
      : (from: RemoteInfo) => from.port === peer.port && isSameHost(peer.hostname, from.address);
    socket.on("message", (data: Uint8Array<ArrayBuffer>, from: RemoteInfo) => {
      if (!isHeard(from)) return;
      // A Buffer is not what was promised: its slice() does not copy.
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.#inbox.push([bytes, { transport: "udp", hostname: from.address, port: from.port }]);
    });
    socket.on("error", (error) => this.#inbox.push(fromNode(error)));
  }

  get socket(): unknown {
    return this.#socket;
  }

  get dropped(): number {
    return this.#inbox.dropped;
  }

  receive(): Promise<Packet | null> {
    return this.#inbox.take();
  }

  send(data: Uint8Array, addr: Address): Promise<void> {
    const { hostname, port } = addr as HostAddress;
    const sending = this.#freely && literalFamily(hostname) === this.#family
      ? this.#send(data, port, hostname)
      : this.#sendChecked(data, port, hostname);
    return sending.catch((error) => {
      throw this.#explain(error, data.length, hostPort(hostname, port));
    });
  }

  async #sendChecked(data: Uint8Array, port: number, hostname: string): Promise<void> {
    const number = await this.#number(hostname);
    const host = hostPort(number, port);
    if (!this.#freely && !isGranted(host)) throw notCapable(host);
    await this.#send(data, port, number);
  }

  /** node:dgram would look a name up as well, but ask for permissions that it does not name. */
  async #number(hostname: string): Promise<string> {
    const family = literalFamily(hostname);
    if (family === this.#family) return hostname;
    if (family !== null) {
      throw new Deno.errors.NotSupported(`the endpoint is ${this.#family}, the address is not`);
    }
    const [found] = await resolveHost(hostname, 0, { family: this.#family, type: "datagram" });
    if (found !== undefined) return found.sockaddr.hostname;
    throw new Deno.errors.NotFound(`the host has no ${this.#family} address`);
  }

  /**
   * One after the other: of several sends at once Deno does the last one first,
   * and a burst would arrive in reverse.
   */
  #send(data: Uint8Array, port: number, hostname: string): Promise<void> {
    const sent = Promise.withResolvers<void>();
    this.#outgoing.push({ data, port, hostname, sent });
    if (this.#outgoing.size === 1) this.#sendNext();
    return sent.promise;
  }

  #sendNext(): void {
    const next = this.#outgoing.peek();
    if (next === undefined || this.#closed) return;
    const { data, port, hostname, sent } = next;
    this.#socket.send(data, port, hostname, (error) => {
      if (error) sent.reject(fromNode(error));
      else sent.resolve();
      this.#outgoing.shift();
      this.#sendNext();
    });
  }

  #explain(error: unknown, length: number, host: string): Error {
    const attempt = `Cannot send a datagram of ${length} bytes to ${host}`;
    const { code } = error as { code?: unknown };
    if (code === "EMSGSIZE") return explain(error, `${attempt}: it is too long for one packet`);
    if (code !== "UNKNOWN") return explain(error, attempt);
    // Deno does not tell EACCES, which is what a broadcast is refused with.
    if (!this.#broadcast && /\.255:\d+$/.test(host)) {
      return new Deno.errors.PermissionDenied(`${attempt}: a broadcast needs allowBroadcast`, {
        cause: error,
      });
    }
    return explain(error, `${attempt}: the system refused it, perhaps for want of a route`);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#inbox.end();
  }
}

function isGranted(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}
