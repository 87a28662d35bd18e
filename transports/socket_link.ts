import type { AddressFamily } from "../types/options.ts";
import type { Address, HostAddress } from "../types/transports.ts";
import { Deque } from "../internal/deque.ts";
import { type LoopInternals, scheduler } from "../loop/internals.ts";
import { claimSocket } from "./claim.ts";
import { DatagramInbox, type DatagramLink, type Packet, shownAddress } from "./datagram_link.ts";
import { resolveHost } from "./dns.ts";
import { AF_INET6, AF_UNIX } from "./ffi/constants.ts";
import {
  addressError,
  encodeFor,
  fdError,
  tryRecvfrom,
  trySend,
  trySendto,
  wouldBlock,
} from "./ffi/raw_socket.ts";
import type { Socket } from "./ffi/socket.ts";
import type { RawAddress } from "./ffi/socket_address.ts";
import { fdWatcher } from "./ffi/watcher.ts";
import { literalFamily } from "./host_number.ts";
import { explain } from "./platform_error.ts";

/** Room for a datagram; those of unix sockets are as long as the send buffer (CPython `max_size`). */
const ROOM = 256 * 1024;
/** So many packets are received before others have a turn. */
const MOST_AT_ONCE = 32;
/** A unix socket is writable although the receiver's queue is full: so long until the next try, in milliseconds. */
const RETRY_MS = 1;

/** A packet that the system has no room for yet. */
interface Outgoing {
  data: Uint8Array;
  addr: Address;
  /** `null` for the peer of a connected socket. */
  raw: RawAddress | null;
  sent: PromiseWithResolvers<void>;
}

/**
 * A datagram {@linkcode Socket}: for unix sockets, shared ports, and sockets the
 * caller made. A connected one is connected in the kernel, so what comes back
 * from a peer that is not there is told as an error.
 */
export class SocketLink implements DatagramLink {
  readonly addr: Deno.Addr;
  readonly #loop: LoopInternals;
  readonly #socket: Socket;
  readonly #peer: Deno.Addr | null;
  readonly #inbox = new DatagramInbox();
  readonly #outgoing = new Deque<Outgoing>();
  #retrying = false;

  /** Takes the socket over and begins to receive; `peer` is the one it is connected to. */
  constructor(loop: LoopInternals, socket: Socket, peer: Deno.Addr | null) {
    this.#loop = loop;
    this.#socket = socket;
    this.#peer = peer;
    this.addr = socket.getsockname();
    claimSocket(loop, socket, "createDatagramEndpoint");
    fdWatcher.addLine(loop, socket.fileno(), "readLine", {
      ready: () => this.#receiveAll(),
      closed: () => this.#inbox.end(),
    });
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

  #receiveAll(): void {
    const { type } = this.#socket;
    for (let left = MOST_AT_ONCE; left > 0; left--) {
      const fd = this.#socket.fileno();
      const got = tryRecvfrom(fd, type, ROOM);
      if (typeof got !== "number") {
        const [data, from] = got;
        this.#inbox.push([data, from ?? this.#peer ?? { transport: "unixpacket", path: "" }]);
      } else {
        if (!wouldBlock(got)) this.#inbox.push(this.#received(got, fd));
        return;
      }
    }
  }

  #received(result: number, fd: number): Error {
    const peer = this.#peer === null ? "" : ` to ${shownAddress(this.#peer)}`;
    return explain(
      fdError(result, "recv", fd),
      `An earlier datagram${peer} came back, or receiving failed`,
    );
  }

  async send(data: Uint8Array, addr: Address): Promise<void> {
    try {
      const raw = this.#peer === null ? await this.#encode(addr) : null;
      const outgoing = { data, addr, raw, sent: Promise.withResolvers<void>() };
      if (this.#outgoing.size > 0 || !this.#trySend(outgoing)) this.#queue(outgoing);
      await outgoing.sent.promise;
    } catch (error) {
      throw explain(
        error,
        `Cannot send a datagram of ${data.length} bytes to ${shownAddress(addr)}`,
      );
    }
  }

  async #encode(addr: Address): Promise<RawAddress> {
    const { family } = this.#socket;
    const encode = (target: Address) => encodeFor(this.#socket.fileno(), target, family, "sendto");
    if (family === AF_UNIX || !("hostname" in addr) || literalFamily(addr.hostname) !== null) {
      return encode(addr);
    }
    const wanted: AddressFamily = family === AF_INET6 ? "ipv6" : "ipv4";
    const { hostname, port } = addr as HostAddress;
    const [found] = await resolveHost(hostname, port, { family: wanted, type: "datagram" });
    if (found !== undefined) return encode(found.sockaddr);
    throw new Deno.errors.NotFound(`the host has no ${wanted} address`);
  }

  /** Whether the packet is done with, sent or refused. */
  #trySend({ data, addr, raw, sent }: Outgoing): boolean {
    const fd = this.#socket.fileno();
    if (fd < 0) {
      sent.reject(new Deno.errors.BadResource("the socket is closed"));
      return true;
    }
    const result = raw === null ? trySend(fd, data) : trySendto(fd, data, raw);
    if (wouldBlock(result)) return false;
    if (result >= 0) sent.resolve();
    else sent.reject(addressError(result, "sendto", fd, addr));
    return true;
  }

  #queue(outgoing: Outgoing): void {
    this.#outgoing.push(outgoing);
    if (this.#retrying) return;
    this.#retrying = true;
    this.#retryLater();
  }

  #retryLater(): void {
    const loop = this.#loop;
    const fd = this.#socket.fileno();
    if (fd < 0) return;
    if (this.#socket.family === AF_UNIX && this.#peer === null) {
      loop[scheduler].callAt(loop.time() + RETRY_MS, () => this.#sendQueued(), undefined);
      return;
    }
    const ready = () => {
      fdWatcher.removeLine(loop, fd, "writeLine");
      this.#sendQueued();
    };
    fdWatcher.addLine(loop, fd, "writeLine", { ready });
  }

  #sendQueued(): void {
    for (let next = this.#outgoing.peek(); next !== undefined; next = this.#outgoing.peek()) {
      if (!this.#trySend(next)) return this.#retryLater();
      this.#outgoing.shift();
    }
    this.#retrying = false;
  }

  close(): void {
    this.#inbox.end();
    this.#outgoing.clear();
    this.#socket.close();
  }
}
