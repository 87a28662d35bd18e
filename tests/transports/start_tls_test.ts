/**
 * Connections that become TLS in their midst.
 *
 * @module
 */

import { CancelledError, RuntimeError, TimeoutError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { sleep } from "../../tasks/mod.ts";
import type { StartTlsOptions, TlsContext, Transport } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  type Constructor,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Recorder } from "./tcp_support.ts";
import {
  clientContext,
  clientHandshake,
  readExactly,
  readText,
  serverContext,
  TcpChannel,
  writeAll,
} from "./tls_support.ts";
import { assertOneLife, leakFree, LOCAL, openSockets } from "./tls_transport_support.ts";

const CLIENT = { serverHostname: "localhost" };
const SERVER = { serverSide: true };
const { ConnectionAborted, ConnectionReset, InvalidData } = Deno.errors;

/** Two connected sockets. */
async function socketPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  const listener = Deno.listen(LOCAL);
  const pair = await Promise.all([
    Deno.connect({ ...LOCAL, port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  return pair;
}

/** A protocol that records, keeps what it received, and knows its transport. */
class Peer extends Recorder {
  text = "";

  override dataReceived(data: Uint8Array): void {
    super.dataReceived(data);
    this.text += new TextDecoder().decode(data);
  }

  say(text: string): void {
    this.transport.write(new TextEncoder().encode(text));
  }
}

/** A plain connection between two protocols. */
async function plainPair(loop: EventLoop): Promise<[Peer, Peer]> {
  const [client, server] = await socketPair();
  const [[, first], [, second]] = await Promise.all([
    loop.createConnection(() => new Peer(loop), { sock: client }),
    loop.connectAcceptedSocket(() => new Peer(loop), server),
  ]);
  return [first, second];
}

/** Makes TLS of both ends; the protocols get the new transports. */
async function upgrade(
  loop: EventLoop,
  [client, server]: readonly [Peer, Peer],
  options: { client?: StartTlsOptions; server?: StartTlsOptions; tls?: TlsContext } = {},
): Promise<void> {
  const transports = await Promise.all([
    loop.startTls(client.transport, client, options.tls ?? clientContext(), {
      ...CLIENT,
      ...options.client,
    }),
    loop.startTls(server.transport, server, serverContext(), { ...SERVER, ...options.server }),
  ]);
  [client.transport, server.transport] = transports;
}

/** A plain connection, one end of which is in the hands of the test. */
async function halfPair(loop: EventLoop): Promise<[Peer, Deno.TcpConn]> {
  const [ours, theirs] = await socketPair();
  const [, protocol] = await loop.createConnection(() => new Peer(loop), { sock: ours });
  return [protocol, theirs];
}

Deno.test("startTls() makes TLS of a connection on both sides; connectionMade is not called again", async () => {
  await leakFree(async (loop, reports) => {
    const [client, server] = await plainPair(loop);
    client.say("plain ");
    await until(() => server.text === "plain ");
    const below = [client.transport, server.transport];
    await upgrade(loop, [client, server]);
    for (const [at, { transport }] of [client, server].entries()) {
      assert(transport !== below[at]);
      assertEquals(transport.getExtraInfo("tlsVersion"), "TLSv1.3");
      assertEquals(below[at]?.getExtraInfo("tlsVersion"), null);
      assertEquals((transport.getExtraInfo("peername") as Deno.NetAddr).hostname, "127.0.0.1");
    }
    client.say("question");
    server.say("answer");
    await until(() => server.text === "plain question" && client.text === "answer");
    client.transport.close();
    assertEquals([await client.lost, await server.lost], [null, null]);
    assertOneLife(client);
    assertOneLife(server);
    assertEquals(reports, []);
  });
});

Deno.test("the old transport refuses to write, and stands for the new one otherwise", async () => {
  await leakFree(async (loop, reports) => {
    const pair = await plainPair(loop);
    const [client, server] = pair;
    const old = client.transport;
    await upgrade(loop, pair);
    assertThrows(() => old.write(new Uint8Array(1)), RuntimeError, "startTls() replaced it");
    assertEquals([old.isClosing(), old.isReading()], [false, true]);
    old.pauseReading();
    assertEquals([old.isReading(), client.transport.isReading()], [false, false]);
    server.say("later");
    await sleep(5);
    assertEquals(client.text, "");
    old.resumeReading();
    await until(() => client.text === "later");
    old.close();
    assertEquals(client.transport.isClosing(), true);
    assertEquals([await client.lost, await server.lost], [null, null]);
    assertEquals(old.isClosing(), true);
    assertEquals(reports, []);
  });
});

Deno.test("startTls() takes what came with the command as the beginning of the handshake", async () => {
  await leakFree(async (loop, reports) => {
    const [server, conn] = await halfPair(loop);
    const upgraded = loop.createFuture<Transport>();
    server.dataReceived = (data) => {
      const text = new TextDecoder("latin1").decode(data);
      assert(text.startsWith("STARTTLS\r\n"), text);
      const received = data.slice(10);
      assert(received.length > 100, "the ClientHello did not come along");
      server.dataReceived = Peer.prototype.dataReceived;
      loop.createTask(() =>
        loop.startTls(server.transport, server, serverContext(), { ...SERVER, received })
      ).addDoneCallback((task) => upgraded.setResult(task.result()));
    };
    // The command goes out in one piece with the ClientHello.
    const channel = new TcpChannel(conn);
    const { write } = channel;
    channel.write = async (data) => {
      channel.write = write;
      const both = new Uint8Array(10 + data.length);
      both.set(new TextEncoder().encode("STARTTLS\r\n"));
      both.set(data, 10);
      await writeAll(channel, both);
      return data.length;
    };
    const client = await clientHandshake(channel);
    server.transport = await upgraded;
    await writeAll(client, "question");
    await until(() => server.text === "question");
    server.say("answer");
    assertEquals(await readText(client, 6), "answer");
    server.transport.close();
    await client.close();
    assertEquals(await server.lost, null);
    assertEquals(reports, []);
  });
});

Deno.test("startTls() takes what a paused transport had received as the beginning of the handshake", async () => {
  await leakFree(async (loop, reports) => {
    const [server, conn] = await halfPair(loop);
    server.transport.pauseReading();
    const handshake = clientHandshake(new TcpChannel(conn));
    await sleep(5);
    assertEquals(server.received, 0);
    server.transport = await loop.startTls(server.transport, server, serverContext(), SERVER);
    const client = await handshake;
    assertEquals(server.transport.isReading(), true);
    await writeAll(client, "question");
    await until(() => server.text === "question");
    server.transport.close();
    await client.close();
    await server.lost;
    assertEquals(reports, []);
  });
});

Deno.test("startTls() while writing is paused sends the plaintext first, and resumes the protocol once", async () => {
  await leakFree(async (loop, reports) => {
    const [server, conn] = await halfPair(loop);
    const size = 16 * 1024 * 1024;
    server.transport.write(new Uint8Array(size));
    assertEquals(server.events.at(-1), "pause");
    const upgrading = loop.createTask(() =>
      loop.startTls(server.transport, server, serverContext(), SERVER)
    );
    await sleep(5);
    // The peer takes the plaintext, to the last byte, and only then begins the handshake.
    const channel = new TcpChannel(conn);
    assertEquals((await readExactly(channel, size)).length, size);
    const client = await clientHandshake(channel);
    server.transport = await upgrading;
    await until(() => server.events.at(-1) === "resume");
    server.say("over TLS");
    assertEquals(await readText(client, 8), "over TLS");
    assertEquals(server.events, ["made", "pause", "resume"]);
    server.transport.close();
    await client.close();
    assertEquals(await server.lost, null);
    assertEquals(reports, []);
  });
});

Deno.test("startTls() over TLS is TLS in TLS, as deep as one likes", async () => {
  await leakFree(async (loop, reports) => {
    const pair = await plainPair(loop);
    const [client, server] = pair;
    for (let depth = 1; depth <= 3; depth++) {
      await upgrade(loop, pair);
      client.say(`question ${depth} `);
      server.say(`answer ${depth} `);
      await until(() =>
        server.text.endsWith(`question ${depth} `) && client.text.endsWith(`answer ${depth} `)
      );
    }
    assertEquals(client.text, "answer 1 answer 2 answer 3 ");
    const bulk = new Uint8Array(4 * 1024 * 1024);
    client.transport.write(bulk);
    client.transport.close();
    assertEquals([await client.lost, await server.lost], [null, null]);
    assertEquals(server.received - server.text.lastIndexOf("3 ") - 2, bulk.length);
    assertOneLife(client);
    assertOneLife(server);
    assertEquals(reports, []);
  });
});

Deno.test("startTls() gives the connection to another protocol", async () => {
  await leakFree(async (loop, reports) => {
    const pair = await plainPair(loop);
    const [client, server] = pair;
    const next = new Peer(loop);
    const [transport] = await Promise.all([
      loop.startTls(client.transport, next, clientContext(), CLIENT),
      loop.startTls(server.transport, server, serverContext(), SERVER).then((transport) =>
        server.transport = transport
      ),
    ]);
    assertStrictEquals(transport.getProtocol(), next);
    server.say("hello");
    await until(() => next.text === "hello");
    transport.close();
    assertEquals([await next.lost, await server.lost], [null, null]);
    assertEquals([client.events, next.events], [["made"], ["data", "lost"]]);
    assertEquals(reports, []);
  });
});

Deno.test("a server waits for the end of a connection that became TLS", async () => {
  await leakFree(async (loop, reports) => {
    const made: Peer[] = [];
    const listening = await loop.createServer(() => {
      const peer = new Peer(loop);
      made.push(peer);
      return peer;
    }, LOCAL);
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    const [, client] = await loop.createConnection(() => new Peer(loop), { ...LOCAL, port });
    await until(() => made.length > 0);
    await upgrade(loop, [client, made[0] as Peer]);
    listening.close();
    let closed = false;
    const closing = loop.createTask(async () => {
      await listening.waitClosed();
      closed = true;
    });
    await sleep(5);
    assertEquals(closed, false);
    listening.closeClients();
    await closing;
    assertEquals([await client.lost, await made[0]?.lost], [null, null]);
    assertEquals(reports, []);
  });
});

// --- failures

Deno.test("startTls() that fails rejects once, and connectionLost gets the same error once", async () => {
  await leakFree(async (loop, reports) => {
    const pair = await plainPair(loop);
    const [client, server] = pair;
    let knew = false;
    const results = await Promise.allSettled([
      loop.startTls(client.transport, client, clientContext(), {
        serverHostname: "elsewhere.test",
      }).finally(() => knew = client.lost.done()),
      loop.startTls(server.transport, server, serverContext(), SERVER),
    ]);
    const reason = (results[0] as PromiseRejectedResult).reason;
    assertInstanceOf(reason, InvalidData);
    assertMatch(reason.message, /not for "elsewhere.test"/);
    assertEquals(knew, true);
    assertStrictEquals(await client.lost, reason);
    assert(await server.lost instanceof Error);
    assertOneLife(client);
    assertOneLife(server);
    assertEquals(client.transport.isClosing(), true);
    assertEquals(reports, []);
  });
});

Deno.test("startTls() rejects when the peer speaks plaintext, and when it hangs up", async () => {
  for (const [answer, kind] of [["220 hello\r\n", InvalidData], ["", ConnectionReset]] as const) {
    await leakFree(async (loop, reports) => {
      const [client, conn] = await halfPair(loop);
      const upgrading = loop.createTask(() =>
        loop.startTls(client.transport, client, clientContext(), CLIENT)
      );
      assert(await conn.read(new Uint8Array(10_000)) !== null);
      if (answer !== "") await conn.write(new TextEncoder().encode(answer));
      else conn.close();
      const error = await assertRejects(() => upgrading, kind);
      assertStrictEquals(await client.lost, error);
      assertOneLife(client);
      if (answer !== "") conn.close();
      assertEquals(reports, []);
    });
  }
});

Deno.test("startTls() rejects with TimeoutError when the peer stalls, and connectionLost gets it", async () => {
  for (const side of [CLIENT, SERVER]) {
    await leakFree(async (loop, reports) => {
      const [ours, conn] = await halfPair(loop);
      const error = await assertRejects(() =>
        loop.startTls(
          ours.transport,
          ours,
          side === SERVER ? serverContext() : clientContext(),
          { ...side, tlsHandshakeTimeoutMs: 20 },
        ), TimeoutError);
      assertMatch(error.message, /TLS handshake timed out after 20 milliseconds/);
      assertStrictEquals(await ours.lost, error);
      assertOneLife(ours);
      conn.close();
      assertEquals(reports, []);
    });
  }
});

Deno.test("startTls() that is given up closes the connection with connectionLost(null)", async () => {
  const reason = new Error("changed my mind");
  for (const how of ["cancel", "abort"]) {
    await leakFree(async (loop, reports) => {
      const [client, conn] = await halfPair(loop);
      const controller = new AbortController();
      const upgrading = loop.createTask(() =>
        loop.startTls(client.transport, client, clientContext(), {
          ...CLIENT,
          signal: controller.signal,
        })
      );
      assert(await conn.read(new Uint8Array(10_000)) !== null);
      if (how === "cancel") upgrading.cancel();
      else controller.abort(reason);
      const error = await assertRejects(() => upgrading);
      if (how === "cancel") assertInstanceOf(error, CancelledError);
      else assertStrictEquals(error, reason);
      assertEquals(await client.lost, null);
      assertOneLife(client);
      assertEquals(await conn.read(new Uint8Array(10)), null);
      conn.close();
      assertEquals(reports, []);
    });
  }
});

Deno.test("close() and abort() during startTls() end the connection with connectionLost(null)", async () => {
  for (const how of ["close", "abort"] as const) {
    await leakFree(async (loop, reports) => {
      const [client, conn] = await halfPair(loop);
      const upgrading = loop.createTask(() =>
        loop.startTls(client.transport, client, clientContext(), CLIENT)
      );
      assert(await conn.read(new Uint8Array(10_000)) !== null);
      client.transport[how]();
      assertEquals(client.transport.isClosing(), true);
      await assertRejects(() => upgrading, ConnectionAborted, "closed during the handshake");
      assertEquals(await client.lost, null);
      assertOneLife(client);
      conn.close();
      assertEquals(reports, []);
    });
  }
});

Deno.test("close() at any moment of startTls() ends the connection once, with connectionLost(null)", async () => {
  const outcomes = new Set<string>();
  await leakFree(async (loop, reports) => {
    for (let moment = 0; moment < 60; moment++) {
      const [client, server] = await plainPair(loop);
      const old = client.transport;
      const accepting = Promise.allSettled([
        loop.startTls(server.transport, server, serverContext(), SERVER),
      ]);
      const upgrading = loop.startTls(old, client, clientContext(), CLIENT).then(
        (transport) => transport.isClosing() ? "closed after" : "open",
        (error) => error instanceof ConnectionAborted ? "closed during" : error,
      );
      for (let i = 0; i < moment; i++) await sleep(i % 10 === 9 ? 1 : 0);
      old.close();
      outcomes.add(await upgrading);
      assertEquals(await client.lost, null);
      assertOneLife(client);
      await server.lost;
      assertOneLife(server);
      await accepting;
    }
    assertEquals(reports, []);
  });
  assert(outcomes.has("closed during"), [...outcomes].join());
  assertEquals([...outcomes].filter((one) => !/^closed|^open$/.test(one)), []);
});

Deno.test("closing the loop ends a startTls() under way", async () => {
  const before = openSockets();
  const loop = newEventLoop();
  loop.setExceptionHandler((_loop, { message }) => assertMatch(message, /pending/));
  const conn = await loop.runUntilComplete(async () => {
    const [client, conn] = await halfPair(loop);
    void loop.createTask(() => loop.startTls(client.transport, client, clientContext(), CLIENT));
    assert(await conn.read(new Uint8Array(10_000)) !== null);
    return conn;
  });
  loop.close();
  assertEquals(await conn.read(new Uint8Array(10)), null);
  conn.close();
  await until(() => openSockets() <= before);
});

Deno.test("startTls() refuses bad arguments and leaves the connection as it was", async () => {
  await leakFree(async (loop, reports) => {
    const [client, server] = await plainPair(loop);
    const { transport } = client;
    const good = clientContext();
    const aborted = AbortSignal.abort(new RuntimeError("too late"));
    const bad: [unknown[], Constructor<Error>, string][] = [
      [[transport, client, {}, CLIENT], TypeError, "createTlsContext()"],
      [[transport, client, good], TypeError, "serverHostname is missing"],
      [[transport, client, good, { serverHostname: "a b" }], RangeError, "no host name"],
      [[transport, client, good, SERVER], TypeError, "a server needs a context with cert"],
      [[transport, client, serverContext(), { ...SERVER, ...CLIENT }], TypeError, "is for clients"],
      [[transport, client, good, { ...CLIENT, tlsHandshakeTimeoutMs: -1 }], RangeError, "positive"],
      [[transport, client, good, { ...CLIENT, tlsShutdownTimeoutMs: 0 }], RangeError, "positive"],
      [[transport, client, good, { ...CLIENT, signal: aborted }], RuntimeError, "too late"],
      [[transport, null, good, CLIENT], TypeError, "expected a protocol"],
      [[{}, client, good, CLIENT], TypeError, "is not supported"],
    ];
    for (const [args, kind, message] of bad) {
      await assertRejects(
        () => loop.startTls(...args as Parameters<typeof loop.startTls>),
        kind,
        message,
      );
    }
    client.say("still plain");
    await until(() => server.text === "still plain");
    // Once is enough.
    const first = loop.startTls(transport, client, good, CLIENT);
    await assertRejects(
      () => loop.startTls(transport, client, good, CLIENT),
      RuntimeError,
      "not open in both directions",
    );
    server.transport = await loop.startTls(server.transport, server, serverContext(), SERVER);
    client.transport = await first;
    client.transport.close();
    await assertRejects(
      () => loop.startTls(client.transport, client, good, CLIENT),
      RuntimeError,
      "not open in both directions",
    );
    assertEquals([await client.lost, await server.lost], [null, null]);
    assertEquals(reports, []);
  });
});
