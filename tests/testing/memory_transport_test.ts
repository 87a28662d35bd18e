import { getRunningLoop } from "../../loop/mod.ts";
import { memoryTransportPair, runVirtual, VirtualTimeLoop } from "../../testing/mod.ts";
import type { AbstractFuture, StreamingProtocol, Transport } from "../../types.ts";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "../support/assert.ts";

const HELLO = new TextEncoder().encode("hello");

/** A protocol that keeps a log with the time of the loop. */
class Log implements StreamingProtocol {
  readonly entries: [time: number, what: string][] = [];
  readonly lost: AbstractFuture<Error | null> = getRunningLoop().createFuture<Error | null>();
  transport: Transport | null = null;

  connectionMade(transport: Transport): void {
    this.transport = transport;
    this.#add("made");
  }
  dataReceived(data: Uint8Array): void {
    this.#add(new TextDecoder().decode(data));
  }
  eofReceived(): void {
    this.#add("eof");
  }
  pauseWriting(): void {
    this.#add("pause");
  }
  resumeWriting(): void {
    this.#add("resume");
  }
  connectionLost(error: Error | null): void {
    this.#add("lost");
    this.lost.setResult(error);
  }
  get story(): string[] {
    return this.entries.map(([, what]) => what);
  }
  #add(what: string): void {
    this.entries.push([getRunningLoop().time(), what]);
  }
}

Deno.test("memoryTransportPair() connects two protocols", async () => {
  await runVirtual(async () => {
    const [client, server] = [new Log(), new Log()];
    const [first, second] = memoryTransportPair({ protocols: [client, server] });
    first.write(HELLO);
    first.close();
    assertEquals(await client.lost, null);
    assertEquals(await server.lost, null);
    assertEquals([client.transport, server.transport], [first, second]);
    assertEquals(server.story, ["made", "hello", "eof", "lost"]);
    assertEquals(client.story, ["made", "lost"]);
  });
});

Deno.test("memoryTransportPair() gives connectionMade() to a protocol set before the next iteration", async () => {
  await runVirtual(async () => {
    const [first, second] = memoryTransportPair();
    const server = new Log();
    second.setProtocol(server);
    first.write(HELLO);
    first.close();
    await server.lost;
    assertEquals(server.story, ["made", "hello", "eof", "lost"]);
  });
});

Deno.test("memoryTransportPair() keeps what arrives before there is a protocol", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const [first, second] = memoryTransportPair();
    first.write(HELLO);
    first.close();
    const later = loop.createFuture<void>();
    loop.callLater(10, () => later.setResult());
    await later;
    const server = new Log();
    second.setProtocol(server);
    second.resumeReading();
    await server.lost;
    assertEquals(server.story, ["hello", "eof", "lost"]);
  });
});

Deno.test("memoryTransportPair() cuts the stream into pieces, late", async () => {
  await runVirtual(async () => {
    const server = new Log();
    const [first] = memoryTransportPair({
      protocols: [{}, server],
      chunkSize: [2, 1],
      delayMs: 1000,
    });
    first.write(HELLO);
    first.close();
    await server.lost;
    assertEquals(server.entries, [
      [0, "made"],
      [1000, "he"],
      [1000, "l"],
      [1000, "lo"],
      [1000, "eof"],
      [1000, "lost"],
    ]);
  });
});

Deno.test("memoryTransportPair() breaks the connection under both protocols", async () => {
  await runVirtual(async () => {
    const [client, server] = [new Log(), new Log()];
    const [first] = memoryTransportPair({ protocols: [client, server], loss: 3 });
    first.write(HELLO);
    const errors = [await server.lost, await client.lost];
    for (const error of errors) assertInstanceOf(error, Deno.errors.ConnectionReset);
    assertEquals(server.story, ["made", "hel", "lost"]);
  });
});

Deno.test("memoryTransportPair() resets the peer of a transport that was aborted", async () => {
  await runVirtual(async () => {
    const [client, server] = [new Log(), new Log()];
    const [first] = memoryTransportPair({ protocols: [client, server] });
    first.abort();
    assertEquals(await client.lost, null);
    assertInstanceOf(await server.lost, Deno.errors.ConnectionReset);
  });
});

Deno.test("memoryTransportPair() holds a writer up by its capacity", async () => {
  await runVirtual(async () => {
    const client = new Log();
    const [first, second] = memoryTransportPair({
      protocols: [client, { connectionMade: (transport: Transport) => transport.pauseReading() }],
      capacity: 100,
    });
    const loop = getRunningLoop();
    loop.callLater(10, () => {
      first.setWriteBufferLimits({ high: 50 });
      first.write(new Uint8Array(200));
    });
    loop.callLater(20, () => {
      assertEquals(first.getWriteBufferSize(), 100);
      second.resumeReading();
      first.close();
    });
    await client.lost;
    assertEquals(client.entries, [[0, "made"], [10, "pause"], [20, "resume"], [20, "lost"]]);
  });
});

Deno.test("memoryTransportPair() answers getExtraInfo() per side", async () => {
  await runVirtual(() => {
    const peername: Deno.Addr = { transport: "tcp", hostname: "192.0.2.1", port: 80 };
    const [first, second] = memoryTransportPair({ extra: [{ peername }, {}] });
    assertEquals(first.getExtraInfo("peername"), peername);
    assertEquals(second.getExtraInfo("peername"), null);
  });
});

Deno.test("memoryTransportPair() needs a loop, and takes one that does not run yet", async () => {
  assertThrows(() => memoryTransportPair(), Error, "no event loop is running");
  await using loop = new VirtualTimeLoop();
  let lost = false;
  const [first] = memoryTransportPair({
    loop,
    protocols: [{}, {
      connectionLost() {
        lost = true;
        loop.stop();
      },
    }],
  });
  first.close();
  await loop.runForever();
  assert(lost);
});
