import type { WriteTransport } from "../../types.ts";
import { holdLibc, releaseLibc } from "../../transports/ffi/libc.ts";
import { Socket, socketpair } from "../../transports/ffi/socket.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { startDeno } from "../support/process.ts";
import { startPython } from "../support/python.ts";
import { inLoop, type Recorder } from "./tcp_support.ts";

import { bytes, concat, openRead, openWrite, pattern, pipeTest, withFifo } from "./pipe_support.ts";
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
