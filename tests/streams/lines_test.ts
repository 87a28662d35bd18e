import { createHash } from "node:crypto";
import { openConnection, startServer } from "../../streams/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { inLoop, portOf } from "../transports/tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1" };
const SIZE = 100 * 1024 * 1024;

/** Lines of 1 to about 2000 bytes, some of them empty; the same each time. */
function makeLines(size: number): Uint8Array {
  const data = new Uint8Array(size).fill(0x78);
  let seed = 1;
  for (let at = 0; at < size;) {
    data[at] = 10;
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    at += 1 + (seed >>> 21);
  }
  return data;
}

// That this is linear is held in byte_buffer_test.ts, by counting.
for (const how of ["readline()", "for await"]) {
  Deno.test(`${how} gets 100 MiB of lines through a socket`, async () => {
    await inLoop(async () => {
      const block = makeLines(SIZE / 100);
      const lineCount = 100 * block.reduce((sum, byte) => sum + Number(byte === 10), 0);
      const sent = createHash("sha256");
      for (let i = 0; i < 100; i++) sent.update(block);
      await using server = await startServer(async (_reader, writer) => {
        for (let i = 0; i < 100; i++) {
          writer.write(block);
          await writer.drain();
        }
        writer.close();
      }, LOCAL);
      const [reader, writer] = await openConnection({ ...LOCAL, port: portOf(server) });
      const received = createHash("sha256");
      let size = 0;
      let count = 0;
      const take = (line: Uint8Array) => {
        received.update(line);
        size += line.length;
        if (line.at(-1) === 10) count++;
      };
      if (how === "for await") { for await (const line of reader) take(line); }
      else for (let line; (line = await reader.readline()).length > 0;) take(line);
      assertEquals([size, count], [SIZE, lineCount]);
      assertEquals(received.digest("hex"), sent.digest("hex"));
      writer.close();
      await writer.waitClosed();
    });
  });
}
