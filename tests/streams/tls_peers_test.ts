/**
 * TLS with peers nobody here wrote: openssl in every protocol version and
 * client-certificate mode, and CPython's asyncio.
 *
 * @module
 */

import { openConnection, startServer, type StreamReader } from "../../streams/mod.ts";
import type { TlsContextOptions } from "../../types.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { runPython, startPython } from "../support/python.ts";
import { portOf } from "../transports/tcp_support.ts";
import { clientContext, pem, serverContext, TLS_FIXTURES } from "../transports/tls_support.ts";
import { leakFree, LOCAL } from "../transports/tls_transport_support.ts";
import { bytes, text } from "./support.ts";

const CLIENT = { hostname: "127.0.0.1", serverHostname: "localhost" };
const AUTHORITY = pem("ca.pem");
const IDENTITY: TlsContextOptions = { cert: pem("client.pem"), key: pem("client.key") };
const VERSIONS = { tls1_2: "TLSv1.2", tls1_3: "TLSv1.3" } as const;

/** The common name in the certificate of the peer. */
function nameOf(writer: { getExtraInfo(name: "peercert"): unknown }): string | undefined {
  return (writer.getExtraInfo("peercert") as { subject?: { CN: string } } | null)?.subject?.CN;
}

// --- openssl

for (const [flag, version] of Object.entries(VERSIONS)) {
  for (const [mode, arguments_] of Object.entries({ none: [], optional: ["-verify", "3"] })) {
    for (const identity of [{}, IDENTITY]) {
      const kind = `${mode === "none" ? "that asks for no" : "that asks for a"} certificate`;
      const having = identity === IDENTITY ? "a client with one" : "a client without";
      peerTest(`openConnection() speaks ${version} to openssl s_server ${kind}, as ${having}`, [
        "openssl",
      ], async () => {
        await leakFree(async () => {
          await using peer = Child.start("openssl", [
            ..."s_server -accept 127.0.0.1:0 -naccept 1 -rev -alpn rev -CAfile ca.pem".split(" "),
            ...["-cert", "rsa.pem", "-key", "rsa.key", `-${flag}`, ...arguments_],
          ], { cwd: TLS_FIXTURES });
          const port = Number((await peer.waitReady("ACCEPT")).split(":")[1]);
          const tls = clientContext({ alpnProtocols: ["other", "rev"], ...identity });
          const [reader, writer] = await openConnection({ ...CLIENT, port, tls });
          assertEquals(writer.getExtraInfo("tlsVersion"), version);
          assertEquals(writer.getExtraInfo("alpnProtocol"), "rev");
          writer.write(bytes("hello\n"));
          assertEquals(text(await reader.readline()), "olleh\n");
          writer.close();
          await writer.waitClosed();
          const { stderr } = await peer.wait();
          const shown = /^depth=0 .*CN = client$/m.test(stderr);
          assertEquals(shown, mode === "optional" && identity === IDENTITY, stderr);
        });
      });
    }
  }

  peerTest(
    `openConnection() is refused in ${version} by openssl s_server without the certificate it requires`,
    ["openssl"],
    async () => {
      await leakFree(async () => {
        await using peer = Child.start("openssl", [
          ..."s_server -accept 127.0.0.1:0 -naccept 2 -rev -CAfile ca.pem".split(" "),
          ...["-cert", "rsa.pem", "-key", "rsa.key", `-${flag}`, "-Verify", "3"],
          "-verify_return_error",
        ], { cwd: TLS_FIXTURES });
        const port = Number((await peer.waitReady("ACCEPT")).split(":")[1]);
        // TLS 1.3 tells a client only after its handshake.
        const attempt = async (identity: TlsContextOptions): Promise<string> => {
          const tls = clientContext(identity);
          const [reader, writer] = await openConnection({ ...CLIENT, port, tls });
          writer.write(bytes("hello\n"));
          const line = await reader.readline();
          writer.close();
          await writer.waitClosed();
          return text(line);
        };
        await assertRejects(() => attempt({}), Deno.errors.InvalidData, "fatal alert");
        assertEquals(await attempt(IDENTITY), "olleh\n");
      });
    },
  );

  for (const mode of ["none", "optional", "required"]) {
    for (const identified of [false, true]) {
      const kind = mode === "none" ? "" : `, a certificate being ${mode},`;
      const having = identified ? "with one" : "without one";
      peerTest(`startServer() serves openssl s_client over ${version}${kind} ${having}`, [
        "openssl",
      ], async () => {
        await leakFree(async (_loop, reports) => {
          const seen: unknown[] = [];
          const tls = serverContext({
            alpnProtocols: ["echo"],
            caCerts: AUTHORITY,
            requestCert: mode !== "none",
            rejectUnauthorized: mode === "required",
          });
          const server = await startServer(async (reader, writer) => {
            seen.push(
              writer.getExtraInfo("tlsVersion"),
              writer.getExtraInfo("authorized"),
              nameOf(writer),
            );
            for await (const line of reader) writer.write(line);
            writer.close();
            await writer.waitClosed();
          }, { ...LOCAL, tls });
          const identity = identified ? ["-cert", "client.pem", "-key", "client.key"] : [];
          await using peer = Child.start("openssl", [
            ...["s_client", "-connect", `127.0.0.1:${portOf(server)}`, "-verify_return_error"],
            ...["-CAfile", "ca.pem", "-verify_hostname", "localhost", "-servername", "localhost"],
            ...["-alpn", "echo", "-quiet", `-${flag}`, ...identity],
          ], { cwd: TLS_FIXTURES });
          if (mode === "required" && !identified) {
            // It may not even get to ask.
            const { code } = await peer.communicate("ready there\n");
            assert(code !== 0);
            await until(() => reports.length > 0);
            assertEquals([reports.length, seen], [1, []]);
            assertMatch(String(reports[0]?.exception), /the client has no certificate/);
          } else {
            await peer.writeLine("ready there");
            assertEquals(await peer.waitReady(), "there");
            const known = identified && mode !== "none";
            assertEquals(seen, [version, known, known ? "client" : undefined]);
            // It ends with the connection; and that is no error only with a goodbye.
            server.closeClients();
            assertEquals((await peer.wait()).code, 0);
            assertEquals(reports, []);
          }
          server.close();
          await server.waitClosed();
        });
      });
    }
  }
}

for (const flag of ["tls1", "tls1_1"]) {
  peerTest(
    `startServer() refuses openssl s_client over ${flag} with one report`,
    ["openssl"],
    async () => {
      await leakFree(async (_loop, reports) => {
        const server = await startServer(() => {}, { ...LOCAL, tls: serverContext() });
        await using peer = Child.start("openssl", [
          ...["s_client", "-connect", `127.0.0.1:${portOf(server)}`],
          ...["-cipher", "ALL:@SECLEVEL=0", `-${flag}`],
        ], { cwd: TLS_FIXTURES });
        assert((await peer.wait()).code !== 0);
        await until(() => reports.length > 0);
        server.close();
        await server.waitClosed();
        assertEquals(reports.length, 1);
        assert(reports[0]?.exception instanceof Deno.errors.InvalidData);
      });
    },
  );
}

peerTest("startServer() renegotiates nothing: openssl s_client that asks for it is refused", [
  "openssl",
], async () => {
  await leakFree(async (_loop, reports) => {
    const ended = Promise.withResolvers<unknown>();
    const server = await startServer(async (reader, writer) => {
      writer.write(await reader.readline());
      ended.resolve(await assertRejects(() => reader.read()));
    }, { ...LOCAL, tls: serverContext() });
    await using peer = Child.start("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${portOf(server)}`, "-CAfile", "ca.pem", "-tls1_2"],
    ], { cwd: TLS_FIXTURES });
    await peer.writeLine("ready first");
    assertEquals(await peer.waitReady(), "first");
    await peer.writeLine("R");
    assertMatch(String(await ended.promise), /TLS connection broke: received fatal alert/);
    assertMatch((await peer.wait()).stderr, /no renegotiation/);
    server.close();
    await server.waitClosed();
    assertEquals(reports, []);
  });
});

// --- CPython's asyncio

const BULK = 4 * 1024 * 1024;

/** What the programs below share: contexts, and a protocol to talk line by line. */
const PRELUDE = `
import asyncio, hashlib, ssl, sys
def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("server.pem", "server.key")
    return context
def client_context():
    return ssl.create_default_context(cafile="ca.pem")
class Peer(asyncio.Protocol):
    def __init__(self):
        self.data, self.changed = b"", asyncio.Event()
        self.lost = asyncio.get_running_loop().create_future()
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.data += data
        self.changed.set()
    def eof_received(self):
        self.changed.set()
    def connection_lost(self, error):
        self.lost.set_result(error)
    async def line(self):
        while b"\\n" not in self.data:
            self.changed.clear()
            await self.changed.wait()
        line, self.data = self.data.split(b"\\n", 1)
        return line
    async def start_tls(self, context, **options):
        loop = asyncio.get_running_loop()
        self.transport = await loop.start_tls(self.transport, self, context, **options)
`;

async function exchange(reader: StreamReader, write: (data: Uint8Array) => void): Promise<void> {
  const data = new Uint8Array(BULK).map((_, index) => index * 31 >> 3);
  write(data);
  assertEquals(await reader.readexactly(BULK), data);
}

peerTest("openConnection() exchanges 4 MiB and goodbyes with CPython's asyncio over TLS", [
  "python3",
], async () => {
  await leakFree(async () => {
    await using peer = startPython(
      `${PRELUDE}
async def echo(reader, writer):
    left = ${BULK}
    while left:
        data = await reader.read(100000)
        left -= len(data)
        writer.write(data)
        await writer.drain()
    print("end", await reader.read(), flush=True)
    writer.close()
    await writer.wait_closed()
    done.set()
async def main():
    global done
    done = asyncio.Event()
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context())
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
asyncio.run(main())
`,
      { cwd: TLS_FIXTURES },
    );
    const port = Number(await peer.waitReady());
    const [reader, writer] = await openConnection({ ...CLIENT, port, tls: clientContext() });
    await exchange(reader, (data) => writer.write(data));
    writer.close();
    await writer.waitClosed();
    const { code, stdout, stderr } = await peer.wait();
    assertEquals([code, stdout.trim(), stderr], [0, "end b''", ""]);
  });
});

peerTest(
  "startServer() exchanges 4 MiB and goodbyes with CPython's asyncio over TLS",
  ["python3"],
  async () => {
    await leakFree(async (_loop, reports) => {
      const server = await startServer(async (reader, writer) => {
        for (let data; (data = await reader.read(100_000)).length > 0;) {
          writer.write(data);
          await writer.drain();
        }
        writer.close();
        await writer.waitClosed();
      }, { ...LOCAL, tls: serverContext() });
      const { code, stdout, stderr } = await runPython(
        `${PRELUDE}
async def main():
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", ${portOf(server)}, ssl=client_context(), server_hostname="localhost")
    data = bytes(range(256)) * ${BULK / 256}
    async def send():
        for at in range(0, len(data), 99999):
            writer.write(data[at:at + 99999])
            await writer.drain()
    sending = asyncio.create_task(send())
    assert await reader.readexactly(len(data)) == data
    await sending
    writer.close()
    await writer.wait_closed()
    print("closed")
asyncio.run(main())
`,
        { cwd: TLS_FIXTURES },
      );
      assertEquals([code, stdout.trim(), stderr], [0, "closed", ""]);
      server.close();
      await server.waitClosed();
      assertEquals(reports, []);
    });
  },
);

// The server asks for TLS once, and once more for TLS in TLS (CPython 3.11).
const DEPTH = `(2 if sys.version_info >= (3, 11) else 1)`;

peerTest(
  "startTls() upgrades a connection to CPython's asyncio, which does loop.start_tls(server_side=True)",
  ["python3"],
  async () => {
    await leakFree(async () => {
      await using peer = startPython(
        `${PRELUDE}
async def main():
    loop, peers = asyncio.get_running_loop(), asyncio.Queue()
    def make():
        peer = Peer()
        peers.put_nowait(peer)
        return peer
    server = await loop.create_server(make, "127.0.0.1", 0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    peer = await peers.get()
    for depth in range(${DEPTH}):
        assert await peer.line() == b"STARTTLS"
        peer.transport.write(b"go ahead\\n")
        await peer.start_tls(server_context(), server_side=True)
        peer.transport.write(b"secret: " + await peer.line() + b"\\n")
    peer.transport.write(b"enough\\n")
    print(await peer.line(), await peer.lost, depth + 1)
asyncio.run(main())
`,
        { cwd: TLS_FIXTURES },
      );
      const port = Number(await peer.waitReady());
      const [reader, writer] = await openConnection({ ...LOCAL, port });
      let line = "";
      let depth = 0;
      for (; line !== "enough\n"; depth++) {
        writer.write(bytes("STARTTLS\n"));
        assertEquals(text(await reader.readline()), "go ahead\n");
        await writer.startTls(clientContext(), { serverHostname: "localhost" });
        writer.write(bytes(`question ${depth}\n`));
        assertEquals(text(await reader.readline()), `secret: question ${depth}\n`);
        if (depth === 1 || !(await isDeep())) line = text(await reader.readline());
      }
      writer.write(bytes("over\n"));
      writer.close();
      await writer.waitClosed();
      const { stdout, stderr } = await peer.wait();
      assertEquals([stdout.trim(), stderr], [`b'over' None ${depth}`, ""]);
    });
  },
);

/** Whether CPython knows TLS in TLS. */
async function isDeep(): Promise<boolean> {
  const { stdout } = await runPython("import sys; print(sys.version_info >= (3, 11))");
  return stdout.trim() === "True";
}

peerTest("startTls() upgrades a connection from CPython's asyncio, which does loop.start_tls()", [
  "python3",
], async () => {
  await leakFree(async (_loop, reports) => {
    const server = await startServer(async (reader, writer) => {
      for await (const line of reader) {
        if (text(line) === "STARTTLS\n") {
          writer.write(bytes("go ahead\n"));
          await writer.startTls(serverContext());
        } else {
          writer.write(bytes(`secret: ${text(line)}`));
        }
      }
      writer.close();
      await writer.waitClosed();
    }, LOCAL);
    const { code, stdout, stderr } = await runPython(
      `${PRELUDE}
async def main():
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(Peer, "127.0.0.1", ${portOf(server)})
    for depth in range(${DEPTH}):
        peer.transport.write(b"STARTTLS\\n")
        assert await peer.line() == b"go ahead"
        await peer.start_tls(client_context(), server_hostname="localhost")
        peer.transport.write(b"question\\n")
        print(await peer.line())
    peer.transport.close()
    print(await peer.lost)
asyncio.run(main())
`,
      { cwd: TLS_FIXTURES },
    );
    assertMatch(stdout, /^(b'secret: question'\n){1,2}None\n$/);
    assertEquals([code, stderr], [0, ""]);
    server.close();
    await server.waitClosed();
    assertEquals(reports, []);
  });
});
