/**
 * Streams as web streams.
 *
 * @module
 */

import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { bytes, loopTest, memoryStreams, readerOf, restOf, text, tick } from "./support.ts";

loopTest("readable gives what is read, and ends with the stream", async () => {
  const reader = readerOf(["one ", "two "]);
  assertEquals(text(await reader.read(1)), "o");
  const collected = new Response(reader.readable).text();
  await tick(2);
  reader.feedData(bytes("three"));
  reader.feedEof();
  assertEquals(await collected, "ne two three");
});

loopTest("readable is always the same, and takes nothing before it is asked", async () => {
  const reader = readerOf(["data"]);
  assertStrictEquals(reader.readable, reader.readable);
  await tick(5);
  assertEquals(text(await reader.read(4)), "data");
});

loopTest("readable hands out portions of the limit at most", async () => {
  const reader = readerOf(["0123456789"], 4);
  reader.feedEof();
  const portions: string[] = [];
  for await (const portion of reader.readable) portions.push(text(portion));
  assertEquals(portions, ["0123", "4567", "89"]);
});

loopTest("readable fails with what broke the stream", async () => {
  const reader = readerOf(["data"]);
  const broken = new Error("broken");
  reader.setException(broken);
  assertStrictEquals(await assertRejects(() => reader.readable.getReader().read()), broken);
});

loopTest("cancelling readable ends its read and loses no byte", async () => {
  const reader = readerOf([]);
  const view = reader.readable.getReader();
  const pending = view.read();
  await tick(2);
  await view.cancel("enough");
  assertEquals((await pending).done, true);
  await tick(2);
  reader.feedData(bytes("data\nmore"));
  assertEquals(text(await reader.readline()), "data\n");
  assertEquals(text((await reader.readable.getReader().read()).value as Uint8Array), "more");
  assertEquals(await restOf(reader), "");
});

loopTest("writable sends, waits while much is buffered, and closes the connection", async () => {
  const [client, server] = await memoryStreams({ capacity: 1000, limit: 1000 });
  assertStrictEquals(client.writer.writable, client.writer.writable);
  const size = 1_000_000;
  let produced = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (produced === size) return controller.close();
      produced += 10_000;
      controller.enqueue(new Uint8Array(10_000));
    },
  });
  const piped = source.pipeTo(client.writer.writable);
  await tick(100);
  // No more than the high mark and what is on its way is taken from a source nobody receives from.
  assertEquals(produced < 200_000, true, `took ${produced} bytes`);
  assertEquals((await server.reader.read()).length, size);
  // It waits for the end of the connection, which the peer has half open.
  server.writer.close();
  await piped;
  assertEquals(client.writer.isClosing(), true);
});

loopTest("aborting writable aborts the connection", async () => {
  const [client, server] = await memoryStreams();
  await client.writer.writable.abort("no more");
  await client.writer.waitClosed();
  await assertRejects(() => server.reader.read(), Deno.errors.ConnectionReset);
});

loopTest("writable fails when the connection is lost", async () => {
  const [client, server] = await memoryStreams();
  server.writer.transport.abort();
  await assertRejects(() => client.writer.waitClosed());
  const sink = client.writer.writable.getWriter();
  const closed = assertRejects(() => sink.closed, Deno.errors.ConnectionReset);
  await assertRejects(() => sink.write(bytes("data")), Deno.errors.ConnectionReset);
  await closed;
});

loopTest("two connections joined by their views are a proxy", async () => {
  const [client, inside] = await memoryStreams();
  const [outside, server] = await memoryStreams();
  const pipes = Promise.allSettled([
    inside.reader.readable.pipeTo(outside.writer.writable),
    outside.reader.readable.pipeTo(inside.writer.writable),
  ]);
  client.writer.write(bytes("question\n"));
  assertEquals(text(await server.reader.readline()), "question\n");
  server.writer.write(bytes("answer\n"));
  assertEquals(text(await client.reader.readline()), "answer\n");
  client.writer.close();
  server.writer.close();
  await pipes;
});
