#!/usr/bin/env -S deno run --allow-net=127.0.0.1
// deno-lint-ignore-file no-console
/**
 * A tour in one file: a server protocol and client protocols over real sockets,
 * flow control at work, a waiting task cancelled, and a clean shutdown.
 *
 *   deno run --allow-net=127.0.0.1 examples/quickstart.ts
 */
import {
  CancelledError,
  type EventLoop,
  type Future,
  getRunningLoop,
  Protocol,
  run,
  type Transport,
} from "../mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Answers `SHOUT text` in capitals, and `SEND n` with n bytes, no faster than the client reads. */
class Service extends Protocol {
  static pauses = 0;
  static mostBuffered = 0;
  #transport!: Transport;
  #owed = 0;
  #mayWrite = true;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    const [verb, argument = ""] = decoder.decode(data).trim().split(/ (.*)/);
    if (verb === "SHOUT") this.#transport.write(encoder.encode(argument.toUpperCase()));
    if (verb === "SEND") {
      this.#owed = Number(argument);
      this.#sendMore();
    }
  }

  /** Writes until the transport says stop; `resumeWriting` goes on from there. */
  #sendMore(): void {
    while (this.#owed > 0 && this.#mayWrite) {
      const size = Math.min(this.#owed, 16 * 1024);
      this.#owed -= size;
      this.#transport.write(new Uint8Array(size));
      Service.mostBuffered = Math.max(Service.mostBuffered, this.#transport.getWriteBufferSize());
    }
    if (this.#owed === 0 && this.#mayWrite) this.#transport.writeEof();
  }

  override pauseWriting(): void {
    Service.pauses++;
    this.#mayWrite = false;
  }

  override resumeWriting(): void {
    this.#mayWrite = true;
    this.#sendMore();
  }
}

/** Sends one line and collects the answer. */
class Client extends Protocol {
  readonly answer: Future<string>;
  readonly #question: string;

  constructor(loop: EventLoop, question: string) {
    super();
    this.answer = loop.createFuture<string>();
    this.#question = question;
  }

  override connectionMade(transport: Transport): void {
    transport.write(encoder.encode(this.#question));
  }

  override dataReceived(data: Uint8Array): void {
    if (!this.answer.done()) this.answer.setResult(decoder.decode(data));
  }
}

/** Reads slowly: rests after every portion. */
class SlowReader extends Protocol {
  received = 0;
  readonly finished: Future<number>;
  readonly #loop: EventLoop;
  readonly #wanted: number;
  #transport!: Transport;

  constructor(loop: EventLoop, wanted: number) {
    super();
    this.#loop = loop;
    this.#wanted = wanted;
    this.finished = loop.createFuture<number>();
  }

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
    transport.write(encoder.encode(`SEND ${this.#wanted}`));
  }

  override dataReceived(data: Uint8Array): void {
    this.received += data.length;
    this.#transport.pauseReading();
    this.#loop.callLater(1, () => this.#transport.resumeReading());
  }

  override connectionLost(): void {
    this.finished.setResult(this.received);
  }
}

async function main(): Promise<void> {
  const loop = getRunningLoop();
  const server = await loop.createServer(() => new Service(), { hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = server.sockets[0]?.addr as Deno.NetAddr;
  console.log(`1. serving on ${hostname}, in one line of set-up`);

  // Client protocols, all at once.
  const clients = await Promise.all(["tick", "tack", "tock"].map(async (word) => {
    const [transport, client] = await loop.createConnection(
      () => new Client(loop, `SHOUT ${word}`),
      { hostname, port },
    );
    const answer = await client.answer;
    transport.close();
    return answer;
  }));
  console.log(`2. three clients were answered: ${clients.join(" ")}`);

  // Flow control: the reader is slow, so the writer is paused and its buffer stays small.
  const wanted = 16 * 1024 * 1024;
  const [, reader] = await loop.createConnection(() => new SlowReader(loop, wanted), {
    hostname,
    port,
  });
  const received = await reader.finished;
  console.log(
    `3. a slow reader got ${received / 2 ** 20} MiB; its writer was paused ${
      Service.pauses > 0 ? "again and again" : "never"
    } and never held more than ${Math.ceil(Service.mostBuffered / 1024)} KiB`,
  );

  // Cancellation unwinds the await, and finally blocks may await too.
  const waiting = loop.createTask(async () => {
    try {
      await loop.createFuture<void>();
    } finally {
      await Promise.resolve();
      console.log("4. a task that waited for ever was cancelled, and cleaned up");
    }
  }, { name: "waiter" });
  loop.callLater(5, () => waiting.cancel("enough"));
  try {
    await waiting;
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    console.log(`5. whoever awaited it got ${error.name}: ${error.message}`);
  }

  server.close();
  await server.waitClosed();
  console.log("6. server closed, no connection left");
}

await run(main);
console.log("7. loop closed; the process ends by itself");
