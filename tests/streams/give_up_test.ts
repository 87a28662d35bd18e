/**
 * Giving up a read, however and whenever, loses no byte.
 *
 * @module
 */

import { CancelledError, TimeoutError } from "../../errors.ts";
import { StreamReader } from "../../streams/mod.ts";
import { timeout, waitFor } from "../../tasks/mod.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { bytes, loopTest, memoryStreams, readerOf, restOf, start, text, tick } from "./support.ts";

/** Every way to read, asking for more than there is. */
const READS: Readonly<
  Record<string, (reader: StreamReader, signal?: AbortSignal) => Promise<unknown>>
> = {
  "read()": (reader, signal) => reader.read(-1, { signal }),
  "readline()": (reader, signal) => reader.readline({ signal }),
  "readexactly()": (reader, signal) => reader.readexactly(1000, { signal }),
  "readuntil()": (reader, signal) => reader.readuntil("!!", { signal }),
  "for await": async (reader) => {
    for await (const line of reader) throw new Error(`there is no line, but ${text(line)}`);
  },
};

for (const [name, read] of Object.entries(READS)) {
  loopTest(`cancelling ${name} loses no byte`, async () => {
    const reader = readerOf(["be", "fore "]);
    const reading = start(() => read(reader));
    await tick();
    reader.feedData(bytes("mean"));
    await tick(3);
    reader.feedData(bytes("while "));
    reading.cancel();
    reader.feedData(bytes("after "));
    await assertRejects(() => reading, CancelledError);
    reader.feedData(bytes("all"));
    assertEquals(await restOf(reader), "before meanwhile after all");
  });

  loopTest(`a timeout around ${name} loses no byte`, async () => {
    const reader = readerOf(["before "]);
    await assertRejects(() => timeout(10, () => read(reader)), TimeoutError);
    await assertRejects(() => waitFor(() => read(reader), 10), TimeoutError);
    reader.feedData(bytes("after"));
    assertEquals(await restOf(reader), "before after");
  });

  if (name === "for await") continue;

  loopTest(`aborting ${name} rejects with the reason and loses no byte`, async () => {
    const reader = readerOf(["before "]);
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const reading = start(() => read(reader, controller.signal));
    await tick();
    reader.feedData(bytes("mean"));
    await tick(2);
    controller.abort(reason);
    reader.feedData(bytes("while"));
    assertStrictEquals(await assertRejects(() => reading), reason);
    assertStrictEquals(await assertRejects(() => read(reader, controller.signal)), reason);
    assertEquals(await restOf(reader), "before meanwhile");
  });
}

loopTest("a read that is cancelled as its bytes come leaves them to the next", async () => {
  const reader = new StreamReader();
  const first = start(() => reader.read(10));
  await tick();
  reader.feedData(bytes("data"));
  first.cancel();
  const second = start(() => reader.read(10));
  await assertRejects(() => first, CancelledError);
  assertEquals(text(await second), "data");
});

loopTest("reads that are given up again and again lose no byte of a connection", async () => {
  const [client, server] = await memoryStreams({ chunkSize: 7, delayMs: 1, limit: 16 });
  const lines = Array.from({ length: 200 }, (_, i) => `${i} ${"x".repeat(i % 16)}`.slice(0, 16));
  const writing = start(async () => {
    for (const line of lines) {
      client.writer.write(bytes(`${line}\n`));
      await client.writer.drain();
    }
    client.writer.close();
  });
  const received: string[] = [];
  let givenUp = 0;
  for (let turn = 0;; turn++) {
    try {
      const line = await timeout(turn % 4, () => server.reader.readline());
      if (line.length === 0) break;
      received.push(text(line).slice(0, -1));
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      givenUp++;
    }
  }
  await writing;
  assertEquals(received, lines);
  assertEquals(givenUp > 50, true, `gave up ${givenUp} times`);
  server.writer.close();
  await server.writer.waitClosed();
});
