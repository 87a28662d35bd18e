import type { EventLoop } from "../../loop/mod.ts";
import type { ReadTransport, WriteTransport } from "../../types.ts";
import { holdLibc, releaseLibc } from "../../transports/ffi/libc.ts";
import { Socket, socketpair } from "../../transports/ffi/socket.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import { startDeno } from "../support/process.ts";
import { startPython } from "../support/python.ts";
import { inLoop, Recorder } from "./tcp_support.ts";

const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";

/** Registers a test that needs a Unix. */
function pipeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

/** A recorder that keeps the bytes. */
class Keeper extends Recorder {
  readonly chunks: Uint8Array[] = [];

  override dataReceived(data: Uint8Array): void {
    super.dataReceived(data);
    this.chunks.push(data);
  }

  get text(): string {
    return new TextDecoder().decode(concat(this.chunks));
  }

  /** What happened, without how the data was cut. */
  get story(): string[] {
    return this.events.filter((event, at) => event !== "data" || this.events[at - 1] !== "data");
  }
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => at * 7 % 251);
}

async function openRead(loop: EventLoop, pipe: unknown): Promise<[Keeper, ReadTransport]> {
  const [transport, keeper] = await loop.connectReadPipe(() => new Keeper(loop), pipe as number);
  return [keeper, transport];
}

async function openWrite(loop: EventLoop, pipe: unknown): Promise<[Keeper, WriteTransport]> {
  const [transport, keeper] = await loop.connectWritePipe(() => new Keeper(loop), pipe as number);
  return [keeper, transport];
}

/** A pipe of the system: the fds of both ends. */
function makePipe(): [read: number, write: number] {
  const fds = new Int32Array(2);
  try {
    assertEquals(holdLibc("pipe").pipe(fds), 0);
  } finally {
    releaseLibc();
  }
  return [fds[0] as number, fds[1] as number];
}

function closeFd(fd: number): void {
  try {
    assertEquals(holdLibc("close").close(fd), 0);
  } finally {
    releaseLibc();
  }
}

async function withFifo(fn: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/fifo`;
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert(success);
    await fn(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

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
        const [readEnd, writeEnd] = await Promise.all([
          Deno.open(path),
          Deno.open(path, { write: true }),
        ]);
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
        const [readEnd, writeEnd] = await Promise.all([
          Deno.open(path),
          Deno.open(path, { write: true }),
        ]);
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
        const [readEnd, writeEnd] = await Promise.all([
          Deno.open(path),
          Deno.open(path, { write: true }),
        ]);
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

// --- file descriptors

pipeTest(
  "connectReadPipe() and connectWritePipe() take the fds of a pipe",
  () =>
    inLoop(async (loop) => {
      const [readFd, writeFd] = makePipe();
      const [reader, input] = await openRead(loop, readFd);
      const [writer, output] = await openWrite(loop, writeFd);
      assertEquals([input.getExtraInfo("pipe"), output.getExtraInfo("pipe")], [readFd, writeFd]);
      const data = pattern(1_000_000);
      input.pauseReading();
      output.write(data);
      assertEquals(writer.events, ["made", "pause"]);
      input.resumeReading();
      await until(() => reader.received === data.length);
      output.close();
      assertEquals([await writer.lost, await reader.lost], [null, null]);
      assertEquals(concat(reader.chunks), data);
      assertEquals(reader.story, ["made", "data", "eof", "lost"]);
      assertEquals(writer.events, ["made", "pause", "resume", "lost"]);
    }),
);

pipeTest("writeEof() of a write pipe is close()", () =>
  inLoop(async (loop) => {
    const [readFd, writeFd] = makePipe();
    const [reader] = await openRead(loop, readFd);
    const [writer, output] = await openWrite(loop, writeFd);
    output.write(bytes("last words"));
    output.writeEof();
    assertEquals([await writer.lost, await reader.lost], [null, null]);
    assertEquals([reader.text, writer.events], ["last words", ["made", "lost"]]);
  }));

pipeTest(
  "a write pipe notices that its reader is gone: null, or BrokenPipe with output left (N25)",
  () =>
    inLoop(async (loop) => {
      const [readFd, writeFd] = makePipe();
      const [idle] = await openWrite(loop, writeFd);
      closeFd(readFd);
      assertEquals(await idle.lost, null);
      assertEquals(idle.events, ["made", "lost"]);

      const [otherRead, otherWrite] = makePipe();
      const [busy, output] = await openWrite(loop, otherWrite);
      output.write(new Uint8Array(1_000_000));
      closeFd(otherRead);
      assertInstanceOf(await busy.lost, Deno.errors.BrokenPipe);
      assertEquals(busy.events, ["made", "pause", "lost BrokenPipe"]);
    }),
);

pipeTest("abort() of pipes drops what is queued, and closes them", () =>
  inLoop(async (loop) => {
    const [readFd, writeFd] = makePipe();
    const [reader] = await openRead(loop, readFd);
    const [writer, output] = await openWrite(loop, writeFd);
    output.abort();
    assertEquals([await writer.lost, await reader.lost], [null, null]);
    assertEquals([writer.events, reader.events], [["made", "lost"], ["made", "eof", "lost"]]);
    const [otherRead, otherWrite] = makePipe();
    const [aborted, input] = await openRead(loop, otherRead);
    (input as unknown as WriteTransport).abort();
    assertEquals(await aborted.lost, null);
    closeFd(otherWrite);
  }));

pipeTest(
  "pipes take a Socket, or anything with a fileno(), and own it then",
  () =>
    inLoop(async (loop) => {
      const [a, b] = socketpair();
      const [writer, output] = await openWrite(loop, a);
      const fd = b.detach();
      const [reader] = await openRead(loop, { fileno: () => fd });
      assertEquals([a instanceof Socket, a.fileno()], [true, -1]);
      assertEquals(output.getExtraInfo("pipe"), a);
      output.write(bytes("through a socket"));
      await until(() => reader.text === "through a socket");
      output.close();
      assertEquals([await writer.lost, await reader.lost], [null, null]);
    }),
);

pipeTest("a loop that closes closes its pipes", async () => {
  const [readFd, writeFd] = makePipe();
  await inLoop(async (loop) => {
    await openWrite(loop, writeFd);
  });
  await inLoop(async (loop) => {
    const [reader] = await openRead(loop, readFd);
    assertEquals(await reader.lost, null);
    assertEquals(reader.events, ["made", "eof", "lost"]);
  });
});

Deno.test("connectReadPipe() and connectWritePipe() refuse what is no such pipe", async () => {
  await inLoop(async (loop) => {
    const locked = new ReadableStream<Uint8Array>();
    const lock = locked.getReader();
    const cases: [unknown, typeof openRead | typeof openWrite, ErrorConstructor, string][] = [
      [-1, openRead, RangeError, "Invalid file descriptor: -1"],
      [1.5, openWrite, RangeError, "Invalid file descriptor: 1.5"],
      ["pipe", openRead, TypeError, 'got "pipe"'],
      [null, openRead, TypeError, "got null"],
      [{}, openWrite, TypeError, "expected a pipe"],
      [new WritableStream(), openRead, TypeError, "expected a pipe"],
      [new ReadableStream(), openWrite, TypeError, "expected a pipe"],
      [locked, openRead, TypeError, "locked"],
    ];
    for (const [pipe, open, kind, message] of cases) {
      await assertRejects(() => open(loop, pipe), kind, message);
    }
    lock.releaseLock();
    await assertRejects(
      () => loop.connectReadPipe(5 as unknown as () => Recorder, new ReadableStream()),
      TypeError,
      "function that makes the protocol",
    );
    const stream = new ReadableStream<Uint8Array>();
    await assertRejects(
      () => loop.connectReadPipe(() => 5 as unknown as Recorder, stream),
      TypeError,
      "expected an object",
    );
  });
});

// --- standard streams

const COPY = `
  import { newEventLoop } from "./policy/mod.ts";
  const loop = newEventLoop();
  await loop.runUntilComplete(async () => {
    const done = loop.createFuture();
    const story = [];
    const [output] = await loop.connectWritePipe(() => ({
      connectionLost: (error) => done.setResult(error),
    }), Deno.stdout);
    try {
      await loop.connectReadPipe(() => ({
        dataReceived(data) {
          story.push("data");
          output.write(data);
        },
        eofReceived: () => void story.push("eof"),
        connectionLost() {
          story.push("lost");
          output.close();
        },
      }), Deno.stdin);
    } catch (error) {
      console.error(error.name + ": " + error.message);
      output.close();
    }
    console.error(await done, story.at(-2), story.at(-1));
  });
  loop.close();
`;

async function withProgram(
  fn: (program: URL) => Promise<void>,
  source: string = COPY,
): Promise<void> {
  // A program with standard input of its own has to be a file; beside the modules it imports.
  const root = new URL("../../", import.meta.url);
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, source.replace("./policy/", `${root.href}policy/`));
    await fn(new URL(`file://${path}`));
  } finally {
    await Deno.remove(path);
  }
}

pipeTest(
  "standard input and output are pipes, without any permission",
  () =>
    withProgram(async (program) => {
      await using child = await startDeno(program);
      await child.writeLine("hello");
      assertEquals(await child.readLine(), "hello");
      const input = "0123456789abcdef".repeat(16384);
      const { stdout, stderr, code } = await child.communicate(input);
      assertEquals([stdout === input, stderr, code], [true, "null eof lost\n", 0]);
    }),
);

pipeTest(
  "standard input from a device is read, and from a file refused",
  () =>
    withProgram(async (program) => {
      const run = async (redirection: string) => {
        const { stdout, stderr } = await new Deno.Command("sh", {
          args: [
            "-c",
            `"$0" run --quiet --no-check "$1" ${redirection}`,
            Deno.execPath(),
            program.pathname,
          ],
          env: { NO_COLOR: "1" },
        }).output();
        return [new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
      };
      assertEquals(await run("< /dev/null"), ["", "null eof lost\n"]);
      const [, refused] = await run(`< "$1"`);
      assertStringIncludes(
        refused ?? "",
        "RangeError: Cannot call connectReadPipe(): Pipe transport is only for pipes",
      );
      const [, written] = await run("< /dev/null > /dev/null");
      assertEquals(written, "null eof lost\n");
    }),
);

peerTest("a terminal is a pipe", ["python3"], () =>
  withProgram(async (program) => {
    await using python = startPython(
      `
      import os, pty, subprocess, sys
      leader, follower = pty.openpty()
      child = subprocess.Popen(sys.argv[1:], stdin=follower, stdout=follower, stderr=subprocess.PIPE)
      os.close(follower)
      os.write(leader, b"hello\\n")
      seen = b""
      while seen.count(b"hello") < 2: seen += os.read(leader, 1000)
      os.write(leader, b"\\x04")
      print(child.stderr.read().decode(), child.wait())
      `,
      { args: [Deno.execPath(), "run", "--quiet", "--no-check", program.pathname] },
    );
    const { stdout, stderr } = await python.wait();
    assertEquals([stdout.trim().split(/\s+/), stderr], [["null", "eof", "lost", "0"], ""]);
  }));

pipeTest("a program whose output nobody reads is told at its next write", async () => {
  const talk = `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      const done = loop.createFuture();
      const [output] = await loop.connectWritePipe(() => ({
        connectionLost: (error) => done.setResult(error),
      }), Deno.stdout);
      (function talk() {
        output.write(new Uint8Array(1000));
        if (!done.done()) loop.callLater(1, talk);
      })();
      console.error((await done).name);
    });
    loop.close();
  `;
  await withProgram(async (program) => {
    const { stderr } = await new Deno.Command("sh", {
      args: ["-c", `"$0" run --quiet --no-check "$1" | true`, Deno.execPath(), program.pathname],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "BrokenPipe\n");
  }, talk);
});

// --- CPython

peerTest(
  "a FIFO to and from CPython's asyncio",
  ["python3"],
  () =>
    withFifo((path) =>
      inLoop(async (loop) => {
        for (const theyWrite of [true, false]) {
          await using python = startPython(
            `
          import asyncio, os, sys
          class Protocol(asyncio.Protocol):
              def __init__(self, done): self.done, self.data = done, b""
              def data_received(self, data): self.data += data
              def connection_lost(self, error): self.done.set_result(error)
          async def main():
              loop = asyncio.get_running_loop()
              protocol = Protocol(loop.create_future())
              path, mode = sys.argv[1:]
              expected = bytes(range(256)) * 4096
              if mode == "write":
                  transport, _ = await loop.connect_write_pipe(lambda: protocol, open(path, "wb", buffering=0))
                  transport.write(expected)
                  transport.write_eof()
              else:
                  await loop.connect_read_pipe(lambda: protocol, open(path, "rb", buffering=0))
              print(await protocol.done, mode == "write" or protocol.data == expected)
          asyncio.run(main())
          `,
            { args: [path, theyWrite ? "write" : "read"] },
          );
          const expected = new Uint8Array(256 * 4096).map((_, at) => at % 256);
          const file = await Deno.open(path, { read: theyWrite, write: !theyWrite });
          if (theyWrite) {
            const [reader] = await openRead(loop, file);
            assertEquals(await reader.lost, null);
            assertEquals(concat(reader.chunks), expected);
          } else {
            const [writer, output] = await openWrite(loop, file);
            output.write(expected);
            output.writeEof();
            assertEquals(await writer.lost, null);
          }
          const { stdout, stderr } = await python.wait();
          assertEquals([stdout.trim(), stderr], ["None True", ""]);
        }
      })
    ),
);
