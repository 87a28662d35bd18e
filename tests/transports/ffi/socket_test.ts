import * as c from "../../../transports/ffi/constants.ts";
import { Socket, socketpair } from "../../../transports/ffi/socket.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "../../support/assert.ts";
import { until } from "../../support/poll.ts";
import { bytes, countFds, eventually, text } from "./support.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

function listenTcp(family = c.AF_INET, hostname = "127.0.0.1"): [Socket, Deno.NetAddr] {
  const listener = new Socket(family);
  listener.bind({ hostname, port: 0 });
  listener.listen();
  return [listener, listener.getsockname() as Deno.NetAddr];
}

/** A connected pair of TCP sockets. */
async function tcpPair(): Promise<[client: Socket, server: Socket]> {
  const [listener, addr] = listenTcp();
  using _listener = listener;
  const client = new Socket();
  client.connectEx(addr);
  const [server] = await eventually(() => listener.accept());
  return [client, server];
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}

Deno.test("Socket speaks TCP over IPv4 and IPv6", async () => {
  for (const [family, hostname] of [[c.AF_INET, "127.0.0.1"], [c.AF_INET6, "::1"]] as const) {
    const [listener, addr] = listenTcp(family, hostname);
    using _listener = listener;
    assertEquals([addr.transport, addr.hostname], ["tcp", hostname]);
    assertGreater(addr.port, 0);
    using client = new Socket(family);
    client.connectEx(addr);
    const [server, peer] = await eventually(() => listener.accept());
    using _server = server;
    assertEquals(peer, client.getsockname());
    assertEquals(server.getpeername(), peer);
    assertEquals(server.getsockname(), addr);
    assertEquals([server.family, server.type], [family, c.SOCK_STREAM]);
    assertEquals(client.send(bytes("ping")), 4);
    assertEquals(text(await eventually(() => server.recv(2))), "pi");
    assertEquals(text(server.recv(100)), "ng");
    client.shutdown(c.SHUT_WR);
    assertEquals(await eventually(() => server.recv(1)), new Uint8Array(0));
    assertEquals(server.send(bytes("bye")), 3);
    assertEquals(text(await eventually(() => client.recv(100))), "bye");
  }
});

Deno.test("Socket speaks UDP", async () => {
  using a = new Socket(c.AF_INET, c.SOCK_DGRAM);
  using b = new Socket(c.AF_INET, c.SOCK_DGRAM);
  a.bind(LOOPBACK);
  b.bind(LOOPBACK);
  assertEquals(a.sendto(bytes("hello"), b.getsockname()), 5);
  const [data, from] = await eventually(() => b.recvfrom(100));
  assertEquals(text(data), "hello");
  assertEquals(from, a.getsockname());
  assertEquals(from.transport, "udp");
  // The rest of a datagram is lost, and an empty one is no EOF.
  a.sendto(bytes("long one"), b.getsockname());
  a.sendto(bytes(""), b.getsockname());
  const buffer = new Uint8Array(10);
  assertEquals((await eventually(() => b.recvfromInto(buffer, 4)))[0], 4);
  assertEquals(text(buffer.subarray(0, 5)), "long\0");
  assertEquals((await eventually(() => b.recvfrom(100)))[0].length, 0);
  a.connect(b.getsockname() as Deno.NetAddr);
  assertEquals(a.getpeername(), b.getsockname());
  a.send(bytes("connected"));
  assertEquals(text(await eventually(() => b.recv(100))), "connected");
});

Deno.test("Socket speaks over unix sockets, by path and by abstract name", async () => {
  const directory = await Deno.makeTempDir();
  const paths = [`${directory}/s.sock`];
  if (Deno.build.os === "linux") paths.push(`\0${directory}/abstract`);
  try {
    for (const path of paths) {
      using listener = new Socket(c.AF_UNIX);
      listener.bind({ path });
      listener.listen(1);
      assertEquals(listener.getsockname(), { transport: "unix", path });
      using client = new Socket(c.AF_UNIX);
      client.connect({ path });
      assertEquals(client.getpeername(), { transport: "unix", path });
      const [server, peer] = await eventually(() => listener.accept());
      using _server = server;
      assertEquals(peer, { transport: "unix", path: "" });
      server.send(bytes("hi"));
      assertEquals(text(client.recv(10)), "hi");
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("Socket speaks over unix datagrams", () => {
  const directory = Deno.makeTempDirSync();
  try {
    using a = new Socket(c.AF_UNIX, c.SOCK_DGRAM);
    using b = new Socket(c.AF_UNIX, c.SOCK_DGRAM);
    a.bind({ path: `${directory}/a` });
    b.bind({ path: `${directory}/b` });
    a.sendto(bytes("x"), { path: `${directory}/b` });
    const [data, from] = b.recvfrom(10);
    assertEquals(text(data), "x");
    assertEquals(from, { transport: "unixpacket", path: `${directory}/a` });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("socketpair() connects two sockets of a type", () => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  a.send(bytes("one"));
  a.send(bytes("two"));
  assertEquals(text(b.recv(100)), "onetwo");
  const [x, y] = socketpair(c.AF_UNIX, c.SOCK_DGRAM);
  using _x = x, _y = y;
  x.send(bytes("one"));
  x.send(bytes("two"));
  assertEquals(text(y.recv(100)), "one");
  assertThrows(() => socketpair(c.AF_INET), Deno.errors.NotSupported, "socketpair(");
});

Deno.test("recv() gives bytes that are the caller's to keep", () => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  a.send(bytes("first"));
  const first = b.recv(65536);
  a.send(bytes("other"));
  const other = b.recv(65536);
  assertEquals([text(first), text(other)], ["first", "other"]);
  first.fill(0);
  assertEquals(text(other), "other");
  // A small portion may pin a block, but never all that a call has room for.
  assertLess(first.buffer.byteLength, 65536);
});

Deno.test("recvfrom() loses no data whose sender cannot be named", async () => {
  const [a, b] = socketpair(c.AF_UNIX, c.SOCK_DGRAM);
  a.send(bytes("unnamed"));
  const [data, from] = b.recvfrom(100);
  assertEquals([text(data), from], ["unnamed", { transport: "unixpacket", path: "" }]);
  const [client, server] = await tcpPair();
  const name = client.getsockname();
  for (const word of ["one", "two"]) client.send(bytes(word));
  await eventually(() => server.recv(6, c.MSG_PEEK).length === 6);
  assertEquals(server.recvfrom(3), [bytes("one"), name]);
  // A reset takes the peer away, but not what it had sent.
  client.setsockopt(c.SOL_SOCKET, c.SO_LINGER, new Uint8Array(new Int32Array([1, 0]).buffer));
  client.close();
  await until(() => isUnconnected(server));
  const [rest, nobody] = server.recvfrom(100);
  assertEquals([text(rest), nobody], ["two", { transport: "tcp", hostname: "", port: 0 }]);
  for (const sock of [a, b, server]) sock.close();
});

function isUnconnected(sock: Socket): boolean {
  try {
    sock.getpeername();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotConnected;
  }
}

Deno.test("send() and close() are callbacks by themselves", () => {
  const [a, b] = socketpair();
  const { send, close } = a;
  assertEquals(send(bytes("abc")), 3);
  close();
  assertEquals([text(b.recv(10)), b.recv(10).length, a.fileno()], ["abc", 0, -1]);
  b.close();
});

Deno.test("recv() takes flags, and more than its own buffer holds", () => {
  const [a, b] = socketpair(c.AF_UNIX, c.SOCK_DGRAM);
  using _a = a, _b = b;
  a.send(bytes("peeked"));
  assertEquals(text(b.recv(100, c.MSG_PEEK)), "peeked");
  assertEquals(text(b.recv(1_000_000)), "peeked");
  assertEquals(b.recvInto.length, 1);
});

Deno.test("recvInto() writes into the given buffer and no further", () => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  a.send(bytes("abcdef"));
  const buffer = new Uint8Array(6);
  assertEquals(b.recvInto(buffer.subarray(1, 4)), 3);
  assertEquals(text(buffer), "\0abc\0\0");
  assertEquals(b.recvInto(buffer, 2), 2);
  assertEquals(text(buffer), "debc\0\0");
  assertThrows(() => b.recvInto(buffer, 7), RangeError, "7");
  assertThrows(() => b.recv(-1), RangeError, "-1");
  assertThrows(() => b.recv(1.5), RangeError, "1.5");
});

Deno.test("a call that would wait throws WouldBlock", async () => {
  const [listener, addr] = listenTcp();
  using _listener = listener;
  const error = assertThrows(() => listener.accept(), Deno.errors.WouldBlock);
  assertEquals(codeOf(error), "EAGAIN");
  assert(error.message.startsWith(`accept(fd ${listener.fileno()}): `), error.message);
  using client = new Socket();
  const connecting = assertThrows(() => client.connect(addr), Deno.errors.WouldBlock);
  assertEquals(codeOf(connecting), "EINPROGRESS");
  assert(connecting.message.includes(`connect(fd ${client.fileno()}, 127.0.0.1:${addr.port})`));
  const [server] = await eventually(() => listener.accept());
  using _server = server;
  assertThrows(() => client.recv(1), Deno.errors.WouldBlock, `recv(fd ${client.fileno()})`);
  assertThrows(() => client.recvInto(new Uint8Array(1)), Deno.errors.WouldBlock, "recv(fd ");
  assertThrows(() => client.recvfrom(1), Deno.errors.WouldBlock, "recvfrom(fd ");
  const block = new Uint8Array(1 << 20);
  assertThrows(
    () => {
      while (true) client.send(block);
    },
    Deno.errors.WouldBlock,
    `send(fd ${client.fileno()})`,
  );
});

Deno.test("errors are of the class of their errno, with call, fd and code", async () => {
  const [listener, addr] = listenTcp();
  using other = new Socket();
  const inUse = assertThrows(() => other.bind(addr), Deno.errors.AddrInUse);
  assertEquals(codeOf(inUse), "EADDRINUSE");
  assert(inUse.message.startsWith(`bind(fd ${other.fileno()}, 127.0.0.1:${addr.port}): `));
  const foreign = { hostname: "192.0.2.1", port: 0 };
  assertThrows(() => other.bind(foreign), Deno.errors.AddrNotAvailable, "bind(fd ");
  assertThrows(() => other.getpeername(), Deno.errors.NotConnected, "getpeername(fd ");
  assertThrows(() => other.shutdown(c.SHUT_RD), Deno.errors.NotConnected, "shutdown(fd ");
  assertThrows(
    () => other.setsockopt(c.SOL_SOCKET, 9999, 1),
    Deno.errors.NotSupported,
    "setsockopt(",
  );
  assertThrows(() => other.getsockopt(c.SOL_SOCKET, 9999), Deno.errors.NotSupported, "getsockopt(");
  const invalid = assertThrows(() => other.accept(), TypeError, "accept(fd ");
  assertEquals(codeOf(invalid), "EINVAL");
  assertThrows(() => new Socket(99), Deno.errors.NotSupported, "socket(family 99");
  using unix = new Socket(c.AF_UNIX);
  assertThrows(() => unix.connect({ path: "/nonexistent" }), Deno.errors.NotFound, "connect(fd ");
  using datagram = new Socket(c.AF_INET, c.SOCK_DGRAM);
  assertThrows(() => datagram.send(bytes("x")), Deno.errors.NotConnected, "send(fd ");
  const tooLong = assertThrows(() => datagram.sendto(new Uint8Array(70_000), addr), Error);
  assertEquals(codeOf(tooLong), "EMSGSIZE");
  assertThrows(
    () => datagram.sendto(bytes("x"), { hostname: "255.255.255.255", port: 9 }),
    Deno.errors.PermissionDenied,
    "sendto(fd ",
  );
  listener.close();
  // Nobody listens there any more.
  other.connectEx(addr);
  await eventually(() => {
    const code = other.getsockopt(c.SOL_SOCKET, c.SO_ERROR);
    if (code === 0) throw new Error("not yet");
  });
});

Deno.test("a refused connection, a broken pipe and a reset are told apart", async () => {
  const [listener, addr] = listenTcp();
  listener.close();
  using refused = new Socket();
  const error = await eventually(() => {
    try {
      refused.connect(addr);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) return error;
    }
    throw new Error("not yet");
  });
  assertInstanceOf(error, Deno.errors.ConnectionRefused);
  assertEquals(codeOf(error), "ECONNREFUSED");
  const [a, b] = socketpair();
  using _a = a;
  b.close();
  assertThrows(() => a.send(bytes("x")), Deno.errors.BrokenPipe, `send(fd ${a.fileno()})`);
  const [client, server] = await tcpPair();
  using _client = client;
  const linger = new Uint8Array(new Int32Array([1, 0]).buffer);
  server.setsockopt(c.SOL_SOCKET, c.SO_LINGER, linger);
  assertEquals(server.getsockopt(c.SOL_SOCKET, c.SO_LINGER, 8), linger);
  server.close();
  const reset = await eventually(() => {
    try {
      client.recv(1);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) return error;
    }
    throw new Error("not yet");
  });
  assertInstanceOf(reset, Deno.errors.ConnectionReset);
});

Deno.test("setsockopt() and getsockopt() take numbers, booleans and bytes", async () => {
  const [client, server] = await tcpPair();
  using _client = client, _server = server;
  assertEquals(client.getsockopt(c.IPPROTO_TCP, c.TCP_NODELAY), 0);
  client.setsockopt(c.IPPROTO_TCP, c.TCP_NODELAY, true);
  assertNotEquals(client.getsockopt(c.IPPROTO_TCP, c.TCP_NODELAY), 0);
  client.setsockopt(c.SOL_SOCKET, c.SO_RCVBUF, 50_000);
  assertGreater(client.getsockopt(c.SOL_SOCKET, c.SO_RCVBUF), 49_999);
  client.setsockopt(c.SOL_SOCKET, c.SO_KEEPALIVE, 1);
  assertNotEquals(client.getsockopt(c.SOL_SOCKET, c.SO_KEEPALIVE), 0);
  assertEquals(client.getsockopt(c.SOL_SOCKET, c.SO_TYPE), c.SOCK_STREAM);
});

Deno.test("SO_REUSEPORT lets two sockets share a port", () => {
  using a = new Socket();
  a.setsockopt(c.SOL_SOCKET, c.SO_REUSEPORT, true);
  a.bind(LOOPBACK);
  a.listen();
  using b = new Socket();
  b.setsockopt(c.SOL_SOCKET, c.SO_REUSEPORT, true);
  b.bind(a.getsockname() as Deno.NetAddr);
  b.listen();
  assertEquals(b.getsockname(), a.getsockname());
});

Deno.test("IPV6_V6ONLY leaves the IPv4 port free", () => {
  using six = new Socket(c.AF_INET6);
  six.setsockopt(c.IPPROTO_IPV6, c.IPV6_V6ONLY, true);
  six.bind({ hostname: "::", port: 0 });
  six.listen();
  const { port } = six.getsockname() as Deno.NetAddr;
  using four = new Socket();
  four.bind({ hostname: "0.0.0.0", port });
  four.listen();
});

Deno.test("close() is idempotent, and a closed socket says so", () => {
  const [a, b] = socketpair();
  const fd = a.fileno();
  assertGreater(fd, 2);
  assertEquals(String(a), `<Socket fd=${fd} family=${c.AF_UNIX} type=${c.SOCK_STREAM}>`);
  a.close();
  a.close();
  assertEquals(a.fileno(), -1);
  assertEquals(b.recv(1).length, 0);
  b[Symbol.dispose]();
  for (
    const call of [
      () => a.bind(LOOPBACK),
      () => a.listen(),
      () => a.accept(),
      () => a.connect(LOOPBACK),
      () => a.connectEx(LOOPBACK),
      () => a.send(bytes("x")),
      () => a.sendto(bytes("x"), LOOPBACK),
      () => a.recv(1),
      () => a.recvInto(new Uint8Array(1)),
      () => a.recvfrom(1),
      () => a.recvfromInto(new Uint8Array(1)),
      () => a.shutdown(c.SHUT_RD),
      () => a.setsockopt(c.SOL_SOCKET, c.SO_TYPE, 1),
      () => a.getsockopt(c.SOL_SOCKET, c.SO_TYPE),
      () => a.getsockname(),
      () => a.getpeername(),
      () => a.detach(),
    ]
  ) {
    assertThrows(call, Deno.errors.BadResource, "the socket is closed or detached");
  }
});

Deno.test("close() tells of an fd that somebody else closed", () => {
  using socket = new Socket();
  const thief = new Socket(undefined, undefined, { fileno: socket.fileno() });
  thief.close();
  assertThrows(() => socket.close(), Deno.errors.BadResource, "close(fd ");
  assertEquals(socket.fileno(), -1);
});

Deno.test("detach() gives the fd away, and `fileno` takes it over", () => {
  const [a, b] = socketpair(c.AF_UNIX, c.SOCK_DGRAM);
  using _b = b;
  const fd = a.detach();
  assertEquals(a.fileno(), -1);
  using adopted = new Socket(undefined, undefined, { fileno: fd });
  assertStrictEquals(adopted.fileno(), fd);
  assertEquals([adopted.family, adopted.type], [c.AF_UNIX, c.SOCK_DGRAM]);
  b.send(bytes("still there"));
  assertEquals(text(adopted.recv(100)), "still there");
  assertThrows(() => adopted.recv(100), Deno.errors.WouldBlock);
});

Deno.test("new Socket() refuses a fileno that is no socket", () => {
  assertThrows(
    () => new Socket(undefined, undefined, { fileno: -1 }),
    RangeError,
    "fileno",
  );
  assertThrows(
    () => new Socket(undefined, undefined, { fileno: 1_000_000 }),
    Deno.errors.BadResource,
    "getsockopt(fd 1000000)",
  );
});

Deno.test("setblocking() accepts false only", () => {
  using socket = new Socket();
  socket.setblocking(false);
  assertThrows(() => socket.setblocking(true), Deno.errors.NotSupported, "block");
});

Deno.test("accept() gives sockets that children do not inherit", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const [client, server] = await tcpPair();
  using _client = client, _server = server;
  for (const { fd } of [{ fd: client.fileno() }, { fd: server.fileno() }]) {
    const info = await Deno.readTextFile(`/proc/self/fdinfo/${fd}`);
    const flags = parseInt(/^flags:\s+(\d+)$/m.exec(info)?.[1] ?? "", 8);
    assertEquals(flags & 0o2004000, 0o2004000, "O_CLOEXEC and O_NONBLOCK");
  }
});

Deno.test("Socket leaks no fd over 10 000 rounds of opening and closing", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const [listener, addr] = listenTcp();
  const before = countFds();
  for (let round = 0; round < 10_000; round++) {
    if (round % 100 === 0) {
      using client = new Socket();
      client.connectEx(addr);
      const [server] = await eventually(() => listener.accept());
      server.close();
    }
    const [a, b] = socketpair();
    a.close();
    b.close();
    using socket = new Socket();
    assertThrows(() => socket.bind({ hostname: "192.0.2.1", port: 0 }));
    assertThrows(() => new Socket(99));
  }
  assertEquals(countFds(), before);
  listener.close();
});
