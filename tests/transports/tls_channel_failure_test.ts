import { TimeoutError } from "../../errors.ts";
import { TlsChannel } from "../../transports/tls_channel.ts";
import { createTlsContext } from "../../transports/tls_context.ts";
import type { TlsContext } from "../../types.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import {
  clientContext,
  clientHandshake,
  failuresOver,
  type HandshakeOptions,
  handshakeOver,
  HandTimer,
  memoryPair,
  pem,
  readExactly,
  readOnce,
  readText,
  serverContext,
  serverHandshake,
  writeAll,
} from "./tls_support.ts";

const { InvalidData, ConnectionReset, UnexpectedEof } = Deno.errors;

/** What is in an error of `node:tls`. */
function codeOf(error: Error | null): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/** A failing handshake: what each side must say, `null` for nothing. */
interface Refusal {
  name: string;
  options: HandshakeOptions;
  client: [code: string | undefined, message: RegExp] | null;
  server: [code: string | undefined, message: RegExp] | null;
}

const mutual = { requestCert: true, caCerts: pem("ca.pem") };
const stranger = { cert: pem("other.pem"), key: pem("other.key") };

const REFUSALS: Refusal[] = [
  {
    name: "a certificate of an unknown authority",
    options: { client: { context: createTlsContext({ caCerts: pem("other_ca.pem") }) } },
    client: ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /"localhost" failed: no trusted authority/],
    server: ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", /client failed: received fatal alert: UnknownCA/],
  },
  {
    name: "a certificate no authority of the system signed",
    options: { client: { context: createTlsContext() } },
    client: ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /no trusted authority/],
    server: ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", /UnknownCA/],
  },
  {
    name: "a certificate for another host",
    options: { client: { serverHostname: "elsewhere.test" } },
    client: ["ERR_TLS_CERT_ALTNAME_INVALID", /is not for "elsewhere.test"/],
    server: null,
  },
  {
    name: "a certificate for another address",
    options: { client: { serverHostname: "127.0.0.2" } },
    client: ["ERR_TLS_CERT_ALTNAME_INVALID", /is not for "127.0.0.2"/],
    server: null,
  },
  {
    name: "an expired certificate",
    options: { server: { context: serverContext({}, "expired") } },
    client: ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /out of its time/],
    server: ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", /CertificateExpired/],
  },
  {
    name: "no common ALPN protocol",
    options: {
      client: { context: clientContext({ alpnProtocols: ["h2"] }) },
      server: { context: serverContext({ alpnProtocols: ["echo", "chat"] }) },
    },
    client: ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", /NoApplicationProtocol/],
    server: ["ERR_SSL_NO_APPLICATION_PROTOCOL", /none of our ALPN protocols echo, chat/],
  },
  {
    name: "no common version",
    options: {
      client: { context: clientContext({ maxVersion: "TLSv1.2" }) },
      server: { context: serverContext({ minVersion: "TLSv1.3" }) },
    },
    client: ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", /ProtocolVersion/],
    server: ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", /peer is incompatible/],
  },
  {
    name: "a client without certificate (TLS 1.2)",
    options: { server: { context: serverContext({ ...mutual, maxVersion: "TLSv1.2" }) } },
    client: ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", /CertificateRequired/],
    server: ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", /the client has no certificate/],
  },
  {
    name: "a client's certificate of an unknown authority",
    options: {
      client: { context: clientContext(stranger) },
      server: { context: serverContext(mutual) },
    },
    client: null,
    server: ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /client failed: no trusted authority/],
  },
  {
    name: "an sniCallback that throws",
    options: {
      server: {
        context: serverContext({
          sniCallback() {
            throw new Error("no database");
          },
        }),
      },
    },
    client: [undefined, /"localhost" failed: the peer closed the connection/],
    server: ["", /sniCallback failed for "localhost": Error: no database/],
  },
  {
    name: "an sniCallback that gives no context",
    options: { server: { context: serverContext({ sniCallback: () => ({}) as TlsContext }) } },
    client: [undefined, /the peer closed the connection/],
    server: ["", /sniCallback failed for "localhost": TypeError: .*createTlsContext/],
  },
  {
    name: "an sniCallback that gives no certificate",
    options: {
      server: { context: createTlsContext({ sniCallback: () => clientContext() }) },
    },
    client: ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", /received fatal alert/],
    server: ["ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM", /there is no certificate for the client/],
  },
  {
    name: "a cipher suite the client does not select",
    options: {
      client: { context: clientContext({ ciphers: "TLS_CHACHA20_POLY1305_SHA256" }) },
    },
    client: ["", /the cipher suite TLS_AES_256_GCM_SHA384, which ciphers does not select/],
    server: null,
  },
  {
    name: "a cipher suite the chosen context does not select",
    options: {
      server: {
        context: serverContext({
          sniCallback: () => serverContext({ ciphers: "TLS_AES_128_GCM_SHA256" }),
        }),
      },
    },
    client: null,
    server: ["", /the cipher suite TLS_AES_256_GCM_SHA384/],
  },
];

for (const { name, options, client, server } of REFUSALS) {
  Deno.test(`TlsChannel.handshake() rejects once over ${name}`, async () => {
    const pair = memoryPair();
    const failures = await failuresOver(pair, options);
    for (const [index, expected] of [client, server].entries()) {
      const failure = failures[index] as Error | null;
      if (expected === null) {
        assertEquals(failure, null);
        continue;
      }
      const [code, message] = expected;
      assertInstanceOf(failure, code === undefined ? ConnectionReset : InvalidData);
      assertEquals(codeOf(failure) ?? (code === undefined ? undefined : ""), code);
      assertMatch(failure.message, message);
      // Closed, not aborted: the peer gets the alert.
      assertEquals(pair[index]?.calls, ["reading on", "close"]);
    }
    // Late events of the engine would be uncaught errors now.
    await new Promise((resolve) => setTimeout(resolve));
  });
}

Deno.test("TlsChannel tells a TLS 1.3 client without certificate at its first read", async () => {
  const [inner, peer] = memoryPair();
  const accepting = serverHandshake(peer, { context: serverContext(mutual) });
  const client = await clientHandshake(inner);
  await assertRejects(() => accepting, InvalidData, "the client has no certificate");
  const failure = await assertRejects(() => readOnce(client), InvalidData, "CertificateRequired");
  assertEquals(codeOf(failure), "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
  client.abort();
});

for (
  const [what, context] of [
    ["", serverContext()],
    [" with an sniCallback", serverContext({ sniCallback: () => undefined })],
  ] as const
) {
  Deno.test(`TlsChannel.handshake() of a server${what} refuses a client without TLS`, async () => {
    const [inner, peer] = memoryPair();
    const accepting = serverHandshake(peer, { context });
    await writeAll(inner, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await assertRejects(() => accepting, InvalidData, "TLS handshake with client failed: ");
    assertEquals(peer.calls, ["reading on", "close"]);
  });
}

Deno.test("TlsChannel.handshake() of a client refuses a server without TLS", async () => {
  const [inner, peer] = memoryPair(() => 1);
  const connecting = clientHandshake(inner);
  await writeAll(peer, "220 mail.test ESMTP\r\n");
  const failure = await assertRejects(() => connecting, InvalidData, "the peer does not speak TLS");
  assertEquals(codeOf(failure), "ERR_SSL_WRONG_VERSION_NUMBER");
});

Deno.test("TlsChannel.handshake() survives data that was there before it began", async () => {
  // Such bytes, given to node:tls before its first tick, throw where nobody can catch.
  for (const serverSide of [true, false]) {
    const [inner] = memoryPair();
    const handshake = serverSide ? serverHandshake : clientHandshake;
    const initialData = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
    await assertRejects(() => handshake(inner, { initialData }), InvalidData, "failed: ");
  }
});

Deno.test("TlsChannel.handshake() rejects with ConnectionReset when the peer hangs up", async () => {
  for (const bytes of [0, 1, 100, 700]) {
    const [inner, peer] = memoryPair();
    const [other, server] = memoryPair();
    const connecting = clientHandshake(inner);
    const accepting = serverHandshake(server);
    // The client gets so much of the server's answer, and then the end.
    const hello = new Uint8Array(2000);
    await writeAll(other, hello.subarray(0, await peer.read(hello) as number));
    await writeAll(peer, await readExactly(other, bytes));
    peer.output.end();
    await assertRejects(
      () => connecting,
      ConnectionReset,
      'TLS handshake with server "localhost" failed: the peer closed the connection',
    );
    other.close();
    await assertRejects(() => accepting, ConnectionReset, "TLS handshake with client failed");
    assertEquals(inner.calls, ["reading on", "close"]);
  }
});

Deno.test("TlsChannel.handshake() rejects with what the inner channel said", async () => {
  const [inner, peer] = memoryPair();
  const connecting = clientHandshake(inner);
  peer.abort();
  await assertRejects(() => connecting, ConnectionReset, "the other side aborted");
  assertEquals(inner.calls, ["reading on", "close"]);
});

Deno.test("TlsChannel.handshake() prefers the peer's alert over a failed write", async () => {
  const [inner, peer] = memoryPair();
  inner.writeFailure = new Deno.errors.BrokenPipe("no reader");
  const connecting = clientHandshake(inner);
  // Fatal, handshake_failure.
  await writeAll(peer, new Uint8Array([21, 3, 3, 0, 2, 2, 40]));
  await assertRejects(() => connecting, InvalidData, "received fatal alert: HandshakeFailure");

  const [again, silent] = memoryPair();
  again.writeFailure = inner.writeFailure;
  const failing = clientHandshake(again);
  silent.close();
  const failure = await assertRejects(() => failing, ConnectionReset);
  assertStrictEquals(failure.cause, again.writeFailure);
});

Deno.test("TlsChannel.handshake() rejects with its own error when the medium does not close", async () => {
  const [inner, peer] = memoryPair();
  inner.close = () => {
    throw new Error("stuck");
  };
  const connecting = clientHandshake(inner);
  await writeAll(peer, "no TLS here");
  await assertRejects(() => connecting, InvalidData, "does not speak TLS");
  assertEquals(inner.calls, ["reading on", "abort"]);
});

Deno.test("TlsChannel.handshake() rejects with TimeoutError when the peer stays silent", async () => {
  for (const handshake of [clientHandshake, serverHandshake]) {
    const timer = new HandTimer();
    const [inner] = memoryPair();
    const failing = handshake(inner, { setTimer: timer.set, handshakeTimeoutMs: 1234 });
    assertEquals([...timer.pending.values()], [1234]);
    timer.fire();
    await assertRejects(() => failing, TimeoutError, "1234");
    assertEquals(inner.calls.at(-1), "abort");
  }
});

Deno.test("TlsChannel.handshake() takes its timer back, and by default waits a minute", async () => {
  const timers = [new HandTimer(), new HandTimer()] as const;
  const pair = memoryPair();
  const starting = handshakeOver(pair, {
    client: { setTimer: timers[0].set },
    server: { setTimer: timers[1].set },
  });
  assertEquals(timers.map(({ pending }) => [...pending.values()]), [[60_000], [60_000]]);
  const [client, server] = await starting;
  assertEquals(timers.map(({ pending }) => pending.size), [0, 0]);
  client.close();
  assertEquals([...timers[0].pending.values()], [30_000]);
  server.abort();
});

Deno.test("TlsChannel.handshake() uses the platform's timer", async () => {
  const [inner] = memoryPair();
  await assertRejects(() => clientHandshake(inner, { handshakeTimeoutMs: 1 }), TimeoutError);
});

Deno.test("TlsChannel.handshake() rejects with the reason of an abort", async () => {
  const reason = new Error("changed my mind");
  const [inner] = memoryPair();
  const controller = new AbortController();
  const failing = clientHandshake(inner, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await failing.catch((error) => error), reason);
  assertEquals(inner.calls.at(-1), "abort");

  const [untouched] = memoryPair();
  const aborted = { signal: AbortSignal.abort(reason) };
  assertStrictEquals(await clientHandshake(untouched, aborted).catch((error) => error), reason);
  assertEquals(untouched.calls, []);
});

Deno.test("TlsChannel.handshake() refuses bad arguments before it touches the inner channel", async () => {
  const [inner] = memoryPair();
  const client = clientContext();
  const server = serverContext();
  type Case = [typeof TypeError | typeof RangeError, string, TlsContext, object];
  const cases: Case[] = [
    [TypeError, "createTlsContext", { options: {} }, { serverHostname: "x" }],
    [TypeError, "serverHostname", client, {}],
    [TypeError, "serverHostname", client, { serverHostname: 4 }],
    [RangeError, "serverHostname", client, { serverHostname: "a b" }],
    [TypeError, "serverHostname", server, { serverSide: true, serverHostname: "x" }],
    [TypeError, "cert and key", client, { serverSide: true }],
  ];
  for (const name of ["handshakeTimeoutMs", "shutdownTimeoutMs"]) {
    for (const value of [0, -1, NaN]) {
      cases.push([RangeError, name, client, { serverHostname: "x", [name]: value }]);
    }
  }
  for (const [Class, message, context, options] of cases) {
    await assertRejects(() => TlsChannel.handshake(inner, context, options), Class, message);
  }
  assertEquals(inner.calls, []);
});

/** A connection: channels, and what is below them. */
async function connect(version: "TLSv1.2" | "TLSv1.3", sizes?: () => number) {
  const pair = memoryPair(sizes);
  const context = clientContext({ minVersion: version, maxVersion: version });
  const [client, server] = await handshakeOver(pair, { client: { context } });
  return { client, server, inner: pair[0], peer: pair[1] };
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`TlsChannel.read() tells truncation from the end over ${version}`, async () => {
    for (const sizes of [() => Infinity, () => 1]) {
      const { client, server, peer } = await connect(version, sizes);
      await writeAll(server, "half of the tru");
      peer.output.end();
      assertEquals(await readText(client, 15), "half of the tru");
      const failure = await assertRejects(() => readOnce(client), UnexpectedEof, "close_notify");
      assertStrictEquals(await readOnce(client).catch((error) => error), failure);
      assertStrictEquals(
        await client.write(new Uint8Array(1)).catch((error) => error),
        failure,
      );
      await client.close();
      server.abort();
    }
  });

  Deno.test(`TlsChannel.read() sees the goodbye right before the EOF over ${version}`, async () => {
    for (const sizes of [() => Infinity, () => 1]) {
      const { client, server, peer } = await connect(version, sizes);
      await writeAll(server, "all of it");
      const write = peer.output.write.bind(peer.output);
      peer.output.write = async (data) => {
        const count = await write(data);
        peer.output.end();
        return count;
      };
      const closing = server.close();
      assertEquals(await readText(client, 9), "all of it");
      assertEquals(await readOnce(client), null);
      await client.close();
      await closing;
    }
  });

  Deno.test(`TlsChannel.read() tells a cut within a record over ${version}`, async () => {
    const { client, server, peer } = await connect(version);
    await writeAll(server, "whole record");
    // The next record loses its end.
    const write = peer.output.write.bind(peer.output);
    peer.output.write = async (data) => {
      await write(data.subarray(0, data.length - 1));
      return data.length;
    };
    await writeAll(server, "cut record");
    peer.output.end();
    assertEquals(await readText(client, 12), "whole record");
    await assertRejects(() => readOnce(client), UnexpectedEof);
    client.abort();
    server.abort();
  });

  Deno.test(`TlsChannel.read() rejects after garbage over ${version}, and the peer learns`, async () => {
    const { client, server, inner, peer } = await connect(version);
    await writeAll(server, "sense");
    assertEquals(await readText(client, 5), "sense");
    // An application data record nobody can decrypt.
    await writeAll(peer, new Uint8Array([23, 3, 3, 0, 40, ...new Array(40).fill(9)]));
    const failure = await assertRejects(
      () => readOnce(client),
      InvalidData,
      "TLS connection broke",
    );
    assertStrictEquals(await readOnce(client).catch((error) => error), failure);
    assertStrictEquals(await client.write(new Uint8Array(1)).catch((error) => error), failure);
    await assertRejects(() => readOnce(server), InvalidData, "received fatal alert: BadRecordMac");
    await client.close();
    assertEquals(inner.calls, ["reading on", "close"]);
    server.abort();
  });

  Deno.test(`TlsChannel.read() rejects with the reset of the medium over ${version}`, async () => {
    const { client, server, peer } = await connect(version);
    const reading = readOnce(client);
    peer.abort();
    await assertRejects(() => reading, ConnectionReset, "the other side aborted");
    client.abort();
    server.abort();
  });
}

Deno.test("TlsChannel.write() rejects when garbage arrives while it waits", async () => {
  const pair = memoryPair();
  const [client, server] = await handshakeOver(pair);
  const writing = writeAll(client, new Uint8Array(500_000));
  const reading = readOnce(client);
  await writeAll(pair[1], new Uint8Array([23, 3, 3, 0, 40, ...new Array(40).fill(9)]));
  await assertRejects(() => reading, InvalidData);
  client.abort();
  await assertRejects(() => writing);
  server.abort();
});

Deno.test("TlsChannel keeps a server's handshakes apart, one after another and side by side", async () => {
  const context = serverContext({ ...mutual });
  const kinds = [
    [clientContext({ cert: pem("client.pem"), key: pem("client.key") }), "client"],
    [clientContext(stranger), "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    [clientContext(), "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"],
  ] as const;

  /** What the server makes of a client: the name in its certificate, or why not. */
  async function judge(client: TlsContext, sizes: () => number): Promise<unknown> {
    const pair = memoryPair(sizes);
    const [connected, accepted] = await Promise.allSettled([
      clientHandshake(pair[0], { context: client }),
      serverHandshake(pair[1], { context }),
    ]);
    if (connected.status === "fulfilled") connected.value.abort();
    if (accepted.status === "rejected") return codeOf(accepted.reason);
    const { subject } = accepted.value.getExtraInfo("peercert") as { subject: { CN: string } };
    accepted.value.abort();
    return subject.CN;
  }

  for (let round = 0; round < 2; round++) {
    for (const [client, expected] of kinds) {
      assertEquals(await judge(client, () => 500), expected);
    }
  }
  const crowd = Array.from({ length: 14 }, () => kinds).flat();
  assertEquals(
    await Promise.all(crowd.map(([client], index) => judge(client, () => 1 + index * 7))),
    crowd.map(([, expected]) => expected),
  );
});
