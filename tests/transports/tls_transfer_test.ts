import { createHash } from "node:crypto";
import type { EventLoop, Future } from "../../loop/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import type { Transport } from "../../types.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { asClient, leakFree, LOCAL, shutDown } from "./tls_transport_support.ts";
import { clientContext, serverContext } from "./tls_support.ts";

const MIB = 1024 * 1024;
/** What goes each way; four times as much where the environment asks for it, as CI does. */
const SIZE = (Deno.env.get("ASYNCIO_TEST_LARGE") ? 256 : 64) * MIB;
const SOURCE = crypto.getRandomValues(new Uint8Array(65536));

/** A number from 0 to `below`, the same in each run. */
function makeRandom(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

/** Sends `size` bytes in writes of any size, with pauses, and receives as many, with pauses. */
class Exchange extends Protocol {
  readonly sent = createHash("sha256");
  readonly received = createHash("sha256");
  readonly finished: Future<void>;
  readonly lost: Future<Error | null>;
  mostBuffered = 0;
  pauses = 0;
  readonly #loop: EventLoop;
  readonly #random: (below: number) => number;
  #transport!: Transport;
  #toSend: number;
  #toReceive: number;
  #mayWrite = true;

  constructor(loop: EventLoop, size: number, seed: number) {
    super();
    this.#toSend = this.#toReceive = size;
    this.#loop = loop;
    this.#random = makeRandom(seed);
    this.finished = loop.createFuture();
    this.lost = loop.createFuture();
  }

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
    this.#write();
  }

  #write(): void {
    const random = this.#random;
    while (this.#mayWrite && this.#toSend > 0) {
      // Mostly small, sometimes large, and seldom a multiple of anything.
      const length = Math.min(this.#toSend, 1 + random(random(4) === 0 ? SOURCE.length : 5000));
      const start = random(SOURCE.length - length + 1);
      const piece = SOURCE.subarray(start, start + length);
      this.sent.update(piece);
      this.#toSend -= length;
      this.#transport.write(piece);
      this.mostBuffered = Math.max(this.mostBuffered, this.#transport.getWriteBufferSize());
      if (random(3000) === 0) return void this.#loop.callLater(random(4), () => this.#write());
    }
    this.#finish();
  }

  override pauseWriting(): void {
    this.#mayWrite = false;
    this.pauses++;
  }

  override resumeWriting(): void {
    this.#mayWrite = true;
    this.#write();
  }

  override dataReceived(data: Uint8Array): void {
    this.received.update(data);
    this.#toReceive -= data.length;
    if (this.#random(300) === 0) {
      this.#transport.pauseReading();
      this.#loop.callLater(this.#random(4), () => this.#transport.resumeReading());
    }
    this.#finish();
  }

  #finish(): void {
    if (this.#toSend > 0 || this.#toReceive > 0 || this.finished.done()) return;
    this.finished.setResult();
  }

  override connectionLost(error: Error | null): void {
    this.lost.setResult(error);
  }
}

for (const [maxVersion, size] of [["TLSv1.2", SIZE / 4], ["TLSv1.3", SIZE]] as const) {
  Deno.test(`TLS carries ${size / MIB} MiB each way at once in writes of any size and with pauses (${maxVersion})`, async () => {
    await leakFree(async (loop, reports) => {
      const server = new Exchange(loop, size, 1);
      const client = new Exchange(loop, size, 2);
      const listening = await loop.createServer(() => server, {
        ...LOCAL,
        tls: serverContext({ maxVersion }),
      });
      const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
      const [transport] = await loop.createConnection(
        () => client,
        asClient(port, clientContext()),
      );
      assertEquals(transport.getExtraInfo("tlsVersion"), maxVersion);
      await client.finished;
      await server.finished;
      transport.close();
      assertEquals([await client.lost, await server.lost], [null, null]);
      assertEquals(
        [client.received.digest("hex"), server.received.digest("hex")],
        [server.sent.digest("hex"), client.sent.digest("hex")],
      );
      for (const { mostBuffered, pauses } of [client, server]) {
        assert(pauses > 10, `paused ${pauses} times`);
        assert(mostBuffered <= 2 * 65536, `buffered ${mostBuffered} bytes`);
      }
      await shutDown(listening);
      assertEquals(reports, []);
    });
  });
}
