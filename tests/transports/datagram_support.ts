import type { EventLoop } from "../../loop/mod.ts";
import { DatagramProtocol } from "../../protocols/mod.ts";
import type { CreateDatagramEndpointOptions, DatagramTransport } from "../../types.ts";

/** Loopback, any free port. */
export const LOCAL = { hostname: "127.0.0.1", port: 0 };

/** A protocol that writes down what happens to it. */
export class Datagrams extends DatagramProtocol {
  transport!: DatagramTransport;
  readonly events: string[] = [];
  readonly packets: Uint8Array[] = [];
  readonly senders: Deno.Addr[] = [];
  readonly errors: Error[] = [];
  readonly lost = Promise.withResolvers<Error | null>();

  override connectionMade(transport: DatagramTransport): void {
    this.transport = transport;
    this.events.push("made");
  }

  override datagramReceived(data: Uint8Array, addr: Deno.Addr): void {
    this.events.push("data");
    this.packets.push(data);
    this.senders.push(addr);
  }

  override errorReceived(error: Error): void {
    this.events.push("error");
    this.errors.push(error);
  }

  override pauseWriting(): void {
    this.events.push("pause");
  }

  override resumeWriting(): void {
    this.events.push("resume");
  }

  override connectionLost(error: Error | null): void {
    this.events.push("lost");
    this.lost.resolve(error);
  }

  /** What arrived, as text. */
  get texts(): string[] {
    return this.packets.map((packet) => new TextDecoder().decode(packet));
  }

  /** Its own address. */
  get addr(): Deno.NetAddr {
    return this.transport.getExtraInfo("sockname") as Deno.NetAddr;
  }

  /** Sends text. */
  send(text: string, addr?: { hostname: string; port: number } | { path: string }): void {
    this.transport.sendto(new TextEncoder().encode(text), addr);
  }
}

/** Sends back what it receives. */
export class DatagramEcho extends Datagrams {
  override datagramReceived(data: Uint8Array, addr: Deno.Addr): void {
    this.transport.sendto(data, addr);
  }
}

/** An endpoint on loopback, or where `options` say. */
export async function openDatagrams<P extends Datagrams = Datagrams>(
  loop: EventLoop,
  options: CreateDatagramEndpointOptions = { localAddr: LOCAL },
  protocol: P = new Datagrams() as P,
): Promise<P> {
  return (await loop.createDatagramEndpoint(() => protocol, options))[1];
}
