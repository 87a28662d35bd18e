import { AsyncLocalStorage } from "node:async_hooks";
import type { EventLoop, Task } from "../../loop/mod.ts";
import {
  type ClientConnectedCallback,
  openConnection,
  openUnixConnection,
  startServer,
  startUnixServer,
  StreamReader,
  type StreamWriter,
} from "../../streams/mod.ts";
import { currentTask, sleep } from "../../tasks/mod.ts";
import type { ExceptionContext } from "../../types.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../support/assert.ts";
import { clientContext, serverContext } from "../transports/tls_support.ts";
import { inLoop, portOf } from "../transports/tcp_support.ts";
import { bytes, text } from "./support.ts";

const LOCAL = { hostname: "127.0.0.1" };

/** Connects to a server with `handler`, until that is closed with all its connections; what was reported. */
async function serve(
  handler: ClientConnectedCallback,
  client: (loop: EventLoop, port: number) => Promise<void>,
): Promise<ExceptionContext[]> {
  const reports: ExceptionContext[] = [];
  await inLoop(async (loop) => {
    loop.setExceptionHandler((_loop, context) => void reports.push(context));
    const server = await startServer(handler, LOCAL);
    await client(loop, portOf(server));
    server.close();
    // Only ends because the connections do.
    await server.waitClosed();
  });
  return reports;
}

Deno.test("startServer() gives each connection a reader and a writer, in a task of its own", async () => {
  const tasks = new Set<Task<unknown>>();
  const reports = await serve(async (reader, writer) => {
    tasks.add(currentTask() as Task<unknown>);
    writer.write(await reader.readline());
    writer.close();
    await writer.waitClosed();
  }, async (_loop, port) => {
    for (const message of ["one\n", "two\n"]) {
      const [reader, writer] = await openConnection({ ...LOCAL, port });
      writer.write(bytes(message));
      assertEquals(text(await reader.read()), message);
      writer.close();
      await writer.waitClosed();
    }
  });
  assertEquals([tasks.size, tasks.has(null as unknown as Task<unknown>), reports], [2, false, []]);
});

for (
  const [kind, handler] of Object.entries<ClientConnectedCallback>({
    "an async handler that fails at once": () => Promise.reject(new Error("a bug")),
    "an async handler that fails later": async (reader) => {
      await reader.readline();
      throw new Error("a bug");
    },
    "a handler that throws": () => {
      throw new Error("a bug");
    },
  })
) {
  Deno.test(`startServer() reports ${kind} once, and closes the connection`, async () => {
    const reports = await serve(handler, async (_loop, port) => {
      const [reader, writer] = await openConnection({ ...LOCAL, port });
      writer.write(bytes("line\n"));
      assertEquals((await reader.read()).length, 0);
      writer.close();
      await writer.waitClosed();
    });
    assertEquals(reports.map(({ message, exception }) => [message, (exception as Error).message]), [
      ["Unhandled exception in clientConnected callback", "a bug"],
    ]);
    assert("transport" in (reports[0] as ExceptionContext));
  });
}

Deno.test("startServer() closes the connection of a handler that is cancelled, and reports nothing", async () => {
  const reports = await serve(async () => {
    currentTask()?.cancel();
    await sleep(1000);
  }, async (_loop, port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    assertEquals((await reader.read()).length, 0);
    writer.close();
    await writer.waitClosed();
  });
  assertEquals(reports, []);
});

Deno.test("startServer() leaves the connection of a handler that returned to who has the writer", async () => {
  let kept: StreamWriter | undefined;
  const reports = await serve((_reader, writer) => void (kept = writer), async (_loop, port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port });
    while (kept === undefined) await sleep(1);
    kept.write(bytes("later"));
    kept.close();
    assertEquals(text(await reader.read()), "later");
    writer.close();
    await writer.waitClosed();
  });
  assertEquals(reports, []);
});

Deno.test("startServer() and openConnection() refuse bad arguments before anything happens", async () => {
  await inLoop(async () => {
    const handler = () => {};
    const wrong = "no function" as unknown as ClientConnectedCallback;
    await assertRejects(() => startServer(wrong, LOCAL), TypeError, "expected a function");
    await assertRejects(() => startServer(handler, { ...LOCAL, limit: 0 }), RangeError, "limit");
    await assertRejects(
      () => openConnection({ ...LOCAL, port: 1, limit: -1 }),
      RangeError,
      "limit",
    );
    await assertRejects(() => openConnection({}), RangeError, "hostname and port");
  });
});

Deno.test("openConnection() gives its reader the limit", async () => {
  const reports = await serve(async (reader, writer) => {
    assertEquals(reader.limit, 65536);
    writer.write(bytes("0123456789\n"));
    await writer.drain();
    writer.close();
  }, async (_loop, port) => {
    const [reader, writer] = await openConnection({ ...LOCAL, port, limit: 4 });
    assertEquals(reader.limit, 4);
    await assertRejects(() => reader.readline(), RangeError, "4 bytes");
    writer.close();
    await writer.waitClosed();
  });
  assertEquals(reports, []);
});

Deno.test("drain() ends a writer whose peer is gone", async () => {
  await inLoop(async () => {
    const listener = Deno.listen({ ...LOCAL, port: 0 });
    const [reader, writer] = await openConnection({ ...LOCAL, port: listener.addr.port });
    (await listener.accept()).close();
    listener.close();
    await assertRejects(async () => {
      for (;;) {
        writer.write(bytes("foo\n"));
        await writer.drain();
        // The kernel needs a moment to say so.
        await sleep(0);
      }
    });
    assertInstanceOf(reader, StreamReader);
    await assertRejects(() => writer.waitClosed());
  });
});

Deno.test({
  name: "startUnixServer() and openUnixConnection() are the same on a unix socket",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    await inLoop(async () => {
      const server = await startUnixServer(async (reader, writer) => {
        for await (const line of reader) writer.write(line);
        writer.close();
      }, { path });
      const [reader, writer] = await openUnixConnection({ path });
      writer.write(bytes("one\ntwo"));
      writer.writeEof();
      assertEquals(text(await reader.read()), "one\ntwo");
      writer.close();
      server.close();
      await server.waitClosed();
    });
    await Deno.remove(folder, { recursive: true });
  },
});

// --- contexts (CPython test_server_context.py), plain and over TLS

function contextTests(tls: boolean): void {
  const server = tls ? { ...LOCAL, tls: serverContext() } : LOCAL;
  const client = tls
    ? { ...LOCAL, tls: clientContext(), serverHostname: "localhost" }
    : { ...LOCAL };
  const kind = tls ? " over TLS" : "";

  async function ask(port: number): Promise<string> {
    const [reader, writer] = await openConnection({ ...client, port });
    const answer = text(await reader.read());
    writer.close();
    await writer.waitClosed();
    return answer;
  }

  Deno.test(`a handler${kind} has the context of whoever called startServer()`, async () => {
    await inLoop(async () => {
      const store = new AsyncLocalStorage<string>();
      const handler: ClientConnectedCallback = async (_reader, writer) => {
        writer.write(bytes(store.getStore() ?? "default"));
        await writer.drain();
        writer.close();
      };
      const before = await startServer(handler, server);
      store.enterWith("before the server");
      const after = await startServer(handler, server);
      store.enterWith("after the server");
      assertEquals(await ask(portOf(before)), "default");
      assertEquals(await ask(portOf(after)), "before the server");
      assertEquals(store.getStore(), "after the server");
      for (const one of [before, after]) await one[Symbol.asyncDispose]();
    });
  });

  Deno.test(`what a handler${kind} enters is not seen by the next one`, async () => {
    await inLoop(async () => {
      const store = new AsyncLocalStorage<string>();
      store.enterWith("before");
      await using made = await startServer(async (_reader, writer) => {
        const seen = store.getStore() as string;
        store.enterWith("in a handler");
        writer.write(bytes(seen));
        await writer.drain();
        writer.close();
      }, server);
      assertEquals([await ask(portOf(made)), await ask(portOf(made))], ["before", "before"]);
      assertEquals(store.getStore(), "before");
    });
  });
}

contextTests(false);
contextTests(true);
