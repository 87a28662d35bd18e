import type { Socket as NodeSocket } from "node:dgram";
import { CancelledError } from "../../errors.ts";
import type { CreateDatagramEndpointOptions } from "../../types.ts";
import { DatagramInbox } from "../../transports/datagram_link.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { DatagramEcho, Datagrams, LOCAL, openDatagrams } from "./datagram_support.ts";
import { inLoop } from "./tcp_support.ts";

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
