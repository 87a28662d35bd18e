/**
 * Datagrams over sockets of the system (`--allow-ffi`): unix sockets, shared
 * ports, and sockets that the caller made.
 *
 * @module
 */

import * as c from "../../transports/ffi/constants.ts";
import { Socket, socketpair } from "../../transports/ffi/socket.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { runDeno } from "../support/process.ts";
import { startPython } from "../support/python.ts";
import { DatagramEcho, Datagrams, LOCAL, openDatagrams } from "./datagram_support.ts";
import { inLoop } from "./tcp_support.ts";

const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";

function socketTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

async function inFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** All packets that wait in a raw socket, as text. */
function receiveAll(socket: Socket): string[] {
  const texts: string[] = [];
  for (;;) {
    try {
      texts.push(new TextDecoder().decode(socket.recv(65536)));
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) return texts;
      throw error;
    }
  }
}

// --- unix sockets

socketTest(
  "createDatagramEndpoint() exchanges packets over unix paths",
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const a = await openDatagrams(loop, { localAddr: { path: `${folder}/a` } });
        const b = await openDatagrams(loop, { localAddr: { path: `${folder}/b` } });
        assertEquals(a.transport.getExtraInfo("sockname"), {
          transport: "unixpacket",
          path: `${folder}/a`,
        });
        a.send("hello", { path: `${folder}/b` });
        await until(() => b.packets.length === 1);
        assertEquals([b.texts, b.senders], [["hello"], [{
          transport: "unixpacket",
          path: `${folder}/a`,
        }]]);
        b.transport.sendto(new Uint8Array(0), b.senders[0]);
        b.transport.sendto(new Uint8Array(100_000).fill(7), b.senders[0]);
        await until(() => a.packets.length === 2);
        assertEquals(a.packets.map(({ length }) => length), [0, 100_000]);
        assert(a.packets[1]?.every((byte) => byte === 7));
      })
    ),
);

socketTest(
  "a connected unix endpoint hears its peer only, and sends to it only",
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const server = await openDatagrams(loop, { localAddr: { path: `${folder}/server` } });
        const client = await openDatagrams(loop, {
          localAddr: { path: `${folder}/client` },
          remoteAddr: { path: `${folder}/server` },
        });
        const stranger = await openDatagrams(loop, { family: "unix" });
        assertEquals(client.transport.getExtraInfo("peername"), {
          transport: "unixpacket",
          path: `${folder}/server`,
        });
        stranger.send("let me in", { path: `${folder}/client` });
        await until(() => stranger.errors.length === 1);
        assert(stranger.errors[0] instanceof Deno.errors.PermissionDenied);
        client.send("hi");
        await until(() => server.packets.length === 1);
        server.send("hi yourself", { path: `${folder}/client` });
        await until(() => client.packets.length === 1);
        assertEquals(client.texts, ["hi yourself"]);
        assertThrows(
          () => client.send("x", { path: `${folder}/other` }),
          RangeError,
          "Invalid address: must be null or",
        );
        // One that has no name cannot be answered.
        stranger.send("anonymous", { path: `${folder}/server` });
        await until(() => server.packets.length === 2);
        assertEquals(server.senders[1], { transport: "unixpacket", path: "" });
      })
    ),
);

socketTest(
  "createDatagramEndpoint() takes the place of a unix socket that is left over, and of no other file",
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const path = `${folder}/socket`;
        const open = () => openDatagrams(loop, { localAddr: { path } });
        const first = await open();
        first.transport.close();
        await first.lost.promise;
        // As in asyncio, the file stays.
        assertEquals((await Deno.lstat(path)).isSocket, true);
        const second = await open();
        const sender = await openDatagrams(loop, { family: "unix" });
        sender.send("x", { path });
        await until(() => second.packets.length === 1);
        second.transport.close();
        await Deno.remove(path);
        await Deno.writeTextFile(path, "precious");
        await assertRejects(
          open,
          Deno.errors.AddrInUse,
          "Cannot call createDatagramEndpoint() with a unix address",
        );
        assertEquals(await Deno.readTextFile(path), "precious");
      })
    ),
);

socketTest(
  "sendto() tells of a path where nobody is",
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const endpoint = await openDatagrams(loop, { family: "unix" });
        endpoint.send("x", { path: `${folder}/missing` });
        await until(() => endpoint.errors.length === 1);
        const [missing] = endpoint.errors as [Error];
        assert(missing instanceof Deno.errors.NotFound);
        assertStringIncludes(missing.message, `a datagram of 1 bytes to "${folder}/missing"`);
        assertThrows(
          () => endpoint.send("x", { hostname: "127.0.0.1", port: 9 }),
          TypeError,
          "{ path }",
        );
      })
    ),
);

Deno.test({
  name: "createDatagramEndpoint() takes abstract names",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const path = `\0${folder}`;
        const server = await openDatagrams(loop, { localAddr: { path } }, new DatagramEcho());
        const client = await openDatagrams(loop, {
          localAddr: { path: `${path}-client` },
          remoteAddr: { path },
        });
        client.send("abstract");
        await until(() => client.packets.length === 1);
        assertEquals([client.texts, server.errors], [["abstract"], []]);
        assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
      })
    ),
});

socketTest(
  "an endpoint keeps what a full receiver does not take, and sends it in order",
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        for (const connected of [false, true]) {
          const path = `${folder}/slow-${connected}`;
          using receiver = new Socket(c.AF_UNIX, c.SOCK_DGRAM);
          receiver.bind({ path });
          const sender = await openDatagrams(
            loop,
            connected ? { remoteAddr: { path } } : { family: "unix" },
          );
          const texts = Array.from({ length: 2000 }, (_, i) => `packet ${i} `.padEnd(100, "."));
          for (const text of texts) sender.send(text, { path });
          assertEquals(sender.events, ["made", "pause"]);
          await until(() => receiver.getsockname() && sender.transport.getWriteBufferSize() > 0);
          sender.transport.close();
          assertEquals(sender.events, ["made", "pause"]);
          const received: string[] = [];
          await until(() => {
            received.push(...receiveAll(receiver));
            return received.length >= texts.length;
          });
          assertEquals(received, texts);
          assertEquals(await sender.lost.promise, null);
          assertEquals(sender.events, ["made", "pause", "resume", "lost"]);
        }
      })
    ),
);

// --- UDP

socketTest("createDatagramEndpoint() shares a port with reusePort", () =>
  inLoop(async (loop) => {
    const first = await openDatagrams(loop, { localAddr: LOCAL, reusePort: true });
    const second = await openDatagrams(loop, { localAddr: first.addr, reusePort: true });
    assertEquals(second.addr, first.addr);
    await assertRejects(
      () => openDatagrams(loop, { localAddr: first.addr }),
      Deno.errors.AddrInUse,
    );
    const sender = await openDatagrams(loop, {
      localAddr: LOCAL,
      remoteAddr: { hostname: "localhost", port: first.addr.port },
      family: "ipv4",
      reusePort: true,
    });
    for (let i = 0; i < 10; i++) sender.send(`${i}`);
    await until(() => first.packets.length + second.packets.length === 10);
    // One flow goes to one of them.
    const { texts } = first.packets.length > 0 ? first : second;
    assertEquals(texts, Array.from({ length: 10 }, (_, i) => `${i}`));
  }));

socketTest(
  "a connected Socket tells errorReceived() that nobody is there, and goes on",
  () =>
    inLoop(async (loop) => {
      const gone = new Socket(c.AF_INET, c.SOCK_DGRAM);
      gone.bind(LOCAL);
      const target = gone.getsockname() as Deno.NetAddr;
      gone.close();
      const sock = new Socket(c.AF_INET, c.SOCK_DGRAM);
      sock.bind(LOCAL);
      sock.connect(target);
      const endpoint = await openDatagrams(loop, { sock });
      assertEquals(endpoint.transport.getExtraInfo("socket"), sock);
      assertEquals(endpoint.transport.getExtraInfo("peername"), target);
      endpoint.send("anybody?");
      await until(() => endpoint.errors.length > 0);
      assert(endpoint.errors[0] instanceof Deno.errors.ConnectionRefused);
      assertStringIncludes(endpoint.errors[0].message, `to 127.0.0.1:${target.port}`);
      assertEquals(endpoint.transport.isClosing(), false);

      const late = await openDatagrams(loop, { localAddr: target }, new DatagramEcho());
      await until(() => {
        endpoint.send("somebody?", target);
        return endpoint.packets.length > 0;
      });
      assertEquals(endpoint.texts[0], "somebody?");
      late.transport.close();
      endpoint.transport.close();
      await endpoint.lost.promise;
      assertEquals(sock.fileno(), -1);
    }),
);

socketTest(
  "createDatagramEndpoint() takes a Socket, with its options, and no other kind",
  () =>
    inLoop(async (loop) => {
      const sock = new Socket(c.AF_INET, c.SOCK_DGRAM);
      sock.setsockopt(c.SOL_SOCKET, c.SO_BROADCAST, true);
      sock.bind(LOCAL);
      const endpoint = await openDatagrams(loop, { sock }, new DatagramEcho());
      const client = await openDatagrams(loop);
      client.send("x", endpoint.addr);
      await until(() => client.packets.length === 1);
      endpoint.transport.sendto(new Uint8Array(65508), client.addr);
      endpoint.send("x", { hostname: "no-such-host.invalid", port: 9 });
      await until(() => endpoint.errors.length === 2);
      const [long, unknown] = endpoint.errors as [Error & { code?: string }, Error];
      assertEquals(long.code, "EMSGSIZE");
      assertStringIncludes(long.message, "Cannot send a datagram of 65508 bytes to 127.0.0.1:");
      assert(unknown instanceof Deno.errors.NotFound);

      using stream = new Socket(c.AF_INET, c.SOCK_STREAM);
      await assertRejects(
        () => openDatagrams(loop, { sock: stream }),
        RangeError,
        "A datagram socket was expected",
      );
      const [a, b] = socketpair(c.AF_UNIX, c.SOCK_DGRAM);
      const [left, right] = [
        await openDatagrams(loop, { sock: a }),
        await openDatagrams(loop, { sock: b }),
      ];
      left.send("through the pair");
      await until(() => right.packets.length === 1);
      assertEquals(right.texts, ["through the pair"]);
    }),
);

socketTest("a loop that closes closes the sockets of its endpoints", async () => {
  const sock = new Socket(c.AF_INET, c.SOCK_DGRAM);
  const protocol = new Datagrams();
  await inLoop(async (loop) => {
    sock.bind(LOCAL);
    await openDatagrams(loop, { sock }, protocol);
  });
  assertEquals([sock.fileno(), protocol.events], [-1, ["made"]]);
});

Deno.test("unix datagrams without --allow-ffi, or without their files, are refused by name", async () => {
  const program = `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    try {
      await loop.runUntilComplete(() =>
        loop.createDatagramEndpoint(() => ({}), { localAddr: { path: Deno.args[0] } })
      );
    } catch (error) {
      console.log(error.name + ": " + error.message);
    }
    loop.close();
  `;
  await inFolder(async (folder) => {
    const args = [`${folder}/socket`];
    const none = await runDeno(program, { args, flags: ["--allow-read", "--allow-net"] });
    const what = "NotCapable: Cannot call createDatagramEndpoint() with a unix address: ";
    assertEquals(none.stderr, "");
    assertStringIncludes(none.stdout, what);
    assertStringIncludes(none.stdout, "--allow-ffi");
    const blind = await runDeno(program, { args, flags: ["--allow-ffi"] });
    assertStringIncludes(blind.stdout, what);
    assertStringIncludes(blind.stdout, "--allow-read");
  });
});

// --- peers

peerTest(
  "unix datagrams: CPython's asyncio on the other end, both ways",
  ["python3"],
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const ours = { path: `${folder}/ours` };
        const server = await openDatagrams(loop, { localAddr: ours }, new DatagramEcho());
        await using python = startPython(
          `
        import asyncio, socket, sys
        ours, theirs = sys.argv[1:]
        class Client(asyncio.DatagramProtocol):
            def __init__(self): self.got = asyncio.Queue()
            def datagram_received(self, data, addr): self.got.put_nowait((data, addr))
        async def main():
            loop = asyncio.get_running_loop()
            transport, client = await loop.create_datagram_endpoint(Client, local_addr=theirs, remote_addr=ours, family=socket.AF_UNIX)
            for i in range(1000):
                message = b"packet %d" % i
                transport.sendto(message)
                assert await client.got.get() == (message, ours)
            transport.sendto(bytes(100_000))
            assert len((await client.got.get())[0]) == 100_000
            print("done", flush=True)
            transport.close()
            # Now as a server.
            import os; os.remove(theirs)
            class Echo(asyncio.DatagramProtocol):
                def connection_made(self, transport): self.transport = transport
                def datagram_received(self, data, addr): self.transport.sendto(data, addr)
            await loop.create_datagram_endpoint(Echo, local_addr=theirs, family=socket.AF_UNIX)
            print("ready", flush=True)
            await loop.create_future()
        asyncio.run(main())
        `,
          { args: [ours.path, `${folder}/theirs`] },
        );
        assertEquals([await python.readLine(), python.stderr], ["done", ""]);
        assertEquals(server.errors, []);
        await python.waitReady();
        const client = await openDatagrams(loop, {
          localAddr: { path: `${folder}/client` },
          remoteAddr: { path: `${folder}/theirs` },
        });
        for (let i = 0; i < 1000; i++) {
          client.send(`packet ${i}`);
          await until(() => client.packets.length === i + 1);
        }
        assertEquals(client.texts, Array.from({ length: 1000 }, (_, i) => `packet ${i}`));
      })
    ),
);

peerTest(
  "unix datagrams: socat sends to us",
  ["socat"],
  () =>
    inFolder((folder) =>
      inLoop(async (loop) => {
        const path = `${folder}/ours`;
        const server = await openDatagrams(loop, { localAddr: { path } }, new DatagramEcho());
        await using socat = Child.start("socat", [
          "-t",
          "10",
          "-",
          `UNIX-CLIENT:${path},type=2,bind=${folder}/socat`,
        ]);
        await socat.writeLine("from socat");
        assertEquals(await socat.readLine(), "from socat");
        assertEquals(server.errors, []);
      })
    ),
);
