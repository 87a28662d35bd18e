import { CancelledError, RuntimeError } from "../../errors.ts";
import { Protocol } from "../../protocols/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Echo, inLoop, portOf, Recorder } from "./tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1" };

Deno.test("Server.sockets lists the listening sockets, and none once closed", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), {
      hostname: ["127.0.0.1", "127.0.0.2", "127.0.0.1"],
    });
    const hosts = server.sockets.map(({ addr }) => (addr as Deno.NetAddr).hostname);
    assertEquals(hosts, ["127.0.0.1", "127.0.0.2"]);
    assert(server.isServing() && server.getLoop() === loop);
    server.close();
    server.close();
    assertEquals([server.sockets.length, server.isServing()], [0, false]);
    await server.waitClosed();
  });
});

Deno.test("waitClosed() waits for close() and the last connection, in either order", async () => {
  await inLoop(async (loop) => {
    for (const order of ["connection first", "server first"]) {
      const server = await loop.createServer(() => new Echo(), LOCAL);
      const clients = [new Recorder(loop), new Recorder(loop)];
      for (const client of clients) {
        await loop.createConnection(() => client, { ...LOCAL, port: portOf(server) });
        // The answer tells that the server knows the connection.
        client.transport.write(new Uint8Array(1));
        await until(() => client.received === 1);
      }
      const waiting = loop.createTask(() => server.waitClosed());
      const endings = clients.map((client) => async () => {
        client.transport.close();
        await client.lost;
      });
      const close = () => server.close();
      for (const end of order === "server first" ? [close, ...endings] : [...endings, close]) {
        for (let turn = 0; turn < 5; turn++) {
          await new Promise<void>((resolve) => loop.callLater(1, () => resolve()));
        }
        assertEquals(waiting.done(), false, order);
        await end();
      }
      await waiting;
      await server.waitClosed();
    }
  });
});

Deno.test("close() lets existing connections go on; closeClients() ends them after their output", async () => {
  await inLoop(async (loop) => {
    const made = loop.createFuture<void>();
    const echo = new Echo();
    const originalMade = echo.connectionMade.bind(echo);
    echo.connectionMade = (transport) => {
      originalMade(transport);
      made.setResult();
    };
    const server = await loop.createServer(() => echo, LOCAL);
    const port = portOf(server);
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, { ...LOCAL, port });
    await made;
    server.close();
    await assertRejects(
      () => loop.createConnection(() => new Protocol(), { ...LOCAL, port }),
      Deno.errors.ConnectionRefused,
    );
    const echoed = loop.createFuture<void>();
    client.dataReceived = () => echoed.setResult();
    transport.write(new Uint8Array(10));
    await echoed;
    server.closeClients();
    assertEquals(await client.lost, null);
    await server.waitClosed();
  });
});

Deno.test("abortClients() drops their output", async () => {
  await inLoop(async (loop) => {
    const made = loop.createFuture<void>();
    const protocol = new Recorder(loop);
    protocol.connectionMade = (transport) => {
      transport.write(new Uint8Array(32 * 1024 * 1024));
      made.setResult();
    };
    const server = await loop.createServer(() => protocol, LOCAL);
    const client = new Recorder(loop);
    client.connectionMade = (transport) => transport.pauseReading();
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    await made;
    server.close();
    server.abortClients();
    assertEquals(await protocol.lost, null);
    await server.waitClosed();
    transport.abort();
    await client.lost;
  });
});

Deno.test("serveForever() closes the server and rethrows when cancelled", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), { ...LOCAL, startServing: false });
    assertEquals(server.isServing(), false);
    const serving = loop.createTask(() => server.serveForever());
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    await assertRejects(() => server.serveForever(), RuntimeError, "already being awaited");
    transport.close();
    await client.lost;
    serving.cancel();
    await assertRejects(async () => await serving, CancelledError);
    assertEquals(server.isServing(), false);
    await assertRejects(() => server.serveForever(), RuntimeError, "is closed");
    await assertRejects(() => server.startServing(), RuntimeError, "is closed");
  });
});

Deno.test("startServing() may be called again and again", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), { ...LOCAL, startServing: false });
    await server.startServing();
    await server.startServing();
    assert(server.isServing());
    await server[Symbol.asyncDispose]();
  });
});

Deno.test("close() cancels serveForever()", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const serving = loop.createTask(() => server.serveForever());
    loop.callSoon(() => loop.callSoon(() => server.close()));
    await assertRejects(async () => await serving, CancelledError);
  });
});

Deno.test("maxConnections keeps further clients waiting until one leaves", async () => {
  await inLoop(async (loop) => {
    let open = 0;
    let most = 0;
    const server = await loop.createServer(() => {
      const echo = new Echo();
      const made = echo.connectionMade.bind(echo);
      echo.connectionMade = (transport) => {
        most = Math.max(most, ++open);
        made(transport);
      };
      echo.connectionLost = () => void open--;
      return echo;
    }, { ...LOCAL, maxConnections: 2 });
    const rounds = Array.from({ length: 8 }, async () => {
      const client = new Recorder(loop);
      client.dataReceived = () => client.transport.close();
      const [transport] = await loop.createConnection(() => client, {
        ...LOCAL,
        port: portOf(server),
      });
      transport.write(new Uint8Array(1));
      await client.lost;
    });
    await Promise.all(rounds);
    assertEquals(most, 2);
    server.close();
    await server.waitClosed();
  });
});

Deno.test("a protocol factory that throws is reported, and its connection closed", async () => {
  await inLoop(async (loop, reports) => {
    const server = await loop.createServer(() => {
      throw new Error("no protocol today");
    }, LOCAL);
    const client = new Recorder(loop);
    await loop.createConnection(() => client, { ...LOCAL, port: portOf(server) });
    await client.lost;
    assertEquals(reports, ["Error on transport creation for incoming connection"]);
    server.close();
    await server.waitClosed();
  }, { reports: true });
});

Deno.test("createServer() shares a port when reusePort is set", async () => {
  await inLoop(async (loop) => {
    const first = await loop.createServer(() => new Echo(), { ...LOCAL, reusePort: true });
    const second = await loop.createServer(() => new Echo(), {
      ...LOCAL,
      port: portOf(first),
      reusePort: true,
    });
    assertEquals(portOf(first), portOf(second));
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(first),
    });
    transport.write(new Uint8Array(3));
    transport.writeEof();
    await client.lost;
    assertEquals(client.received, 3);
    first.close();
    second.close();
    await first.waitClosed();
    await second.waitClosed();
  });
});

Deno.test("closing the loop closes servers and connections that were left open", async () => {
  let port = 0;
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    port = portOf(server);
    await loop.createConnection(() => new Protocol(), { ...LOCAL, port });
  });
  // The kernel's socket goes when the pending accept has ended, a turn of the platform later.
  await until(async () => {
    try {
      (await Deno.connect({ ...LOCAL, port })).close();
      return false;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused;
    }
  });
});
