import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { runDeno } from "../support/process.ts";
import { startPython } from "../support/python.ts";
import { Echo, inLoop, Recorder } from "./tcp_support.ts";

import { exists, inFolder, unixTest } from "./unix_support.ts";
// --- permissions

const PROGRAM = `
  import { newEventLoop } from "./policy/mod.ts";
  const [path] = Deno.args;
  const loop = newEventLoop();
  const attempt = async (call) => {
    try {
      const made = await call();
      console.log("made");
      if (!Array.isArray(made)) return made;
      made[0].close();
    } catch (error) {
      console.log(error.name + ": " + error.message);
    }
  };
  await loop.runUntilComplete(async () => {
    const server = await attempt(() => loop.createUnixServer(() => ({}), { path }));
    await attempt(() => loop.createUnixConnection(() => ({}), { path }));
    server?.close();
    await server?.waitClosed();
  });
  loop.close();
`;

unixTest("unix calls without a permission name themselves and the flag", async (path) => {
  const files = [`--allow-read=${path}`, `--allow-write=${path}`];
  const cases = [
    [[], "--allow-read", "--allow-read"],
    [files, "--allow-net", "--allow-net"],
    [["--allow-net", "--allow-read"], "--allow-write", "--allow-write"],
  ] as const;
  for (const [flags, listening, connecting] of cases) {
    const { stdout, stderr } = await runDeno(PROGRAM, { flags, args: [path] });
    assertEquals(stderr, "");
    const [first = "", second = ""] = stdout.split("\n");
    assertStringIncludes(first, `NotCapable: Cannot listen on ${path}`);
    assertStringIncludes(first, listening);
    assertStringIncludes(second, `NotCapable: Cannot connect to ${path}`);
    assertStringIncludes(second, connecting);
  }
});

unixTest("unix calls need no more than the permissions of their path", async (path) => {
  const flags = [`--allow-net=unix:${path}`, `--allow-read=${path}`, `--allow-write=${path}`];
  const { stdout, stderr } = await runDeno(PROGRAM, { flags, args: [path] });
  assertEquals([stdout, stderr], ["made\nmade\n", ""]);
});

// --- peers

peerTest("createUnixServer() echoes 1 MB to socat, and its close to EOF", ["socat"], async () => {
  await inFolder(async (path) => {
    await inLoop(async (loop) => {
      await using _ = await loop.createUnixServer(() => new Echo(), { path });
      await using socat = Child.start("socat", ["-t", "10", "-", `UNIX-CONNECT:${path}`]);
      const input = "0123456789abcdef".repeat(65536);
      const { stdout, code } = await socat.communicate(input);
      assertEquals([stdout === input, code], [true, 0]);
    });
  });
});

peerTest("createUnixConnection() talks to socat", ["socat"], async () => {
  await inFolder(async (path) => {
    await using _socat = Child.start("socat", [`UNIX-LISTEN:${path}`, "EXEC:cat"]);
    await until(() => exists(path));
    await inLoop(async (loop) => {
      const client = new Recorder(loop);
      const [transport] = await loop.createUnixConnection(() => client, { path });
      transport.write(new Uint8Array(200_000));
      transport.writeEof();
      assertEquals(await client.lost, null);
      assertEquals(client.received, 200_000);
    });
    await until(() => !exists(path));
  });
});

peerTest(
  "createUnixServer() and CPython's asyncio exchange 10 000 messages",
  ["python3"],
  async () => {
    await inFolder(async (path) => {
      await inLoop(async (loop) => {
        await using _ = await loop.createUnixServer(() => new Echo(), { path });
        await using python = startPython(
          `
        import asyncio, sys
        async def main():
            reader, writer = await asyncio.open_unix_connection(sys.argv[1])
            for i in range(10_000):
                message = b"message %d" % i
                writer.write(message)
                assert await reader.readexactly(len(message)) == message
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            print("done")
        asyncio.run(main())
        `,
          { args: [path] },
        );
        const { stdout, stderr } = await python.communicate();
        assertEquals([stdout.trim(), stderr], ["done", ""]);
      });
    });
  },
);

peerTest(
  "createUnixConnection() and CPython's asyncio server talk, over a path and an abstract name",
  [
    "python3",
  ],
  async () => {
    await inFolder(async (path, folder) => {
      const paths = Deno.build.os === "linux" ? [path, `\0${folder}`] : [path];
      for (const address of paths) {
        await using python = startPython(
          `
        import asyncio, os, sys
        path = sys.argv[1].replace("@", chr(0))
        async def echo(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
        async def main():
            server = await asyncio.start_unix_server(echo, path)
            print("ready", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            server.close()
            if os.path.exists(path): os.remove(path)
        asyncio.run(main())
        `,
          { args: [address.replace("\0", "@")] },
        );
        await python.waitReady();
        await inLoop(async (loop) => {
          const client = new Recorder(loop);
          const [transport] = await loop.createUnixConnection(() => client, { path: address });
          transport.write(new Uint8Array(1_000_000));
          await until(() => client.received === 1_000_000);
          transport.writeEof();
          assertEquals(await client.lost, null);
        });
        await python.writeLine("");
        assertEquals((await python.wait()).stderr, "");
      }
      assert(!exists(path));
    });
  },
);
