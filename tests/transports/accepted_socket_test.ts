import { CancelledError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import * as c from "../../transports/ffi/constants.ts";
import { Socket, socketpair } from "../../transports/ffi/socket.ts";
import type { GivenSocket, Transport } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { startPython } from "../support/python.ts";
import { Echo, inLoop, Recorder } from "./tcp_support.ts";
import { clientContext, serverContext, TLS_FIXTURES } from "./tls_support.ts";

const LOCAL = { hostname: "127.0.0.1" };
const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";

/** Registers a test that needs sockets of the system. */
function socketTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

/** A TCP listener of the system, on any port. */
function listen(): [Socket, number] {
  const socket = new Socket(c.AF_INET, c.SOCK_STREAM);
  socket.bind({ hostname: "127.0.0.1", port: 0 });
  socket.listen();
  return [socket, (socket.getsockname() as Deno.NetAddr).port];
}

async function talk(loop: EventLoop, transport: Transport, client: Recorder): Promise<void> {
  transport.write(new Uint8Array(500_000));
  await until(() => client.received === 500_000);
  transport.close();
  assertEquals(await client.lost, null);
  assertEquals(loop.isClosed(), false);
}

/** A connection of `client` to `listener`, and what that accepted. */
async function connectAndAccept(
  loop: EventLoop,
  client: Recorder,
  listener: Deno.TcpListener,
): Promise<[[Transport, Recorder], Deno.TcpConn]> {
  const { port } = listener.addr as Deno.NetAddr;
  return await Promise.all([
    loop.createConnection(() => client, { ...LOCAL, port }),
    listener.accept(),
  ]);
}

Deno.test("connectAcceptedSocket() makes a transport of an accepted Deno.Conn", async () => {
  await inLoop(async (loop) => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    const client = new Recorder(loop);
    const [[transport], conn] = await connectAndAccept(loop, client, listener);
    const echo = new Echo();
    const [accepted, protocol] = await loop.connectAcceptedSocket(() => echo, conn);
    assertEquals(protocol, echo);
    assertEquals(accepted.getExtraInfo("socket"), conn);
    assertEquals(accepted.getExtraInfo("peername"), conn.remoteAddr);
    await talk(loop, transport, client);
  });
});

Deno.test("connectAcceptedSocket() speaks TLS as the server", async () => {
  await inLoop(async (loop) => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    const client = new Recorder(loop);
    const accepting = listener.accept().then((conn) =>
      loop.connectAcceptedSocket(() => new Echo(), conn, {
        tls: serverContext({ alpnProtocols: ["echo"] }),
        tlsHandshakeTimeoutMs: 5000,
      })
    );
    const [[transport], [accepted]] = await Promise.all([
      loop.createConnection(() => client, {
        ...LOCAL,
        port: (listener.addr as Deno.NetAddr).port,
        tls: clientContext({ alpnProtocols: ["echo"] }),
        serverHostname: "localhost",
      }),
      accepting,
    ]);
    assertEquals(accepted.getExtraInfo("alpnProtocol"), "echo");
    await talk(loop, transport, client);
  });
});

Deno.test("connectAcceptedSocket() rejects a peer that speaks no TLS, and closes", async () => {
  await inLoop(async (loop) => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    const client = new Recorder(loop);
    const [[transport], conn] = await connectAndAccept(loop, client, listener);
    transport.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    let made = 0;
    const factory = () => {
      made++;
      return new Protocol();
    };
    await assertRejects(() => loop.connectAcceptedSocket(factory, conn, { tls: serverContext() }));
    await client.lost;
    assertEquals(made, 0);
  });
});

Deno.test("connectAcceptedSocket() refuses what it cannot use, and leaves it alone", async () => {
  await inLoop(async (loop) => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    const factory = () => new Protocol();
    const call = (sock: unknown, options = {}, made: () => Protocol = factory) =>
      loop.connectAcceptedSocket(made, sock as GivenSocket, options);
    await assertRejects(() => call(listener), TypeError, "a connected Deno.Conn or Socket");
    await assertRejects(() => call("socket"), TypeError, 'got "socket"');
    await assertRejects(() => call(null), TypeError, "got null");
    const conn = await Deno.connect({ ...LOCAL, port: (listener.addr as Deno.NetAddr).port });
    await assertRejects(() => call(conn, { tls: true }), TypeError, "createTlsContext()");
    await assertRejects(() => call(conn, { tls: {} }), TypeError, "createTlsContext()");
    for (const name of ["tlsHandshakeTimeoutMs", "tlsShutdownTimeoutMs"]) {
      await assertRejects(() => call(conn, { [name]: 1 }), RangeError, "only meaningful with tls");
    }
    await assertRejects(
      () => call(conn, {}, 5 as unknown as () => Protocol),
      TypeError,
      "function that makes the protocol",
    );
    // It is open still.
    const accepted = await listener.accept();
    await conn.write(new Uint8Array([7]));
    const buffer = new Uint8Array(1);
    assertEquals([await accepted.read(buffer), buffer[0]], [1, 7]);
    accepted.close();
    conn.close();
  });
});

Deno.test("connectAcceptedSocket() closes the connection if the factory throws", async () => {
  await inLoop(async (loop) => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    const client = new Recorder(loop);
    const [, conn] = await connectAndAccept(loop, client, listener);
    await assertRejects(
      () =>
        loop.connectAcceptedSocket(() => {
          throw new Error("no protocol");
        }, conn),
      Error,
      "no protocol",
    );
    assertEquals(await client.lost, null);
  });
});

// --- sockets of the system

socketTest(
  "connectAcceptedSocket() makes a transport of an accepted Socket",
  () =>
    inLoop(async (loop) => {
      const [listener, port] = listen();
      using _ = listener;
      const client = new Recorder(loop);
      const [[transport], [sock]] = await Promise.all([
        loop.createConnection(() => client, { ...LOCAL, port }),
        loop.sockAccept(listener),
      ]);
      const [accepted] = await loop.connectAcceptedSocket(() => new Echo(), sock);
      assertEquals(accepted.getExtraInfo("socket"), sock);
      assertEquals(accepted.getExtraInfo("peername"), transport.getExtraInfo("sockname"));
      assertEquals(accepted.getExtraInfo("sockname"), transport.getExtraInfo("peername"));
      const raw = sock as Socket;
      assert(raw.getsockopt(c.IPPROTO_TCP, c.TCP_NODELAY) !== 0);
      await talk(loop, transport, client);
      await until(() => raw.fileno() === -1);
    }),
);

socketTest(
  "createServer() and createConnection() take Sockets of the caller's",
  () =>
    inLoop(async (loop) => {
      const [listener, port] = listen();
      const server = await loop.createServer(() => new Echo(), { sock: listener });
      assertEquals(server.sockets.map(({ addr }) => addr), [{
        transport: "tcp",
        hostname: "127.0.0.1",
        port,
      }]);
      const sock = new Socket(c.AF_INET, c.SOCK_STREAM);
      await loop.sockConnect(sock, { ...LOCAL, port });
      const client = new Recorder(loop);
      const [transport] = await loop.createConnection(() => client, { sock });
      assertEquals(transport.getExtraInfo("socket"), sock);
      await talk(loop, transport, client);
      // Several at once, and one that is gone before it is accepted.
      using early = new Socket(c.AF_INET, c.SOCK_STREAM);
      await loop.sockConnect(early, { ...LOCAL, port });
      early.close();
      const others = Array.from({ length: 5 }, () => new Recorder(loop));
      await Promise.all(others.map(async (other) => {
        const [transport] = await loop.createConnection(() => other, { ...LOCAL, port });
        await talk(loop, transport, other);
      }));
      server.close();
      await server.waitClosed();
      assertEquals(listener.fileno(), -1);
    }),
);

socketTest(
  "a Socket below a transport half-closes, and aborts with a reset",
  () =>
    inLoop(async (loop) => {
      const [listener, port] = listen();
      using _ = listener;
      const connect = async (): Promise<[Recorder, Recorder]> => {
        const sock = new Socket(c.AF_INET, c.SOCK_STREAM);
        const [[peer]] = await Promise.all([
          loop.sockAccept(listener),
          loop.sockConnect(sock, { ...LOCAL, port }),
        ]);
        const [, ours] = await loop.createConnection(() => new Recorder(loop), { sock });
        const [, theirs] = await loop.connectAcceptedSocket(() => new Recorder(loop), peer);
        return [ours, theirs];
      };
      const [ours, theirs] = await connect();
      theirs.keepOpen = true;
      ours.transport.writeEof();
      await until(() => theirs.events.includes("eof"));
      theirs.transport.write(new Uint8Array(10));
      await until(() => ours.received === 10);
      theirs.transport.close();
      assertEquals([await ours.lost, await theirs.lost], [null, null]);

      const [aborting, victim] = await connect();
      aborting.transport.abort();
      assertEquals(await aborting.lost, null);
      assertInstanceOf(await victim.lost, Deno.errors.ConnectionReset);
    }),
);

socketTest("transports take both ends of a socketpair()", () =>
  inLoop(async (loop) => {
    const [a, b] = socketpair();
    const client = new Recorder(loop);
    await loop.connectAcceptedSocket(() => new Echo(), b);
    const [transport] = await loop.createUnixConnection(() => client, { sock: a });
    assertEquals(transport.getExtraInfo("peername"), { transport: "unix", path: "" });
    await talk(loop, transport, client);
  }));

socketTest(
  "transports refuse Sockets that are no connection, and leave them open",
  () =>
    inLoop(async (loop) => {
      const [listener] = listen();
      using datagram = new Socket(c.AF_INET, c.SOCK_DGRAM);
      using fresh = new Socket(c.AF_INET, c.SOCK_STREAM);
      const factory = () => new Protocol();
      const cases: [Socket, new (message: string) => Error, string][] = [
        [datagram, RangeError, "A Stream Socket was expected"],
        [listener, RangeError, "one that listens"],
        [fresh, Deno.errors.NotConnected, "getpeername"],
      ];
      for (const [sock, kind, message] of cases) {
        for (
          const call of [
            () => loop.connectAcceptedSocket(factory, sock),
            () => loop.createConnection(factory, { sock }),
          ]
        ) {
          await assertRejects(call, kind, message);
          assert(sock.fileno() >= 0);
        }
      }
      await assertRejects(
        () => loop.createServer(factory, { sock: datagram }),
        RangeError,
        "A Stream Socket was expected",
      );
      listener.close();
    }),
);

socketTest("a given Socket that is cancelled is closed", () =>
  inLoop(async (loop) => {
    for (const how of ["cancel", "signal"] as const) {
      const [a, b] = socketpair();
      const controller = new AbortController();
      const task = loop.createTask(() =>
        loop.createConnection(() => new Protocol(), { sock: a, signal: controller.signal })
      );
      loop.callSoon(() => {
        if (how === "cancel") task.cancel();
        else controller.abort(new Error("enough"));
      });
      const error = await assertRejects(() => task, Error);
      assertEquals(error instanceof CancelledError, how === "cancel");
      await until(() => a.fileno() === -1);
      const peer = new Recorder(loop);
      await loop.connectAcceptedSocket(() => peer, b);
      assertEquals(await peer.lost, null);
    }
  }));

// --- CPython

peerTest("CPython's ssl talks to a connection we accepted ourselves", ["python3"], async () => {
  await inLoop(async (loop) => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    await using python = startPython(
      `
      import socket, ssl, sys
      context = ssl.create_default_context(cafile=sys.argv[2])
      with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as raw:
          with context.wrap_socket(raw, server_hostname="localhost") as sock:
              sock.sendall(b"x" * 100_000)
              got = 0
              while got < 100_000: got += len(sock.recv(65536))
              print(sock.version(), got)
              sock.unwrap()
      `,
      { args: [String((listener.addr as Deno.NetAddr).port), `${TLS_FIXTURES}ca.pem`] },
    );
    const server = new Recorder(loop);
    const echo = new Echo();
    server.dataReceived = (data) => echo.dataReceived(data);
    const made = server.connectionMade.bind(server);
    server.connectionMade = (transport) => {
      made(transport);
      echo.connectionMade(transport);
    };
    await loop.connectAcceptedSocket(() => server, await listener.accept(), {
      tls: serverContext(),
    });
    assertEquals(await server.lost, null);
    const { stdout, stderr } = await python.wait();
    assertStringIncludes(stdout, "TLSv1.3 100000");
    assertEquals(stderr, "");
  });
});
