import type { RemoteInfo, Socket } from "node:dgram";
import type { HostAddress } from "../types/transports.ts";
import { nodeModule } from "../internal/node.ts";
import { fromNode } from "./platform_error.ts";

/** One packet and where it came from. */
export type Packet = [data: Uint8Array, from: Deno.Addr];

/** A socket for datagrams, as the transport needs it. */
export interface DatagramLink {
  /** The local address. */
  readonly addr: Deno.Addr;
  /** The object of the platform. */
  readonly socket: unknown;
  /** Waits for a packet; `null` once closed. Rejects when an earlier send failed; the link stays usable. */
  receive(): Promise<Packet | null>;
  /** Sends one packet. `data` must not change until it settles. */
  send(data: Uint8Array, addr: Deno.NetAddr): Promise<void>;
  /** Releases the socket. Idempotent. */
  close(): void;
}

/** How {@linkcode bindUdp} binds. */
export interface BindOptions {
  /** Version of the protocol. */
  family: "ipv4" | "ipv6";
  /** Where; any address and port by default. */
  local?: HostAddress | undefined;
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
  await requireNet(`${local.hostname}:${local.port}`);
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
    throw fromNode(error);
  }
  socket.removeAllListeners("error");
  return new UdpLink(socket);
}

/** Refuses an address the program may not reach. */
export async function requireNet(host: string): Promise<void> {
  if ((await Deno.permissions.query({ name: "net", host })).state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

class UdpLink implements DatagramLink {
  readonly addr: Deno.Addr;
  readonly #socket: Socket;
  readonly #arrived: (Packet | Error)[] = [];
  #waiting: PromiseWithResolvers<Packet | null> | null = null;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.addr = { transport: "udp", hostname: address, port };
    socket.on("message", (data: Uint8Array, from: RemoteInfo) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.#deliver([
        bytes as Uint8Array,
        { transport: "udp", hostname: from.address, port: from.port },
      ]);
    });
    socket.on("error", (error) => this.#deliver(fromNode(error)));
  }

  get socket(): unknown {
    return this.#socket;
  }

  receive(): Promise<Packet | null> {
    const next = this.#arrived.shift();
    if (next instanceof Error) return Promise.reject(next);
    if (next !== undefined) return Promise.resolve(next);
    if (this.#closed) return Promise.resolve(null);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #deliver(arrived: Packet | Error): void {
    const waiting = this.#waiting;
    if (waiting === null) {
      this.#arrived.push(arrived);
      return;
    }
    this.#waiting = null;
    if (arrived instanceof Error) waiting.reject(arrived);
    else waiting.resolve(arrived);
  }

  send(data: Uint8Array, addr: Deno.NetAddr): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(data, addr.port, addr.hostname, (error) => {
        if (error) reject(fromNode(error));
        else resolve();
      });
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#waiting?.resolve(null);
    this.#waiting = null;
  }
}
