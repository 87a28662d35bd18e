import { RuntimeError } from "../../errors.ts";
import { gather, sleep } from "../../tasks/mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { bytes, loopTest, memoryStreams, start, text, tick } from "./support.ts";

/** Options of a connection whose second side takes in 1 KiB and then reads no more. */
const STALLED = { capacity: 1024, limit: 1 };
const BULK = new Uint8Array(256 * 1024);

loopTest("write(), writelines() and writeEof() send, and reading goes on", async () => {
  const [client, server] = await memoryStreams();
  client.writer.write(bytes("one "));
  client.writer.writelines([bytes("two "), bytes("three")]);
  assertEquals(client.writer.canWriteEof(), true);
  client.writer.writeEof();
  assertEquals(text(await server.reader.read()), "one two three");
  server.writer.write(bytes("answer"));
  server.writer.close();
  assertEquals(text(await client.reader.read()), "answer");
  client.writer.close();
  await gather(client.writer.waitClosed(), server.writer.waitClosed());
});

loopTest("drain() returns at once while little is buffered", async () => {
  const [client, server] = await memoryStreams();
  client.writer.write(bytes("little"));
  await client.writer.drain();
  client.writer.transport.abort();
  server.writer.transport.abort();
});

loopTest("drain() waits while much is buffered, for any number of tasks", async () => {
  const [client, server] = await memoryStreams(STALLED);
  client.writer.write(BULK);
  const drains = Array.from({ length: 10 }, () => start(() => client.writer.drain()));
  await sleep(1000);
  assertEquals(drains.map((drain) => drain.done()), drains.map(() => false));
  await server.reader.readexactly(BULK.length);
  await gather(...drains);
  client.writer.transport.abort();
  server.writer.transport.abort();
});

loopTest("cancelling one drain() leaves the others waiting", async () => {
  const [client, server] = await memoryStreams(STALLED);
  client.writer.write(BULK);
  const controller = new AbortController();
  const reason = new Error("enough");
  const [cancelled, aborted, kept] = [
    start(() => client.writer.drain()),
    start(() => client.writer.drain({ signal: controller.signal })),
    start(() => client.writer.drain()),
  ];
  await tick(2);
  cancelled.cancel();
  controller.abort(reason);
  await tick(2);
  assertEquals([cancelled.cancelled(), kept.done()], [true, false]);
  assertStrictEquals(await assertRejects(() => aborted), reason);
  await server.reader.readexactly(BULK.length);
  await kept;
  client.writer.transport.abort();
  server.writer.transport.abort();
});

loopTest("drain() that waits fails with what breaks the connection", async () => {
  const [client, server] = await memoryStreams(STALLED);
  client.writer.write(BULK);
  const drains = [start(() => client.writer.drain()), start(() => client.writer.drain())];
  await tick(2);
  server.writer.transport.abort();
  for (const drain of drains) await assertRejects(() => drain, Deno.errors.ConnectionReset);
  await assertRejects(() => client.writer.waitClosed(), Deno.errors.ConnectionReset);
});

loopTest("drain() that waits goes on when the connection ends without an error", async () => {
  const [client, server] = await memoryStreams(STALLED);
  client.writer.write(BULK);
  const drain = start(() => client.writer.drain());
  await tick(2);
  client.writer.transport.abort();
  await drain;
  await client.writer.waitClosed();
  // A paused transport hears nothing of the peer; but closing always comes to an end.
  server.writer.close();
  await server.writer.waitClosed();
});

loopTest(
  "drain() rejects once the connection is closed, so that no writer runs for ever",
  async () => {
    const [client, server] = await memoryStreams();
    client.writer.close();
    client.writer.write(bytes("data"));
    await assertRejects(
      () => client.writer.drain(),
      Deno.errors.ConnectionReset,
      "Connection lost",
    );
    server.writer.close();
    let rounds = 0;
    await assertRejects(async () => {
      for (;; rounds++) {
        server.writer.write(bytes("more"));
        await server.writer.drain();
      }
    }, Deno.errors.ConnectionReset);
    assert(rounds < 3);
  },
);

loopTest("drain() rejects with what broke the reader", async () => {
  const [client, server] = await memoryStreams();
  server.writer.transport.abort();
  await assertRejects(() => client.writer.waitClosed(), Deno.errors.ConnectionReset);
  const broken = await assertRejects(() => client.writer.drain(), Deno.errors.ConnectionReset);
  assertStrictEquals(broken, client.reader.exception() as Error);
});

loopTest("waitClosed() resolves for all who wait, before and after the end", async () => {
  const [client, server] = await memoryStreams();
  const waits = [1, 2, 3].map(() => start(() => client.writer.waitClosed()));
  const givenUp = start(() => client.writer.waitClosed());
  await tick(2);
  givenUp.cancel();
  assertEquals(client.writer.isClosing(), false);
  client.writer.close();
  assertEquals(client.writer.isClosing(), true);
  await gather(...waits);
  await client.writer.waitClosed();
  assertEquals(givenUp.cancelled(), true);
  server.writer.close();
  await server.writer.waitClosed();
});

loopTest(
  "waitClosed() resolves with unread data, with a paused reader, and after writeEof()",
  async () => {
    for (const prepare of ["unread", "paused", "eof", "read pending"]) {
      const [client, server] = await memoryStreams({ limit: 8 });
      server.writer.write(new Uint8Array(prepare === "unread" ? 10 : 1000));
      await sleep(1);
      let reading;
      if (prepare === "paused") assertEquals(client.transport.isReading(), false);
      if (prepare === "eof") client.writer.writeEof();
      if (prepare === "read pending") reading = start(() => client.reader.read());
      await tick(2);
      client.writer.close();
      await client.writer.waitClosed();
      if (reading !== undefined) assertEquals((await reading).length, 1000);
      server.writer.close();
      await server.writer.waitClosed();
    }
  },
);

loopTest(
  "waitClosed() rejects with what broke the connection, each time, and reports nothing by itself",
  async () => {
    const [client, server] = await memoryStreams();
    const waiting = start(() => client.writer.waitClosed());
    server.writer.transport.abort();
    const error = await assertRejects(() => waiting, Deno.errors.ConnectionReset);
    assertStrictEquals(await assertRejects(() => client.writer.waitClosed()), error);
    // The other connection breaks, too, and nobody asks it why.
    const [, other] = await memoryStreams({ loss: { afterBytes: 0 } });
    await tick(5);
    assertEquals(other.writer.isClosing(), true);
  },
);

loopTest("closing the writer ends the reader", async () => {
  const [client, server] = await memoryStreams();
  client.writer.close();
  await client.writer.waitClosed();
  assertEquals([client.reader.atEof(), (await client.reader.read()).length], [true, 0]);
  server.writer.close();
});

loopTest("the peer's EOF ends the reader and leaves the writer usable", async () => {
  const [client, server] = await memoryStreams();
  client.writer.writeEof();
  assertEquals((await server.reader.read()).length, 0);
  await sleep(100);
  assertEquals(server.writer.isClosing(), false);
  server.writer.write(bytes("still here"));
  await server.writer.drain();
  assertEquals(text(await client.reader.readexactly(10)), "still here");
  await using _client = client.writer;
  await using _server = server.writer;
});

loopTest("await using closes the writer and waits for the end", async () => {
  const [client, server] = await memoryStreams();
  {
    await using writer = client.writer;
    writer.write(bytes("last words"));
  }
  assertEquals(client.transport.getProtocol(), null);
  assertEquals(text(await server.reader.read()), "last words");
  server.writer.close();
  await server.writer[Symbol.asyncDispose]();
  await server.writer[Symbol.asyncDispose]();
});

loopTest(
  "await using is quiet about a connection that was broken, and not about a bug",
  async () => {
    const [client, server] = await memoryStreams();
    server.writer.transport.abort();
    await client.writer[Symbol.asyncDispose]();
    const [other, peer] = await memoryStreams();
    const bug = new TypeError("a bug");
    other.protocol.connectionLost(bug);
    assertStrictEquals(await assertRejects(() => other.writer[Symbol.asyncDispose]()), bug);
    peer.writer.transport.abort();
  },
);

loopTest("getExtraInfo() and transport are those of the connection", async () => {
  const extra = [{ peername: "server" }, {}] as const;
  const [client, server] = await memoryStreams({ extra });
  assertStrictEquals(client.writer.transport, client.transport);
  assertEquals(client.writer.getExtraInfo("peername") as unknown, "server");
  assertEquals(server.writer.getExtraInfo("peername"), null);
  assertEquals(server.writer.getExtraInfo("peername", "nobody"), "nobody");
  assert(String(client.writer).startsWith("<StreamWriter transport=<StreamTransport open"));
  client.writer.close();
  server.writer.close();
});

loopTest("write() after writeEof() is refused", async () => {
  const [client, server] = await memoryStreams();
  client.writer.writeEof();
  assertThrows(() => client.writer.write(bytes("x")), RuntimeError, "after writeEof()");
  client.writer.close();
  server.writer.close();
});

loopTest("a read that waits for more than the limit keeps the transport reading", async () => {
  const [client, server] = await memoryStreams({ chunkSize: 100, limit: 16 });
  client.writer.write(BULK);
  client.writer.writeEof();
  assertEquals((await server.reader.readexactly(BULK.length - 1)).length, BULK.length - 1);
  assertEquals((await server.reader.read()).length, 1);
  client.writer.close();
  server.writer.close();
});

loopTest(
  "a reader nobody reads from takes in no more than twice its limit and one portion",
  async () => {
    const [client, server] = await memoryStreams({ chunkSize: 100, capacity: 1000, limit: 500 });
    client.writer.write(BULK);
    await sleep(1000);
    const size = Number(/ (\d+) bytes/.exec(String(server.reader))?.[1]);
    assert(size > 1000 && size <= 1100, `${size} bytes in the reader`);
    client.writer.transport.abort();
    server.writer.close();
    await server.writer.waitClosed();
  },
);
