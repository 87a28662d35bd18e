import type { TlsChannel } from "../../transports/tls_channel.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { startPython } from "../support/python.ts";
import {
  clientContext,
  clientHandshake,
  closeBoth,
  handshakeOver,
  pem,
  readExactly,
  readOnce,
  readText,
  serverContext,
  serverHandshake,
  TcpChannel,
  TLS_FIXTURES,
  writeAll,
} from "./tls_support.ts";

const { UnexpectedEof, InvalidData } = Deno.errors;

async function connect(port: string | number): Promise<TcpChannel> {
  return new TcpChannel(await Deno.connect({ hostname: "127.0.0.1", port: Number(port) }));
}

/** Listens for one connection. */
function listen(): { port: number; accept: () => Promise<TcpChannel> } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    port: listener.addr.port,
    accept: async () => new TcpChannel(await listener.accept()),
    [Symbol.dispose]: () => listener.close(),
  };
}

async function tcpPair(): Promise<[TcpChannel, TcpChannel]> {
  using server = listen();
  return await Promise.all([connect(server.port), server.accept()]);
}

/** Reads up to the end of a line, byte by byte, so that nothing after it is taken. */
async function readLine(channel: TlsChannel): Promise<string> {
  let line = "";
  while (!line.endsWith("\n")) line += await readText(channel, 1);
  return line;
}

Deno.test("TlsChannel carries 16 MiB each way over TCP", async () => {
  const ends = await handshakeOver(await tcpPair());
  const data = new Uint8Array(16 * 2 ** 20);
  for (let start = 0; start < data.length; start += 65536) {
    crypto.getRandomValues(data.subarray(start, start + 65536));
  }
  const [, , there, back] = await Promise.all([
    ...ends.map((end) => writeAll(end, data)),
    ...ends.map((end) => readExactly(end, data.length)),
  ]) as Uint8Array[];
  assertEquals(there, data);
  assertEquals(back, data);
  assertEquals(
    (ends[0].getExtraInfo("peername") as Deno.NetAddr).hostname,
    "127.0.0.1",
  );
  await closeBoth(...ends);
});

Deno.test("TlsChannel tells a TCP connection that was cut from one that was closed", async () => {
  const [client, server] = await tcpPair();
  const ends = await handshakeOver([client, server]);
  await writeAll(ends[1], "cut");
  server.close();
  assertEquals(await readText(ends[0], 3), "cut");
  await assertRejects(() => readOnce(ends[0]), UnexpectedEof);
  await ends[0].close();
  ends[1].abort();

  const orderly = await handshakeOver(await tcpPair());
  await writeAll(orderly[1], "end");
  const closing = orderly[1].close();
  assertEquals(await readText(orderly[0], 3), "end");
  assertEquals(await readOnce(orderly[0]), null);
  await orderly[0].close();
  await closing;
});

Deno.test("TlsChannel speaks to Deno.connectTls and Deno.listenTls", async () => {
  const [cert, key] = [pem("server.pem"), pem("server.key")];
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const [accepted, client] = await Promise.all([
    listener.accept(),
    connect(listener.addr.port).then((tcp) => clientHandshake(tcp)),
  ]);
  await writeAll(client, "to Deno");
  const buffer = new Uint8Array(100);
  assertEquals(await accepted.read(buffer), 7);
  await accepted.closeWrite();
  assertEquals(await readOnce(client), null);
  await client.close();
  assertEquals(await accepted.read(buffer), null);
  accepted.close();

  using server = listen();
  const [conn, ours] = await Promise.all([
    Deno.connectTls({ hostname: "localhost", port: server.port, caCerts: [pem("ca.pem")] }),
    server.accept().then((tcp) => serverHandshake(tcp)),
  ]);
  await conn.write(new TextEncoder().encode("from Deno"));
  assertEquals(await readText(ours, 9), "from Deno");
  const closing = ours.close();
  assertEquals(await conn.read(buffer), null);
  conn.close();
  await closing;
});

for (const version of ["tls1_2", "tls1_3"]) {
  const tlsVersion = version === "tls1_2" ? "TLSv1.2" : "TLSv1.3";

  peerTest(`TlsChannel speaks to openssl s_server over ${version}`, ["openssl"], async () => {
    await using peer = Child.start("openssl", [
      ..."s_server -accept 127.0.0.1:0 -naccept 1 -rev".split(" "),
      ...["-cert", "rsa.pem", "-key", "rsa.key", "-alpn", "rev", `-${version}`],
    ], { cwd: TLS_FIXTURES });
    const address = await peer.waitReady("ACCEPT");
    const context = clientContext({ alpnProtocols: ["other", "rev"] });
    const channel = await clientHandshake(await connect(address.split(":")[1] as string), {
      context,
    });
    assertEquals(channel.getExtraInfo("tlsVersion"), tlsVersion);
    assertEquals(channel.getExtraInfo("alpnProtocol"), "rev");
    await writeAll(channel, "hello\n");
    assertEquals(await readText(channel, 6), "olleh\n");
    // What it reverses next is longer than a record.
    const long = "0123456789".repeat(3000);
    await writeAll(channel, `${long}\n`);
    assertEquals((await readText(channel, 30_001)).length, 30_001);
    await channel.close();
    await peer.wait();
  });

  peerTest(`TlsChannel serves openssl s_client over ${version}`, ["openssl"], async () => {
    using server = listen();
    await using peer = Child.start("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${server.port}`, "-verify_return_error"],
      ...["-CAfile", "ca.pem", "-verify_hostname", "localhost", "-servername", "localhost"],
      ...["-alpn", "echo", `-${version}`],
    ], { cwd: TLS_FIXTURES });
    const channel = await serverHandshake(await server.accept(), {
      context: serverContext({ alpnProtocols: ["echo"] }),
    });
    assertEquals(channel.getExtraInfo("tlsVersion"), tlsVersion);
    assertEquals(channel.getExtraInfo("alpnProtocol"), "echo");
    await peer.writeLine("first");
    assertEquals(await readLine(channel), "first\n");
    if (version === "tls1_3") {
      // New keys for both directions, in the middle of the connection.
      await peer.writeLine("K");
      await until(() => /^KEYUPDATE$/m.test(peer.stderr));
      await peer.writeLine("second");
      assertEquals(await readLine(channel), "second\n");
    }
    await writeAll(channel, "ready last\n");
    assertEquals(await peer.waitReady(), "last");
    await peer.closeStdin();
    assertEquals(await readOnce(channel), null);
    await channel.close();
    assertEquals((await peer.wait()).code, 0);
  });
}

/** A Python TLS server for one connection, on which `body` runs with the connection as `tls`. */
function pythonServer(body: string): Child {
  return startPython(
    `
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem", "server.key")
listener = socket.create_server(("127.0.0.1", 0))
print("ready", listener.getsockname()[1])
connection, _ = listener.accept()
tls = context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
${body}
`,
    { cwd: TLS_FIXTURES },
  );
}

peerTest("TlsChannel exchanges 8 MiB and goodbyes with a Python server", ["python3"], async () => {
  await using peer = pythonServer(`
left = 8 << 20
while left:
  data = tls.recv(100000)
  left -= len(data)
  tls.sendall(data)
tls.unwrap()
print("unwrapped")
`);
  const channel = await clientHandshake(await connect(await peer.waitReady()));
  const data = new Uint8Array(8 * 2 ** 20).map((_, index) => index * 31 >> 3);
  const [echo] = await Promise.all([
    readExactly(channel, data.length),
    writeAll(channel, data),
  ]);
  assertEquals(echo, data);
  assertEquals(await readOnce(channel), null);
  await channel.close();
  assertEquals((await peer.wait()).stdout.trim(), "unwrapped");
});

peerTest("TlsChannel notices that a Python server cut the connection", ["python3"], async () => {
  await using peer = pythonServer(`
tls.sendall(b"half")
connection = socket.socket(fileno=tls.detach())
connection.shutdown(socket.SHUT_WR)
connection.recv(1)
`);
  const channel = await clientHandshake(await connect(await peer.waitReady()));
  assertEquals(await readText(channel, 4), "half");
  await assertRejects(() => readOnce(channel), UnexpectedEof);
  await channel.close();
});

peerTest(
  "TlsChannel.close() is an end, abort() a cut, to a Python server",
  ["python3"],
  async () => {
    for (const [how, expected] of [["close", "b''"], ["abort", "SSLEOFError"]] as const) {
      await using peer = pythonServer(`
try:
  print(tls.recv(1), tls.recv(1))
  tls.unwrap()
except ssl.SSLError as error:
  print(type(error).__name__)
`);
      const channel = await clientHandshake(await connect(await peer.waitReady()));
      await writeAll(channel, "x");
      await channel[how]();
      assertMatch((await peer.wait()).stdout, new RegExp(`${expected}\n$`));
    }
  },
);

peerTest("TlsChannel serves a Python client with a certificate", ["python3"], async () => {
  using server = listen();
  await using peer = startPython(
    `
import socket, ssl, sys
context = ssl.create_default_context(cafile="ca.pem")
context.load_cert_chain("client.pem", "client.key")
connection = socket.create_connection(("127.0.0.1", ${server.port}))
tls = context.wrap_socket(connection, server_hostname="sni.test")
print(dict(tls.getpeercert()["subject"][0])["commonName"])
tls.sendall(b"hello")
print(tls.recv(5))
connection = tls.unwrap()
`,
    { cwd: TLS_FIXTURES },
  );
  const channel = await serverHandshake(await server.accept(), {
    context: serverContext({
      requestCert: true,
      caCerts: pem("ca.pem"),
      sniCallback: (name) => serverContext({ caCerts: pem("ca.pem") }, name.split(".")[0]),
    }),
  });
  const { subject } = channel.getExtraInfo("peercert") as { subject: { CN: string } };
  assertEquals(subject.CN, "client");
  assertEquals(await readText(channel, 5), "hello");
  await writeAll(channel, "olleh");
  assertEquals(await readOnce(channel), null);
  await channel.close();
  const { code, stdout, stderr } = await peer.wait();
  assertEquals([code, stdout, stderr], [0, "sni.test\nb'olleh'\n", ""]);
});

peerTest(
  "TlsChannel and Python refuse each other's certificates in so many words",
  ["python3"],
  async () => {
    using server = listen();
    await using peer = startPython(
      `
import socket, ssl
context = ssl.create_default_context(cafile="other_ca.pem")
connection = socket.create_connection(("127.0.0.1", ${server.port}))
try:
  context.wrap_socket(connection, server_hostname="localhost")
except ssl.SSLCertVerificationError as error:
  print(error.verify_message)
`,
      { cwd: TLS_FIXTURES },
    );
    const accepting = server.accept().then((tcp) => serverHandshake(tcp));
    await assertRejects(() => accepting, InvalidData, "received fatal alert: UnknownCA");
    assertMatch((await peer.wait()).stdout, /unable to get local issuer certificate/);

    await using strict = pythonServer("pass");
    const tcp = await connect(await strict.waitReady());
    const context = clientContext({ caCerts: pem("other_ca.pem") });
    await assertRejects(
      () => clientHandshake(tcp, { context }),
      InvalidData,
      "no trusted authority",
    );
    const { stderr } = await strict.wait();
    assert(/TLSV1_ALERT_UNKNOWN_CA/.test(stderr), stderr);
  },
);

peerTest(
  "TlsChannel upgrades a connection that began in plaintext (STARTTLS)",
  ["python3"],
  async () => {
    await using peer = startPython(
      `
import socket, ssl
context = ssl.create_default_context(cafile="ca.pem")
listener = socket.create_server(("127.0.0.1", 0))
print("ready", listener.getsockname()[1])
connection, _ = listener.accept()
connection.sendall(b"STARTTLS\\n")
assert connection.recv(3) == b"go\\n"
# Our side is the TLS server, although it connected.
tls = context.wrap_socket(connection, server_hostname="localhost")
tls.sendall(b"secret")
tls.unwrap()
`,
      { cwd: TLS_FIXTURES },
    );
    const tcp = await connect(await peer.waitReady());
    assertEquals(new TextDecoder().decode(await readExactly(tcp, 9)), "STARTTLS\n");
    await writeAll(tcp, "go\n");
    const channel = await serverHandshake(tcp);
    assertEquals(await readText(channel, 6), "secret");
    assertEquals(await readOnce(channel), null);
    await channel.close();
    assertEquals((await peer.wait()).stderr, "");
  },
);
