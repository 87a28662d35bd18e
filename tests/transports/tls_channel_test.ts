import { TimeoutError } from "../../errors.ts";
import { TlsChannel } from "../../transports/tls_channel.ts";
import { createTlsContext } from "../../transports/tls_context.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import {
  clientContext,
  clientHandshake,
  closeBoth,
  handshakeOver,
  HandTimer,
  MemoryChannel,
  memoryPair,
  pem,
  readExactly,
  readOnce,
  readText,
  serverContext,
  serverHandshake,
  writeAll,
} from "./tls_support.ts";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

/** Only this version. */
function only(version: typeof VERSIONS[number]): {
  minVersion: typeof version;
  maxVersion: typeof version;
} {
  return { minVersion: version, maxVersion: version };
}

/** A reproducible sequence of numbers in [0, 1). */
function sequence(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

for (const version of VERSIONS) {
  for (const [name, sizes] of [["1 byte", () => 1], ["any size", () => Infinity]] as const) {
    Deno.test(`TlsChannel carries bytes both ways, and both goodbyes, over ${version} in chunks of ${name}`, async () => {
      const context = clientContext(only(version));
      const inner = memoryPair(sizes);
      const [client, server] = await handshakeOver(inner, { client: { context } });
      assertEquals(client.getExtraInfo("tlsVersion"), version);
      await writeAll(client, "from the client");
      assertEquals(await readText(server, 15), "from the client");
      await writeAll(server, "from the server");
      assertEquals(await readText(client, 15), "from the server");

      const closed = client.close();
      assertEquals(await readOnce(server), null);
      assertEquals(await readOnce(server), null);
      await server.close();
      await closed;
      assertEquals(inner.map(({ calls }) => calls.at(-1)), ["close", "close"]);
    });
  }
}

Deno.test("TlsChannel carries 16 MiB each way at once, in writes and reads of any size", async () => {
  const TOTAL = 16 * 2 ** 20;
  const PERIOD = 251;
  const random = sequence(7);
  const ends = await handshakeOver(memoryPair(() => 1 + Math.floor(random() * 70_000)));
  const block = new Uint8Array(PERIOD * 4096).map((_, index) => index % PERIOD);

  async function send(channel: TlsChannel, random: () => number): Promise<void> {
    for (let sent = 0; sent < TOTAL;) {
      const wanted = Math.min(TOTAL - sent, 1 + Math.floor(random() ** 3 * 400_000));
      const start = sent % PERIOD;
      sent += await channel.write(block.subarray(start, start + wanted));
    }
  }

  async function receive(channel: TlsChannel, random: () => number): Promise<void> {
    for (let got = 0; got < TOTAL;) {
      const buffer = new Uint8Array(1 + Math.floor(random() ** 3 * 300_000));
      const count = await channel.read(buffer);
      assert(count !== null && count > 0);
      for (let index = 0; index < count; index++, got++) {
        if (buffer[index] !== got % PERIOD) throw new Error(`byte ${got} is ${buffer[index]}`);
      }
    }
  }

  await Promise.all(ends.flatMap((end, index) => [
    send(end, sequence(index)),
    receive(end, sequence(index + 10)),
  ]));
  await closeBoth(...ends);
});

Deno.test("TlsChannel.getExtraInfo() tells what was agreed, also after the end", async () => {
  const context = clientContext({ alpnProtocols: ["h2", "echo"] });
  const [client, server] = await handshakeOver(memoryPair(), {
    client: { context },
    server: { context: serverContext({ alpnProtocols: ["echo", "other"] }) },
  });
  await closeBoth(client, server);
  for (const channel of [client, server]) {
    assertEquals(channel.getExtraInfo("alpnProtocol"), "echo");
    assertEquals(channel.getExtraInfo("tlsVersion"), "TLSv1.3");
    const cipher = channel.getExtraInfo("cipher") as Record<string, string>;
    assertEquals(Object.keys(cipher).sort(), ["name", "standardName", "version"]);
    assertEquals(cipher.version, "TLSv1.3");
    assertEquals(channel.getExtraInfo("medium"), "memory");
    assertEquals(channel.getExtraInfo("unheard of"), undefined);
  }
  assertStrictEquals(client.getExtraInfo("tlsContext"), context);
  const certificate = client.getExtraInfo("peercert") as Record<string, unknown>;
  assertEquals({ ...certificate.subject as object }, { CN: "localhost" });
  assertEquals(
    certificate.subjectaltname,
    "DNS:localhost, IP Address:127.0.0.1, IP Address:::1",
  );
  assertStrictEquals(client.getExtraInfo("peercert"), certificate);
  assertEquals(client.getExtraInfo("authorized"), true);
  assertEquals(server.getExtraInfo("peercert"), undefined);
  assertEquals(server.getExtraInfo("authorized"), false);
});

Deno.test("TlsChannel has no alpnProtocol when nobody, or only one side, asked for one", async () => {
  const alpnProtocols = ["h2"];
  for (
    const options of [
      {},
      { client: { context: clientContext({ alpnProtocols }) } },
      { server: { context: serverContext({ alpnProtocols }) } },
    ]
  ) {
    const [client, server] = await handshakeOver(memoryPair(), options);
    assertEquals(client.getExtraInfo("alpnProtocol"), undefined);
    assertEquals(server.getExtraInfo("alpnProtocol"), undefined);
    await closeBoth(client, server);
  }
});

Deno.test("TlsChannel.handshake() serves the context that sniCallback chooses", async () => {
  const asked: string[] = [];
  const context = serverContext({
    sniCallback(name) {
      asked.push(name);
      return name === "sni.test" ? serverContext({}, "sni") : undefined;
    },
  });
  for (const serverHostname of ["sni.test", "localhost", "127.0.0.1"]) {
    // The certificate of sni.test is not for the others, nor theirs for it.
    const [client, server] = await handshakeOver(memoryPair(() => 100), {
      client: { serverHostname },
      server: { context },
    });
    await closeBoth(client, server);
  }
  // An address is no name to ask for.
  assertEquals(asked, ["sni.test", "localhost"]);
});

Deno.test("TlsChannel.handshake() lets a server do with sniCallback alone", async () => {
  const context = createTlsContext({ sniCallback: () => serverContext() });
  await closeBoth(...await handshakeOver(memoryPair(), { server: { context } }));
});

for (const version of VERSIONS) {
  Deno.test(`TlsChannel.handshake() takes a client's certificate over ${version}`, async () => {
    const [client, server] = await handshakeOver(memoryPair(), {
      client: {
        context: clientContext({ cert: pem("client.pem"), key: pem("client.key") }),
      },
      server: {
        context: serverContext({ ...only(version), requestCert: true, caCerts: pem("ca.pem") }),
      },
    });
    const certificate = server.getExtraInfo("peercert") as Record<string, object>;
    assertEquals({ ...certificate.subject }, { CN: "client" });
    assertEquals(server.getExtraInfo("authorized"), true);
    assertEquals(server.getExtraInfo("authorizationError"), undefined);
    await closeBoth(client, server);
  });
}

Deno.test("TlsChannel.handshake() with rejectUnauthorized: false takes any client, and tells", async () => {
  const context = serverContext({
    requestCert: true,
    rejectUnauthorized: false,
    caCerts: pem("ca.pem"),
  });
  const without = await handshakeOver(memoryPair(), { server: { context } });
  assertEquals(without[1].getExtraInfo("peercert"), undefined);
  assertEquals(without[1].getExtraInfo("authorized"), false);
  await closeBoth(...without);

  const stranger = clientContext({ cert: pem("other.pem"), key: pem("other.key") });
  const untrusted = await handshakeOver(memoryPair(), {
    client: { context: stranger },
    server: { context },
  });
  assert(untrusted[1].getExtraInfo("peercert") !== undefined);
  assertEquals(untrusted[1].getExtraInfo("authorized"), false);
  assertEquals(
    untrusted[1].getExtraInfo("authorizationError"),
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  );
  await closeBoth(...untrusted);
});

Deno.test("TlsChannel.handshake() with rejectUnauthorized: false takes any server, and tells", async () => {
  const context = createTlsContext({ rejectUnauthorized: false });
  for (const options of [{ serverHostname: "localhost" }, {}]) {
    const [inner, peer] = memoryPair();
    const [client, server] = await Promise.all([
      TlsChannel.handshake(inner, context, options),
      serverHandshake(peer),
    ]);
    assertEquals(client.getExtraInfo("authorized"), false);
    assertEquals(
      client.getExtraInfo("authorizationError"),
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    );
    const certificate = client.getExtraInfo("peercert") as Record<string, object>;
    assertEquals({ ...certificate.subject }, { CN: "localhost" });
    await closeBoth(client, server);
  }
});

Deno.test("TlsChannel.handshake() compares addresses, and no name at all when it is empty", async () => {
  for (const serverHostname of ["127.0.0.1", "[::1]", "::1", "LOCALHOST", "localhost.", ""]) {
    await closeBoth(...await handshakeOver(memoryPair(), { client: { serverHostname } }));
  }
});

Deno.test("TlsChannel.handshake() takes the ClientHello as initialData", async () => {
  const [client, server] = memoryPair(() => 150);
  const connecting = clientHandshake(client);
  const initialData = new Uint8Array(1000);
  const count = await server.read(initialData);
  assert(count !== null);
  const accepting = serverHandshake(server, { initialData: initialData.subarray(0, count) });
  const ends = await Promise.all([connecting, accepting]);
  await writeAll(ends[0], "ping");
  assertEquals(await readText(ends[1], 4), "ping");
  await closeBoth(...ends);
});

Deno.test("TlsChannel.read() delivers what came with the end of the handshake", async () => {
  const said = Promise.withResolvers<void>();
  const [client, server] = memoryPair();
  /** Hears the client only when it has said everything. */
  class Late extends MemoryChannel {
    override async read(buffer: Uint8Array): Promise<number | null> {
      if (this.reads > 0) await said.promise;
      return await super.read(buffer);
    }
  }
  const late = new Late(server.input, server.output);
  const connecting = clientHandshake(client).then(async (channel) => {
    await writeAll(channel, "early");
    said.resolve();
    return channel;
  });
  const ends = await Promise.all([connecting, serverHandshake(late)]);
  assertEquals(late.reads, 2);
  assertEquals(await readText(ends[1], 5), "early");
  await closeBoth(...ends);
});

Deno.test("TlsChannel speaks TLS in TLS in TLS", async () => {
  let ends: readonly [MemoryChannel, MemoryChannel] | [TlsChannel, TlsChannel] = memoryPair(() =>
    1000
  );
  const [medium] = ends;
  for (let layer = 0; layer < 3; layer++) ends = await handshakeOver(ends);
  const [client, server] = ends as [TlsChannel, TlsChannel];
  const data = new Uint8Array(300_000).map((_, index) => index * 7);
  const sent = writeAll(client, data);
  assertEquals(await readExactly(server, data.length), data);
  await sent;
  assertEquals(client.getExtraInfo("medium"), "memory");
  await closeBoth(client, server);
  assertEquals(medium.calls.filter((call) => call === "close"), ["close"]);
});

Deno.test("TlsChannel reads no ciphertext while nobody reads plaintext", async () => {
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer]);
  const before = { reads: peer.reads, bytes: peer.bytesRead };
  const data = new Uint8Array(4 * 2 ** 20);
  let accepted = 0;
  const writing = (async () => {
    while (accepted < data.length) accepted += await client.write(data.subarray(accepted));
  })();
  // All that fits under way, and no more, was taken.
  await until(() => inner.output.size >= 65536);
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(peer.reads, before.reads);
  assertLess(accepted, 65536);

  // A record is 16 KiB: a small read, a large one, and there are several in hand.
  await server.read(new Uint8Array(50));
  assertEquals(peer.reads, before.reads + 2);
  assertLess(peer.bytesRead - before.bytes, 4096 + 65536 + 1);
  for (let round = 1; round < 50; round++) await server.read(new Uint8Array(50));
  assertEquals(peer.reads, before.reads + 2);
  await readExactly(server, data.length - 50 * 50);
  await writing;
  await closeBoth(client, server);
});

Deno.test("TlsChannel.write() resolves when the inner channel took everything", async () => {
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer]);
  const data = new Uint8Array(200_000);
  let taken: number | undefined;
  const writing = client.write(data).then((count) => taken = count);
  await until(() => inner.output.size >= 65536);
  assertEquals(taken, undefined);
  const buffer = new Uint8Array(10_000);
  let got = 0;
  while (taken === undefined) got += await server.read(buffer) ?? 0;
  await writing;
  assert(taken > 0 && taken < data.length);
  await readExactly(server, taken - got);
  await closeBoth(client, server);
});

Deno.test("TlsChannel hands setReading() on, and reads in a handshake and a goodbye", async () => {
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer]);
  client.setReading(false);
  client.setReading(true);
  client.setReading(false);
  await closeBoth(client, server);
  assertEquals(inner.calls, [
    "reading on",
    "reading off",
    "reading on",
    "reading off",
    "reading on",
    "close",
  ]);
});

Deno.test("TlsChannel.close() drops what still arrives, and waits for the peer's goodbye", async () => {
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer]);
  let closed = false;
  const closing = client.close().then(() => closed = true);
  assertEquals(await readOnce(server), null);
  // Three times what fits under way.
  await writeAll(server, new Uint8Array(200_000));
  assertEquals(closed, false);
  await server.close();
  await closing;
  assertEquals(inner.calls.at(-1), "close");
});

Deno.test("TlsChannel.close() settles a pending read", async () => {
  const [client, server] = await handshakeOver(memoryPair());
  const reading = readOnce(client).catch((error) => error);
  const closing = client.close();
  await server.close();
  await closing;
  assertEquals(await reading, null);
  await client.close();
});

Deno.test("TlsChannel.close() rejects with TimeoutError when the peer stays silent", async () => {
  const timer = new HandTimer();
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer], {
    client: { setTimer: timer.set, shutdownTimeoutMs: 4321 },
  });
  assertEquals([...timer.pending.values()], []);
  const closing = client.close();
  assertEquals([...timer.pending.values()], [4321]);
  // The goodbye arrived; no answer comes.
  assertEquals(await readOnce(server), null);
  timer.fire();
  await assertRejects(() => closing, TimeoutError, "4321");
  assertEquals(inner.calls.at(-1), "abort");
  server.abort();
});

Deno.test("TlsChannel.close() is content with a peer that hangs up instead of answering", async () => {
  for (const end of ["close", "abort"] as const) {
    const timer = new HandTimer();
    const [inner, peer] = memoryPair();
    const [client, server] = await handshakeOver([inner, peer], {
      client: { setTimer: timer.set },
    });
    const closing = client.close();
    assertEquals(await readOnce(server), null);
    peer[end]();
    await closing;
    assertEquals(inner.calls.at(-1), "close");
    assertEquals(timer.pending.size, 0);
    server.abort();
  }
});

Deno.test("TlsChannel.abort() settles what is pending, and aborts the inner channel once", async () => {
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer]);
  const reading = readOnce(client);
  const writing = writeAll(client, new Uint8Array(500_000));
  await until(() => inner.output.size >= 65536);
  client.abort();
  client.abort();
  await assertRejects(() => reading);
  await assertRejects(() => writing);
  await assertRejects(() => client.write(new Uint8Array(1)));
  assertEquals(inner.calls, ["reading on", "abort"]);
  await assertRejects(() => readOnce(server), Deno.errors.ConnectionReset);
  server.abort();
});

Deno.test("TlsChannel.abort() ends a close()", async () => {
  const [inner] = memoryPair();
  const [client, server] = await handshakeOver([
    inner,
    new MemoryChannel(inner.output, inner.input),
  ]);
  const closing = client.close();
  assertEquals(await readOnce(server), null);
  client.abort();
  await closing;
  assertEquals(inner.calls.filter((call) => !call.startsWith("reading")), ["abort"]);
  server.abort();
});

Deno.test("TlsChannel.write() rejects with what the inner channel said", async () => {
  const [inner, peer] = memoryPair();
  const [client, server] = await handshakeOver([inner, peer]);
  await writeAll(server, "last words");
  const failure = new Deno.errors.BrokenPipe("no reader");
  inner.writeFailure = failure;
  assertStrictEquals(await client.write(new Uint8Array(1)).catch((error) => error), failure);
  assertStrictEquals(await client.write(new Uint8Array(1)).catch((error) => error), failure);
  // Reading goes on: what the peer sent before is still to be had.
  assertEquals(await readText(client, 10), "last words");
  await client.close();
  assertInstanceOf(await readOnce(server).catch((error) => error), Deno.errors.UnexpectedEof);
  server.abort();
});

Deno.test("TlsChannel.readChunk() resolves to plain arrays, the caller's to keep, and ends as read()", async () => {
  const [client, server] = await handshakeOver(memoryPair());
  await writeAll(client, "first");
  const first = await server.readChunk();
  await writeAll(client, "second");
  // What one way to read leaves is for the other.
  assertEquals(await readText(server, 3), "sec");
  const rest = await server.readChunk();
  assertEquals([first, rest], [new TextEncoder().encode("first"), new TextEncoder().encode("ond")]);
  assertStrictEquals(first!.constructor, Uint8Array);
  const closed = client.close();
  assertStrictEquals(await server.readChunk(), null);
  await server.close();
  await closed;
});

Deno.test("TlsChannel.readChunk() rejects with UnexpectedEof when the peer goes without a goodbye", async () => {
  const inner = memoryPair();
  const [client, server] = await handshakeOver(inner);
  const reading = server.readChunk();
  await inner[0].close();
  await assertRejects(() => reading, Deno.errors.UnexpectedEof);
  client.abort();
  server.abort();
});
