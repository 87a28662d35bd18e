import { RuntimeError } from "../../errors.ts";
import { type EventLoop, getRunningLoop } from "../../loop/mod.ts";
import { internalsOf } from "../../loop/internals.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import { openConnection } from "../../streams/mod.ts";
import { checkStreamTransport, streamTransportCases } from "../../testing/mod.ts";
import { establish } from "../../transports/establish.ts";
import { fdAcceptor, fdChannel } from "../../transports/given_fd.ts";
import {
  AF_INET,
  AF_UNIX,
  SO_KEEPALIVE,
  SOCK_DGRAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../transports/mod.ts";
import type { GivenSocket } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { ROOT } from "../support/process.ts";
import { startPython } from "../support/python.ts";
import { bytes, countFds, eventually, iterations, text } from "./ffi/support.ts";
import { Echo, inLoop, portOf, Recorder } from "./tcp_support.ts";

const LINUX = Deno.build.os === "linux";
const LOCAL = { hostname: "127.0.0.1", port: 0 };

/** A bound TCP socket, not listening yet. */
function bound(): Socket {
  const sock = new Socket();
  sock.bind(LOCAL);
  return sock;
}

/** A connected pair of TCP sockets. */
async function tcpPair(loop: EventLoop): Promise<[Socket, Socket]> {
  using listener = bound();
  listener.listen();
  const client = new Socket();
  await loop.sockConnect(client, listener.getsockname() as Deno.NetAddr);
  const [server] = await loop.sockAccept(listener);
  return [client, server as Socket];
}

Deno.test("StreamTransport over a pair of unix Sockets passes checkStreamTransport()", async () => {
  await checkStreamTransport(async (client, server) => {
    const loop = getRunningLoop() as EventLoop;
    const [a, b] = socketpair();
    await loop.createUnixConnection(() => client, { sock: a });
    await loop.connectAcceptedSocket(() => server, b);
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  });
});

Deno.test("StreamTransport over TCP Sockets passes checkStreamTransport()", async () => {
  await checkStreamTransport(async (client, server) => {
    const loop = getRunningLoop() as EventLoop;
    const sock = bound();
    const listening = await loop.createServer(() => server, { sock });
    const conn = new Socket();
    await loop.sockConnect(conn, sock.getsockname() as Deno.NetAddr);
    await loop.createConnection(() => client, { sock: conn });
    return listening;
  });
});

/** node:net in Deno 2.9 fails a pending write when the peer ends its side, and drops the connection. */
const NOT_WITH_NODE_NET = /^EOF without a true answer closes the transport, after sending/;

Deno.test("StreamTransport over fds without --allow-ffi does what node:net can", async () => {
  for (const { name, run } of streamTransportCases) {
    if (NOT_WITH_NODE_NET.test(name)) continue;
    await run(async (client, server) => {
      const loop = internalsOf(getRunningLoop());
      const [a, b] = await tcpPair(loop as EventLoop);
      for (const [sock, protocol] of [[a, client], [b, server]] as const) {
        await establish(loop, () => protocol, fdChannel(loop, sock.detach(), "createConnection"));
      }
      return { [Symbol.asyncDispose]: () => Promise.resolve() };
    });
  }
});

Deno.test("a connection or listener on an fd without --allow-ffi gives the fd up", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = await tcpPair(loop);
    const listener = bound();
    const fds = [sock.detach(), listener.detach()] as const;
    const options = { what: "createServer", backlog: 5, keepAlive: false };
    const used = [
      fdChannel(internalsOf(loop), fds[0], "createConnection"),
      await fdAcceptor(internalsOf(loop), fds[1], options),
    ];
    for (const fd of fds) {
      assertThrows(() => loop.removeReader(fd), RuntimeError, "used by a transport");
    }
    for (const closable of used) closable.close();
    for (const fd of fds) assertFalse(loop.removeReader(fd));
    assertEquals((await loop.sockRecv(peer, 1)).length, 0);
    peer.close();
  });
});

Deno.test("createConnection() makes a Socket its own, and closes it", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = await tcpPair(loop);
    const [sockname, peername] = [sock.getsockname(), sock.getpeername()];
    const [transport, protocol] = await loop.createConnection(() => new Recorder(loop), { sock });
    assertStrictEquals(transport.getExtraInfo("socket"), sock);
    assertEquals(transport.getExtraInfo("sockname"), sockname);
    assertEquals(transport.getExtraInfo("peername"), peername);
    transport.write(bytes("to the peer"));
    assertEquals(text(await loop.sockRecv(peer, 100)), "to the peer");
    await loop.sockSendall(peer, bytes("back"));
    await until(() => protocol.received === 4);
    transport.close();
    assertEquals(await protocol.lost, null);
    assertEquals(sock.fileno(), -1);
    assertEquals((await loop.sockRecv(peer, 100)).length, 0);
    peer.close();
  });
});

Deno.test("abort() of a transport on a TCP Socket resets the connection", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = await tcpPair(loop);
    const [transport, protocol] = await loop.createConnection(() => new Recorder(loop), { sock });
    transport.abort();
    assertEquals(await protocol.lost, null);
    await assertRejects(() => loop.sockRecv(peer, 1), Deno.errors.ConnectionReset);
    peer.close();
  });
});

Deno.test("createServer() listens on a Socket that is only bound, as asyncio", async () => {
  await inLoop(async (loop) => {
    const sock = bound();
    const { port } = sock.getsockname() as Deno.NetAddr;
    const server = await loop.createServer(() => new Echo(), { sock, backlog: 7, keepAlive: true });
    assertEquals(portOf(server), port);
    const [reader, writer] = await openConnection({ hostname: "127.0.0.1", port });
    writer.write(bytes("hello"));
    assertEquals(text(await reader.readexactly(5)), "hello");
    writer.close();
    await writer.waitClosed();
    server.close();
    await server.waitClosed();
    assertEquals(sock.fileno(), -1);
    await assertRejects(
      () => openConnection({ hostname: "127.0.0.1", port }),
      Deno.errors.ConnectionRefused,
    );
  });
});

Deno.test("createServer() sets keepAlive on what its Socket accepts", async () => {
  await inLoop(async (loop) => {
    for (const keepAlive of [true, false]) {
      const made = loop.createFuture<unknown>();
      const accepted = () => {
        const protocol = new Protocol();
        protocol.connectionMade = (transport) => {
          made.setResult(
            (transport.getExtraInfo("socket") as Socket)
              .getsockopt(SOL_SOCKET, SO_KEEPALIVE) !== 0,
          );
        };
        return protocol;
      };
      const server = await loop.createServer(accepted, { sock: bound(), keepAlive });
      const [, writer] = await openConnection({ hostname: "127.0.0.1", port: portOf(server) });
      assertEquals(await made, keepAlive);
      writer.close();
      server.close();
      await server.waitClosed();
    }
  });
});

Deno.test("createUnixServer() listens on a Socket", { ignore: !LINUX }, async () => {
  await inLoop(async (loop) => {
    const path = `\0asyncio-given-${Deno.pid}`;
    const sock = new Socket(AF_UNIX);
    sock.bind({ path });
    await using server = await loop.createUnixServer(() => new Echo(), { sock });
    assertEquals(server.sockets[0]?.addr, { transport: "unix", path });
    const [reader, writer] = await openConnection({ sock: await connected(loop, path) });
    writer.write(bytes("hello"));
    assertEquals(text(await reader.readexactly(5)), "hello");
    writer.close();
    server.close();
  });
});

async function connected(loop: EventLoop, path: string): Promise<Socket> {
  const sock = new Socket(AF_UNIX);
  await loop.sockConnect(sock, { path });
  return sock;
}

Deno.test("connectAcceptedSocket() takes what sockAccept() gave", async () => {
  await inLoop(async (loop) => {
    using listener = bound();
    listener.listen();
    const { port } = listener.getsockname() as Deno.NetAddr;
    const accepting = loop.createTask(() => loop.sockAccept(listener));
    const [reader, writer] = await openConnection({ hostname: "127.0.0.1", port });
    const [conn] = await accepting;
    const [transport] = await loop.connectAcceptedSocket(() => new Echo(), conn);
    writer.write(bytes("hello"));
    assertEquals(text(await reader.readexactly(5)), "hello");
    transport.close();
    assertEquals((await reader.read()).length, 0);
    writer.close();
  });
});

Deno.test("createDatagramEndpoint() takes a Socket, and hears from the kernel of a connected one", async () => {
  await inLoop(async (loop) => {
    const packets: string[] = [];
    const errors: Error[] = [];
    const protocol = {
      datagramReceived: (data: Uint8Array) => void packets.push(text(data)),
      errorReceived: (error: Error) => void errors.push(error),
    };
    const sock = new Socket(AF_INET, SOCK_DGRAM);
    sock.bind(LOCAL);
    const [endpoint] = await loop.createDatagramEndpoint(() => protocol, { sock });
    assertThrows(() => loop.addReader(sock, () => {}), RuntimeError, "used by a transport");
    const other = new Socket(AF_INET, SOCK_DGRAM);
    other.connect(endpoint.getExtraInfo("sockname") as Deno.NetAddr);
    const [connectedTo] = await loop.createDatagramEndpoint(() => protocol, { sock: other });
    connectedTo.sendto(bytes("hi"));
    await until(() => packets.length === 1);
    endpoint.close();
    await iterations(loop, 3);
    connectedTo.sendto(bytes("nobody there"));
    await until(() => errors.length === 1);
    assertEquals(packets, ["hi"]);
    assertInstanceOf(errors[0], Deno.errors.ConnectionRefused);
    connectedTo.close();
    await iterations(loop, 3);
    assertEquals([sock.fileno(), other.fileno()], [-1, -1]);
  });
});

Deno.test("the number of an fd stands for its socket", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    const [clientFd, serverFd] = [a.detach(), b.detach()];
    const [client, recorder] = await loop.createConnection(() => new Recorder(loop), {
      sock: clientFd,
    });
    const [server] = await loop.connectAcceptedSocket(() => new Echo(), serverFd);
    client.write(bytes("hello"));
    await until(() => recorder.received === 5);
    server.close();
    await recorder.lost;
    const listener = bound();
    const { port } = listener.getsockname() as Deno.NetAddr;
    const listening = await loop.createServer(() => new Echo(), { sock: listener.detach() });
    assertEquals(portOf(listening), port);
    const [reader, writer] = await openConnection({ hostname: "127.0.0.1", port });
    writer.write(bytes("hello"));
    assertEquals(text(await reader.readexactly(5)), "hello");
    writer.close();
    listening.close();
    await listening.waitClosed();
    const datagram = new Socket(AF_INET, SOCK_DGRAM);
    datagram.bind(LOCAL);
    const [endpoint] = await loop.createDatagramEndpoint(() => ({}), { sock: datagram.detach() });
    endpoint.close();
  });
});

Deno.test("connectReadPipe() and connectWritePipe() take a Socket, an fd, and what has one", async () => {
  await inLoop(async (loop) => {
    for (const kind of ["Socket", "number", "fileno"] as const) {
      const give = (sock: Socket) =>
        kind === "Socket" ? sock : kind === "number" ? sock.detach() : {
          fileno: () => sock.fileno(),
          detach: () => sock.detach(),
        };
      const [read, write] = socketpair();
      const [reading, reader] = await loop.connectReadPipe(() => new Recorder(loop), give(read));
      const [writing, writer] = await loop.connectWritePipe(() => new Recorder(loop), give(write));
      assertEquals([read.fileno(), write.fileno()], [-1, -1]);
      writing.write(bytes("through the pipe"));
      await until(() => reader.received === 16);
      writing.close();
      await reader.lost;
      await writer.lost;
      reading.close();
    }
  });
});

Deno.test("something else with fileno() and detach() gives its fd away", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    const log: string[] = [];
    const foreign = {
      fileno: () => a.fileno(),
      detach: () => void log.push(`detached ${a.detach()}`),
    };
    const fd = a.fileno();
    const [transport] = await loop.createConnection(() => new Echo(), { sock: foreign });
    assertEquals(log, [`detached ${fd}`]);
    b.send(bytes("x"));
    assertEquals(text(await loop.sockRecv(b, 1)), "x");
    transport.close();
    assertEquals((await loop.sockRecv(b, 1)).length, 0);
    b.close();
  });
});

Deno.test("the wrong kind of socket is refused, and stays the caller's", async () => {
  await inLoop(async (loop) => {
    const factory = () => new Protocol();
    const datagram = new Socket(AF_INET, SOCK_DGRAM);
    const listener = bound();
    listener.listen();
    const unconnected = new Socket();
    const [unixSock, unixPeer] = socketpair();
    const [tcpSock, tcpPeer] = await tcpPair(loop);
    const [closed, closedDatagram] = [new Socket(), new Socket(AF_INET, SOCK_DGRAM)];
    for (const sock of [closed, closedDatagram]) sock.close();
    const denoListener = Deno.listen(LOCAL);
    const denoConn = await Deno.connect({
      hostname: "127.0.0.1",
      port: denoListener.addr.port,
    });
    type Call = (sock: GivenSocket) => Promise<unknown>;
    const connect: Call = (sock) => loop.createConnection(factory, { sock });
    const serve: Call = (sock) => loop.createServer(factory, { sock });
    const connectUnix: Call = (sock) => loop.createUnixConnection(factory, { sock });
    const serveUnix: Call = (sock) => loop.createUnixServer(factory, { sock });
    const accept: Call = (sock) => loop.connectAcceptedSocket(factory, sock);
    const endpoint: Call = (sock) => loop.createDatagramEndpoint(() => ({}), { sock });
    const stream = "A Stream Socket was expected, got <Socket";
    const unixStream = "A UNIX Domain Stream Socket was expected, got";
    const cases: [Call, unknown, new (message?: string) => Error, string][] = [
      [connect, datagram, RangeError, `Cannot call createConnection(): ${stream}`],
      [accept, datagram, RangeError, `Cannot call connectAcceptedSocket(): ${stream}`],
      [serve, datagram, RangeError, `Cannot call createServer(): ${stream}`],
      [connectUnix, tcpSock, RangeError, `Cannot call createUnixConnection(): ${unixStream}`],
      [connectUnix, denoConn, RangeError, unixStream],
      [serveUnix, listener, RangeError, `Cannot call createUnixServer(): ${unixStream}`],
      [serveUnix, denoListener, RangeError, unixStream],
      [connect, listener, RangeError, "expected a connected socket, got one that listens"],
      [connect, unconnected, Deno.errors.NotConnected, "getpeername"],
      [serve, tcpSock, TypeError, `listen(fd ${tcpSock.fileno()})`],
      [endpoint, unixSock, RangeError, "A datagram socket was expected, got <Socket"],
      [connect, closed, Deno.errors.BadResource, "closed"],
      [serve, closed, Deno.errors.BadResource, "closed"],
      [endpoint, closedDatagram, Deno.errors.BadResource, "closed"],
      [connect, denoListener, TypeError, "expected a connected Deno.Conn or Socket"],
      [serve, denoConn, TypeError, "expected a Deno.Listener or a listening Socket"],
      [connect, -1, RangeError, "Invalid file descriptor: -1"],
      [serve, 1.5, RangeError, "Invalid file descriptor: 1.5"],
      [connect, 1_000_000, Deno.errors.BadResource, "fd 1000000"],
      [endpoint, NaN, RangeError, "Invalid file descriptor: NaN"],
      [connect, "5", TypeError, "as sock, got"],
    ];
    for (const [call, sock, kind, message] of cases) {
      const error = await assertRejects(() => call(sock as GivenSocket), kind);
      assert(error.message.includes(message), `${error.message}, not ${message}`);
    }
    // All of them are as they were.
    unixSock.send(bytes("u"));
    assertEquals(text(unixPeer.recv(1)), "u");
    tcpSock.send(bytes("t"));
    assertEquals(text(await eventually(() => tcpPeer.recv(1))), "t");
    loop.addReader(datagram, () => {});
    assert(loop.removeReader(datagram));
    for (const sock of [datagram, listener, unconnected, unixSock, unixPeer, tcpSock, tcpPeer]) {
      assert(sock.fileno() >= 0);
      sock.close();
    }
    denoConn.close();
    denoListener.close();
  });
});

Deno.test("a factory that throws costs the socket, which was given", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = socketpair();
    const broken = () => {
      throw new Error("no protocol");
    };
    await assertRejects(() => loop.createConnection(broken, { sock }), Error, "no protocol");
    assertEquals(sock.fileno(), -1);
    assertEquals((await loop.sockRecv(peer, 1)).length, 0);
    peer.close();
  });
});

Deno.test("the fd of a live transport is left alone: RuntimeError, as asyncio", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = socketpair();
    using _peer = peer;
    const fd = sock.fileno();
    const [transport, protocol] = await loop.createConnection(() => new Recorder(loop), { sock });
    const nothing = () => {};
    const message = `File descriptor ${fd} is used by a transport`;
    for (const source of [sock, fd]) {
      assertThrows(() => loop.addReader(source, nothing), RuntimeError, `addReader(): ${message}`);
      assertThrows(() => loop.addWriter(source, nothing), RuntimeError, message);
      assertThrows(() => loop.removeReader(source), RuntimeError, message);
      assertThrows(() => loop.removeWriter(source), RuntimeError, message);
    }
    const calls: (() => Promise<unknown>)[] = [
      () => loop.sockRecv(sock, 1),
      () => loop.sockRecvInto(sock, new Uint8Array(1)),
      () => loop.sockRecvfrom(sock, 1),
      () => loop.sockRecvfromInto(sock, new Uint8Array(1)),
      () => loop.sockSendall(sock, bytes("x")),
      () => loop.sockConnect(sock, { path: "/nowhere" }),
      () => loop.sockAccept(sock),
      () => loop.createConnection(() => new Protocol(), { sock }),
      () => loop.createConnection(() => new Protocol(), { sock: fd }),
      () => loop.connectReadPipe(() => new Protocol(), fd),
    ];
    for (const call of calls) await assertRejects(call, RuntimeError, message);
    // None of them took anything from the transport.
    peer.send(bytes("data"));
    await until(() => protocol.received === 4);
    transport.close();
    await protocol.lost;
    // Whoever has the number next is watched like any other.
    const [c, d] = socketpair();
    assert([c, d].some((heir) => heir.fileno() === fd));
    for (const heir of [c, d]) {
      loop.addReader(heir, nothing);
      assert(loop.removeReader(heir));
      heir.close();
    }
    // So are a server and a pipe; and both give the fd back.
    const listener = bound();
    const server = await loop.createServer(() => new Echo(), { sock: listener });
    assertThrows(() => loop.addReader(listener, nothing), RuntimeError, "used by a transport");
    server.close();
    await server.waitClosed();
    const [read, write] = socketpair();
    const [readFd, writeFd] = [read.detach(), write.detach()];
    const [reading] = await loop.connectReadPipe(() => new Recorder(loop), readFd);
    const [writing] = await loop.connectWritePipe(() => new Recorder(loop), writeFd);
    for (const used of [readFd, writeFd]) {
      assertThrows(() => loop.addReader(used, nothing), RuntimeError, "used by a transport");
    }
    reading.close();
    writing.close();
    await iterations(loop, 10);
    assertFalse(loop.removeReader(readFd));
  });
});

Deno.test("a watched Socket that is handed over is watched no more", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = socketpair();
    using _peer = peer;
    let stolen = 0;
    loop.addReader(sock, () => void stolen++);
    loop.addWriter(sock, () => void loop.removeWriter(sock));
    peer.send(bytes("x"));
    await until(() => stolen > 0);
    const before = stolen;
    const [transport, protocol] = await loop.createConnection(() => new Recorder(loop), { sock });
    await until(() => protocol.received === 1);
    await iterations(loop, 20);
    assertEquals(stolen, before);
    transport.close();
  });
});

Deno.test("a Socket that a call waits for is not handed over", async () => {
  await inLoop(async (loop) => {
    const [sock, peer] = socketpair();
    using _peer = peer;
    const reading = loop.createTask(() => loop.sockRecv(sock, 10));
    await iterations(loop, 3);
    const error = await assertRejects(
      () => loop.createConnection(() => new Protocol(), { sock }),
      RuntimeError,
    );
    assert(error.message.includes(`a call of the loop waits for fd ${sock.fileno()}`));
    peer.send(bytes("mine"));
    assertEquals(text(await reading), "mine");
    const [transport] = await loop.createConnection(() => new Protocol(), { sock });
    transport.close();
  });
});

Deno.test("a loop that closes closes the Sockets of its transports and servers", {
  ignore: !LINUX,
}, async () => {
  const before = countFds();
  const loop = newEventLoop();
  const [sock, peer] = socketpair();
  const listener = bound();
  await loop.runUntilComplete(async () => {
    await loop.createConnection(() => new Echo(), { sock });
    await loop.createServer(() => new Echo(), { sock: listener });
    await iterations(loop, 5);
  });
  loop.close();
  assertEquals([sock.fileno(), listener.fileno()], [-1, -1]);
  peer.close();
  await until(() => countFds() === before);
});

peerTest(
  "createServer() serves on the fd that another program has opened, without --allow-ffi",
  ["python3"],
  async () => {
    const program = `
      import { newEventLoop, Protocol } from ${JSON.stringify(new URL("mod.ts", ROOT).href)};
      const loop = newEventLoop();
      await loop.runUntilComplete(async () => {
        const [family, fd, datagram] = Deno.args;
        const factory = () => {
          const protocol = new Protocol();
          let transport;
          protocol.connectionMade = (made) => { transport = made; };
          protocol.dataReceived = (data) => transport.write(data);
          protocol.connectionLost = () => loop.stop();
          return protocol;
        };
        try {
          await loop.createConnection(factory, { sock: Number(datagram) });
        } catch (error) {
          console.log(error.name, error.message);
        }
        const sock = Number(fd);
        const server = family === "unix"
          ? await loop.createUnixServer(factory, { sock })
          : await loop.createServer(factory, { sock });
        try {
          loop.addReader(sock, () => {});
        } catch (error) {
          console.log(error.name);
        }
        console.log(server.sockets[0].addr.transport);
        console.log("ready");
        await server.serveForever();
      }).catch((error) => {
        if (!error.message.includes("stopped")) throw error;
      });
      loop.close();`;
    await using parent = startPython(
      `
      import os, socket, subprocess, sys
      for family in ("tcp", "unix"):
          if family == "tcp":
              listener = socket.create_server(("127.0.0.1", 0))
          else:
              listener = socket.socket(socket.AF_UNIX)
              listener.bind("\\0asyncio-inherited-%d" % os.getpid())
              listener.listen()
          datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
          fds = (listener.fileno(), datagram.fileno())
          child = subprocess.Popen(
              [*sys.argv[1:], family, *map(str, fds)], pass_fds=fds, stdout=subprocess.PIPE, text=True)
          for line in child.stdout:
              if line == "ready\\n": break
              print(line, end="")
          with socket.socket(listener.family) as client:
              client.connect(listener.getsockname())
              client.sendall(b"hello")
              print(client.recv(100).decode())
          print(child.wait())
          listener.close()
      print("end")
      `,
      {
        args: [
          Deno.execPath(),
          ...["run", "--quiet", "--no-prompt", "--no-check", "--allow-read", "--allow-net"],
          `data:application/typescript,${encodeURIComponent(program)}`,
        ],
        env: { NO_COLOR: "1" },
      },
    );
    const { stdout, stderr } = await parent.communicate();
    const expected = (transport: string) =>
      `RangeError Cannot call createConnection(): A Stream Socket was expected, got file descriptor N
RuntimeError
${transport}
hello
0
`;
    assertEquals(
      [stdout.replaceAll(/descriptor \d+/g, "descriptor N"), stderr],
      [`${expected("tcp")}${expected("unix")}end\n`, ""],
    );
  },
);
