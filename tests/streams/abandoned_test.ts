/**
 * A connection whose reader and writer nobody holds any more is closed, and
 * reported.
 *
 * @module
 */

import type { EventLoop } from "../../loop/mod.ts";
import { openConnection, startServer, type StreamReader } from "../../streams/mod.ts";
import { sleep } from "../../tasks/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { collectGarbage, untilCollected } from "../support/garbage.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import { inLoop, portOf } from "../transports/tcp_support.ts";
import { bytes, text } from "./support.ts";

const LOCAL = { hostname: "127.0.0.1" };
const MESSAGE = 'An open stream was garbage collected, and is closed now: call "writer.close()"';

/** Collects what can be collected while the loop runs. */
async function collect(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await nextMacrotask();
    await sleep(1);
  }
}

async function withReports(main: (loop: EventLoop, reports: string[]) => Promise<void>) {
  await inLoop(main, { reports: true });
}

Deno.test("a client's stream that nobody holds is closed and reported", async () => {
  await withReports(async (_loop, reports) => {
    const ended: string[] = [];
    const server = await startServer(async (reader, writer) => {
      ended.push(text(await reader.read()));
      writer.close();
    }, LOCAL);
    await (async () => {
      const [, writer] = await openConnection({ ...LOCAL, port: portOf(server) });
      writer.write(bytes("forgotten"));
    })();
    await untilCollected(() => ended.length > 0, "the stream");
    assertEquals([ended, reports], [["forgotten"], [MESSAGE]]);
    server.close();
    await server.waitClosed();
  });
});

Deno.test("a server's stream whose handler forgot to close it is closed and reported", async () => {
  await withReports(async (_loop, reports) => {
    const server = await startServer(async (_reader, writer) => {
      writer.write(bytes("hello"));
      await writer.drain();
    }, LOCAL);
    const [reader, writer] = await openConnection({ ...LOCAL, port: portOf(server) });
    const reading = reader.read();
    await untilCollected(() => reader.atEof() || reports.length > 0, "the stream");
    assertEquals([text(await reading), reports], ["hello", [MESSAGE]]);
    writer.close();
    server.close();
    await server.waitClosed();
  });
});

Deno.test("a stream is left alone while somebody has its reader, its writer, or waits for it", async () => {
  await withReports(async (loop, reports) => {
    let connections = 0;
    const server = await startServer(async (reader, writer) => {
      connections++;
      for await (const line of reader) writer.write(line);
      writer.close();
    }, LOCAL);
    const port = portOf(server);
    const connect = () => openConnection({ ...LOCAL, port });
    const reader = await (async () => {
      const [reader, writer] = await connect();
      writer.write(bytes("to the reader\n"));
      return reader;
    })();
    const writer = (await connect())[1];
    // Nothing but what it waits for holds a function that was started outside a task.
    let line = "";
    loop.callSoon(async () => {
      const [waiting, asking] = await connect();
      loop.callLater(20, () => void asking.write(bytes("to who waits\n")));
      line = await oneLine(waiting);
    });
    await until(() => connections === 3);
    await collect();
    await until(() => line === "to who waits\n");
    assertEquals(text(await reader.readline()), "to the reader\n");
    writer.write(bytes("x"));
    writer.close();
    await writer.waitClosed();
    assertEquals(reports.filter((report) => report !== MESSAGE), []);
    server.close();
    server.closeClients();
    await server.waitClosed();
  });
});

async function oneLine(reader: StreamReader): Promise<string> {
  return text(await reader.readline());
}

Deno.test("a stream that was closed is forgotten without a word", async () => {
  await withReports(async (_loop, reports) => {
    await using server = await startServer((_reader, writer) => writer.close(), LOCAL);
    await (async () => {
      const [, writer] = await openConnection({ ...LOCAL, port: portOf(server) });
      writer.close();
      await writer.waitClosed();
    })();
    await collect();
    assertEquals(reports, []);
  });
});
