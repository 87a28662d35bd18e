import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Datagrams, LOCAL, openDatagrams } from "./datagram_support.ts";
import { inLoop } from "./tcp_support.ts";

/** The longest payload of a UDP packet over IPv4. */
const LONGEST = 65507;

// --- sending and receiving

Deno.test("createDatagramEndpoint() exchanges packets with their addresses", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    assertEquals(a.addr, { transport: "udp", hostname: "127.0.0.1", port: a.addr.port });
    assert(a.addr.port > 0);
    assertEquals(a.transport.getExtraInfo("peername"), null);
    a.send("hello", b.addr);
    await until(() => b.packets.length === 1);
    assertEquals([b.texts, b.senders], [["hello"], [a.addr]]);
    b.send("hello back", b.senders[0] as Deno.NetAddr);
    await until(() => a.packets.length === 1);
    assertEquals([a.texts, a.senders], [["hello back"], [b.addr]]);
    assertEquals(a.events, ["made", "data"]);
  });
});

Deno.test("createDatagramEndpoint() resolves once connectionMade() was called, before any packet", async () => {
  await inLoop(async (loop) => {
    const order: string[] = [];
    const a = await openDatagrams(loop);
    const protocol = new Datagrams();
    protocol.connectionMade = (transport) => {
      order.push("made");
      // A packet to itself, from inside.
      transport.sendto(new Uint8Array(1), transport.getExtraInfo("sockname"));
    };
    protocol.datagramReceived = () => void order.push("data");
    await openDatagrams(loop, { localAddr: LOCAL }, protocol);
    order.push("opened");
    await until(() => order.length === 3);
    assertEquals(order, ["made", "opened", "data"]);
    a.transport.close();
  });
});

Deno.test("sendto() sends an empty packet, and one of 65 507 bytes", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    const long = new Uint8Array(LONGEST).map((_, at) => at % 251);
    for (const [at, packet] of [new Uint8Array(0), long, new Uint8Array(0)].entries()) {
      a.transport.sendto(packet, b.addr);
      await until(() => b.packets.length === at + 1);
      assertEquals(b.packets[at], packet);
    }
    assertEquals(a.errors, []);
  });
});

Deno.test("sendto() tells errorReceived() of a packet that is too long, and goes on", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    a.transport.sendto(new Uint8Array(LONGEST + 1), b.addr);
    await until(() => a.errors.length === 1);
    const [error] = a.errors as [Error & { code?: string }];
    assertEquals(error.code, "EMSGSIZE");
    assertStringIncludes(
      error.message,
      `Cannot send a datagram of 65508 bytes to 127.0.0.1:${b.addr.port}: it is too long`,
    );
    a.send("short", b.addr);
    await until(() => b.packets.length === 1);
    assertEquals([b.texts, a.transport.isClosing()], [["short"], false]);
  });
});

Deno.test("sendto() lets the caller reuse its array at once", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    const array = new Uint8Array(3);
    for (let i = 0; i < 20; i++) a.transport.sendto(array.fill(i), b.addr);
    await until(() => b.packets.length === 20);
    assertEquals(b.packets.map(([first]) => first), Array.from({ length: 20 }, (_, i) => i));
  });
});

Deno.test("packets arrive in the order of sendto(), as bytes of their own", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    for (let i = 0; i < 20; i++) a.send(`packet ${i}`, b.addr);
    await until(() => b.packets.length === 20);
    assertEquals(b.texts, Array.from({ length: 20 }, (_, i) => `packet ${i}`));
    assertEquals(b.packets[0]?.constructor, Uint8Array);
  });
});

// --- connected

Deno.test("a connected endpoint hears its peer only", async () => {
  await inLoop(async (loop) => {
    const [peer, stranger] = [await openDatagrams(loop), await openDatagrams(loop)];
    const a = await openDatagrams(loop, { localAddr: LOCAL, remoteAddr: peer.addr });
    assertEquals(a.transport.getExtraInfo("peername"), peer.addr);
    for (let i = 0; i < 10; i++) stranger.send("let me in", a.addr);
    peer.send("it is me", a.addr);
    await until(() => a.packets.length > 0);
    peer.send("still me", a.addr);
    await until(() => a.packets.length > 1);
    assertEquals([a.texts, a.senders], [["it is me", "still me"], [peer.addr, peer.addr]]);
  });
});

Deno.test("a connected endpoint sends to its peer only, named or not", async () => {
  await inLoop(async (loop) => {
    const [peer, stranger] = [await openDatagrams(loop), await openDatagrams(loop)];
    const a = await openDatagrams(loop, { remoteAddr: peer.addr });
    a.send("one");
    a.send("two", peer.addr);
    a.send("three", { hostname: `::ffff:${peer.addr.hostname}`, port: peer.addr.port });
    await until(() => peer.packets.length === 3);
    assertEquals(peer.texts, ["one", "two", "three"]);
    assertThrows(
      () => a.send("no", stranger.addr),
      RangeError,
      `Invalid address: must be null or 127.0.0.1:${peer.addr.port}`,
    );
    assertThrows(() => stranger.send("no"), RangeError, "an address is needed");
  });
});

Deno.test("an endpoint still receives after a packet to where nobody listens", async () => {
  await inLoop(async (loop) => {
    const gone = await openDatagrams(loop);
    const target = gone.addr;
    gone.transport.close();
    await gone.lost.promise;
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    const c = await openDatagrams(loop, { localAddr: LOCAL, remoteAddr: b.addr });
    a.send("into the void", target);
    c.send("x");
    for (const endpoint of [a, c]) b.send("still there?", endpoint.addr);
    await until(() => a.packets.length === 1 && c.packets.length === 1);
    assertEquals([a.texts, c.texts], [["still there?"], ["still there?"]]);
  });
});

// --- flow control and the end

Deno.test("sendto() pauses the protocol above the high mark, and resumes it", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    const { transport } = a;
    assertEquals(transport.getWriteBufferLimits(), [16384, 65536]);
    transport.setWriteBufferLimits({ high: 100, low: 30 });
    assertEquals(transport.getWriteBufferLimits(), [30, 100]);
    // Each packet counts 8 bytes beside its own.
    for (let i = 0; i < 5; i++) a.transport.sendto(new Uint8Array(12), b.addr);
    assertEquals([a.events, transport.getWriteBufferSize()], [["made"], 100]);
    a.transport.sendto(new Uint8Array(0), b.addr);
    assertEquals([a.events, transport.getWriteBufferSize()], [["made", "pause"], 108]);
    await until(() => a.events.includes("resume"));
    assert(transport.getWriteBufferSize() <= 30);
    await until(() => b.packets.length === 6);
    assertEquals(a.events, ["made", "pause", "resume"]);
    assertThrows(() => transport.setWriteBufferLimits({ high: 1, low: 2 }), RangeError, "high (1)");
  });
});

Deno.test("pauseWriting() and resumeWriting() alternate over many packets", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    a.transport.setWriteBufferLimits({ high: 4096 });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 10; i++) a.transport.sendto(new Uint8Array(1000), b.addr);
      await until(() => a.transport.getWriteBufferSize() === 0);
    }
    const flow = a.events.slice(1);
    assertEquals(flow, flow.map((_, at) => at % 2 === 0 ? "pause" : "resume"));
    assertEquals(flow.length, 40);
  });
});

Deno.test("close() sends what is queued, then calls connectionLost(null) once", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    for (let i = 0; i < 50; i++) a.send(`${i}`, b.addr);
    a.transport.close();
    assertEquals([a.transport.isClosing(), a.events], [true, ["made"]]);
    a.transport.close();
    assertEquals(await a.lost.promise, null);
    await until(() => b.packets.length === 50);
    a.send("too late", b.addr);
    assertEquals(a.events, ["made", "lost"]);
    assertEquals([a.transport.getProtocol(), a.transport.isClosing()], [null, true]);
  });
});

Deno.test("abort() calls connectionLost(null) in the next iteration, and delivers no more", async () => {
  await inLoop(async (loop) => {
    const [a, b] = [await openDatagrams(loop), await openDatagrams(loop)];
    b.send("x", a.addr);
    a.send("x", b.addr);
    a.transport.abort();
    assertEquals([a.events, a.transport.getWriteBufferSize()], [["made"], 0]);
    const next = loop.createFuture<void>();
    loop.callSoon(() => next.setResult());
    await next;
    assertEquals(a.events, ["made", "lost"]);
    a.transport.abort();
    a.transport.close();
    b.transport.close();
    await b.lost.promise;
    assertEquals(a.events, ["made", "lost"]);
  });
});

Deno.test("close() inside of datagramReceived() is the end of receiving", async () => {
  await inLoop(async (loop) => {
    const a = await openDatagrams(loop);
    const b = new Datagrams();
    b.datagramReceived = () => {
      b.events.push("data");
      b.transport.close();
    };
    await openDatagrams(loop, { localAddr: LOCAL }, b);
    for (let i = 0; i < 10; i++) a.send("x", b.addr);
    assertEquals(await b.lost.promise, null);
    assertEquals(b.events, ["made", "data", "lost"]);
  });
});

Deno.test("using closes an endpoint, and a loop that closes releases it", async () => {
  const protocol = new Datagrams();
  await inLoop(async (loop) => {
    const [transport, other] = await loop.createDatagramEndpoint(() => new Datagrams(), {
      localAddr: LOCAL,
    });
    {
      using _ = transport;
    }
    assertEquals(await other.lost.promise, null);
    await openDatagrams(loop, { localAddr: LOCAL }, protocol);
  });
  // Nobody was called, and the port is free (a turn later).
  assertEquals(protocol.events, ["made"]);
  await inLoop(async (loop) => {
    await until(() => openDatagrams(loop, { localAddr: protocol.addr }));
  });
});

// --- protocols

Deno.test("an error of the protocol is reported, and the endpoint goes on", async () => {
  await inLoop(async (loop, reports) => {
    const a = await openDatagrams(loop);
    const b = new Datagrams();
    b.datagramReceived = (data, addr) => {
      Datagrams.prototype.datagramReceived.call(b, data, addr);
      if (b.packets.length === 1) throw new Error("not this one");
    };
    b.errorReceived = () => {
      throw new Error("nor this error");
    };
    await openDatagrams(loop, { localAddr: LOCAL }, b);
    a.send("bad", b.addr);
    a.send("good", b.addr);
    await until(() => b.packets.length === 2);
    b.transport.sendto(new Uint8Array(LONGEST + 1), a.addr);
    await until(() => reports.length === 2);
    assertEquals(reports, [
      "protocol.datagramReceived() failed",
      "protocol.errorReceived() failed",
    ]);
    assertEquals(b.transport.isClosing(), false);
  }, { reports: true });
});

Deno.test("an async datagramReceived() that fails is reported", async () => {
  await inLoop(async (loop, reports) => {
    const a = await openDatagrams(loop);
    const b = new Datagrams();
    b.datagramReceived = async () => {
      await Promise.resolve();
      throw new Error("later");
    };
    await openDatagrams(loop, { localAddr: LOCAL }, b);
    a.send("x", b.addr);
    await until(() => reports.length === 1);
    assertEquals(reports, ["protocol.datagramReceived() failed"]);
  }, { reports: true });
});

Deno.test("setProtocol() gives an endpoint another protocol", async () => {
  await inLoop(async (loop) => {
    const [a, first, second] = [await openDatagrams(loop), new Datagrams(), new Datagrams()];
    await openDatagrams(loop, { localAddr: LOCAL }, first);
    a.send("one", first.addr);
    await until(() => first.packets.length === 1);
    first.transport.setProtocol(second);
    assertEquals(first.transport.getProtocol(), second);
    a.send("two", first.addr);
    await until(() => second.packets.length === 1);
    first.transport.close();
    await second.lost.promise;
    assertEquals([first.events, second.events], [["made", "data"], ["data", "lost"]]);
  });
});

Deno.test("the protocol of an endpoint runs in the context of its maker", async () => {
  await inLoop(async (loop) => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const a = await openDatagrams(loop);
    const b = new Datagrams();
    for (const name of ["datagramReceived", "errorReceived", "connectionLost"] as const) {
      const inherited = b[name] as (...args: unknown[]) => void;
      b[name] = (...args: unknown[]) => {
        seen.push(storage.getStore());
        inherited.apply(b, args);
      };
    }
    await storage.run("maker", () => openDatagrams(loop, { localAddr: LOCAL }, b));
    await storage.run("sender", async () => {
      a.send("x", b.addr);
      await until(() => b.packets.length === 1);
      b.transport.sendto(new Uint8Array(LONGEST + 1), a.addr);
      await until(() => b.errors.length === 1);
      b.transport.close();
      await b.lost.promise;
    });
    assertEquals(seen, ["maker", "maker", "maker"]);
  });
});
