import { CancelledError, SendfileNotAvailableError } from "../../../errors.ts";
import type { EventLoop, Task } from "../../../loop/mod.ts";
import type { SocketLike } from "../../../types.ts";
import * as c from "../../../transports/ffi/constants.ts";
import { Socket, socketpair } from "../../../transports/ffi/socket.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "../../support/assert.ts";
import { until } from "../../support/poll.ts";
import { bytes, countFds, iterations, text, withLoop } from "./support.ts";

const LINUX = Deno.build.os === "linux";

interface Pair extends Disposable {
  a: SocketLike;
  b: SocketLike;
}

/** A connected pair of Deno's own connections. */
async function connPair(): Promise<Pair> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const a = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const b = await accepted;
  return {
    a,
    b,
    [Symbol.dispose]() {
      a.close();
      b.close();
    },
  };
}

function socketPair(): Promise<Pair> {
  const [a, b] = socketpair();
  return Promise.resolve({
    a,
    b,
    [Symbol.dispose]() {
      a.close();
      b.close();
    },
  });
}

interface Listening extends Disposable {
  listener: SocketLike;
  addr: { hostname: string; port: number };
}

function denoListener(): Listening {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addr = { hostname: "127.0.0.1", port: listener.addr.port };
  return { listener, addr, [Symbol.dispose]: () => listener.close() };
}

function socketListener(): Listening {
  const listener = new Socket();
  listener.bind({ hostname: "127.0.0.1", port: 0 });
  listener.listen();
  const { port } = listener.getsockname() as Deno.NetAddr;
  return {
    listener,
    addr: { hostname: "127.0.0.1", port },
    [Symbol.dispose]: () => listener.close(),
  };
}

/** Registers a test for Deno's connections and one for `Socket`. */
function pairTest(name: string, fn: (loop: EventLoop, pair: Pair) => Promise<void>): void {
  for (const [kind, make] of [["Deno.Conn", connPair], ["Socket", socketPair]] as const) {
    Deno.test(`${name} [${kind}]`, () =>
      withLoop(async (loop) => {
        using pair = await make();
        await fn(loop, pair);
      }));
  }
}

function listenerTest(name: string, fn: (loop: EventLoop, l: Listening) => Promise<void>): void {
  for (const [kind, make] of [["Deno", denoListener], ["Socket", socketListener]] as const) {
    Deno.test(`${name} [${kind}]`, () =>
      withLoop(async (loop) => {
        using listening = make();
        await fn(loop, listening);
      }));
  }
}

async function outcomeOf<T>(task: PromiseLike<T>): Promise<T | unknown> {
  try {
    return await task;
  } catch (error) {
    return error;
  }
}

async function cancel(task: Task<unknown>): Promise<void> {
  assert(task.cancel());
  assertInstanceOf(await outcomeOf(task), CancelledError);
}

async function recvAll(loop: EventLoop, sock: SocketLike, length: number): Promise<string> {
  let all = "";
  while (all.length < length) {
    const data = await loop.sockRecv(sock, 65536);
    assert(data.length > 0);
    all += text(data);
  }
  return all;
}

function close(sock: SocketLike): void {
  (sock as Deno.Conn).close();
}

pairTest("sockRecv() and sockSendall() carry bytes and EOF", async (loop, { a, b }) => {
  const read = loop.createTask(() => loop.sockRecv(b, 100));
  await iterations(loop, 3);
  await loop.sockSendall(a, bytes("hello"));
  assertEquals(text(await read), "hello");
  await loop.sockSendall(a, bytes("rest of it"));
  assertEquals(text(await loop.sockRecv(b, 4)), "rest");
  const buffer = new Uint8Array(20);
  assertEquals(await loop.sockRecvInto(b, buffer.subarray(2)), 6);
  assertEquals(text(buffer.subarray(0, 9)), "\0\0 of it\0");
  await loop.sockSendall(a, new Uint8Array(0));
  if (a instanceof Socket) a.shutdown(c.SHUT_WR);
  else await (a as Deno.TcpConn).closeWrite();
  assertEquals(await loop.sockRecv(b, 10), new Uint8Array(0));
  assertEquals(await loop.sockRecvInto(b, buffer), 0);
  assertEquals(await loop.sockRecv(b, 10), new Uint8Array(0));
});

pairTest("sockRecv() hands out bytes that stay as they are", async (loop, { a, b }) => {
  await loop.sockSendall(a, bytes("one"));
  const one = await loop.sockRecv(b, 100);
  await loop.sockSendall(a, bytes("two"));
  const two = await loop.sockRecv(b, 100);
  assertEquals([text(one), text(two)], ["one", "two"]);
});

pairTest("a cancelled sockRecv() loses no byte", async (loop, { a, b }) => {
  for (let round = 0; round < 3; round++) {
    const task = loop.createTask(() => loop.sockRecv(b, 2));
    await iterations(loop, 3);
    await cancel(task);
    const into = loop.createTask(() => loop.sockRecvInto(b, new Uint8Array(1)));
    await iterations(loop, 3);
    await cancel(into);
    await loop.sockSendall(a, bytes("abcdef"));
    assertEquals(await recvAll(loop, b, 6), "abcdef");
  }
});

pairTest("sockRecv() cancelled when its bytes are there loses none", async (loop, { a, b }) => {
  // However late the cancellation comes, the bytes are in exactly one answer.
  let early = 0;
  let late = 0;
  for (let delay = 0; delay < 30; delay++) {
    const task = loop.createTask(() => loop.sockRecv(b, 100));
    await iterations(loop, 2);
    await loop.sockSendall(a, bytes("data"));
    for (let i = 0; i < delay * 20 && !task.done(); i++) await iterations(loop, 1);
    task.cancel();
    const outcome = await outcomeOf(task);
    if (outcome instanceof CancelledError) {
      early++;
      assertEquals(await recvAll(loop, b, 4), "data");
    } else {
      late++;
      assertEquals(text(outcome as Uint8Array), "data");
    }
  }
  assertEquals(early + late, 30);
  assert(early > 0);
});

Deno.test("sockRecv() cancelled in the iteration in which it is woken loses no byte", () =>
  withLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    for (let round = 0; round < 10; round++) {
      const task = loop.createTask(() => loop.sockRecv(b, 100));
      await iterations(loop, 2);
      // Called in the same poll, just before the waiting call is woken.
      loop.addReader(b, () => {
        task.cancel();
        loop.removeReader(b);
      });
      a.send(bytes("data"));
      assertInstanceOf(await outcomeOf(task), CancelledError);
      assertEquals(text(await loop.sockRecv(b, 100)), "data");
    }
  }));

pairTest(
  "what a cancelled sockRecv() would have got is dealt out in parts",
  async (loop, { a, b }) => {
    const task = loop.createTask(() => loop.sockRecv(b, 100));
    await iterations(loop, 3);
    await cancel(task);
    await loop.sockSendall(a, bytes("abcdef"));
    assertEquals(text(await loop.sockRecv(b, 2)), "ab");
    const buffer = new Uint8Array(3);
    assertEquals(await loop.sockRecvInto(b, buffer), 3);
    assertEquals(text(buffer), "cde");
    assertEquals(text(await loop.sockRecv(b, 100)), "f");
  },
);

pairTest("waiting sockRecv() calls are served in order", async (loop, { a, b }) => {
  const tasks = Array.from({ length: 5 }, () => loop.createTask(() => loop.sockRecv(b, 1)));
  await iterations(loop, 3);
  await cancel(tasks[1] as Task<Uint8Array>);
  await cancel(tasks[3] as Task<Uint8Array>);
  await loop.sockSendall(a, bytes("xyz"));
  const got = [];
  for (const i of [0, 2, 4]) got.push(text(await (tasks[i] as Task<Uint8Array>)));
  assertEquals(got, ["x", "y", "z"]);
});

pairTest("the first in line, cancelled, makes way for the next", async (loop, { a, b }) => {
  const first = loop.createTask(() => loop.sockRecv(b, 10));
  const second = loop.createTask(() => loop.sockRecv(b, 10));
  await iterations(loop, 3);
  await cancel(first);
  await loop.sockSendall(a, bytes("data"));
  assertEquals(text(await second), "data");
});

pairTest("sockSendall() sends megabytes, one call after the other", async (loop, { a, b }) => {
  const size = 3_000_000;
  const sends = ["x", "y"].map((letter) =>
    loop.createTask(() => loop.sockSendall(a, bytes(letter.repeat(size))))
  );
  const all = await recvAll(loop, b, 2 * size);
  assertEquals(all.length, 2 * size);
  assertStrictEquals(all, "x".repeat(size) + "y".repeat(size));
  for (const send of sends) await send;
});

pairTest("a cancelled sockSendall() leaves the socket usable", async (loop, { a, b }) => {
  const size = 32_000_000;
  const send = loop.createTask(() => loop.sockSendall(a, bytes("x".repeat(size))));
  const queued = loop.createTask(() => loop.sockSendall(a, bytes("never sent")));
  await iterations(loop, 5);
  await cancel(queued);
  await cancel(send);
  const after = loop.createTask(() => loop.sockSendall(a, bytes("after")));
  let tail = "";
  let total = 0;
  while (!tail.endsWith("after")) {
    const data = await loop.sockRecv(b, 65536);
    total += data.length;
    tail = (tail + text(data)).slice(-20);
  }
  await after;
  assertLess(total, size);
  assert(/^x*after$/.test(tail), tail);
});

pairTest("reading and writing on one socket do not wait for each other", async (loop, { a, b }) => {
  const read = loop.createTask(() => loop.sockRecv(a, 10));
  await iterations(loop, 3);
  await loop.sockSendall(a, bytes("out"));
  assertEquals(text(await loop.sockRecv(b, 10)), "out");
  await loop.sockSendall(b, bytes("in"));
  assertEquals(text(await read), "in");
});

listenerTest(
  "sockAccept() and sockConnect() make a connection",
  async (loop, { listener, addr }) => {
    const accepting = loop.createTask(() => loop.sockAccept(listener));
    using client = new Socket();
    await loop.sockConnect(client, addr);
    const [server, peer] = await accepting;
    assertEquals({ ...peer }, { ...client.getsockname() });
    await loop.sockSendall(client, bytes("hi"));
    assertEquals(text(await loop.sockRecv(server, 10)), "hi");
    await loop.sockSendall(server, bytes("ho"));
    assertEquals(text(await loop.sockRecv(client, 10)), "ho");
    close(server);
    assertEquals((await loop.sockRecv(client, 10)).length, 0);
  },
);

listenerTest("a cancelled sockAccept() loses no connection", async (loop, { listener, addr }) => {
  let served = 0;
  for (let delay = 0; delay < 20; delay++) {
    const accepting = loop.createTask(() => loop.sockAccept(listener));
    await iterations(loop, 2);
    using client = new Socket();
    await loop.sockConnect(client, addr);
    for (let i = 0; i < delay * 20 && !accepting.done(); i++) await iterations(loop, 1);
    accepting.cancel();
    const outcome = await outcomeOf(accepting);
    const [server] = outcome instanceof CancelledError
      ? await loop.sockAccept(listener)
      : outcome as [SocketLike, Deno.Addr];
    await loop.sockSendall(client, bytes("hi"));
    assertEquals(text(await loop.sockRecv(server, 10)), "hi");
    close(server);
    served++;
  }
  assertEquals(served, 20);
});

listenerTest("waiting sockAccept() calls are served in order", async (loop, { listener, addr }) => {
  const tasks = Array.from({ length: 3 }, () => loop.createTask(() => loop.sockAccept(listener)));
  await iterations(loop, 2);
  await cancel(tasks[0] as Task<[SocketLike, Deno.Addr]>);
  for (const task of tasks.slice(1)) {
    using client = new Socket();
    await loop.sockConnect(client, addr);
    const [server, peer] = await task;
    assertEquals({ ...peer }, { ...client.getsockname() });
    close(server);
  }
});

Deno.test("sockConnect() looks names up", async () => {
  const asked: unknown[] = [];
  await withLoop(async (loop) => {
    using listening = socketListener();
    loop.getaddrinfo = (hostname, port, options) => {
      asked.push([hostname, port, options]);
      return Promise.resolve([{
        family: "ipv4",
        type: "stream",
        proto: 6,
        canonname: "",
        sockaddr: listening.addr,
      }]);
    };
    using client = new Socket();
    await loop.sockConnect(client, { hostname: "server.test", port: 80 });
    assertEquals((client.getpeername() as Deno.NetAddr).port, listening.addr.port);
  });
  assertEquals(asked, [["server.test", 80, { family: "ipv4", type: "stream" }]]);
});

Deno.test("sockConnect() tells why it failed, on what", () =>
  withLoop(async (loop) => {
    const { listener, addr } = socketListener();
    close(listener);
    using client = new Socket();
    const error = await assertRejects(
      () => loop.sockConnect(client, addr),
      Deno.errors.ConnectionRefused,
      `connect(fd ${client.fileno()}, 127.0.0.1:${addr.port})`,
    );
    assertEquals((error as Error & { code: string }).code, "ECONNREFUSED");
    using unix = new Socket(c.AF_UNIX);
    await assertRejects(
      () => loop.sockConnect(unix, { path: "/nonexistent" }),
      Deno.errors.NotFound,
      '"/nonexistent"',
    );
    await assertRejects(
      () => loop.sockConnect(client, { hostname: "127.0.0.1", port: 70000 }),
      RangeError,
      "70000",
    );
  }));

Deno.test("a cancelled sockConnect() can be taken up again", () =>
  withLoop(async (loop) => {
    using listening = socketListener();
    for (let delay = 0; delay < 20; delay++) {
      using client = new Socket();
      const connecting = loop.createTask(() => loop.sockConnect(client, listening.addr));
      await iterations(loop, delay);
      connecting.cancel();
      const outcome = await outcomeOf(connecting);
      if (outcome instanceof CancelledError) await loop.sockConnect(client, listening.addr);
      const [server] = await loop.sockAccept(listening.listener);
      await loop.sockSendall(client, bytes("hi"));
      assertEquals(text(await loop.sockRecv(server, 10)), "hi");
      close(server);
    }
  }));

Deno.test("sockConnect() waits for room in the backlog of a unix listener", {
  ignore: !LINUX,
}, () =>
  withLoop(async (loop) => {
    const path = `\0asyncio-backlog-${Deno.pid}-${performance.now()}`;
    using listener = new Socket(c.AF_UNIX);
    listener.bind({ path });
    listener.listen(0);
    using first = new Socket(c.AF_UNIX);
    await loop.sockConnect(first, { path });
    using second = new Socket(c.AF_UNIX);
    using third = new Socket(c.AF_UNIX);
    const waiting = [second, third].map((sock) =>
      loop.createTask(() => loop.sockConnect(sock, { path }))
    );
    await iterations(loop, 3);
    assert(!waiting[0]?.done());
    await cancel(waiting[0] as Task<void>);
    const conns = [];
    for (let i = 0; i < 2; i++) conns.push((await loop.sockAccept(listener))[0]);
    await waiting[1];
    third.send(bytes("x"));
    for (const conn of conns) close(conn);
  }));

Deno.test("sockRecvfrom() and sockSendto() carry datagrams between Sockets", () =>
  withLoop(async (loop) => {
    using a = new Socket(c.AF_INET, c.SOCK_DGRAM);
    using b = new Socket(c.AF_INET, c.SOCK_DGRAM);
    a.bind({ hostname: "127.0.0.1", port: 0 });
    b.bind({ hostname: "127.0.0.1", port: 0 });
    const to = b.getsockname() as Deno.NetAddr;
    const cancelled = loop.createTask(() => loop.sockRecvfrom(b, 1));
    await iterations(loop, 2);
    await cancel(cancelled);
    const receiving = loop.createTask(() => loop.sockRecvfrom(b, 100));
    assertEquals(await loop.sockSendto(a, bytes("datagram"), to), 8);
    const [data, from] = await receiving;
    assertEquals([text(data), from], ["datagram", a.getsockname()]);
    await loop.sockSendto(a, bytes("again"), { hostname: "localhost", port: to.port });
    const buffer = new Uint8Array(10);
    const [count, sender] = await loop.sockRecvfromInto(b, buffer, 3);
    assertEquals([count, text(buffer.subarray(0, 4)), sender], [3, "aga\0", from]);
  }));

Deno.test("sockRecvfrom() of a stream gives the peer", () =>
  withLoop(async (loop) => {
    using pair = await connPair();
    await loop.sockSendall(pair.a, bytes("x"));
    const [, conn] = await loop.sockRecvfrom(pair.b, 10);
    assertEquals({ ...conn }, { ...(pair.a as Deno.Conn).localAddr });
    using sockets = await socketPair();
    await loop.sockSendall(sockets.a, bytes("x"));
    assertEquals((await loop.sockRecvfrom(sockets.b, 10))[1], { transport: "unix", path: "" });
  }));

/** As far as the calls ask, what `Deno.listenDatagram` gives where it is allowed. */
class FakeDatagramConn {
  readonly addr = { transport: "udp", hostname: "127.0.0.1", port: 1 };
  readonly sent: unknown[] = [];
  #waiting: ((datagram: string) => void)[] = [];

  async receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    const datagram = await new Promise<string>((resolve) => this.#waiting.push(resolve));
    return [
      buffer.subarray(0, buffer.length && new TextEncoder().encodeInto(datagram, buffer).written),
      { transport: "udp", hostname: "127.0.0.2", port: 2 },
    ];
  }

  send(data: Uint8Array, addr: Deno.Addr): Promise<number> {
    this.sent.push([text(data), addr]);
    return Promise.resolve(data.length);
  }

  get receiving(): number {
    return this.#waiting.length;
  }

  deliver(datagram: string): void {
    this.#waiting.shift()?.(datagram);
  }
}

Deno.test("sockRecvfrom() and sockSendto() carry datagrams over a Deno.DatagramConn", () =>
  withLoop(async (loop) => {
    const fake = new FakeDatagramConn();
    const conn = fake as unknown as Deno.DatagramConn;
    // Cancelled with room for one byte: the datagram comes whole all the same.
    const cancelled = loop.createTask(() => loop.sockRecvfrom(conn, 1));
    await iterations(loop, 2);
    await cancel(cancelled);
    fake.deliver("whole");
    const [data, from] = await loop.sockRecvfrom(conn, 100);
    assertEquals(text(data), "whole");
    assertEquals(from, { transport: "udp", hostname: "127.0.0.2", port: 2 });
    const tasks = [
      loop.createTask(() => loop.sockRecv(conn, 3)),
      loop.createTask(() => loop.sockRecvfromInto(conn, new Uint8Array(9), 2)),
    ] as const;
    for (let i = 0; i < 2; i++) {
      await until(() => fake.receiving === 1);
      fake.deliver("abcdef");
    }
    // One receive at a time, and what is over is lost, as on any datagram socket.
    assertEquals(text(await tasks[0]), "abc");
    assertEquals((await tasks[1])[0], 2);
    assertEquals(await loop.sockSendto(conn, bytes("hi"), { hostname: "h", port: 3 }), 2);
    assertEquals(fake.sent, [["hi", { transport: "udp", hostname: "h", port: 3 }]]);
    await assertRejects(() => loop.sockSendto(conn, bytes("x"), { path: "/p" }), TypeError, "udp");
  }));

pairTest("sockRecv() ends when its socket is closed", async (loop, { a, b }) => {
  const tasks = [1, 2].map(() => loop.createTask(() => loop.sockRecv(b, 10)));
  await iterations(loop, 3);
  close(b);
  for (const task of tasks) {
    const error = await outcomeOf(task);
    assert(
      error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted,
      String(error),
    );
  }
  await assertRejects(() => loop.sockRecv(b, 10), Deno.errors.BadResource);
  if (b instanceof Socket) return;
  // The pair closes it again.
  Object.assign(b, { close() {} });
  await loop.sockSendall(a, bytes("x")).catch(() => {});
});

Deno.test("sockRecv() ends only its own wait when the fd of another is reused", () =>
  withLoop(async (loop) => {
    const [a, b] = socketpair();
    const fd = a.fileno();
    const lost = loop.createTask(() => loop.sockRecv(a, 10));
    await iterations(loop, 3);
    a.close();
    b.close();
    const [x, y] = socketpair();
    const [heir, peer] = x.fileno() === fd ? [x, y] : [y, x];
    assertEquals(heir.fileno(), fd);
    // Begun before the lost call has noticed.
    const reading = loop.createTask(() => loop.sockRecv(heir, 10), { eagerStart: true });
    assertInstanceOf(await outcomeOf(lost), Deno.errors.BadResource);
    await iterations(loop, 3);
    peer.send(bytes("mine"));
    assertEquals(text(await reading), "mine");
    x.close();
    y.close();
  }));

Deno.test("addReader() and sockRecv() on one fd do not displace each other", () =>
  withLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    let calls = 0;
    loop.addReader(a, () => void calls++);
    const read = loop.createTask(() => loop.sockRecv(a, 10));
    await iterations(loop, 3);
    b.send(bytes("one"));
    assertEquals(text(await read), "one");
    const seen = calls;
    b.send(bytes("two"));
    await until(() => calls > seen);
    assert(loop.removeReader(a));
    assertEquals(text(await loop.sockRecv(a, 10)), "two");
  }));

Deno.test("a foreign object with fileno() is a socket, and is made non-blocking", () =>
  withLoop(async (loop) => {
    const [a, b] = socketpair();
    using _b = b;
    const foreign = { fileno: () => a.fileno() };
    const read = loop.createTask(() => loop.sockRecv(foreign, 10));
    await iterations(loop, 2);
    b.send(bytes("x"));
    assertEquals(text(await read), "x");
    await loop.sockSendall(foreign, bytes("y"));
    assertEquals(text(b.recv(10)), "y");
    a.close();
    await assertRejects(() => loop.sockRecv(foreign, 10), Deno.errors.BadResource, "closed");
  }));

Deno.test("calls refuse the wrong kind of socket and bad numbers", () =>
  withLoop(async (loop) => {
    using listening = denoListener();
    using pair = await connPair();
    const refused: [() => Promise<unknown>, string][] = [
      [() => loop.sockRecv(listening.listener, 1), "sockRecv"],
      [() => loop.sockRecvInto(listening.listener, new Uint8Array(1)), "sockRecvInto"],
      [() => loop.sockRecvfrom(listening.listener, 1), "sockRecvfrom"],
      [() => loop.sockSendall(listening.listener, bytes("x")), "sockSendall"],
      [() => loop.sockAccept(pair.a), "sockAccept"],
      [() => loop.sockConnect(pair.a, listening.addr), "sockConnect"],
      [() => loop.sockSendto(pair.a, bytes("x"), listening.addr), "sockSendto"],
      [() => loop.sockRecv(null as unknown as SocketLike, 1), "null"],
    ];
    for (const [call, message] of refused) await assertRejects(call, TypeError, message);
    for (const n of [-1, 0.5, NaN]) {
      await assertRejects(() => loop.sockRecv(pair.a, n), RangeError, String(n));
    }
    await assertRejects(
      () => loop.sockRecvfromInto(pair.a, new Uint8Array(2), 3),
      RangeError,
      "3",
    );
  }));

async function withFile(
  content: Uint8Array,
  fn: (file: Deno.FsFile) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, content);
  using file = await Deno.open(path, { read: true });
  try {
    await fn(file);
  } finally {
    await Deno.remove(path);
  }
}

pairTest("sockSendfile() sends a file, or a part, and moves its position", (loop, { a, b }) => {
  const content = bytes(Array.from({ length: 400_000 }, (_, i) => i % 10).join(""));
  return withFile(content, async (file) => {
    const parts = [
      [{}, content],
      [{ offset: 399_990 }, content.subarray(399_990)],
      [{ offset: 5, count: 300_000 }, content.subarray(5, 300_005)],
      [{ offset: 399_999, count: 10 }, content.subarray(399_999)],
      [{ offset: 400_000 }, new Uint8Array(0)],
    ] as const;
    for (const [options, expected] of parts) {
      await file.seek(0, Deno.SeekMode.Start);
      const sending = loop.createTask(() => loop.sockSendfile(a, file, options));
      const got = await recvAll(loop, b, expected.length);
      assertEquals(await sending, expected.length);
      assertStrictEquals(got, text(expected));
      const position = await file.seek(0, Deno.SeekMode.Current);
      if (expected.length > 0) {
        assertEquals(position, ("offset" in options ? options.offset : 0) + expected.length);
      }
    }
  });
});

Deno.test(
  "sockSendfile() on a Socket needs no fallback, and keeps no fd",
  { ignore: !LINUX },
  () =>
    withLoop(async (loop) => {
      using pair = await socketPair();
      const { a, b } = pair;
      await withFile(new Uint8Array(2_500_000).fill(120), async (file) => {
        const before = countFds();
        const sending = loop.createTask(() => loop.sockSendfile(a, file, { fallback: false }));
        const got = await recvAll(loop, b, 2_500_000);
        assertEquals(await sending, 2_500_000);
        assertStrictEquals(got, "x".repeat(2_500_000));
        // The watcher keeps two of its own for a few turns.
        await until(() => countFds() === before);
        const cancelled = loop.createTask(() => loop.sockSendfile(a, file, { fallback: false }));
        await iterations(loop, 5);
        await until(() => countFds() > before);
        await cancel(cancelled);
        await until(() => countFds() === before);
        // Part of it may have been sent; the socket goes on behind that.
        const position = await file.seek(0, Deno.SeekMode.Current);
        const rest = loop.createTask(() => loop.sockSendall(a, bytes("end")));
        assertEquals((await recvAll(loop, b, position + 3)).slice(-4), "xend");
        await rest;
      });
    }),
);

Deno.test(
  "sockSendfile() tells the file from others that are open",
  { ignore: !LINUX },
  () =>
    withLoop(async (loop) => {
      using pair = await socketPair();
      await withFile(bytes("first"), (one) =>
        withFile(bytes("second"), async (two) => {
          for (
            const [file, expected] of [[one, "first"], [two, "second"], [one, "first"]] as const
          ) {
            await loop.sockSendfile(pair.a, file, { fallback: false });
            assertEquals(await recvAll(loop, pair.b, expected.length), expected);
          }
        }));
    }),
);

Deno.test("sockSendfile() without fallback refuses what it would have to copy", () =>
  withLoop(async (loop) => {
    using conns = await connPair();
    await withFile(bytes("content"), async (file) => {
      await assertRejects(
        () => loop.sockSendfile(conns.a, file, { fallback: false }),
        SendfileNotAvailableError,
        "Deno.Conn",
      );
      for (const options of [{ offset: -1 }, { count: 0 }, { count: 1.5 }]) {
        await assertRejects(
          () => loop.sockSendfile(conns.a, file, options),
          RangeError,
          "sockSendfile",
        );
      }
    });
    if (!LINUX) return;
    // The write end of a file cannot be sent from.
    using pair = await socketPair();
    const path = await Deno.makeTempFile();
    {
      using file = await Deno.open(path, { write: true });
      await assertRejects(
        () => loop.sockSendfile(pair.a, file, { fallback: false }),
        SendfileNotAvailableError,
      );
    }
    await Deno.remove(path);
  }));

Deno.test(
  "sock* calls leak no fd over 1000 connections",
  { ignore: !LINUX },
  () =>
    withLoop(async (loop) => {
      using listening = socketListener();
      const waiting = loop.createTask(() => loop.sockAccept(listening.listener));
      await iterations(loop, 3);
      await cancel(waiting);
      const before = countFds();
      for (let round = 0; round < 1000; round++) {
        const accepting = loop.createTask(() => loop.sockAccept(listening.listener));
        using client = new Socket();
        await loop.sockConnect(client, listening.addr);
        const [server] = await accepting;
        const reading = loop.createTask(() => loop.sockRecv(server, 10));
        if (round % 2 === 0) await iterations(loop, 2);
        close(server);
        assertInstanceOf(await outcomeOf(reading), Deno.errors.BadResource);
      }
      await until(() => countFds() <= before);
    }),
);
