/**
 * How a TLS connection begins and ends.
 *
 * @module
 */

import { connect as nodeConnect } from "node:tls";
import { TimeoutError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { createTlsContext } from "../../transports/tls_context.ts";
import type { CreateConnectionOptions, Transport } from "../../types.ts";
import { assert, assertEquals, assertInstanceOf, assertMatch } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Recorder } from "./tcp_support.ts";
import { clientContext, clientHandshake, pem, serverContext, TcpChannel } from "./tls_support.ts";
import {
  asClient,
  assertOneLife,
  leakFree,
  LOCAL,
  shutDown,
  tlsServer,
} from "./tls_transport_support.ts";

const MIB = 1024 * 1024;

/** A connection to a TLS server, both protocols recording. */
async function connected(
  loop: EventLoop,
  options: CreateConnectionOptions = {},
): Promise<{ client: Recorder; server: Recorder; end: () => Promise<void> }> {
  const listening = await tlsServer(loop);
  const [, client] = await loop.createConnection(
    () => new Recorder(loop),
    asClient(listening.port, undefined, options),
  );
  await until(() => listening.made.length > 0);
  const [server] = listening.made as [Recorder];
  return { client, server, end: () => shutDown(listening) };
}

// --- the beginning

Deno.test("createConnection() over TLS resolves between connectionMade and the first data", async () => {
  await leakFree(async (loop) => {
    const greeting = "220 with the last record of the handshake, or soon after";
    const listening = await loop.createServer(() => ({
      connectionMade(transport: Transport): void {
        transport.write(new TextEncoder().encode(greeting));
        transport.close();
      },
    }), { ...LOCAL, tls: serverContext() });
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const [, client] = await loop.createConnection(
        () => new Recorder(loop),
        asClient(port, clientContext({ maxVersion })),
      );
      assertEquals(client.events, ["made"]);
      assertEquals(await client.lost, null);
      assertEquals(client.received, greeting.length);
      assertEquals(client.events.slice(0, 2), ["made", "data"]);
      assertOneLife(client);
    }
    await shutDown(listening);
  });
});

Deno.test("reading that is paused in connectionMade brings nothing before it is resumed", async () => {
  await leakFree(async (loop) => {
    const listening = await loop.createServer(() => ({
      connectionMade: (transport: Transport) => transport.write(new Uint8Array(MIB)),
    }), { ...LOCAL, tls: serverContext() });
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    const client = new Recorder(loop);
    client.connectionMade = (transport: Transport) => {
      Recorder.prototype.connectionMade.call(client, transport);
      transport.pauseReading();
    };
    const [transport] = await loop.createConnection(() => client, asClient(port));
    const [watch] = await loop.createConnection(() => new Recorder(loop), asClient(port));
    // The other connection was served meanwhile.
    await until(() => (watch.getProtocol() as Recorder).received === MIB);
    assertEquals(client.received, 0);
    transport.resumeReading();
    await until(() => client.received === MIB);
    transport.close();
    watch.close();
    await shutDown(listening);
  });
});

Deno.test("getExtraInfo() knows what a TLS connection agreed on, on both sides, also after the end", async () => {
  await leakFree(async (loop) => {
    const context = serverContext({
      alpnProtocols: ["chat", "echo"],
      requestCert: true,
      caCerts: pem("ca.pem"),
    });
    const tls = clientContext({
      alpnProtocols: ["h2", "echo"],
      cert: pem("client.pem"),
      key: pem("client.key"),
    });
    const listening = await tlsServer(loop, { tls: context });
    const [transport, client] = await loop.createConnection(
      () => new Recorder(loop),
      asClient(listening.port, tls),
    );
    await until(() => listening.made.length > 0);
    const [{ transport: accepted }] = listening.made as [Recorder];
    transport.close();
    await client.lost;
    for (
      const [side, own, peer] of [[transport, tls, "localhost"], [
        accepted,
        context,
        "client",
      ]] as const
    ) {
      assertEquals(side.getExtraInfo("tlsContext"), own);
      assertEquals(side.getExtraInfo("alpnProtocol"), "echo");
      assertEquals(side.getExtraInfo("tlsVersion"), "TLSv1.3");
      assertMatch(side.getExtraInfo("cipher")?.name ?? "", /^TLS_/);
      assertEquals(side.getExtraInfo("authorized"), true);
      const { subject } = side.getExtraInfo("peercert") as { subject: { CN: string } };
      assertMatch(subject.CN, new RegExp(peer, "i"));
      assertEquals((side.getExtraInfo("sockname") as Deno.NetAddr).hostname, "127.0.0.1");
    }
    await shutDown(listening);
  });
});

Deno.test("sniCallback chooses the certificate of a server by name", async () => {
  await leakFree(async (loop) => {
    const named = createTlsContext({ cert: pem("sni.pem"), key: pem("sni.key") });
    const asked: string[] = [];
    const listening = await tlsServer(loop, {
      tls: serverContext({
        sniCallback(name) {
          asked.push(name);
          return name === "sni.test" ? named : undefined;
        },
      }),
    });
    for (const serverHostname of ["sni.test", "localhost"]) {
      const [transport] = await loop.createConnection(
        () => new Recorder(loop),
        asClient(listening.port, undefined, { serverHostname }),
      );
      transport.close();
    }
    assertEquals(asked, ["sni.test", "localhost"]);
    await shutDown(listening);
  });
});

// --- the end

Deno.test("close() sends what is buffered, and is a clean end for both sides", async () => {
  await leakFree(async (loop, reports) => {
    const { client, server, end } = await connected(loop);
    client.transport.write(new Uint8Array(8 * MIB));
    client.transport.close();
    client.transport.close();
    client.transport.write(new Uint8Array(10));
    assertEquals([await client.lost, await server.lost], [null, null]);
    assert(server.received === 8 * MIB || server.received === 8 * MIB + 10);
    assertEquals(server.events.filter((event) => event === "eof").length, 1);
    assertEquals(client.events.includes("eof"), false);
    assertOneLife(client);
    assertOneLife(server);
    await end();
    assertEquals(reports, []);
  });
});

Deno.test("close() on both sides at once is a clean end for both", async () => {
  await leakFree(async (loop, reports) => {
    const { client, server, end } = await connected(loop);
    client.transport.close();
    server.transport.close();
    assertEquals([await client.lost, await server.lost], [null, null]);
    await end();
    assertEquals(reports, []);
  });
});

Deno.test("close() ends in time though the peer does not stop sending", async () => {
  await leakFree(async (loop, reports) => {
    const { client, server, end } = await connected(loop, { tlsShutdownTimeoutMs: 50 });
    const send = () => server.transport.write(new Uint8Array(100_000));
    server.resumeWriting = send;
    send();
    await until(() => client.received > MIB);
    client.transport.close();
    const { received } = client;
    assertInstanceOf(await client.lost, TimeoutError);
    assertEquals(client.received, received);
    assert(await server.lost instanceof Error);
    assertOneLife(server);
    await end();
    assertEquals(reports, []);
  });
});

Deno.test("what is buffered is sent although the peer has said goodbye", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await loop.createServer(() => {
      const protocol = new Recorder(loop);
      protocol.connectionMade = (transport: Transport) => transport.write(new Uint8Array(8 * MIB));
      return protocol;
    }, { ...LOCAL, tls: serverContext() });
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    const options = {
      port,
      host: "127.0.0.1",
      servername: "localhost",
      ca: pem("ca.pem"),
      allowHalfOpen: true,
    };
    const socket = nodeConnect(options);
    socket.pause();
    await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
    // close_notify goes out before anything is read.
    await new Promise<void>((resolve) => socket.end(() => resolve()));
    let received = 0;
    socket.on("data", (data: Uint8Array) => received += data.length);
    const ended = new Promise<void>((resolve) => socket.once("end", resolve));
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.resume();
    await ended;
    assertEquals(received, 8 * MIB);
    socket.destroy();
    await closed;
    await shutDown(listening);
    assertEquals(reports, []);
  });
});

Deno.test("close() that is not answered ends with TimeoutError for connectionLost", async () => {
  await leakFree(async (loop, reports) => {
    const listening = await tlsServer(loop, { tlsShutdownTimeoutMs: 20 });
    const conn = await Deno.connect({ ...LOCAL, port: listening.port });
    // It reads nothing, and so never answers.
    const peer = await clientHandshake(new TcpChannel(conn));
    await until(() => listening.made.length > 0);
    const [server] = listening.made as [Recorder];
    server.transport.close();
    const error = await server.lost;
    assertInstanceOf(error, TimeoutError);
    assertMatch(error.message, /TLS shutdown timed out after 20 milliseconds/);
    assertOneLife(server);
    peer.abort();
    await shutDown(listening);
    // Whoever does not answer a goodbye is no error of the program.
    assertEquals(reports, []);
  });
});

Deno.test("abort() ends at once, also a close() that waits for the peer", async () => {
  await leakFree(async (loop, reports) => {
    for (const first of ["abort", "close"] as const) {
      const listening = await tlsServer(loop);
      const conn = await Deno.connect({ ...LOCAL, port: listening.port });
      const peer = await clientHandshake(new TcpChannel(conn));
      await until(() => listening.made.length > 0);
      const [server] = listening.made as [Recorder];
      server.transport[first]();
      await new Promise((resolve) => loop.callLater(1, () => resolve(null)));
      assertEquals(server.lost.done(), first === "abort");
      server.transport.abort();
      assertEquals(await server.lost, null);
      assertOneLife(server);
      peer.abort();
      await shutDown(listening);
    }
    assertEquals(reports, []);
  });
});

Deno.test("abort() is a cut for the peer, not an end", async () => {
  await leakFree(async (loop, reports) => {
    const { client, server, end } = await connected(loop);
    client.transport.abort();
    assertEquals(await client.lost, null);
    const error = await server.lost;
    assert(error instanceof Deno.errors.UnexpectedEof, String(error));
    assertEquals(server.events.includes("eof"), false);
    await end();
    assertEquals(reports, []);
  });
});
