import type { EventLoop } from "../../loop/event_loop.ts";
import type { Future } from "../../loop/future.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import type { AbstractServer, Transport } from "../../types.ts";

/** Runs `main` in a new loop on the platform's I/O, and closes it; nothing may be reported. */
export async function inLoop<T>(
  main: (loop: EventLoop, reports: string[]) => Promise<T>,
  options: { reports?: boolean } = {},
): Promise<T> {
  const loop = newEventLoop();
  const reports: string[] = [];
  loop.setExceptionHandler((_loop, context) => void reports.push(context.message));
  try {
    const result = await loop.runUntilComplete(() => main(loop, reports));
    if (options.reports !== true && reports.length > 0) {
      throw new Error(`The loop reported: ${reports.join("; ")}`);
    }
    return result;
  } finally {
    loop.close();
  }
}

/** The port a server listens on. */
export function portOf(server: AbstractServer): number {
  return (server.sockets[0]?.addr as Deno.NetAddr).port;
}

/** A protocol that writes down what happens to it. */
export class Recorder extends Protocol {
  transport!: Transport;
  readonly events: string[] = [];
  readonly lost: Future<Error | null>;
  received = 0;
  keepOpen = false;

  constructor(loop: EventLoop) {
    super();
    this.lost = loop.createFuture();
  }

  override connectionMade(transport: Transport): void {
    this.transport = transport;
    this.events.push("made");
  }

  override dataReceived(data: Uint8Array): void {
    this.received += data.length;
    this.events.push("data");
  }

  override eofReceived(): boolean {
    this.events.push("eof");
    return this.keepOpen;
  }

  override pauseWriting(): void {
    this.events.push("pause");
  }

  override resumeWriting(): void {
    this.events.push("resume");
  }

  override connectionLost(error: Error | null): void {
    this.events.push(error === null ? "lost" : `lost ${error.name}`);
    this.lost.setResult(error);
  }
}

/** Sends back what it receives, and reads no faster than that can be sent. */
export class Echo extends Protocol {
  #transport!: Transport;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport.write(data);
  }

  override pauseWriting(): void {
    this.#transport.pauseReading();
  }

  override resumeWriting(): void {
    this.#transport.resumeReading();
  }
}
