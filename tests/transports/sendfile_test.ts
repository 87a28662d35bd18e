import { CancelledError, RuntimeError, SendfileNotAvailableError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import type { SendfileOptions, Transport, WriteTransport } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { startPython } from "../support/python.ts";
import { openDatagrams } from "./datagram_support.ts";
import { inLoop, portOf, Recorder } from "./tcp_support.ts";
import { clientContext, serverContext } from "./tls_support.ts";

const LOCAL = { hostname: "127.0.0.1" };

/** The receiving end of a connection: keeps what it gets. */
class Sink extends Recorder {
  readonly chunks: Uint8Array[] = [];

  override dataReceived(data: Uint8Array): void {
    super.dataReceived(data);
    this.chunks.push(data);
  }

  get bytes(): Uint8Array {
    const joined = new Uint8Array(this.received);
    let at = 0;
    for (const chunk of this.chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    return joined;
  }
}

interface Bench {
  loop: EventLoop;
  transport: Transport;
  sender: Recorder;
  sink: Sink;
  file: Deno.FsFile;
  content: Uint8Array;
  position(): Promise<number>;
}

function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => at * 31 % 253);
}

/** Runs `fn` with a file of `size` bytes and a TCP connection to send it over. */
async function withBench(size: number, fn: (bench: Bench) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  const content = pattern(size);
  await Deno.writeFile(path, content);
  using file = await Deno.open(path);
  await Deno.remove(path);
  await inLoop(async (loop) => {
    const sink = new Sink(loop);
    const server = await loop.createServer(() => sink, LOCAL);
    const [transport, sender] = await loop.createConnection(() => new Recorder(loop), {
      ...LOCAL,
      port: portOf(server),
    });
    await until(() => sink.events.includes("made"));
    const position = () => file.seek(0, Deno.SeekMode.Current);
    await fn({ loop, transport, sender, sink, file, content, position });
    transport.close();
    server.close();
    await server.waitClosed();
  });
}

Deno.test("sendfile() sends a file and leaves its position at the end", async () => {
  await withBench(1_000_000, async ({ loop, transport, sink, file, content, position }) => {
    assertEquals(await loop.sendfile(transport, file), content.length);
    assertEquals(await position(), content.length);
    await until(() => sink.received === content.length);
    assertEquals(sink.bytes, content);
  });
});

Deno.test("sendfile() sends from offset on, count bytes at most", async () => {
  await withBench(200_000, async ({ loop, transport, sink, file, content, position }) => {
    const cases: [SendfileOptions, number, number][] = [
      [{ offset: 1000, count: 10 }, 1000, 1010],
      [{ offset: 100_000 }, 100_000, 200_000],
      [{ count: 70_000 }, 0, 70_000],
      [{ offset: 199_990, count: 5000 }, 199_990, 200_000],
      [{ offset: 50, count: null }, 50, 200_000],
    ];
    let expected = 0;
    for (const [options, from, to] of cases) {
      await file.seek(12345, Deno.SeekMode.Start);
      assertEquals(await loop.sendfile(transport, file, options), to - from);
      assertEquals(await position(), to);
      await until(() => sink.received === expected + to - from);
      assertEquals(sink.bytes.subarray(expected), content.subarray(from, to));
      expected += to - from;
    }
  });
});

Deno.test("sendfile() of nothing sends nothing", async () => {
  await withBench(0, async ({ loop, transport, file, position }) => {
    assertEquals(await loop.sendfile(transport, file), 0);
    assertEquals(await loop.sendfile(transport, file, { offset: 10 }), 0);
    assertEquals(await position(), 10);
  });
});

Deno.test("sendfile() comes after what was written, and before what is written later", async () => {
  await withBench(300_000, async ({ loop, transport, sink, file, content }) => {
    const before = pattern(500_000);
    transport.write(before);
    const sending = loop.sendfile(transport, file);
    assertEquals(await sending, content.length);
    transport.write(new Uint8Array([1, 2, 3]));
    const total = before.length + content.length + 3;
    await until(() => sink.received === total);
    assertEquals(sink.bytes.subarray(0, before.length), before);
    assertEquals(sink.bytes.subarray(before.length, total - 3), content);
    assertEquals(sink.bytes.subarray(total - 3), new Uint8Array([1, 2, 3]));
  });
});

Deno.test("nobody else can write while sendfile() does, and reading goes on", async () => {
  await withBench(20_000_000, async ({ loop, transport, sender, sink, file, content }) => {
    sink.transport.pauseReading();
    const sending = loop.createTask(() => loop.sendfile(transport, file));
    await until(() => transport.getWriteBufferSize() > 0);
    const busy = "sendfile is in progress";
    assertThrows(() => transport.write(new Uint8Array(1)), RuntimeError, busy);
    assertThrows(() => transport.writelines([new Uint8Array(1)]), RuntimeError, busy);
    await assertRejects(() => loop.sendfile(transport, file), RuntimeError, busy);
    sink.transport.write(new Uint8Array(100));
    await until(() => sender.received === 100);
    sink.transport.resumeReading();
    assertEquals(await sending, content.length);
    transport.write(new Uint8Array(1));
    await until(() => sink.received === content.length + 1);
    assertEquals(sink.bytes.subarray(0, content.length), content);
  });
});

Deno.test("sendfile() that is given up leaves transport and position in order", async () => {
  const ways: ((abort: AbortController, task: { cancel(): boolean }) => void)[] = [
    (_abort, task) => void task.cancel(),
    (abort) => abort.abort(new Error("changed my mind")),
  ];
  for (const [at, giveUp] of ways.entries()) {
    await withBench(20_000_000, async ({ loop, transport, sink, file, content, position }) => {
      sink.transport.pauseReading();
      const controller = new AbortController();
      const offset = 1000;
      const task = loop.createTask(() =>
        loop.sendfile(transport, file, { offset, signal: controller.signal })
      );
      // Until the connection takes no more.
      await until(() => transport.getWriteBufferSize() > 0);
      giveUp(controller, task);
      const error = await assertRejects(() => task, Error);
      assertEquals([error instanceof CancelledError, error.message], [
        at === 0,
        at === 0 ? "" : "changed my mind",
      ]);
      const sent = await position() - offset;
      assert(sent > 0 && sent < content.length - offset, `${sent}`);
      transport.write(new Uint8Array([1, 2, 3]));
      sink.transport.resumeReading();
      await until(() => sink.received === sent + 3);
      assertEquals(sink.bytes.subarray(0, sent), content.subarray(offset, offset + sent));
      // And once more, from there on.
      assertEquals(
        await loop.sendfile(transport, file, { offset: offset + sent, count: 1000 }),
        1000,
      );
      await until(() => sink.received === sent + 1003);
      assertEquals(
        sink.bytes.subarray(sent + 3),
        content.subarray(offset + sent, offset + sent + 1000),
      );
    });
  }
});

Deno.test("sendfile() with an aborted signal does nothing", async () => {
  await withBench(10, async ({ loop, transport, file, position }) => {
    const signal = AbortSignal.abort(new Error("no"));
    await assertRejects(() => loop.sendfile(transport, file, { offset: 5, signal }), Error, "no");
    assertEquals(await position(), 0);
    transport.write(new Uint8Array(1));
  });
});

Deno.test("sendfile() rejects when the peer breaks the connection", async () => {
  await withBench(20_000_000, async ({ loop, transport, sender, sink, file }) => {
    sink.transport.pauseReading();
    const sending = loop.createTask(() => loop.sendfile(transport, file));
    await until(() => transport.getWriteBufferSize() > 0);
    // What was sent and not read makes this a reset.
    sink.transport.abort();
    await assertRejects(() => sending, Deno.errors.ConnectionReset);
    assertInstanceOf(await sender.lost, Error);
    await assertRejects(
      () => loop.sendfile(transport, file),
      RuntimeError,
      "Transport is closing",
    );
  });
});

Deno.test("close() and writeEof() end a sendfile()", async () => {
  for (const end of ["close", "writeEof"] as const) {
    await withBench(20_000_000, async ({ loop, transport, sink, file }) => {
      sink.transport.pauseReading();
      const sending = loop.createTask(() => loop.sendfile(transport, file));
      await until(() => transport.getWriteBufferSize() > 0);
      transport[end]();
      sink.transport.resumeReading();
      await assertRejects(() => sending, Error, "Cannot send file");
      assertEquals(await sink.lost, null);
    });
  }
});

Deno.test("sendfile() refuses what makes no sense, and moves nothing", async () => {
  await withBench(100, async ({ loop, transport, sink, file, position }) => {
    await file.seek(42, Deno.SeekMode.Start);
    const cases: [SendfileOptions, string][] = [
      [{ offset: -1 }, "offset must be a non-negative integer, got -1"],
      [{ offset: 1.5 }, "got 1.5"],
      [{ offset: "1" as unknown as number }, 'got "1"'],
      [{ count: 0 }, "count must be a positive integer, got 0"],
      [{ count: -5 }, "got -5"],
      [{ count: NaN }, "got NaN"],
    ];
    for (const [options, message] of cases) {
      await assertRejects(() => loop.sendfile(transport, file, options), RangeError, message);
    }
    await assertRejects(
      () => loop.sendfile(transport, "file" as unknown as Deno.FsFile),
      TypeError,
      'expected a Deno.FsFile, got "file"',
    );
    const unavailable = await assertRejects(
      () => loop.sendfile(transport, file, { fallback: false }),
      SendfileNotAvailableError,
      "fallback is off",
    );
    assertInstanceOf(unavailable, RuntimeError);
    const endpoint = await openDatagrams(loop);
    await assertRejects(
      () => loop.sendfile(endpoint.transport as unknown as WriteTransport, file),
      RuntimeError,
      "not supported for transport",
    );
    transport.close();
    await assertRejects(() => loop.sendfile(transport, file), RuntimeError, "closing");
    assertEquals([await position(), sink.received], [42, 0]);
  });
});

Deno.test("sendfile() of a file that cannot be read leaves the transport alone", async () => {
  await withBench(10, async ({ loop, transport, sink }) => {
    const path = await Deno.makeTempFile();
    using unreadable = await Deno.open(path, { write: true });
    await Deno.remove(path);
    await assertRejects(() => loop.sendfile(transport, unreadable), Error, "Bad file descriptor");
    transport.write(new Uint8Array(3));
    await until(() => sink.received === 3);
  });
});

Deno.test("sendfile() works over TLS, unix sockets and pipes", async () => {
  const folder = await Deno.makeTempDir();
  const content = pattern(300_000);
  await Deno.writeFile(`${folder}/file`, content);
  using file = await Deno.open(`${folder}/file`);
  try {
    await inLoop(async (loop) => {
      const servers = {
        tls: await loop.createServer(() => sinks.tls, { ...LOCAL, tls: serverContext() }),
        unix: await loop.createUnixServer(() => sinks.unix, { path: `${folder}/socket` }),
      };
      const sinks = { tls: new Sink(loop), unix: new Sink(loop) };
      const factory = () => new Protocol();
      const [tls] = await loop.createConnection(factory, {
        ...LOCAL,
        port: portOf(servers.tls),
        tls: clientContext(),
        serverHostname: "localhost",
      });
      const [unix] = await loop.createUnixConnection(factory, { path: `${folder}/socket` });
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const [pipe] = await loop.connectWritePipe(factory, writable);
      const piped = new Response(readable as ReadableStream<Uint8Array<ArrayBuffer>>).bytes();
      for (const transport of [tls, unix, pipe]) {
        assertEquals(await loop.sendfile(transport, file), content.length);
        transport.close();
      }
      for (const sink of Object.values(sinks)) {
        await sink.lost;
        assertEquals(sink.bytes, content);
      }
      assertEquals(new Uint8Array(await piped), content);
      for (const server of Object.values(servers)) {
        server.close();
        await server.waitClosed();
      }
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

peerTest("sendfile() gives CPython 20 MB as they are", ["python3"], async () => {
  await using python = startPython(`
    import asyncio, hashlib
    async def main():
        done = asyncio.get_running_loop().create_future()
        async def handle(reader, writer):
            digest = hashlib.sha256()
            while data := await reader.read(100_000):
                digest.update(data)
            writer.write(digest.hexdigest().encode())
            writer.close()
            done.set_result(None)
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        print("ready", server.sockets[0].getsockname()[1], flush=True)
        await done
    asyncio.run(main())
  `);
  const port = Number(await python.waitReady());
  const path = await Deno.makeTempFile();
  const content = pattern(20_000_000);
  await Deno.writeFile(path, content);
  using file = await Deno.open(path);
  await Deno.remove(path);
  await inLoop(async (loop) => {
    const sink = new Sink(loop);
    const [transport] = await loop.createConnection(() => sink, { ...LOCAL, port });
    assertEquals(await loop.sendfile(transport, file), content.length);
    transport.writeEof();
    assertEquals(await sink.lost, null);
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-256", content as Uint8Array<ArrayBuffer>),
    );
    assertEquals(new TextDecoder().decode(sink.bytes), digest.toHex());
  });
});
