import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket as NodeSocket } from "node:dgram";
import { CancelledError } from "../../errors.ts";
import type { CreateDatagramEndpointOptions, DatagramTransport } from "../../types.ts";
import { DatagramInbox } from "../../transports/datagram_link.ts";
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

/** The longest payload of a UDP packet over IPv4. */
const LONGEST = 65507;

const hasIpv6 = await canBind("::1");

async function canBind(hostname: string): Promise<boolean> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp6");
  const bound = new Promise<boolean>((resolve) => {
    socket.on("listening", () => resolve(true)).on("error", () => resolve(false));
    socket.bind(0, hostname);
  });
  return await bound.finally(() => socket.close());
}

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

// --- broadcast and multicast

Deno.test("a broadcast needs allowBroadcast, and is answered by anybody", async () => {
  await inLoop(async (loop) => {
    const everybody = await openDatagrams(
      loop,
      { localAddr: { hostname: "0.0.0.0", port: 0 } },
      new DatagramEcho(),
    );
    const target = { hostname: "127.255.255.255", port: everybody.addr.port };
    const quiet = await openDatagrams(loop);
    quiet.send("may I", target);
    await until(() => quiet.errors.length === 1);
    assert(quiet.errors[0] instanceof Deno.errors.PermissionDenied);
    assertStringIncludes(quiet.errors[0].message, "a broadcast needs allowBroadcast");

    const loud = await openDatagrams(loop, {
      localAddr: LOCAL,
      remoteAddr: target,
      allowBroadcast: true,
    });
    assertEquals(loud.transport.getExtraInfo("peername"), null);
    loud.send("anybody");
    await until(() => loud.packets.length === 1);
    assertEquals([loud.texts, loud.senders[0]], [["anybody"], {
      transport: "udp",
      hostname: "127.0.0.1",
      port: everybody.addr.port,
    }]);
    assertThrows(() => loud.send("elsewhere", quiet.addr), RangeError, "Invalid address");
  });
});

Deno.test("an endpoint joins a multicast group through its socket", async () => {
  await inLoop(async (loop) => {
    const group = "239.255.77.88";
    const member = await openDatagrams(loop, { localAddr: { hostname: "0.0.0.0", port: 0 } });
    const outsider = await openDatagrams(loop, { localAddr: { hostname: "0.0.0.0", port: 0 } });
    const sender = await openDatagrams(loop);
    (member.transport.getExtraInfo("socket") as NodeSocket).addMembership(group, "127.0.0.1");
    const socket = sender.transport.getExtraInfo("socket") as NodeSocket;
    socket.setMulticastInterface("127.0.0.1");
    socket.setMulticastTTL(1);
    sender.send("members only", { hostname: group, port: member.addr.port });
    await until(() => member.packets.length === 1);
    assertEquals([member.texts, outsider.texts], [["members only"], []]);
  });
});

// --- families and names

Deno.test({
  name: "createDatagramEndpoint() speaks IPv6, however the address is spelled",
  ignore: !hasIpv6,
  fn: () =>
    inLoop(async (loop) => {
      const server = await openDatagrams(
        loop,
        { localAddr: { hostname: "::1", port: 0 } },
        new DatagramEcho(),
      );
      assertEquals(server.addr.hostname, "::1");
      const client = await openDatagrams(loop, {
        remoteAddr: { hostname: "0:0:0:0:0:0:0:1", port: server.addr.port },
      });
      assertEquals(client.transport.getExtraInfo("peername"), server.addr);
      client.send("six");
      await until(() => client.packets.length === 1);
      assertEquals([client.texts, client.senders], [["six"], [server.addr]]);
    }),
});

Deno.test({
  name: "an endpoint on :: hears IPv4 senders, and answers them",
  ignore: !hasIpv6,
  fn: () =>
    inLoop(async (loop) => {
      const server = await openDatagrams(
        loop,
        { localAddr: { hostname: "::", port: 0 } },
        new DatagramEcho(),
      );
      const client = await openDatagrams(loop, {
        localAddr: LOCAL,
        remoteAddr: { hostname: "127.0.0.1", port: server.addr.port },
      });
      client.send("four");
      await until(() => client.packets.length === 1);
      assertEquals(client.texts, ["four"]);
    }),
});

Deno.test("createDatagramEndpoint() with a family only takes any address and port", async () => {
  await inLoop(async (loop) => {
    const server = await openDatagrams(loop);
    const client = await openDatagrams(loop, { family: "ipv4" });
    assertEquals(client.addr.hostname, "0.0.0.0");
    client.send("from anywhere", server.addr);
    await until(() => server.packets.length === 1);
    assertEquals((server.senders[0] as Deno.NetAddr).port, client.addr.port);
  });
});

Deno.test("sendto() looks up the name of a host, and tells of one that has no address", async () => {
  await inLoop(async (loop) => {
    const server = await openDatagrams(loop);
    const client = await openDatagrams(loop);
    client.send("by name", { hostname: "localhost", port: server.addr.port });
    await until(() => server.packets.length === 1);
    client.send("nobody", { hostname: "no-such-host.invalid", port: 9 });
    await until(() => client.errors.length === 1);
    assert(client.errors[0] instanceof Deno.errors.NotFound);
    assertStringIncludes(client.errors[0].message, "6 bytes to no-such-host.invalid:9");
    client.send("wrong family", { hostname: "::1", port: server.addr.port });
    await until(() => client.errors.length === 2);
    assert(client.errors[1] instanceof Deno.errors.NotSupported);
    assertStringIncludes(client.errors[1].message, "the endpoint is ipv4");
  });
});

Deno.test("createDatagramEndpoint() takes names for both addresses", async () => {
  await inLoop(async (loop) => {
    const server = await openDatagrams(loop);
    const named = { hostname: "localhost", port: server.addr.port };
    const client = await openDatagrams(loop, {
      localAddr: { hostname: "localhost", port: 0 },
      remoteAddr: named,
      family: "ipv4",
    });
    client.send("hello");
    await until(() => server.packets.length === 1);
    assertEquals(server.senders, [client.addr]);
    await assertRejects(
      () => openDatagrams(loop, { remoteAddr: { hostname: "no-such-host.invalid", port: 9 } }),
      Deno.errors.NotFound,
      "no-such-host.invalid",
    );
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

// --- what is refused

Deno.test("createDatagramEndpoint() refuses arguments that make no sense", async () => {
  await inLoop(async (loop) => {
    const wrong: [CreateDatagramEndpointOptions, ErrorConstructor, string][] = [
      [{}, RangeError, "unexpected address family"],
      [{ family: "ipx" as "ipv4" }, RangeError, '"ipx"'],
      [{ localAddr: { hostname: "127.0.0.1", port: -1 } }, RangeError, "got -1"],
      [{ localAddr: { hostname: "127.0.0.1", port: 65536 } }, RangeError, "got 65536"],
      [{ remoteAddr: { hostname: "127.0.0.1", port: 0 } }, RangeError, "from 1 to"],
      [{ localAddr: "127.0.0.1:5" as unknown as Deno.NetAddr }, TypeError, "{ hostname, port }"],
      [{ localAddr: { hostname: 5, port: 5 } as unknown as Deno.NetAddr }, TypeError, "localAddr"],
      [
        { localAddr: LOCAL, remoteAddr: { hostname: "::1", port: 9 } },
        RangeError,
        "address information of one family",
      ],
      [{ localAddr: LOCAL, remoteAddr: { path: "/x" } }, TypeError, "{ path }"],
      [{ localAddr: { path: "/x" }, family: "ipv4" }, TypeError, "{ path }"],
      [{ localAddr: { path: "x".repeat(109) } }, RangeError, "AF_UNIX path too long"],
      [{ family: "unix", reusePort: true }, RangeError, "not for unix sockets"],
      [{ sock: {} as Deno.DatagramConn }, TypeError, "a Socket or Deno.DatagramConn as sock"],
    ];
    for (const [options, kind, message] of wrong) {
      await assertRejects(
        () => loop.createDatagramEndpoint(() => new Datagrams(), options),
        kind,
        message,
      );
    }
    const modified = { sock: {} as Deno.DatagramConn, localAddr: LOCAL, allowBroadcast: true };
    await assertRejects(
      () => loop.createDatagramEndpoint(() => new Datagrams(), modified),
      RangeError,
      "can not be used when sock is specified: localAddr,allowBroadcast",
    );
    await assertRejects(
      () => loop.createDatagramEndpoint(5 as unknown as () => Datagrams, { localAddr: LOCAL }),
      TypeError,
      "function that makes the protocol",
    );
  });
});

Deno.test("createDatagramEndpoint() closes its socket if the factory throws", async () => {
  await inLoop(async (loop) => {
    for (const made of [null, "a string"]) {
      await assertRejects(
        () => loop.createDatagramEndpoint(() => made as unknown as Datagrams, { localAddr: LOCAL }),
        TypeError,
        "expected an object",
      );
    }
    await assertRejects(
      () =>
        loop.createDatagramEndpoint(() => {
          throw new Error("no protocol");
        }, { localAddr: LOCAL }),
      Error,
      "no protocol",
    );
  });
});

Deno.test("sendto() refuses what is no packet or no address, and sends nothing", async () => {
  await inLoop(async (loop) => {
    const { transport, errors } = await openDatagrams(loop);
    const data = new Uint8Array(1);
    const send = transport.sendto.bind(transport) as (...args: unknown[]) => void;
    assertThrows(() => send("text", LOCAL), TypeError, 'expected a Uint8Array, got "text"');
    assertThrows(() => send(data, "127.0.0.1:5"), TypeError, "{ hostname, port }");
    assertThrows(() => send(data, { path: "/x" }), TypeError, "{ hostname, port }");
    assertThrows(() => send(data, { hostname: "127.0.0.1" }), RangeError, "got undefined");
    assertThrows(() => send(data, { hostname: "127.0.0.1", port: 0 }), RangeError, "got 0");
    assertThrows(() => send(data, { hostname: "127.0.0.1", port: 7e4 }), RangeError, "got 70000");
    assertThrows(() => send(data), RangeError, "an address is needed");
    assertEquals([transport.getWriteBufferSize(), errors], [0, []]);
  });
});

Deno.test("createDatagramEndpoint() names an address that is taken, or not ours", async () => {
  await inLoop(async (loop) => {
    const { addr } = await openDatagrams(loop);
    await assertRejects(
      () => openDatagrams(loop, { localAddr: addr }),
      Deno.errors.AddrInUse,
      `Cannot bind 127.0.0.1:${addr.port}`,
    );
    await assertRejects(
      () => openDatagrams(loop, { localAddr: { hostname: "203.0.113.1", port: 0 } }),
      Deno.errors.AddrNotAvailable,
      "Cannot bind 203.0.113.1:0",
    );
  });
});

Deno.test("createDatagramEndpoint() that is given up leaves no socket open", async () => {
  await inLoop(async (loop) => {
    const factory = () => {
      throw new Error("no protocol is wanted");
    };
    const signal = AbortSignal.abort(new Error("no"));
    const open = (options: CreateDatagramEndpointOptions) =>
      loop.createDatagramEndpoint(factory, { localAddr: LOCAL, ...options });
    await assertRejects(() => open({ signal }), Error, "no");
    const controller = new AbortController();
    const opening = open({ signal: controller.signal });
    controller.abort(new Error("changed my mind"));
    await assertRejects(() => opening, Error, "changed my mind");
    const task = loop.createTask(() => open({}));
    loop.callSoon(() => task.cancel());
    await assertRejects(() => task, CancelledError);
  });
});

Deno.test("DatagramInbox drops what does not fit, and keeps the order", async () => {
  const inbox = new DatagramInbox();
  const from: Deno.Addr = { transport: "udp", hostname: "127.0.0.1", port: 1 };
  const packet = (first: number, length: number): [Uint8Array, Deno.Addr] => [
    new Uint8Array(length).fill(first, 0, 1),
    from,
  ];
  for (let i = 0; i < 100; i++) inbox.push(packet(i, 10_000));
  const taken: (number | undefined)[] = [];
  const drain = async () => {
    for (;;) {
      const next = await Promise.race([inbox.take(), Promise.resolve("empty" as const)]);
      if (next === "empty" || next === null) return;
      taken.push(next[0][0]);
    }
  };
  await drain();
  assertEquals(taken, Array.from({ length: 26 }, (_, i) => i));
  // The one that waits gets what comes, and empty packets count as well.
  inbox.push(packet(1, 0));
  for (let i = 0; i < 5000; i++) inbox.push(packet(2, 0));
  taken.length = 0;
  await drain();
  assertEquals(taken.length, 1024);
  inbox.end();
  assertEquals(await inbox.take(), null);
});

// --- permissions

const PROGRAM = `
  import { newEventLoop } from "./policy/mod.ts";
  const loop = newEventLoop();
  const tell = (error) => console.log(error.name + ": " + error.message);
  await loop.runUntilComplete(async () => {
    const done = loop.createFuture();
    let left = 2;
    const protocol = { errorReceived(error) { tell(error); if (--left === 0) done.setResult(); } };
    const [hostname, port] = (Deno.args[0] ?? "127.0.0.1:0").split(":");
    try {
      const [transport] = await loop.createDatagramEndpoint(() => protocol, {
        localAddr: { hostname, port: Number(port) },
      });
      transport.sendto(new Uint8Array(1), { hostname: "127.0.0.1", port: 9 });
      transport.sendto(new Uint8Array(1), { hostname: "localhost", port: 9 });
      await done;
      transport.close();
    } catch (error) {
      tell(error);
    }
    for (const options of [{ family: "unix" }, { family: "ipv4", reusePort: true }]) {
      try {
        (await loop.createDatagramEndpoint(() => ({}), options))[0].close();
      } catch (error) {
        tell(error);
      }
    }
  });
  loop.close();
`;

Deno.test("datagrams without a permission are refused by name, and nothing is uncaught", async () => {
  const none = await runDeno(PROGRAM);
  assertEquals([none.code, none.stderr], [0, ""]);
  assertEquals(none.stdout.trim().split("\n"), [
    'NotCapable: Cannot bind 127.0.0.1:0: Requires net access to "127.0.0.1:0", run again with the --allow-net flag',
    "NotCapable: Cannot call createDatagramEndpoint() with a unix address: Cannot call new Socket(): it needs libc through FFI, run again with the --allow-ffi flag",
    'NotCapable: Requires net access to "0.0.0.0:0", run again with the --allow-net flag',
  ]);

  const flags = ["--allow-net=127.0.0.1:0,localhost,0.0.0.0:0"];
  const some = await runDeno(PROGRAM, { flags });
  assertEquals([some.code, some.stderr], [0, ""]);
  const [byNumber, byName, , shared] = some.stdout.trim().split("\n");
  assertEquals(
    byNumber,
    'NotCapable: Cannot send a datagram of 1 bytes to 127.0.0.1:9: Requires net access to "127.0.0.1:9", run again with the --allow-net flag',
  );
  assertStringIncludes(
    byName ?? "",
    "NotCapable: Cannot send a datagram of 1 bytes to localhost:9",
  );
  assertStringIncludes(shared ?? "", "createDatagramEndpoint() with reusePort");
  assertStringIncludes(shared ?? "", "--allow-ffi");
});

Deno.test("createDatagramEndpoint() takes a Deno.DatagramConn", async () => {
  const { stdout, stderr } = await runDeno(
    `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      const sock = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      const done = loop.createFuture();
      const protocol = {
        datagramReceived(data, addr) {
          console.log(new TextDecoder().decode(data), addr.hostname, addr.port === sock.addr.port);
          transport.close();
        },
        connectionLost: (error) => done.setResult(error),
      };
      const [transport] = await loop.createDatagramEndpoint(() => protocol, { sock });
      transport.sendto(new TextEncoder().encode("to myself"), sock.addr);
      console.log(await done, transport.getExtraInfo("socket") === sock);
    });
    loop.close();
  `,
    { flags: ["--unstable-net", "--allow-net"] },
  );
  assertEquals([stdout, stderr], ["to myself 127.0.0.1 true\nnull true\n", ""]);
});

// --- peers

peerTest(
  "an echo endpoint answers CPython's asyncio, packets of every size",
  ["python3"],
  async () => {
    await inLoop(async (loop) => {
      const server = await openDatagrams(loop, { localAddr: LOCAL }, new DatagramEcho());
      await using python = startPython(
        `
      import asyncio, sys
      SIZES = [0, 1, 2, 100, 1400, 1500, 9000, 65507] * 50
      class Client(asyncio.DatagramProtocol):
          def __init__(self, done): self.done, self.at = done, 0
          def connection_made(self, transport): self.transport = transport; self.send()
          def send(self):
              self.message = bytes([self.at % 256]) * SIZES[self.at]
              self.transport.sendto(self.message)
          def datagram_received(self, data, addr):
              assert data == self.message, (len(data), len(self.message))
              self.at += 1
              if self.at == len(SIZES): self.transport.close()
              else: self.send()
          def error_received(self, error): print(error, file=sys.stderr)
          def connection_lost(self, error): self.done.set_result(error)
      async def main():
          loop = asyncio.get_running_loop()
          done = loop.create_future()
          # CPython before 3.13 does not send empty packets.
          if sys.version_info < (3, 13): SIZES[:] = [size for size in SIZES if size > 0]
          await loop.create_datagram_endpoint(lambda: Client(done), remote_addr=("127.0.0.1", int(sys.argv[1])))
          print(await done)
      asyncio.run(main())
      `,
        { args: [String(server.addr.port)] },
      );
      const { stdout, stderr } = await python.communicate();
      assertEquals([stdout.trim(), stderr], ["None", ""]);
    });
  },
);

peerTest("a connected endpoint talks to CPython's asyncio, 2000 packets", ["python3"], async () => {
  await using python = startPython(`
    import asyncio
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport): self.transport = transport
        def datagram_received(self, data, addr): self.transport.sendto(data, addr)
    async def main():
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        print("ready", transport.get_extra_info("sockname")[1], flush=True)
        await asyncio.get_running_loop().create_future()
    asyncio.run(main())
  `);
  const port = Number(await python.waitReady());
  await inLoop(async (loop) => {
    let transport: DatagramTransport | null = null;
    let received = 0;
    const done = loop.createFuture<void>();
    const send = () => transport?.sendto(new TextEncoder().encode(`packet ${received}`));
    [transport] = await loop.createDatagramEndpoint(() => ({
      datagramReceived(data: Uint8Array): void {
        assertEquals(new TextDecoder().decode(data), `packet ${received}`);
        if (++received === 2000) done.setResult();
        else send();
      },
    }), { remoteAddr: { hostname: "127.0.0.1", port } });
    send();
    await done;
  });
});

peerTest("endpoints talk to socat in both directions", ["socat"], async () => {
  await inLoop(async (loop) => {
    const server = await openDatagrams(loop, { localAddr: LOCAL }, new DatagramEcho());
    await using client = Child.start("socat", [
      "-t",
      "10",
      "-T",
      "10",
      "-",
      `UDP4:127.0.0.1:${server.addr.port}`,
    ]);
    await client.writeLine("from socat");
    assertEquals(await client.readLine(), "from socat");

    // socat takes a fixed port only; the one a closed endpoint had is free.
    const { port } = (await openDatagrams(loop)).addr;
    const probe = await openDatagrams(loop);
    probe.transport.close();
    await probe.lost.promise;
    const target = { hostname: "127.0.0.1", port: probe.addr.port };
    assert(port !== target.port);
    await using echo = Child.start("socat", [
      "-d",
      "-d",
      `UDP4-RECVFROM:${target.port},bind=127.0.0.1,fork`,
      "EXEC:cat",
    ]);
    await until(() => echo.stderr.includes("receiving on"));
    const asker = await openDatagrams(loop, { localAddr: LOCAL, remoteAddr: target });
    asker.send("to socat");
    await until(() => asker.packets.length > 0);
    assertEquals([asker.texts, asker.senders], [["to socat"], [{ transport: "udp", ...target }]]);
  });
});
