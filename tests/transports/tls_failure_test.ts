/**
 * What can go wrong over TLS: one clear error on each side, `connectionLost`
 * exactly once, no unhandled rejection, no socket left.
 *
 * @module
 */

import { RuntimeError, TimeoutError } from "../../errors.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { sleep } from "../../tasks/mod.ts";
import { createTlsContext } from "../../transports/tls_context.ts";
import type { CreateConnectionOptions, TlsContext, TlsContextOptions } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  type Constructor,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Recorder } from "./tcp_support.ts";
import { clientContext, clientHandshake, pem, serverContext, TcpChannel } from "./tls_support.ts";
import {
  asClient,
  assertOneLife,
  leakFree,
  LOCAL,
  openSockets,
  shutDown,
  tlsServer,
} from "./tls_transport_support.ts";

const { ConnectionReset, InvalidData, UnexpectedEof } = Deno.errors;

type Failure = [kind: Constructor<Error>, message: RegExp];

interface Refusal {
  name: string;
  client?: TlsContext;
  connect?: CreateConnectionOptions;
  server?: TlsContext;
  /** What `createConnection` rejects with. */
  rejects: Failure;
  /** What the server reports; `null` where it has a connection, and loses it. */
  reports: Failure | null;
}

/** The beginning of a ClientHello. */
const HELLO = new Uint8Array([22, 3, 1, 2, 0]);
const mutual: TlsContextOptions = { requestCert: true, caCerts: pem("ca.pem") };

const REFUSALS: Refusal[] = [
  {
    name: "a wrong authority",
    client: createTlsContext({ caCerts: pem("other_ca.pem") }),
    rejects: [InvalidData, /"localhost" failed: no trusted authority/],
    reports: [InvalidData, /UnknownCA/],
  },
  {
    name: "a wrong host",
    connect: { serverHostname: "elsewhere.test" },
    rejects: [InvalidData, /certificate is not for "elsewhere.test"/],
    reports: null,
  },
  {
    name: "an expired certificate",
    server: serverContext({}, "expired"),
    rejects: [InvalidData, /out of its time/],
    reports: [InvalidData, /CertificateExpired/],
  },
  {
    name: "no common ALPN protocol",
    client: clientContext({ alpnProtocols: ["h2"] }),
    server: serverContext({ alpnProtocols: ["echo"] }),
    rejects: [InvalidData, /NoApplicationProtocol/],
    reports: [InvalidData, /none of our ALPN protocols echo/],
  },
  {
    name: "no common version",
    client: clientContext({ maxVersion: "TLSv1.2" }),
    server: serverContext({ minVersion: "TLSv1.3" }),
    rejects: [InvalidData, /ProtocolVersion/],
    reports: [InvalidData, /incompatible/],
  },
  {
    name: "a missing client certificate",
    client: clientContext({ maxVersion: "TLSv1.2" }),
    server: serverContext(mutual),
    rejects: [InvalidData, /CertificateRequired|HandshakeFailure/],
    reports: [InvalidData, /the client has no certificate/],
  },
];

for (const { name, client, connect, server, rejects, reports: reported } of REFUSALS) {
  Deno.test(`createConnection() over TLS rejects once over ${name}, and its server says why`, async () => {
    await leakFree(async (loop, reports) => {
      const listening = await tlsServer(loop, { tls: server ?? serverContext() });
      let made = 0;
      const error = await assertRejects(() =>
        loop.createConnection(() => {
          made++;
          return new Recorder(loop);
        }, asClient(listening.port, client, connect))
      );
      assertInstanceOf(error, rejects[0]);
      assertMatch(error.message, rejects[1]);
      await shutDown(listening);
      if (reported === null) {
        assertEquals([listening.made.length, reports.length], [1, 0]);
        const [protocol] = listening.made as [Recorder];
        assertOneLife(protocol);
        assert(await protocol.lost instanceof Error);
      } else {
        assertEquals([listening.made.length, reports.length], [0, 1]);
        const [{ message, exception }] = reports as [typeof reports[0]];
        assertEquals(message, "Error on transport creation for incoming connection");
        assertInstanceOf(exception, reported[0]);
        assertMatch(exception.message, reported[1]);
      }
      // No protocol of the client hears of a connection that never was.
      assertEquals(made, 0);
    });
  });
}

Deno.test("a TLS 1.3 client without certificate is told by connectionLost()", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop, { tls: serverContext(mutual) });
    const [, client] = await loop.createConnection(
      () => new Recorder(loop),
      asClient(listening.port),
    );
    const error = await client.lost;
    assertInstanceOf(error, InvalidData);
    assertMatch(error.message, /CertificateRequired/);
    assertOneLife(client);
    await shutDown(listening);
    assertEquals(reports.length, 1);
    assertMatch((reports[0]?.exception as Error).message, /the client has no certificate/);
  });
});

// --- a peer that does not speak TLS

Deno.test("a TLS server refuses plaintext, and serves the next client", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop);
    const { port } = listening;
    const plain = await Deno.connect({ ...LOCAL, port });
    await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    const answer = new Uint8Array(100);
    let size = 0;
    try {
      for (let n; (n = await plain.read(answer.subarray(size))) !== null;) size += n;
    } catch (error) {
      assertInstanceOf(error, ConnectionReset);
    }
    plain.close();
    // An alert, if anything.
    assert(size === 0 || answer[0] === 21);
    await until(() => reports.length > 0);
    assertEquals(reports.length, 1);
    assertInstanceOf(reports[0]?.exception, InvalidData);
    assertMatch((reports[0]?.exception as Error).message, /client failed: .*does not speak TLS/);
    const [transport, client] = await loop.createConnection(
      () => new Recorder(loop),
      asClient(port),
    );
    transport.close();
    assertEquals(await client.lost, null);
    await shutDown(listening);
    assertEquals([reports.length, listening.made.length], [1, 1]);
  });
});

Deno.test("createConnection() over TLS rejects once when the server speaks plaintext", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await loop.createServer(() => ({
      connectionMade: (transport) => {
        transport.write(new TextEncoder().encode("220 mail.test ESMTP\r\n"));
      },
    }), LOCAL);
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    await assertRejects(
      () => loop.createConnection(() => new Recorder(loop), asClient(port)),
      InvalidData,
      "the peer does not speak TLS",
    );
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

Deno.test("createConnection() over TLS rejects with ConnectionReset when the server hangs up", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await loop.createServer(() => ({
      connectionMade: (transport) => transport.close(),
    }), LOCAL);
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    await assertRejects(
      () => loop.createConnection(() => new Recorder(loop), asClient(port)),
      ConnectionReset,
    );
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

// --- a peer that stalls

Deno.test("createConnection() over TLS rejects with TimeoutError when the server stalls", async () => {
  await leakFree(async (loop, reports) => {
    const silent = Deno.listen(LOCAL);
    const error = await assertRejects(
      () =>
        loop.createConnection(
          () => new Recorder(loop),
          asClient(silent.addr.port, undefined, { tlsHandshakeTimeoutMs: 20 }),
        ),
      TimeoutError,
    );
    assertMatch(error.message, /TLS handshake timed out after 20 milliseconds/);
    (await silent.accept()).close();
    silent.close();
    assertEquals(reports, []);
  });
});

Deno.test("a server gives up a client that stalls in the handshake, and serves others meanwhile", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop, { tlsHandshakeTimeoutMs: 100 });
    const { port } = listening;
    const stalled = await Deno.connect({ ...LOCAL, port });
    await stalled.write(HELLO);
    const [transport, client] = await loop.createConnection(
      () => new Recorder(loop),
      asClient(port),
    );
    assertEquals(reports, []);
    transport.close();
    assertEquals(await client.lost, null);
    assertEquals(await stalled.read(new Uint8Array(10)), null);
    stalled.close();
    await shutDown(listening);
    assertEquals(reports.length, 1);
    assertInstanceOf(reports[0]?.exception, TimeoutError);
  });
});

// --- giving up

Deno.test("cancelling createConnection() in the handshake closes the socket", async () => {
  await leakFree(async (loop, reports) => {
    const silent = Deno.listen(LOCAL);
    const connecting = loop.createTask(() =>
      loop.createConnection(() => new Recorder(loop), asClient(silent.addr.port))
    );
    const peer = await silent.accept();
    // The ClientHello: the handshake has begun.
    assert(await peer.read(new Uint8Array(10_000)) !== null);
    connecting.cancel();
    await assertRejects(() => connecting);
    assertEquals(connecting.cancelled(), true);
    assertEquals(await peer.read(new Uint8Array(10)), null);
    peer.close();
    silent.close();
    assertEquals(reports, []);
  });
});

Deno.test("an abort ends createConnection() and connectAcceptedSocket() in the handshake", async () => {
  await leakFree(async (loop, reports) => {
    const silent = Deno.listen(LOCAL);
    const reason = new Error("changed my mind");
    const controller = new AbortController();
    const { signal } = controller;
    const connecting = loop.createTask(() =>
      loop.createConnection(
        () => new Recorder(loop),
        asClient(silent.addr.port, undefined, { signal }),
      )
    );
    const peer = await silent.accept();
    assert(await peer.read(new Uint8Array(10_000)) !== null);
    const accepting = loop.createTask(() =>
      loop.connectAcceptedSocket(() => new Recorder(loop), peer, { tls: serverContext(), signal })
    );
    loop.callLater(1, () => controller.abort(reason));
    for (const task of [connecting, accepting]) {
      assertEquals(await assertRejects(() => task), reason);
    }
    silent.close();
    assertEquals(reports, []);
  });
});

Deno.test("abortClients() ends the handshakes of a server without a report", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop);
    const stalled = await Deno.connect({ ...LOCAL, port: listening.port });
    await stalled.write(HELLO);
    let answer: number | null | undefined;
    const reading = stalled.read(new Uint8Array(10)).then((count) => void (answer = count));
    await until(() => {
      listening.abortClients();
      return answer !== undefined;
    });
    await reading;
    assertEquals(answer, null);
    stalled.close();
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

Deno.test("closing the loop ends the handshakes under way, on both sides", async () => {
  const before = openSockets();
  const loop = newEventLoop();
  loop.setExceptionHandler((_loop, { message }) => assertMatch(message, /pending/));
  const silent = Deno.listen(LOCAL);
  const peers = await loop.runUntilComplete(async () => {
    const listening = await tlsServer(loop);
    const client = await Deno.connect({ ...LOCAL, port: listening.port });
    await client.write(HELLO);
    void loop.createTask(() =>
      loop.createConnection(() => new Recorder(loop), asClient(silent.addr.port))
    );
    const server = await silent.accept();
    assert(await server.read(new Uint8Array(10_000)) !== null);
    // The server has read the hello, too: it waits for the rest.
    for (let i = 0; i < 5; i++) await sleep(1);
    return [client, server];
  });
  loop.close();
  for (const peer of peers) {
    assertEquals(await peer.read(new Uint8Array(10)), null);
    peer.close();
  }
  silent.close();
  await until(() => openSockets() <= before);
});

// --- in the middle of a connection

Deno.test("garbage in mid-stream is one InvalidData for connectionLost(), after the data before it", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop);
    const conn = await Deno.connect({ ...LOCAL, port: listening.port });
    const [peer] = await Promise.all([
      clientHandshake(new TcpChannel(conn)),
      until(() => listening.made.length > 0),
    ]);
    await peer.write(new Uint8Array(1000));
    const [protocol] = listening.made as [Recorder];
    await until(() => protocol.received === 1000);
    await conn.write(new TextEncoder().encode("this is no TLS record, and much too long for one"));
    const error = await protocol.lost;
    assertInstanceOf(error, InvalidData);
    assertMatch(error.message, /TLS connection broke/);
    assertOneLife(protocol);
    assertEquals(protocol.events.includes("eof"), false);
    peer.abort();
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

Deno.test("an EOF without close_notify is one UnexpectedEof for connectionLost(), not an end", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop);
    const conn = await Deno.connect({ ...LOCAL, port: listening.port });
    const peer = await clientHandshake(new TcpChannel(conn));
    await peer.write(new Uint8Array(1000));
    await until(() => listening.made[0]?.received === 1000);
    await conn.closeWrite();
    const [protocol] = listening.made as [Recorder];
    const error = await protocol.lost;
    assertInstanceOf(error, UnexpectedEof);
    assertMatch(error.message, /without close_notify/);
    assertEquals(protocol.events.includes("eof"), false);
    assertOneLife(protocol);
    peer.abort();
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

Deno.test("a reset in mid-stream is one error for connectionLost()", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop);
    const conn = await Deno.connect({ ...LOCAL, port: listening.port });
    const peer = await clientHandshake(new TcpChannel(conn));
    await until(() => listening.made.length > 0);
    const [protocol] = listening.made as [Recorder];
    // Unread data turns the close into a reset.
    protocol.transport.write(new Uint8Array(100_000));
    await until(() => protocol.transport.getWriteBufferSize() === 0);
    peer.abort();
    const error = await protocol.lost;
    assert(error instanceof ConnectionReset || error instanceof UnexpectedEof, String(error));
    assertOneLife(protocol);
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

// --- refused before anything happens

Deno.test("arguments that TLS cannot work with are refused before anything happens", async () => {
  await leakFree(async (loop, reports) => {
    let accepted = 0;
    const listening = await loop.createServer(() => {
      accepted++;
      return new Recorder(loop);
    }, LOCAL);
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    const tls = clientContext();
    const factory = () => new Recorder(loop);
    const bad: [CreateConnectionOptions, Constructor<Error>, string][] = [
      [{ tls, serverHostname: "a b" }, RangeError, 'serverHostname "a b" is no host name'],
      [{ tls, serverHostname: 7 as unknown as string }, TypeError, "must be a string"],
      [{ tls: {} as TlsContext }, TypeError, "createTlsContext()"],
      [{ tls, tlsHandshakeTimeoutMs: 0 }, RangeError, "tlsHandshakeTimeoutMs"],
      [{ tls, tlsShutdownTimeoutMs: NaN }, RangeError, "tlsShutdownTimeoutMs"],
      [{ tlsShutdownTimeoutMs: 5 }, RangeError, "only meaningful with tls"],
      [{ serverHostname: "localhost" }, RangeError, "only meaningful with tls"],
      [
        { tls, serverHostname: "localhost", signal: AbortSignal.abort(new RuntimeError("no")) },
        RuntimeError,
        "no",
      ],
    ];
    for (const [options, kind, message] of bad) {
      await assertRejects(
        () => loop.createConnection(factory, { hostname: "127.0.0.1", port, ...options }),
        kind,
        message,
      );
    }
    // A socket that was given stays the caller's.
    const conn = await Deno.connect({ ...LOCAL, port });
    for (const [options, kind, message] of bad) {
      const { serverHostname = "localhost" } = options;
      const both = options.tls === undefined ? options : { serverHostname, ...options };
      await assertRejects(
        () => loop.createConnection(factory, { sock: conn, ...both }),
        kind,
        message,
      );
    }
    await assertRejects(
      () => loop.createConnection(factory, { sock: conn, tls }),
      RangeError,
      "serverHostname",
    );
    await assertRejects(
      () => loop.connectAcceptedSocket(factory, conn, { tls }),
      TypeError,
      "a server needs a context with cert and key",
    );
    assertEquals(await conn.write(new Uint8Array(1)), 1);
    conn.close();
    await assertRejects(
      () => loop.createServer(factory, { ...LOCAL, tls }),
      TypeError,
      "a server needs a context with cert and key",
    );
    await shutDown(listening);
    assertEquals([accepted, reports.length], [1, 0]);
  });
});
