import * as asyncio from "../../mod.ts";
import type { AbortableOptions, HostAddress } from "../../types.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { inLoop } from "../transports/tcp_support.ts";
import { serverContext } from "../transports/tls_support.ts";

/** What the waits below wait on: nothing of it ever happens. */
interface Kit extends AsyncDisposable {
  loop: asyncio.EventLoop;
  /** A future nobody completes. */
  never(): asyncio.Future<void>;
  /** Streams of a connection whose other side says and reads nothing. */
  reader: asyncio.StreamReader;
  writer: asyncio.StreamWriter;
  /** Address of a server that accepts and stays silent. */
  silent: HostAddress;
  server: asyncio.AbstractServer;
  child: asyncio.Process;
  /** Both ends of connections and sockets that nobody uses. */
  conn: Deno.Conn;
  listener: Deno.Listener;
  left: asyncio.Socket;
  listening: asyncio.Socket;
  tls: asyncio.TlsContext;
  /** A directory of its own. */
  folder: string;
}

const LOCAL = { hostname: "127.0.0.1" };
const MUCH = new Uint8Array(64 * 1024 * 1024);

async function makeKit(loop: asyncio.EventLoop): Promise<Kit> {
  const stack = new AsyncDisposableStack();
  const held = new Set<Deno.Conn>();
  const listener = Deno.listen({ ...LOCAL, port: 0 });
  const quiet = Deno.listen({ ...LOCAL, port: 0 });
  const accepting = (async () => {
    for await (const conn of quiet) held.add(conn);
  })();
  const silent = { ...LOCAL, port: (quiet.addr as Deno.NetAddr).port };
  const server = stack.use(await asyncio.startServer(() => {}, LOCAL));
  const [reader, writer] = await asyncio.openConnection(silent);
  writer.transport.setWriteBufferLimits({ high: 0 });
  writer.write(MUCH);
  const child = stack.use(
    await asyncio.createSubprocessExec("sleep", ["1000"], {
      stdin: asyncio.PIPE,
      stdout: asyncio.PIPE,
    }),
  );
  const conn = await Deno.connect(silent);
  const [left, right] = asyncio.socketpair();
  const listening = new asyncio.Socket();
  listening.bind({ ...LOCAL, port: 0 });
  listening.listen();
  const folder = await Deno.makeTempDir();
  stack.defer(async () => {
    writer.transport.abort();
    for (const open of [listener, quiet, conn, left, right, listening]) open.close();
    await accepting;
    for (const open of held) open.close();
    await Deno.remove(folder, { recursive: true });
  });
  return {
    loop,
    never: () => loop.createFuture<void>(),
    reader,
    writer,
    silent,
    server,
    child,
    conn,
    listener,
    left,
    listening,
    tls: serverContext(),
    folder,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What the loop's calls need of a datagram socket; to make a real one takes an unstable flag. */
const PACKETS = {
  addr: { transport: "udp", ...LOCAL, port: 0 },
  receive: () => new Promise<never>(() => {}),
} as unknown as Deno.DatagramConn;

type Start = (options: { signal: AbortSignal }, kit: Kit) => PromiseLike<unknown>;

/** Every function that waits, each where it waits for ever. */
const WAITS: Record<string, Start> = {
  // tasks/
  "sleep()": (o) => asyncio.sleep(1e6, undefined, o),
  "gather()": (o, { never }) => asyncio.gather([never()], o),
  "wait()": (o, { never }) => asyncio.wait([never()], o),
  "waitFor()": (o, { never }) => asyncio.waitFor(never(), null, o),
  "asCompleted()": async (o, { never }) => {
    for await (const _ of asyncio.asCompleted([never()], o)) { /* none comes */ }
  },
  "shield()": (o, { never }) => asyncio.shield(never(), o),
  "timeout()": (o, { never }) => asyncio.timeout(null, () => never(), o),
  "timeoutAt()": (o, { never }) => asyncio.timeoutAt(null, () => never(), o),
  "TaskGroup.run()": (o, { never }) => asyncio.TaskGroup.run(() => never(), o),
  "wrapFuture()": (o) => asyncio.wrapFuture(new Promise(() => {}), o),
  // sync/ and queues/
  "Lock.acquire()": async (o) => {
    const lock = new asyncio.Lock();
    await lock.acquire();
    await lock.acquire(o);
  },
  "Event.wait()": (o) => new asyncio.Event().wait(o),
  "Condition.acquire()": async (o) => {
    const condition = new asyncio.Condition();
    await condition.acquire();
    await condition.acquire(o);
  },
  "Condition.wait()": async (o) => {
    const condition = new asyncio.Condition();
    using _held = await condition.acquire();
    await condition.wait(o);
  },
  "Condition.waitFor()": async (o) => {
    const condition = new asyncio.Condition();
    using _held = await condition.acquire();
    await condition.waitFor(() => false, o);
  },
  "Semaphore.acquire()": (o) => new asyncio.Semaphore(0).acquire(o),
  "BoundedSemaphore.acquire()": (o) => new asyncio.BoundedSemaphore(0).acquire(o),
  "Barrier.wait()": (o) => new asyncio.Barrier(2).wait(o),
  "Queue.get()": (o) => new asyncio.Queue().get(o),
  "Queue.put()": async (o) => {
    const queue = new asyncio.Queue<number>(1);
    await queue.put(1);
    await queue.put(2, o);
  },
  "Queue.join()": async (o) => {
    const queue = new asyncio.Queue<number>();
    await queue.put(1);
    await queue.join(o);
  },
  // streams/ and subprocess/
  "StreamReader.read()": (o, { reader }) => reader.read(1, o),
  "StreamReader.readline()": (o, { reader }) => reader.readline(o),
  "StreamReader.readexactly()": (o, { reader }) => reader.readexactly(1, o),
  "StreamReader.readuntil()": (o, { reader }) => reader.readuntil("\0", o),
  "StreamWriter.drain()": (o, { writer }) => writer.drain(o),
  "StreamWriter.waitClosed()": (o, { writer }) => writer.waitClosed(o),
  "DatagramEndpoint.receive()": async (o) => {
    await using packets = await asyncio.openDatagramEndpoint({ localAddr: { ...LOCAL, port: 0 } });
    await packets.receive(o);
  },
  "DatagramEndpoint.waitClosed()": async (o) => {
    await using packets = await asyncio.openDatagramEndpoint({ localAddr: { ...LOCAL, port: 0 } });
    await packets.waitClosed(o);
  },
  "openConnection()": (o, { silent }) => asyncio.openConnection({ ...silent, tls: true, ...o }),
  "Process.wait()": (o, { child }) => child.wait(o),
  "Process.communicate()": (o, { child }) => child.communicate(null, o),
  // transports/
  "Server.serveForever()": async (o) => {
    await using server = await asyncio.startServer(() => {}, LOCAL);
    await server.serveForever(o);
  },
  "Server.waitClosed()": (o, { server }) => server.waitClosed(o),
  "createConnection()": (o, { loop, silent }) =>
    loop.createConnection(() => ({}), { ...silent, tls: true, ...o }),
  "connectAcceptedSocket()": async (o, { loop, silent, tls }) => {
    const conn = await Deno.connect(silent);
    try {
      await loop.connectAcceptedSocket(() => ({}), conn, { tls, ...o });
    } finally {
      // It stays the caller's where the call was refused.
      if (o.signal.reason.name === "Error") conn.close();
    }
  },
  "startTls()": async (o, { loop, silent, tls }) => {
    const [transport, protocol] = await loop.createConnection(() => ({}), silent);
    await loop.startTls(transport, protocol, tls, { serverSide: true, ...o });
  },
  "StreamWriter.startTls()": async (o, { silent, tls }) => {
    const [, writer] = await asyncio.openConnection(silent);
    await writer.startTls(tls, { serverHostname: "localhost", ...o });
  },
  "sockRecv() of a Deno.Conn": (o, { loop, conn }) => loop.sockRecv(conn, 1, o),
  "sockRecvInto() of a Deno.Conn": (o, { loop, conn }) =>
    loop.sockRecvInto(conn, new Uint8Array(1), o),
  "sockRecvfrom() of a Deno.DatagramConn": (o, { loop }) => loop.sockRecvfrom(PACKETS, 1, o),
  "sockRecvfromInto() of a Deno.DatagramConn": (o, { loop }) =>
    loop.sockRecvfromInto(PACKETS, new Uint8Array(1), 0, o),
  "sockSendall() of a Deno.Conn": (o, { loop, conn }) => loop.sockSendall(conn, MUCH, o),
  "sockAccept() of a Deno.Listener": (o, { loop, listener }) => loop.sockAccept(listener, o),
  "sockRecv() of a Socket": (o, { loop, left }) => loop.sockRecv(left, 1, o),
  "sockRecvInto() of a Socket": (o, { loop, left }) =>
    loop.sockRecvInto(left, new Uint8Array(1), o),
  "sockRecvfrom() of a Socket": (o, { loop, left }) => loop.sockRecvfrom(left, 1, o),
  "sockRecvfromInto() of a Socket": (o, { loop, left }) =>
    loop.sockRecvfromInto(left, new Uint8Array(1), 1, o),
  "sockSendall() of a Socket": (o, { loop, left }) => loop.sockSendall(left, MUCH, o),
  "sockAccept() of a Socket": (o, { loop, listening }) => loop.sockAccept(listening, o),
  // loop/
  "shutdownAsyncgens()": async (o, { loop, never }) => {
    async function* stubborn(): AsyncGenerator<number, void, unknown> {
      try {
        yield 1;
      } finally {
        await never();
      }
    }
    const generator = stubborn();
    await generator.next();
    loop.registerAsyncgen(generator);
    await loop.shutdownAsyncgens(o);
  },
  "SignalReceiver.receive()": async (o) => {
    using signals = new asyncio.SignalReceiver(["SIGUSR2"]);
    await signals.receive(o);
  },
};

/** Those that take a moment at most. */
const SHORT_WAITS: Record<string, Start> = {
  "createServer()": (o, { loop }) => loop.createServer(() => ({}), { ...LOCAL, ...o }),
  "startServer()": (o) => asyncio.startServer(() => {}, { ...LOCAL, ...o }),
  "createUnixServer()": (o, { loop, folder }) =>
    loop.createUnixServer(() => ({}), { path: `${folder}/loop`, ...o }),
  "startUnixServer()": (o, { folder }) =>
    asyncio.startUnixServer(() => {}, { path: `${folder}/streams`, ...o }),
  "createUnixConnection()": (o, { loop, folder }) =>
    loop.createUnixConnection(() => ({}), { path: `${folder}/nobody`, ...o }),
  "openUnixConnection()": (o, { folder }) =>
    asyncio.openUnixConnection({ path: `${folder}/nobody`, ...o }),
  "createDatagramEndpoint()": (o, { loop }) =>
    loop.createDatagramEndpoint(() => ({}), { localAddr: { ...LOCAL, port: 0 }, ...o }),
  "openDatagramEndpoint()": (o) =>
    asyncio.openDatagramEndpoint({ localAddr: { ...LOCAL, port: 0 }, ...o }),
  "DatagramEndpoint.drain()": async (o) => {
    await using packets = await asyncio.openDatagramEndpoint({ localAddr: { ...LOCAL, port: 0 } });
    await packets.drain(o);
  },
  "getaddrinfo()": (o, { loop }) => loop.getaddrinfo("localhost", 80, o),
  "getnameinfo()": (o, { loop }) => loop.getnameinfo({ ...LOCAL, port: 80 }, 0, o),
  "connectReadPipe()": (o, { loop }) =>
    loop.connectReadPipe(() => ({}), new ReadableStream<Uint8Array>(), o),
  "connectWritePipe()": (o, { loop }) =>
    loop.connectWritePipe(() => ({}), new WritableStream<Uint8Array>(), o),
  "sendfile()": async (o, { loop, writer, folder }) => {
    using file = await Deno.open(`${folder}/file`, { create: true, write: true, read: true });
    await file.write(new Uint8Array(10));
    await loop.sendfile(writer.transport, file, o);
  },
  "sockSendfile()": async (o, { loop, conn, folder }) => {
    using file = await Deno.open(`${folder}/file`, { create: true, write: true, read: true });
    await file.write(new Uint8Array(10));
    await loop.sockSendfile(conn, file, o);
  },
  "sockConnect()": (o, { loop, left }) => loop.sockConnect(left, { path: "/nowhere/at/all" }, o),
  "sockSendto()": (o, { loop, left }) => loop.sockSendto(left, MUCH, { path: "/nowhere" }, o),
  "subprocessExec()": (o, { loop }) => loop.subprocessExec(() => ({}), "true", [], o),
  "subprocessShell()": (o, { loop }) => loop.subprocessShell(() => ({}), "true", o),
  "createSubprocessExec()": (o) => asyncio.createSubprocessExec("true", [], o),
  "createSubprocessShell()": (o) => asyncio.createSubprocessShell("true", o),
  "Barrier.reset()": (o) => new asyncio.Barrier(2).reset(o),
  "Barrier.abort()": (o) => new asyncio.Barrier(2).abort(o),
  "shutdownDefaultExecutor()": (o, { loop }) => {
    loop.setDefaultExecutor({
      submit: () => asyncio.ensureFuture(new Promise<never>(() => {})),
      shutdown: () => new Promise<void>(() => {}),
    });
    return loop.shutdownDefaultExecutor({ timeoutMs: 1e6, ...o });
  },
};

Deno.test("every function that waits refuses an aborted signal with its reason", async () => {
  await inLoop(async (loop) => {
    await using kit = await makeKit(loop);
    for (const [name, start] of Object.entries({ ...WAITS, ...SHORT_WAITS })) {
      const reason = new Error(name);
      const error = await assertRejects(async () =>
        await start({ signal: AbortSignal.abort(reason) }, kit)
      );
      assertStrictEquals(error, reason, name);
    }
  });
});

Deno.test("every function that waits for long ends with the reason of an abort", async () => {
  await inLoop(async (loop) => {
    await using kit = await makeKit(loop);
    for (const [name, start] of Object.entries(WAITS)) {
      const aborter = new AbortController();
      const reason = { name };
      // The clock of the loop, so that platform operations have begun.
      loop.callLater(2, () => aborter.abort(reason));
      const { signal } = aborter;
      const error = await assertRejects(async () => await start({ signal }, kit)) as unknown;
      assert(signal.aborted, `${name} ended by itself: ${error}`);
      assertStrictEquals(error, reason as unknown, name);
    }
  });
});

Deno.test("sockConnect() is given up while the listener has no room", async () => {
  await inLoop(async (loop) => {
    await using kit = await makeKit(loop);
    const path = `${kit.folder}/full`;
    using listener = new asyncio.Socket(asyncio.AF_UNIX);
    listener.bind({ path });
    listener.listen(0);
    const waiting: asyncio.Socket[] = [];
    const aborter = new AbortController();
    const reason = new Error("enough");
    loop.callLater(5, () => aborter.abort(reason));
    // A unix listener with a full backlog makes the next one wait.
    const error = await assertRejects(async () => {
      for (;;) {
        const sock = new asyncio.Socket(asyncio.AF_UNIX);
        waiting.push(sock);
        await loop.sockConnect(sock, { path }, { signal: aborter.signal });
      }
    });
    assertStrictEquals(error, reason);
    for (const sock of waiting) sock.close();
  });
});

Deno.test("the signal of a task cancels it, and a task's own signal is aborted with it", async () => {
  await inLoop(async (loop) => {
    const aborter = new AbortController();
    const options: AbortableOptions = { signal: aborter.signal };
    const signals: AbortSignal[] = [];
    const task = loop.createTask((task) => {
      signals.push(task.signal);
      return loop.createFuture<void>();
    }, options);
    loop.callLater(1, () => aborter.abort(new Error("enough")));
    await assertRejects(() => task, asyncio.CancelledError, "enough");
    assertEquals(signals.map(({ aborted }) => aborted), [true]);
  });
});
