import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { CancelledError, ExceptionGroup } from "../../errors.ts";
import { Protocol } from "../../protocols/mod.ts";
import type { Transport } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { Echo, inLoop, portOf, Recorder } from "./tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1" };
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("createConnection() calls connectionMade before it resolves and before any data", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => ({
      connectionMade: (transport: Transport) => {
        transport.write(bytes("at once"));
        transport.close();
      },
    }), LOCAL);
    const client = new Recorder(loop);
    const [transport, protocol] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    assertEquals(client.events, ["made"]);
    assert(protocol === client && transport === client.transport);
    await client.lost;
    assertEquals(client.events, ["made", "data", "eof", "lost"]);
    server.close();
    await server.waitClosed();
  });
});

Deno.test("createConnection() returns when connectionMade throws, and the connection works", async () => {
  await inLoop(async (loop, reports) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const client = new Recorder(loop);
    client.connectionMade = () => {
      throw new Error("made badly");
    };
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    assertEquals(reports, ["protocol.connectionMade() failed"]);
    transport.close();
    assertEquals(await client.lost, null);
    server.close();
  }, { reports: true });
});

Deno.test("createConnection() returns when connectionMade aborts", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const client = new Recorder(loop);
    client.connectionMade = (transport) => transport.abort();
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    assert(transport.isClosing());
    assertEquals(await client.lost, null);
    server.close();
  });
});

Deno.test("getExtraInfo() knows both ends of a TCP connection", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const [transport] = await loop.createConnection(() => new Protocol(), {
      ...LOCAL,
      port: portOf(server),
    });
    assertEquals((transport.getExtraInfo("peername") as Deno.NetAddr).port, portOf(server));
    assertEquals((transport.getExtraInfo("sockname") as Deno.NetAddr).hostname, "127.0.0.1");
    assertEquals(transport.getExtraInfo("no such fact", "default"), "default");
    transport.close();
    server.close();
  });
});

Deno.test("createConnection() connects from localAddr", async () => {
  await inLoop(async (loop) => {
    const seen = loop.createFuture<string>();
    const server = await loop.createServer(() => ({
      connectionMade: (transport: Transport) => {
        seen.setResult((transport.getExtraInfo("peername") as Deno.NetAddr).hostname);
      },
    }), LOCAL);
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
      localAddr: { hostname: "127.0.0.7", port: 0 },
    });
    assertEquals(await seen, "127.0.0.7");
    assertEquals((transport.getExtraInfo("sockname") as Deno.NetAddr).hostname, "127.0.0.7");
    transport.close();
    await client.lost;
    server.close();
    await server.waitClosed();
  });
});

Deno.test("createConnection() takes a connected Deno.Conn as sock", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const sock = await Deno.connect({ ...LOCAL, port: portOf(server) });
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, { sock });
    transport.write(bytes("through"));
    transport.writeEof();
    await client.lost;
    assertEquals(client.received, 7);
    server.close();
  });
});

Deno.test("createServer() takes a listening Deno.Listener as sock", async () => {
  await inLoop(async (loop) => {
    const sock = Deno.listen({ ...LOCAL, port: 0 });
    const server = await loop.createServer(() => new Echo(), { sock });
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    transport.close();
    await client.lost;
    server.close();
    await server.waitClosed();
  });
});

Deno.test("createConnection() tries the next address when one refuses", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    // localhost is ::1 as well on most machines; nobody listens there.
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, {
      hostname: "localhost",
      port: portOf(server),
      happyEyeballsDelayMs: 50,
    });
    transport.close();
    await client.lost;
    server.close();
  });
});

Deno.test("createConnection() rejects with every error when allErrors is set", async () => {
  await inLoop(async (loop) => {
    const free = Deno.listen({ ...LOCAL, port: 0 });
    const { port } = free.addr;
    free.close();
    const error = await assertRejects(
      () => loop.createConnection(() => new Protocol(), { ...LOCAL, port, allErrors: true }),
      ExceptionGroup,
    );
    assertInstanceOf(error.errors[0], Deno.errors.ConnectionRefused);
  });
});

Deno.test("createConnection() rejects with CancelledError and leaks no socket when its task is cancelled", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    for (let step = 0; step < 4; step++) {
      const task = loop.createTask(() =>
        loop.createConnection(() => new Protocol(), { ...LOCAL, port: portOf(server) })
      );
      let left = step;
      const cancelLater = () => left-- > 0 ? loop.callSoon(cancelLater) : task.cancel();
      loop.callSoon(cancelLater);
      try {
        const [transport] = await task;
        transport.abort();
      } catch (error) {
        assertInstanceOf(error, CancelledError);
      }
    }
    server.close();
    // Whatever was connected too late is closed: the server sees it end.
    await server.waitClosed();
  });
});

Deno.test("createConnection() rejects with the reason when its signal aborts", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const reason = new Error("no longer needed");
    const error = await assertRejects(() =>
      loop.createConnection(() => new Protocol(), {
        ...LOCAL,
        port: portOf(server),
        signal: AbortSignal.abort(reason),
      }), Error);
    assertEquals(error, reason);
    server.close();
  });
});

Deno.test("createServer() gives each connection the context of its maker, and one of its own", async () => {
  const storage = new AsyncLocalStorage<string>();
  await inLoop(async (loop) => {
    const seen: (string | undefined)[] = [];
    const make = () => {
      const protocol = new Recorder(loop);
      protocol.connectionMade = (transport) => {
        protocol.transport = transport;
        seen.push(storage.getStore());
        storage.enterWith(`connection ${seen.length}`);
      };
      protocol.dataReceived = () => {
        seen.push(storage.getStore());
        protocol.transport.setWriteBufferLimits({ high: 0 });
        protocol.transport.write(bytes("x"));
      };
      protocol.pauseWriting = () => void seen.push(`pause ${storage.getStore()}`);
      protocol.connectionLost = () => void seen.push(`lost ${storage.getStore()}`);
      return protocol;
    };
    const server = await storage.run("server", () => loop.createServer(make, LOCAL));
    for (let round = 0; round < 2; round++) {
      await storage.run("client", async () => {
        const client = new Recorder(loop);
        const [transport] = await loop.createConnection(() => client, {
          ...LOCAL,
          port: portOf(server),
        });
        transport.write(bytes("go"));
        transport.writeEof();
        await client.lost;
      });
    }
    server.close();
    await server.waitClosed();
    assertEquals(seen, [
      "server",
      "connection 1",
      "pause connection 1",
      "lost connection 1",
      "server",
      "connection 5",
      "pause connection 5",
      "lost connection 5",
    ]);
  });
});

Deno.test("resumeReading() does not lend the caller's context to the protocol", async () => {
  const storage = new AsyncLocalStorage<string>();
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const client = new Recorder(loop);
    const stores: unknown[] = [];
    const arrived = loop.createFuture<void>();
    client.dataReceived = () => {
      stores.push(storage.getStore());
      if (!arrived.done()) arrived.setResult();
    };
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    transport.pauseReading();
    transport.write(bytes("echo me"));
    storage.run("leaked", () => transport.resumeReading());
    await arrived;
    assertEquals(stores, [undefined]);
    transport.close();
    server.close();
  });
});

Deno.test("write() lets the caller reuse its array at once, however slow the peer", async () => {
  await inLoop(async (loop) => {
    let sum = 0;
    let count = 0;
    const all = loop.createFuture<void>();
    const reader = new Recorder(loop);
    reader.connectionMade = (transport) => {
      reader.transport = transport;
      transport.pauseReading();
    };
    const total = 8 * 1024 * 1024;
    reader.dataReceived = (data) => {
      for (const byte of data) sum += byte;
      count += data.length;
      if (count === total) all.setResult();
    };
    const server = await loop.createServer(() => reader, LOCAL);
    const [transport] = await loop.createConnection(() => new Protocol(), {
      ...LOCAL,
      port: portOf(server),
    });
    const block = new Uint8Array(1024 * 1024);
    for (let round = 0; round < 8; round++) {
      transport.write(block.fill(1));
      block.fill(255);
    }
    assert(transport.getWriteBufferSize() > 0);
    reader.transport?.resumeReading();
    loop.callLater(1, () => reader.transport.resumeReading());
    await all;
    assertEquals(sum, total);
    transport.close();
    server.close();
  });
});

for (const size of [1, 64, 1024]) {
  Deno.test(`echo returns ${size} MiB unchanged to a slow reader, and buffers no more than the high mark`, async () => {
    await inLoop(async (loop) => {
      const server = await loop.createServer(() => new Echo(), LOCAL);
      const total = size * 1024 * 1024;
      const block = crypto.getRandomValues(new Uint8Array(64 * 1024));
      const done = loop.createFuture<void>();
      let sent = 0;
      let received = 0;
      let wrong = 0;
      let largest = 0;
      let mayWrite = true;
      const client = new Recorder(loop);
      const send = () => {
        while (mayWrite && sent < total) {
          client.transport.write(block);
          sent += block.length;
          largest = Math.max(largest, client.transport.getWriteBufferSize());
        }
        if (sent === total && mayWrite) client.transport.writeEof();
      };
      client.pauseWriting = () => void (mayWrite = false);
      client.resumeWriting = () => {
        mayWrite = true;
        send();
      };
      client.dataReceived = (data) => {
        // Every byte: natively, or a gigabyte would take long.
        for (let at = 0; at < data.length;) {
          const from = (received + at) % block.length;
          const piece = data.subarray(at, at + block.length - from);
          if (Buffer.compare(piece, block.subarray(from, from + piece.length)) !== 0) wrong++;
          at += piece.length;
        }
        received += data.length;
        // Slow: a rest after every portion.
        client.transport.pauseReading();
        loop.callSoon(() => loop.callSoon(() => client.transport.resumeReading()));
      };
      client.connectionLost = () => done.setResult();
      await loop.createConnection(() => client, { ...LOCAL, port: portOf(server) });
      send();
      await done;
      assertEquals({ received, wrong }, { received: total, wrong: 0 });
      assert(largest <= 128 * 1024, `${largest} bytes were buffered`);
      server.close();
      await server.waitClosed();
    });
  });
}

Deno.test("connectionLost() gets the error when the peer resets the connection", async () => {
  await inLoop(async (loop) => {
    const accepted = new Recorder(loop);
    const made = loop.createFuture<void>();
    accepted.connectionMade = (transport) => {
      accepted.transport = transport;
      made.setResult();
    };
    const server = await loop.createServer(() => accepted, LOCAL);
    // With a local address the connection is one that can send a reset.
    const [transport] = await loop.createConnection(() => new Protocol(), {
      ...LOCAL,
      port: portOf(server),
      localAddr: { hostname: "127.0.0.1", port: 0 },
    });
    await made;
    transport.abort();
    assertInstanceOf(await accepted.lost, Deno.errors.ConnectionReset);
    assertEquals(accepted.events, ["lost ConnectionReset"]);
    accepted.transport.write(bytes("into the void"));
    server.close();
    await server.waitClosed();
  });
});

Deno.test("createConnection() refuses bad input before anything happens", async () => {
  await inLoop(async (loop) => {
    const make = () => new Protocol();
    const cases: [object, new (message?: string) => Error, string][] = [
      [{}, RangeError, "hostname and port was not specified"],
      [{ hostname: "127.0.0.1" }, RangeError, "port must be an integer from 1 to 65535"],
      [{ port: 0 }, RangeError, "got 0"],
      [{ port: 65536 }, RangeError, "got 65536"],
      [{ port: 1.5 }, RangeError, "got 1.5"],
      [{ port: "80" }, RangeError, 'got "80"'],
      [{ port: 80, family: "ipv5" }, RangeError, "ipv5"],
      [{ port: 80, serverHostname: "x" }, RangeError, "only meaningful with tls"],
      [{ port: 80, tlsHandshakeTimeoutMs: 1 }, RangeError, "only meaningful with tls"],
      [{ port: 80, tls: {} }, TypeError, "createTlsContext"],
      [{ port: 80, localAddr: { hostname: "127.0.0.1", port: -1 } }, RangeError, "got -1"],
      [{ port: 80, sock: {} }, RangeError, "can not be specified at the same time"],
      [{ sock: {} }, TypeError, "expected a connected"],
      [
        { hostname: "no.such.host.invalid", port: 80 },
        Deno.errors.NotFound,
        "no.such.host.invalid",
      ],
    ];
    for (const [options, kind, text] of cases) {
      const error = await assertRejects(() => loop.createConnection(make, options), kind);
      assertStringIncludes(error.message, text);
    }
    await assertRejects(
      () => loop.createConnection("protocol" as unknown as () => Protocol, { port: 80 }),
      TypeError,
      "expected a function that makes the protocol",
    );
  });
});

Deno.test("createServer() refuses bad input, and an address in use by name", async () => {
  await inLoop(async (loop) => {
    const make = () => new Protocol();
    const server = await loop.createServer(make, LOCAL);
    const cases: [object, new (message?: string) => Error, string][] = [
      [{ ...LOCAL, port: -1 }, RangeError, "got -1"],
      [{ ...LOCAL, backlog: 0 }, RangeError, "backlog"],
      [{ ...LOCAL, tls: true }, TypeError, "createTlsContext"],
      [{ ...LOCAL, port: portOf(server) }, Deno.errors.AddrInUse, `127.0.0.1:${portOf(server)}`],
      [{ hostname: "203.0.113.77" }, Deno.errors.AddrNotAvailable, "203.0.113.77"],
    ];
    for (const [options, kind, text] of cases) {
      const error = await assertRejects(() => loop.createServer(make, options), kind);
      assertStringIncludes(error.message, text);
    }
    server.close();
  });
});

Deno.test("write() refuses what is not a Uint8Array and sends the rest unharmed", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    for (const wrong of ["text", 1, null, undefined, [1], new ArrayBuffer(1), new Uint16Array(1)]) {
      let thrown: unknown;
      try {
        transport.write(wrong as unknown as Uint8Array);
      } catch (error) {
        thrown = error;
      }
      assertInstanceOf(thrown, TypeError);
    }
    transport.write(bytes("right"));
    transport.writeEof();
    await client.lost;
    assertEquals(client.received, 5);
    server.close();
  });
});
