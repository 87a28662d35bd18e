import { CancelledError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { sleep } from "../../tasks/mod.ts";
import {
  type DatagramEndpoint,
  openDatagramEndpoint,
  type OpenDatagramEndpointOptions,
} from "../../streams/mod.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import { startPython } from "../support/python.ts";
import { inLoop } from "../transports/tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 };

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** An endpoint on loopback, and a client that is connected to it. */
async function openPair(
  options: Partial<OpenDatagramEndpointOptions> = {},
): Promise<[server: DatagramEndpoint, client: DatagramEndpoint]> {
  const server = await openDatagramEndpoint({ localAddr: LOCAL, ...options });
  const client = await openDatagramEndpoint({
    localAddr: LOCAL,
    remoteAddr: server.addr as Deno.NetAddr,
  });
  return [server, client];
}

/** Sends numbered packets, and waits until all of them arrived. */
async function flood(
  client: DatagramEndpoint,
  server: DatagramEndpoint,
  count: number,
): Promise<void> {
  const before = server.pending + server.dropped;
  for (let i = 0; i < count; i++) {
    client.send(bytes(`${i}`));
    await client.drain();
  }
  await until(() => server.pending + server.dropped === before + count);
}

Deno.test("openDatagramEndpoint() exchanges packets", async () => {
  await inLoop(async () => {
    const [server, client] = await openPair();
    assertEquals([server.remoteAddr, client.remoteAddr], [null, server.addr]);
    client.send(bytes("ping"));
    const [data, sender] = await server.receive();
    assertEquals([text(data), sender], ["ping", client.addr]);
    server.send(bytes("pong"), sender);
    assertEquals(await client.receive(), [bytes("pong"), server.addr]);
    server.send(new Uint8Array(0), sender);
    assertEquals((await client.receive())[0].length, 0);
    assertEquals(server.getExtraInfo("sockname"), server.addr);
    assertStringIncludes(`${server}`, "pending=0 dropped=0");
  });
});

Deno.test("for await receives until the endpoint is closed, and leaving it closes nothing", async () => {
  await inLoop(async (loop) => {
    const [server, client] = await openPair();
    await flood(client, server, 3);
    const got: string[] = [];
    for await (const [data] of server) {
      got.push(text(data));
      if (got.length === 2) break;
    }
    assertEquals([got, server.isClosing(), server.pending], [["0", "1"], false, 1]);
    loop.callLater(5, () => server.close());
    for await (const [data] of server) got.push(text(data));
    assertEquals(got, ["0", "1", "2"]);
  });
});

Deno.test("tasks that receive are served in their order, and loops share the packets", async () => {
  await inLoop(async (loop) => {
    const [server, client] = await openPair();
    const order: string[] = [];
    const tasks = ["a", "b"].map((name) =>
      loop.createTask(async () => {
        const [data] = await server.receive();
        order.push(`${name} ${text(data)}`);
      })
    );
    await sleep(0);
    await Promise.all([flood(client, server, 0), client.send(bytes("x")), client.send(bytes("y"))]);
    for (const task of tasks) await task;
    assertEquals(order, ["a x", "b y"]);
    const seen: string[] = [];
    const loops = [0, 1].map(() =>
      loop.createTask(async () => {
        for await (const [data] of server) seen.push(text(data));
      })
    );
    for (let i = 0; i < 10; i++) client.send(bytes(`${i}`));
    await until(() => seen.length === 10);
    server.close();
    for (const task of loops) await task;
    assertEquals(seen, Array.from({ length: 10 }, (_, i) => `${i}`));
  });
});

// --- the queue

Deno.test("a full queue drops what arrives, and counts it", async () => {
  await inLoop(async () => {
    const [server, client] = await openPair({ queueSize: 5 });
    await flood(client, server, 12);
    assertEquals([server.pending, server.dropped], [5, 7]);
    const got: string[] = [];
    while (server.pending > 0) got.push(text((await server.receive())[0]));
    assertEquals(got, ["0", "1", "2", "3", "4"]);
    await flood(client, server, 1);
    assertEquals([text((await server.receive())[0]), server.dropped], ["0", 7]);
  });
});

Deno.test("a full queue with dropOldest drops what waits longest", async () => {
  await inLoop(async () => {
    const [server, client] = await openPair({ queueSize: 5, dropOldest: true });
    await flood(client, server, 12);
    assertEquals([server.pending, server.dropped], [5, 7]);
    const got: string[] = [];
    while (server.pending > 0) got.push(text((await server.receive())[0]));
    assertEquals(got, ["7", "8", "9", "10", "11"]);
  });
});

Deno.test("dropped counts what a busy loop could not take", async () => {
  await inLoop(async (loop) => {
    const [server, client] = await openPair({ queueSize: 100_000 });
    let busy = true;
    // Enough to do in every iteration that packets, one an iteration, come to a jam.
    (function spin() {
      const end = performance.now() + 2;
      while (performance.now() < end);
      if (busy) loop.callSoon(spin);
    })();
    for (let round = 0; round < 200 && server.dropped === 0; round++) {
      for (let i = 0; i < 20; i++) client.send(new Uint8Array(4000));
      await nextMacrotask();
    }
    busy = false;
    assert(server.dropped > 0);
  });
});

// --- giving up

Deno.test("receive() that is given up takes no packet", async () => {
  await inLoop(async (loop) => {
    const [server, client] = await openPair();
    await assertRejects(
      () => server.receive({ signal: AbortSignal.abort(new Error("too early")) }),
      Error,
      "too early",
    );
    const controller = new AbortController();
    loop.callSoon(() => controller.abort(new Error("enough")));
    await assertRejects(() => server.receive({ signal: controller.signal }), Error, "enough");
    const task = loop.createTask(() => server.receive());
    await sleep(0);
    task.cancel();
    await assertRejects(() => task, CancelledError);
    await flood(client, server, 1);
    assertEquals(text((await server.receive())[0]), "0");
  });
});

Deno.test("receive() gives what is left after close(), then rejects", async () => {
  await inLoop(async (loop) => {
    const [server, client] = await openPair();
    await flood(client, server, 2);
    server.close();
    assertEquals(text((await server.receive())[0]), "0");
    await server.waitClosed();
    assertEquals(text((await server.receive())[0]), "1");
    await assertRejects(() => server.receive(), Deno.errors.BadResource, "endpoint is closed");
    // Whoever waits is told as well.
    const waiting = loop.createTask(() => client.receive());
    await sleep(0);
    client.close();
    await assertRejects(() => waiting, Deno.errors.BadResource, "endpoint is closed");
  });
});

// --- sending

Deno.test("drain() waits while much is queued, for any number of tasks", async () => {
  await inLoop(async (loop) => {
    const [server, client] = await openPair();
    await client.drain();
    client.transport.setWriteBufferLimits({ high: 1000, low: 0 });
    let drained = 0;
    for (let i = 0; i < 10; i++) client.send(new Uint8Array(200));
    const tasks = Array.from(
      { length: 3 },
      () =>
        loop.createTask(async () => {
          await client.drain();
          drained++;
        }),
    );
    const controller = new AbortController();
    const aborted = loop.createTask(() => client.drain({ signal: controller.signal }));
    await sleep(0);
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    for (const task of tasks) await task;
    assertEquals([drained, client.transport.getWriteBufferSize()], [3, 0]);
    await until(() => server.pending === 10);
    client.close();
    await client.waitClosed();
    await assertRejects(() => client.drain(), Deno.errors.ConnectionReset, "Connection lost");
  });
});

Deno.test("send() tells onError what could not be sent, and the endpoint goes on", async () => {
  await inLoop(async () => {
    const errors: Error[] = [];
    const [server] = await openPair();
    const client = await openDatagramEndpoint({
      localAddr: LOCAL,
      onError: (error) => void errors.push(error),
    });
    client.send(new Uint8Array(70_000), server.addr);
    client.send(bytes("x"), { hostname: "no-such-host.invalid", port: 9 });
    await until(() => errors.length === 2);
    assert(errors.some((error) => error instanceof Deno.errors.NotFound));
    assert(errors.some(({ message }) => message.includes("too long for one packet")));
    client.send(bytes("fine"), server.addr);
    assertEquals(text((await server.receive())[0]), "fine");
  });
});

Deno.test("an error without onError goes to the exception handler", async () => {
  await inLoop(async (loop: EventLoop, reports) => {
    const [, client] = await openPair();
    client.send(new Uint8Array(70_000));
    await until(() => reports.length === 1);
    assertEquals(reports, ["Error on datagram endpoint, which has no onError"]);
    assertEquals([client.isClosing(), loop.isRunning()], [false, true]);
  }, { reports: true });
});

Deno.test("send() refuses what the transport refuses", async () => {
  await inLoop(async () => {
    const [server, client] = await openPair();
    assertThrows(() => server.send(bytes("x")), RangeError, "an address is needed");
    assertThrows(() => client.send(bytes("x"), LOCAL), RangeError, "from 1 to 65535");
    assertThrows(() => client.send("x" as unknown as Uint8Array), TypeError, "Uint8Array");
  });
});

// --- the end

Deno.test("using and await using close an endpoint; what is queued is sent", async () => {
  await inLoop(async () => {
    const [server, client] = await openPair();
    {
      await using own = await openDatagramEndpoint({ remoteAddr: server.addr as Deno.NetAddr });
      for (let i = 0; i < 20; i++) own.send(bytes(`${i}`));
    }
    await until(() => server.pending === 20);
    {
      using _ = client;
    }
    assertEquals(client.isClosing(), true);
    await client.waitClosed();
    client.close();
    await client[Symbol.asyncDispose]();
    server.abort();
    await server.waitClosed();
  });
});

Deno.test("waitClosed() can be given up, and waits for any number of tasks", async () => {
  await inLoop(async (loop) => {
    const [server] = await openPair();
    const controller = new AbortController();
    const aborted = loop.createTask(() => server.waitClosed({ signal: controller.signal }));
    const waiting = [0, 1].map(() => loop.createTask(() => server.waitClosed()));
    await sleep(0);
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    server.close();
    for (const task of waiting) await task;
  });
});

Deno.test("openDatagramEndpoint() refuses options that make no sense", async () => {
  await inLoop(async () => {
    for (const queueSize of [0, -1, NaN]) {
      await assertRejects(
        () => openDatagramEndpoint({ localAddr: LOCAL, queueSize }),
        RangeError,
        `queueSize must be positive, got ${queueSize}`,
      );
    }
    await assertRejects(() => openDatagramEndpoint({}), RangeError, "unexpected address family");
    const taken = await openDatagramEndpoint({ localAddr: LOCAL });
    const error = await assertRejects(
      () => openDatagramEndpoint({ localAddr: taken.addr as Deno.NetAddr }),
      Deno.errors.AddrInUse,
    );
    assertInstanceOf(error.cause, Error);
  });
});

peerTest("an endpoint serves 20 clients of CPython's asyncio at once", ["python3"], async () => {
  await inLoop(async (loop) => {
    await using server = await openDatagramEndpoint({ localAddr: LOCAL });
    const serving = loop.createTask(async () => {
      for await (const [data, sender] of server) {
        server.send(data, sender);
        await server.drain();
      }
    });
    await using python = startPython(
      `
      import asyncio, sys
      class Client(asyncio.DatagramProtocol):
          def __init__(self): self.got = asyncio.Queue()
          def datagram_received(self, data, addr): self.got.put_nowait(data)
      async def talk(number):
          transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
              Client, remote_addr=("127.0.0.1", int(sys.argv[1])))
          for i in range(100):
              message = b"client %d packet %d" % (number, i)
              transport.sendto(message)
              assert await client.got.get() == message
          transport.close()
      async def main():
          await asyncio.gather(*map(talk, range(20)))
          print("done")
      asyncio.run(main())
      `,
      { args: [String((server.addr as Deno.NetAddr).port)] },
    );
    const { stdout, stderr } = await python.wait();
    assertEquals([stdout.trim(), stderr, server.dropped], ["done", "", 0]);
    server.close();
    await serving;
  });
});
