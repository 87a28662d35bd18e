import { TimeoutError } from "../../errors.ts";
import {
  type ClientConnectedCallback,
  openConnection,
  startServer,
  type StreamReader,
  type StreamWriter,
} from "../../streams/mod.ts";
import { sleep } from "../../tasks/mod.ts";
import type { TlsContext } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import {
  clientContext,
  clientHandshake,
  readText,
  serverContext,
  TcpChannel,
  writeAll,
} from "../transports/tls_support.ts";
import { portOf } from "../transports/tcp_support.ts";
import { leakFree, LOCAL } from "../transports/tls_transport_support.ts";
import { bytes, text } from "./support.ts";

const CLIENT = { serverHostname: "localhost" };
const { ConnectionReset, InvalidData, NotSupported, UnexpectedEof } = Deno.errors;

/** Runs a server with `handler` while `client` is at it; nothing may be reported. */
async function serve(
  handler: ClientConnectedCallback,
  client: (port: number) => Promise<void>,
): Promise<void> {
  await leakFree(async (_loop, reports) => {
    const server = await startServer(handler, LOCAL);
    await client(portOf(server));
    server.close();
    await server.waitClosed();
    assertEquals(reports.map(({ exception }) => exception), []);
  });
}

/** What a server does that can STARTTLS and echo. */
async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for await (const line of reader) {
    writer.write(line);
    if (text(line) === "STARTTLS\n") await writer.startTls(serverContext());
  }
  writer.close();
}

Deno.test("startTls() of a writer makes TLS of the connection, on whichever side it is", async () => {
  await serve(echo, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    writer.write(bytes("hello 1\n"));
    assertEquals(text(await reader.readline()), "hello 1\n");
    assertEquals(writer.getExtraInfo("tlsContext"), null);
    writer.write(bytes("STARTTLS\n"));
    assertEquals(text(await reader.readline()), "STARTTLS\n");
    const tls = clientContext();
    const plain = writer.transport;
    await writer.startTls(tls, CLIENT);
    assert(writer.transport !== plain);
    assertStrictEquals(writer.getExtraInfo("tlsContext"), tls);
    writer.write(bytes("hello 2\n"));
    await writer.drain();
    assertEquals(text(await reader.readline()), "hello 2\n");
    // The rules are those of TLS now.
    assertEquals(writer.canWriteEof(), false);
    await assertRejects(async () => await writer.writeEof(), NotSupported);
    writer.close();
    await writer.waitClosed();
    assertEquals(reader.atEof(), true);
  });
});

Deno.test("startTls() of a server takes the ClientHello that its reader has buffered", async () => {
  const ready = Promise.withResolvers<void>();
  await serve(async (reader, writer) => {
    assertEquals(text(await reader.readline()), "STARTTLS\n");
    // The client does not wait for an answer; its hello is in the buffer before TLS begins.
    while (!/ \d{3,} bytes/.test(String(reader))) await sleep(1);
    ready.resolve();
    await writer.startTls(serverContext());
    assertEquals(text(await reader.readline()), "ping\n");
    writer.write(bytes("pong"));
    writer.close();
    await writer.waitClosed();
  }, async (port) => {
    const channel = new TcpChannel(await Deno.connect({ ...LOCAL, port }));
    await writeAll(channel, "STARTTLS\n");
    const client = await clientHandshake(channel);
    await ready.promise;
    await writeAll(client, "ping\n");
    assertEquals(await readText(client, 4), "pong");
    await client.close();
  });
});

Deno.test("startTls() of a client lets no plaintext that was slipped in before pass for TLS", async () => {
  await serve(async (_reader, writer) => {
    writer.write(bytes("220 go ahead\n250 a command somebody on the way has added\n"));
    await assertRejects(() => writer.startTls(serverContext()));
  }, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    assertEquals(text(await reader.readline()), "220 go ahead\n");
    while (!/ bytes/.test(String(reader))) await sleep(1);
    const error = await assertRejects(() => writer.startTls(clientContext(), CLIENT), InvalidData);
    assertStrictEquals(await assertRejects(() => reader.readline()), error);
    assertStrictEquals(await assertRejects(() => writer.waitClosed()), error);
  });
});

Deno.test("startTls() that is refused changes nothing and keeps what is buffered", async () => {
  await serve(async (reader, writer) => {
    writer.write(bytes("one\ntwo\n"));
    assertEquals(text(await reader.readline()), "over\n");
    writer.close();
  }, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    assertEquals(text(await reader.readline()), "one\n");
    while (!/ 4 bytes/.test(String(reader))) await sleep(1);
    await assertRejects(() => writer.startTls(clientContext()), TypeError, "serverHostname");
    await assertRejects(
      () => writer.startTls(clientContext(), { serverHostname: "a b" }),
      RangeError,
    );
    await assertRejects(() => writer.startTls({} as TlsContext, CLIENT), TypeError);
    await assertRejects(
      () => writer.startTls(clientContext(), { ...CLIENT, signal: AbortSignal.abort() }),
      DOMException,
    );
    assertEquals(text(await reader.readline()), "two\n");
    writer.write(bytes("over\n"));
    assertEquals((await reader.read()).length, 0);
    writer.close();
    await writer.waitClosed();
  });
});

Deno.test("startTls() lets a read wait for what comes over TLS", async () => {
  await serve(echo, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    writer.write(bytes("STARTTLS\n"));
    assertEquals(text(await reader.readline()), "STARTTLS\n");
    const reading = reader.readline();
    await writer.startTls(clientContext(), CLIENT);
    writer.write(bytes("over TLS\n"));
    assertEquals(text(await reading), "over TLS\n");
    writer.close();
    await writer.waitClosed();
  });
});

Deno.test("a reader that had paused its transport pauses and resumes the new one", async () => {
  const size = 1_000_000;
  await serve(async (_reader, writer) => {
    await writer.startTls(serverContext());
    writer.write(new Uint8Array(size));
    await writer.drain();
    writer.close();
    await writer.waitClosed();
  }, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port, limit: 100 });
    await writer.startTls(clientContext(), CLIENT);
    while (!/ paused/.test(String(reader))) await sleep(1);
    assertEquals(writer.transport.isReading(), false);
    assertEquals((await reader.readexactly(size)).length, size);
    assertEquals((await reader.read()).length, 0);
    writer.close();
    await writer.waitClosed();
  });
});

Deno.test("startTls() sends what is buffered first", async () => {
  const size = 4 * 1024 * 1024;
  await serve(async (_reader, writer) => {
    writer.write(new Uint8Array(size));
    await writer.startTls(serverContext());
    writer.write(bytes("over TLS"));
    writer.close();
    await writer.waitClosed();
  }, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    assertEquals((await reader.readexactly(size)).length, size);
    await writer.startTls(clientContext(), CLIENT);
    assertEquals(text(await reader.read()), "over TLS");
    writer.close();
    await writer.waitClosed();
  });
});

Deno.test("startTls() over TLS is TLS in TLS", async () => {
  await serve(echo, async (port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    for (let depth = 1; depth <= 3; depth++) {
      writer.write(bytes("STARTTLS\n"));
      assertEquals(text(await reader.readline()), "STARTTLS\n");
      await writer.startTls(clientContext(), CLIENT);
    }
    writer.write(bytes("deep\n"));
    assertEquals(text(await reader.readline()), "deep\n");
    writer.close();
    await writer.waitClosed();
  });
});

Deno.test("startTls() that fails rejects, and so do reads and waitClosed()", async () => {
  await leakFree(async (_loop, reports) => {
    const server = await startServer(async (_reader, writer) => {
      const error = await assertRejects(() =>
        writer.startTls(serverContext(), { tlsHandshakeTimeoutMs: 20 })
      );
      assertInstanceOf(error, TimeoutError);
      throw error;
    }, LOCAL);
    const [reader, writer] = await openConnection({ ...LOCAL, port: portOf(server) });
    assertEquals((await reader.read()).length, 0);
    writer.close();
    await writer.waitClosed();
    server.close();
    await server.waitClosed();
    // The handler let the error go: that is reported, once.
    assertEquals(reports.map(({ message }) => message), [
      "Unhandled exception in clientConnected callback",
    ]);
  });
});

Deno.test("over TLS the peer's goodbye ends the reader, and the connection", async () => {
  await leakFree(async () => {
    const server = await startServer(async (reader, writer) => {
      assertEquals(text(await reader.read()), "question");
      writer.close();
      await writer.waitClosed();
    }, { ...LOCAL, tls: serverContext() });
    const [, writer] = await openConnection({
      ...LOCAL,
      port: portOf(server),
      tls: clientContext(),
      ...CLIENT,
    });
    writer.write(bytes("question"));
    writer.close();
    await writer.waitClosed();
    server.close();
    await server.waitClosed();
  });
});

Deno.test("over TLS a cut is an error for pending and later reads, not an end", async () => {
  await leakFree(async () => {
    const failures: unknown[] = [];
    const server = await startServer(async (reader, writer) => {
      assertEquals(text(await reader.readexactly(4)), "half");
      failures.push(await assertRejects(() => reader.read()));
      failures.push(await assertRejects(() => reader.readline()));
      failures.push(await assertRejects(() => writer.drain()));
      failures.push(await assertRejects(() => writer.waitClosed()));
    }, { ...LOCAL, tls: serverContext() });
    const conn = await Deno.connect({ ...LOCAL, port: portOf(server) });
    const client = await clientHandshake(new TcpChannel(conn));
    await writeAll(client, "half an answer");
    client.abort();
    server.close();
    await server.waitClosed();
    const [first] = failures;
    assert(first instanceof UnexpectedEof || first instanceof ConnectionReset, String(first));
    assertEquals(failures, [first, first, first, first]);
  });
});
