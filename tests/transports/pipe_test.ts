import type { WriteTransport } from "../../types.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../support/assert.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import { inLoop } from "./tcp_support.ts";

import {
  bytes,
  concat,
  Keeper,
  openBothEnds,
  openRead,
  openWrite,
  pattern,
  pipeTest,
  withFifo,
} from "./pipe_support.ts";
// --- web streams

Deno.test("connectReadPipe() reads a web stream to its end (N25)", async () => {
  await inLoop(async (loop) => {
    const stream = ReadableStream.from([bytes("one "), new Uint8Array(0), bytes("two")]);
    const [keeper, transport] = await openRead(loop, stream);
    assertEquals([keeper.events, transport.isReading()], [["made"], true]);
    assertEquals(transport.getExtraInfo("pipe"), stream);
    assertEquals(await keeper.lost, null);
    assertEquals([keeper.text, keeper.story], ["one two", ["made", "data", "eof", "lost"]]);
  });
});

Deno.test("connectReadPipe() takes what has a readable, and streams of bytes", async () => {
  await inLoop(async (loop) => {
    const data = pattern(300_000);
    let at = 0;
    const source: UnderlyingByteSource = {
      type: "bytes",
      pull(controller) {
        if (at < data.length) return controller.enqueue(data.slice(at, at += 50_000));
        controller.close();
        controller.byobRequest?.respond(0);
      },
    };
    const readable = new ReadableStream(source);
    const holder = { readable };
    const [keeper, transport] = await openRead(loop, holder);
    assertEquals(transport.getExtraInfo("pipe"), holder);
    assertEquals(await keeper.lost, null);
    assertEquals(concat(keeper.chunks), data);
  });
});

Deno.test("connectReadPipe() ignores what eofReceived() answers", async () => {
  await inLoop(async (loop) => {
    const keeper = new Keeper(loop);
    keeper.keepOpen = true;
    await loop.connectReadPipe(() => keeper, ReadableStream.from([bytes("x")]));
    assertEquals(await keeper.lost, null);
    assertEquals(keeper.events, ["made", "data", "eof", "lost"]);
  });
});

Deno.test("connectReadPipe() asks for no more while it is paused", async () => {
  await inLoop(async (loop) => {
    let pulls = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array([++pulls])),
    }, { highWaterMark: 0 });
    const [keeper, transport] = await openRead(loop, stream);
    await until(() => pulls > 3);
    transport.pauseReading();
    const pulled = pulls;
    const { length } = keeper.chunks;
    for (let i = 0; i < 20; i++) await nextMacrotask();
    assert(pulls <= pulled + 1);
    assertEquals(keeper.chunks.length, length);
    transport.resumeReading();
    await until(() => keeper.chunks.length > length + 3);
    assertEquals(concat(keeper.chunks.slice(0, 4)), new Uint8Array([1, 2, 3, 4]));
    transport.close();
    await keeper.lost;
  });
});

Deno.test("close() of a read pipe cancels the stream", async () => {
  await inLoop(async (loop) => {
    for (const end of ["close", "abort"] as const) {
      const cancelled = Promise.withResolvers<void>();
      const stream = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() });
      const [keeper, transport] = await openRead(loop, stream);
      (transport as unknown as WriteTransport)[end]();
      await cancelled.promise;
      assertEquals(await keeper.lost, null);
      assertEquals(keeper.events, ["made", "lost"]);
    }
  });
});

Deno.test("a web stream that fails is connectionLost(error), reported if it is no network's", async () => {
  await inLoop(async (loop, reports) => {
    const reason = new Error("the source is gone");
    const failing = new ReadableStream<Uint8Array>({
      start: (controller) => controller.error(reason),
    });
    const [keeper] = await openRead(loop, failing);
    assertEquals(await keeper.lost, reason);
    const [other] = await openRead(loop, ReadableStream.from(["text"]));
    assertInstanceOf(await other.lost, TypeError);
    assertEquals(reports, [
      "Fatal read error on stream transport",
      "Fatal read error on stream transport",
    ]);
  }, { reports: true });
});

Deno.test("connectWritePipe() writes to a web stream, and close() ends it", async () => {
  for (const end of ["close", "writeEof"] as const) {
    await inLoop(async (loop) => {
      const written: Uint8Array[] = [];
      let closed = 0;
      const stream = new WritableStream<Uint8Array>({
        write: (chunk) => void written.push(chunk),
        close: () => void closed++,
      });
      const [keeper, transport] = await openWrite(loop, stream);
      assertEquals([transport.getExtraInfo("pipe"), transport.canWriteEof()], [stream, true]);
      for (const word of ["one ", "two ", "three"]) transport.write(bytes(word));
      transport[end]();
      assertEquals(await keeper.lost, null);
      assertEquals(new TextDecoder().decode(concat(written)), "one two three");
      assertEquals([closed, keeper.events], [1, ["made", "lost"]]);
    });
  }
});

Deno.test("connectWritePipe() gives bytes that the other end may keep", async () => {
  await inLoop(async (loop) => {
    // An identity transform stream hands on the very arrays that were written.
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
      {},
      { highWaterMark: 100 },
      { highWaterMark: 100 },
    );
    const [keeper, transport] = await openWrite(loop, { writable });
    for (let i = 0; i < 50; i++) {
      transport.write(new Uint8Array(100).fill(i));
      await until(() => transport.getWriteBufferSize() === 0);
    }
    transport.close();
    await keeper.lost;
    const chunks = await Array.fromAsync(readable);
    const all = concat(chunks);
    assertEquals(all.length, 5000);
    assert(all.every((byte, at) => byte === Math.floor(at / 100)));
  });
});

Deno.test("connectWritePipe() pauses the protocol while the stream takes nothing (N25)", async () => {
  await inLoop(async (loop) => {
    const gate = Promise.withResolvers<void>();
    let taken = 0;
    const stream = new WritableStream<Uint8Array>({
      async write(chunk) {
        await gate.promise;
        taken += chunk.length;
      },
    });
    const [keeper, transport] = await openWrite(loop, stream);
    for (let i = 0; i < 4; i++) transport.write(new Uint8Array(65536));
    assertEquals(keeper.events, ["made", "pause"]);
    gate.resolve();
    await until(() => keeper.events.includes("resume"));
    transport.close();
    assertEquals(await keeper.lost, null);
    assertEquals([taken, keeper.events], [262144, ["made", "pause", "resume", "lost"]]);
  });
});

Deno.test("a sink that fails is connectionLost(error), one that ends connectionLost(null)", async () => {
  await inLoop(async (loop) => {
    const reason = new Deno.errors.BrokenPipe("nobody reads");
    const failing = new WritableStream<Uint8Array>({
      write: () => Promise.reject(reason),
    });
    const [keeper, transport] = await openWrite(loop, failing);
    transport.write(bytes("x"));
    assertEquals(await keeper.lost, reason);

    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const [other] = await openWrite(loop, writable);
    await readable.cancel();
    assertEquals(await other.lost, null);
    assertEquals(other.events, ["made", "lost"]);
  });
});

Deno.test("abort() of a write pipe aborts the stream", async () => {
  await inLoop(async (loop) => {
    const aborted = Promise.withResolvers<void>();
    const stream = new WritableStream<Uint8Array>({
      write: () => new Promise(() => {}),
      abort: () => aborted.resolve(),
    });
    const [keeper, transport] = await openWrite(loop, stream);
    const [signalled, other] = await openWrite(
      loop,
      new WritableStream<Uint8Array>({ abort: () => aborted.resolve() }),
    );
    other.abort();
    await aborted.promise;
    assertEquals(await signalled.lost, null);
    transport.write(new Uint8Array(10));
    transport.abort();
    assertEquals(await keeper.lost, null);
    assertEquals(keeper.events, ["made", "lost"]);
  });
});

// --- files

pipeTest(
  "connectReadPipe() and connectWritePipe() are the ends of a FIFO",
  () =>
    withFifo((path) =>
      inLoop(async (loop) => {
        const [readEnd, writeEnd] = await openBothEnds(path);
        const [reader, input] = await openRead(loop, readEnd);
        const [writer, output] = await openWrite(loop, writeEnd);
        assertEquals([input.getExtraInfo("pipe"), output.getExtraInfo("pipe")], [
          readEnd,
          writeEnd,
        ]);
        const data = pattern(500_000);
        output.write(data);
        output.close();
        assertEquals([await writer.lost, await reader.lost], [null, null]);
        assertEquals(concat(reader.chunks), data);
        assertEquals(reader.story, ["made", "data", "eof", "lost"]);
      })
    ),
);

pipeTest(
  "a FIFO that nobody reads any more breaks the next write",
  () =>
    withFifo((path) =>
      inLoop(async (loop) => {
        const [readEnd, writeEnd] = await openBothEnds(path);
        const [writer, output] = await openWrite(loop, writeEnd);
        readEnd.close();
        output.write(bytes("x"));
        assertInstanceOf(await writer.lost, Deno.errors.BrokenPipe);
        assertEquals(writer.events, ["made", "lost BrokenPipe"]);
      })
    ),
);

pipeTest(
  "close() of a read pipe ends a pending read of a FIFO",
  () =>
    withFifo((path) =>
      inLoop(async (loop) => {
        const [readEnd, writeEnd] = await openBothEnds(path);
        const [reader, input] = await openRead(loop, readEnd);
        input.close();
        assertEquals(await reader.lost, null);
        assertEquals(reader.events, ["made", "lost"]);
        const [writer, output] = await openWrite(loop, writeEnd);
        output.writeEof();
        assertEquals(await writer.lost, null);
      })
    ),
);

Deno.test("a regular file or a directory is no pipe", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/file`;
  await Deno.writeTextFile(path, "text");
  const { openSync, closeSync } = await import("node:fs");
  const fd = openSync(path, "r+");
  using file = await Deno.open(path, { read: true, write: true });
  using directory = await Deno.open(folder);
  try {
    await inLoop(async (loop) => {
      for (const pipe of [file, directory, fd]) {
        for (const open of [openRead, openWrite]) {
          await assertRejects(
            () => open(loop, pipe),
            RangeError,
            "Pipe transport is only for pipes, sockets and character devices",
          );
        }
      }
    });
    // They are the caller's still.
    assertEquals((await file.stat()).size, 4);
  } finally {
    closeSync(fd);
    await Deno.remove(folder, { recursive: true });
  }
});
