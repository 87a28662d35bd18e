import { getRunningLoop } from "../../loop/mod.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import type { AbstractServer, Transport } from "../../types.ts";
import { assertEquals, assertInstanceOf, assertRejects } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Echo, inLoop, Recorder } from "./tcp_support.ts";

import { exists, onLinux, unixTest } from "./unix_support.ts";
/** Leaves a socket at `path` that nobody listens on. */
function makeStale(path: string): void {
  const listener = Deno.listen({ transport: "unix", path });
  Deno.linkSync(path, `${path}.kept`);
  listener.close();
  Deno.renameSync(`${path}.kept`, path);
}

/** Serves a protocol that says `word` to everyone and closes. */
async function serveWord(loop: EventLoop, path: string, word: string): Promise<AbstractServer> {
  return await loop.createUnixServer(() => {
    const protocol = new Protocol();
    protocol.connectionMade = (transport) => {
      (transport as Transport).write(new TextEncoder().encode(word));
      transport.close();
    };
    return protocol;
  }, { path });
}

/** What the server at `path` says. */
async function ask(path: string): Promise<string> {
  const loop = getRunningLoop() as EventLoop;
  const answer = loop.createFuture<string>();
  let text = "";
  await loop.createUnixConnection(() => ({
    dataReceived(data: Uint8Array): void {
      text += new TextDecoder().decode(data);
    },
    connectionLost: () => answer.setResult(text),
  }), { path });
  return await answer;
}

unixTest("createUnixConnection() exchanges bytes with createUnixServer()", async (path) => {
  await inLoop(async (loop) => {
    await using server = await loop.createUnixServer(() => new Echo(), { path });
    assertEquals(server.sockets.map(({ addr }) => addr), [{ transport: "unix", path }]);
    const client = new Recorder(loop);
    const [transport, protocol] = await loop.createUnixConnection(() => client, { path });
    assertEquals(protocol, client);
    assertEquals(transport.getExtraInfo("peername"), { transport: "unix", path });
    transport.write(new Uint8Array(300_000));
    await until(() => client.received === 300_000);
    transport.writeEof();
    assertEquals(await client.lost, null);
    assertEquals(client.events.filter((event) => event !== "data" && event !== "pause"), [
      "made",
      ...client.events.filter((event) => event === "resume"),
      "eof",
      "lost",
    ]);
  });
});

// --- the file (N15)

unixTest("createUnixServer() replaces the socket of a server that is gone", async (path) => {
  makeStale(path);
  await inLoop(async (loop) => {
    await using _ = await serveWord(loop, path, "new");
    assertEquals(await ask(path), "new");
  });
});

unixTest(
  "createUnixServer() takes the path of a live server, whose close leaves it alone",
  async (path) => {
    await inLoop(async (loop) => {
      const first = await serveWord(loop, path, "first");
      const second = await serveWord(loop, path, "second");
      assertEquals(await ask(path), "second");
      first.close();
      await first.waitClosed();
      await until(() => exists(path));
      assertEquals(await ask(path), "second");
      second.close();
      assertEquals(exists(path), false);
    });
  },
);

unixTest("two servers of one path closed at once leave nothing behind", async (path) => {
  await inLoop(async (loop) => {
    const servers: AbstractServer[] = [];
    for (const word of ["a", "b", "c"]) servers.push(await serveWord(loop, path, word));
    for (const server of servers) server.close();
    // The next one waits until they are done with the file.
    await using _ = await serveWord(loop, path, "d");
    assertEquals(await ask(path), "d");
  });
});

unixTest("createUnixServer() leaves a file that is no socket alone", async (path) => {
  await Deno.writeTextFile(path, "precious");
  await inLoop(async (loop) => {
    const error = await assertRejects(
      () => loop.createUnixServer(() => new Echo(), { path }),
      Deno.errors.AddrInUse,
      `Cannot listen on ${path}`,
    );
    assertInstanceOf(error.cause, Deno.errors.AddrInUse);
  });
  assertEquals(await Deno.readTextFile(path), "precious");
  await Deno.remove(path);
});

unixTest("Server.close() removes the socket at once", async (path) => {
  await inLoop(async (loop) => {
    const server = await serveWord(loop, path, "x");
    assertEquals(exists(path), true);
    server.close();
    assertEquals(exists(path), false);
  });
});

unixTest("Server.close() does not mind that the socket is gone", async (path) => {
  await inLoop(async (loop) => {
    await using _ = await serveWord(loop, path, "x");
    await Deno.remove(path);
  });
});

unixTest("Server.close() leaves a file that took the place of the socket", async (path, folder) => {
  await inLoop(async (loop) => {
    const server = await serveWord(loop, path, "x");
    await Deno.remove(path);
    await Deno.writeTextFile(path, "other");
    server.close();
    await server.waitClosed();
  });
  await until(async () => (await Array.fromAsync(Deno.readDir(folder))).length === 1);
  assertEquals(await Deno.readTextFile(path), "other");
  await Deno.remove(path);
});

unixTest("createUnixServer() with cleanupSocket: false leaves the socket", async (path, folder) => {
  await inLoop(async (loop) => {
    const server = await loop.createUnixServer(() => new Echo(), { path, cleanupSocket: false });
    server.close();
    await server.waitClosed();
  });
  await until(async () => (await Array.fromAsync(Deno.readDir(folder))).length === 1);
  assertEquals(exists(path), true);
  await Deno.remove(path);
});

unixTest("a loop that closes removes the sockets of its servers", async (path) => {
  await inLoop(async (loop) => {
    await serveWord(loop, path, "x");
  });
  assertEquals(exists(path), false);
});

unixTest(
  "Server.close() reports a socket it cannot keep, and closes all the same",
  async (path, folder) => {
    await inLoop(async (loop, reports) => {
      const server = await serveWord(loop, path, "x");
      await Deno.remove(path);
      await Deno.remove(folder);
      // Now the path leads through a file: looking at it fails with something else than "not found".
      await Deno.writeTextFile(folder, "");
      server.close();
      await server.waitClosed();
      assertEquals(reports, [`Cannot clean up unix socket ${path}`]);
      await Deno.remove(folder);
      await Deno.mkdir(folder);
    }, { reports: true });
  },
);

// --- addresses

unixTest("createUnixServer() takes an abstract name, which is no file", async (_path, folder) => {
  const path = `\0${folder}`;
  await inLoop(async (loop) => {
    await using server = await serveWord(loop, path, "abstract");
    assertEquals(server.sockets[0]?.addr, { transport: "unix", path });
    assertEquals(await ask(path), "abstract");
    await assertRejects(
      () => loop.createUnixServer(() => new Echo(), { path }),
      Deno.errors.AddrInUse,
      "Cannot listen on abstract socket",
    );
  });
}, onLinux);

unixTest("unix paths that cannot be are refused before anything happens", async (path) => {
  await inLoop(async (loop) => {
    const long = path.padEnd(108, "x");
    for (const wrong of [long, `${path}${"é".repeat(50)}`, ""]) {
      for (
        const call of [
          () => loop.createUnixServer(() => new Echo(), { path: wrong }),
          () => loop.createUnixConnection(() => new Echo(), { path: wrong }),
        ]
      ) await assertRejects(call, RangeError, "AF_UNIX path too long or empty");
    }
    await assertRejects(
      () => loop.createUnixServer(() => new Echo(), { path: `${path}\0x` }),
      RangeError,
      "NUL",
    );
    await assertRejects(
      () => loop.createUnixServer(() => new Echo(), { path: 5 as unknown as string }),
      TypeError,
      "expected a string as path, got 5",
    );
  });
});

unixTest("createUnixServer() takes the longest path", async (_path, folder) => {
  const path = `${folder}/`.padEnd(Deno.build.os === "linux" ? 107 : 103, "x");
  await inLoop(async (loop) => {
    await using _ = await serveWord(loop, path, "long");
    assertEquals(await ask(path), "long");
  });
});

unixTest("createUnixConnection() says what it could not connect to", async (path) => {
  await inLoop(async (loop) => {
    const connect = () => loop.createUnixConnection(() => new Echo(), { path });
    const attempt = `Cannot connect to ${path}`;
    await assertRejects(connect, Deno.errors.NotFound, attempt);
    makeStale(path);
    await assertRejects(connect, Deno.errors.ConnectionRefused, attempt);
    await Deno.remove(path);
    await Deno.writeTextFile(path, "");
    const error = await assertRejects(connect, Deno.errors.ConnectionRefused, attempt);
    assertEquals((error as { code?: string }).code, "ECONNREFUSED");
    await Deno.remove(path);
  });
});

// --- arguments

unixTest("unix calls refuse arguments that contradict each other", async (path) => {
  await inLoop(async (loop) => {
    const listener = Deno.listen({ transport: "unix", path });
    const sock = await Deno.connect({ transport: "unix", path });
    const factory = () => new Echo();
    const cases: [() => Promise<unknown>, string][] = [
      [() => loop.createUnixServer(factory, {}), "no path and sock were specified"],
      [() => loop.createUnixServer(factory, { path, sock: listener }), "at the same time"],
      [() => loop.createUnixConnection(factory, {}), "no path and sock were specified"],
      [() => loop.createUnixConnection(factory, { path, sock }), "at the same time"],
      [() => loop.createUnixConnection(factory, { path, tls: true }), "serverHostname"],
      [() => loop.createUnixConnection(factory, { path, serverHostname: "x" }), "serverHostname"],
      [
        () => loop.createUnixConnection(factory, { path, tlsHandshakeTimeoutMs: 5 }),
        "only meaningful with tls",
      ],
    ];
    for (const [call, message] of cases) await assertRejects(call, RangeError, message);
    for (
      const [call, message] of [
        [
          () => loop.createUnixServer(factory, { sock }),
          "a Deno.Listener or a listening Socket",
        ],
        [
          () => loop.createUnixConnection(factory, { sock: listener }),
          "a connected Deno.Conn or Socket",
        ],
        [
          () => loop.createUnixServer(5 as unknown as () => Echo, { path }),
          "function that makes the protocol",
        ],
      ] as const
    ) await assertRejects(call, TypeError, message);
    listener.close();
    sock.close();
  });
});

unixTest(
  "createUnixServer() and createUnixConnection() take sockets of the caller's",
  async (path) => {
    await inLoop(async (loop) => {
      const sock = Deno.listen({ transport: "unix", path });
      await using _ = await loop.createUnixServer(() => new Echo(), { sock });
      const client = new Recorder(loop);
      const conn = await Deno.connect({ transport: "unix", path });
      const [transport] = await loop.createUnixConnection(() => client, { sock: conn });
      assertEquals(transport.getExtraInfo("socket"), conn);
      transport.write(new Uint8Array(10));
      await until(() => client.received === 10);
      transport.close();
      assertEquals(await client.lost, null);
    });
  },
);

unixTest("createUnixConnection() leaves nothing behind when it is given up", async (path) => {
  await inLoop(async (loop) => {
    let accepted = 0;
    await using _ = await loop.createUnixServer(() => {
      accepted++;
      return new Protocol();
    }, { path });
    const reason = new Error("changed my mind");
    const factory = () => {
      throw new Error("no protocol is wanted");
    };
    await assertRejects(
      () => loop.createUnixConnection(factory, { path, signal: AbortSignal.abort(reason) }),
      Error,
      "changed my mind",
    );
    assertEquals(accepted, 0);
    const controller = new AbortController();
    const connecting = loop.createUnixConnection(factory, { path, signal: controller.signal });
    controller.abort(reason);
    await assertRejects(() => connecting, Error, "changed my mind");
  });
});

unixTest("createUnixConnection() closes the connection if the factory throws", async (path) => {
  await inLoop(async (loop) => {
    const lost = loop.createFuture<Error | null>();
    await using _ = await loop.createUnixServer(
      () => ({ connectionLost: (error: Error | null) => lost.setResult(error) }),
      { path },
    );
    await assertRejects(
      () =>
        loop.createUnixConnection(() => {
          throw new Error("no protocol today");
        }, { path }),
      Error,
      "no protocol today",
    );
    assertEquals(await lost, null);
  });
});
