import type { EventLoop } from "../../../loop/mod.ts";
import type { SocketLike } from "../../../types.ts";
import * as c from "../../../transports/ffi/constants.ts";
import { Socket } from "../../../transports/ffi/socket.ts";
import { assertEquals } from "../../support/assert.ts";
import { peerTest } from "../../support/peers.ts";
import { startPython } from "../../support/python.ts";
import { bytes, text, withLoop } from "./support.ts";

const PYTHON = ["python3"];

/** CPython's asyncio as a client on raw sockets: `connections` of `messages` each, then EOF. */
const CLIENT = `
  import asyncio, socket, sys
  family, address = eval(sys.argv[1])
  connections, messages = 5, 200

  async def receive(loop, sock, count):
      data = b""
      while len(data) < count:
          more = await loop.sock_recv(sock, count - len(data))
          assert more, "early EOF"
          data += more
      return data

  async def talk(loop, number):
      with socket.socket(family) as sock:
          sock.setblocking(False)
          await loop.sock_connect(sock, address)
          for i in range(messages):
              message = bytes([number]) * (1 + i * 100)
              sending = asyncio.create_task(loop.sock_sendall(sock, message))
              assert await receive(loop, sock, len(message)) == message
              await sending
          sock.shutdown(socket.SHUT_WR)
          assert await loop.sock_recv(sock, 1) == b""

  async def main():
      loop = asyncio.get_running_loop()
      await asyncio.gather(*(talk(loop, n) for n in range(connections)))
      print("done")

  asyncio.run(main())
`;

const CONNECTIONS = 5;

async function runClient(loop: EventLoop, address: string): Promise<string> {
  await using child = startPython(CLIENT, { args: [address] });
  const future = loop.createFuture<string>();
  child.wait().then(
    ({ stdout, stderr }) => future.setResult(stdout + stderr),
    (error) => future.setException(error),
  );
  return await future;
}

function listen(family: number, address: { hostname: string; port: number } | { path: string }) {
  const listener = new Socket(family);
  listener.bind(address);
  listener.listen();
  return listener;
}

function pythonAddress(listener: Socket): string {
  const addr = listener.getsockname();
  return "path" in addr
    ? `(socket.AF_UNIX, ${JSON.stringify(addr.path).replace("\\u0000", "\\0")})`
    : `(socket.${listener.family === c.AF_INET ? "AF_INET" : "AF_INET6"}, ("${
      (addr as Deno.NetAddr).hostname
    }", ${(addr as Deno.NetAddr).port}))`;
}

async function echo(loop: EventLoop, sock: SocketLike): Promise<void> {
  while (true) {
    const data = await loop.sockRecv(sock, 65536);
    if (data.length === 0) break;
    await loop.sockSendall(sock, data);
  }
  (sock as Deno.Conn).close();
}

const FAMILIES: [string, number, { hostname: string; port: number } | { path: string }][] = [
  ["IPv4", c.AF_INET, { hostname: "127.0.0.1", port: 0 }],
  ["IPv6", c.AF_INET6, { hostname: "::1", port: 0 }],
];
if (Deno.build.os === "linux") {
  FAMILIES.push(["unix", c.AF_UNIX, { path: `\0asyncio-echo-${Deno.pid}` }]);
}

for (const [name, family, address] of FAMILIES) {
  peerTest(
    `sockAccept(), sockRecv(), sockSendall() serve CPython's sock_* [${name}]`,
    PYTHON,
    () =>
      withLoop(async (loop) => {
        using listener = listen(family, address);
        const server = loop.createTask(async () => {
          const tasks = [];
          for (let i = 0; i < CONNECTIONS; i++) {
            const [conn] = await loop.sockAccept(listener);
            tasks.push(loop.createTask(() => echo(loop, conn)));
          }
          for (const task of tasks) await task;
        });
        assertEquals(await runClient(loop, pythonAddress(listener)), "done\n");
        await server;
      }),
  );

  peerTest(
    `a server on addReader() and addWriter() alone serves CPython [${name}]`,
    PYTHON,
    () =>
      withLoop(async (loop) => {
        using listener = listen(family, address);
        let open = 0;
        loop.addReader(listener, () => {
          const [conn] = listener.accept();
          open++;
          const queue: Uint8Array[] = [];
          const write = () => {
            while (queue.length > 0) {
              const [first] = queue as [Uint8Array];
              let sent: number;
              try {
                sent = conn.send(first);
              } catch (error) {
                if (!(error instanceof Deno.errors.WouldBlock)) throw error;
                return loop.addWriter(conn, write);
              }
              if (sent < first.length) queue[0] = first.subarray(sent);
              else queue.shift();
            }
            loop.removeWriter(conn);
          };
          loop.addReader(conn, () => {
            const data = conn.recv(65536);
            if (data.length > 0) {
              queue.push(data);
              return write();
            }
            loop.removeReader(conn);
            conn.close();
            open--;
          });
        });
        assertEquals(await runClient(loop, pythonAddress(listener)), "done\n");
        loop.removeReader(listener);
        assertEquals(open, 0);
      }),
  );
}

peerTest(
  "sock* calls on Deno's own Listener and Conn serve CPython's sock_*",
  PYTHON,
  () =>
    withLoop(async (loop) => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const server = loop.createTask(async () => {
        const tasks = [];
        for (let i = 0; i < CONNECTIONS; i++) {
          const [conn] = await loop.sockAccept(listener);
          tasks.push(loop.createTask(() => echo(loop, conn)));
        }
        for (const task of tasks) await task;
      });
      const address = `(socket.AF_INET, ("127.0.0.1", ${listener.addr.port}))`;
      assertEquals(await runClient(loop, address), "done\n");
      await server;
    }),
);

peerTest(
  "sockConnect() and the rest talk to a server of CPython",
  PYTHON,
  () =>
    withLoop(async (loop) => {
      await using server = startPython(`
      import asyncio, socket

      async def main():
          loop = asyncio.get_running_loop()
          with socket.create_server(("127.0.0.1", 0)) as listener:
              listener.setblocking(False)
              print("ready", listener.getsockname()[1])
              conn, peer = await loop.sock_accept(listener)
              with conn:
                  while data := await loop.sock_recv(conn, 65536):
                      await loop.sock_sendall(conn, data)
              print("peer", peer[1])

      asyncio.run(main())
    `);
      const port = Number(await server.waitReady());
      using client = new Socket();
      await loop.sockConnect(client, { hostname: "127.0.0.1", port });
      const message = bytes("0123456789".repeat(50_000));
      const sending = loop.createTask(() => loop.sockSendall(client, message));
      let got = "";
      while (got.length < message.length) got += text(await loop.sockRecv(client, 65536));
      await sending;
      assertEquals(got === text(message), true);
      client.shutdown(c.SHUT_WR);
      assertEquals((await loop.sockRecv(client, 1)).length, 0);
      const own = client.getsockname() as Deno.NetAddr;
      assertEquals(await server.waitReady("peer"), String(own.port));
    }),
);

peerTest(
  "sockRecvfrom() and sockSendto() serve CPython's over UDP",
  PYTHON,
  () =>
    withLoop(async (loop) => {
      using server = new Socket(c.AF_INET, c.SOCK_DGRAM);
      server.bind({ hostname: "127.0.0.1", port: 0 });
      const { port } = server.getsockname() as Deno.NetAddr;
      const serving = loop.createTask(async () => {
        while (true) {
          const [data, from] = await loop.sockRecvfrom(server, 65536);
          await loop.sockSendto(server, data, from as Deno.NetAddr);
        }
      });
      await using client = startPython(
        `
      import asyncio, socket, sys

      async def main():
          loop = asyncio.get_running_loop()
          with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
              sock.setblocking(False)
              sock.bind(("127.0.0.1", 0))
              for size in [0, 1, 1000, 65507]:
                  await loop.sock_sendto(sock, b"x" * size, ("127.0.0.1", ${port}))
                  data, peer = await loop.sock_recvfrom(sock, 65536)
                  assert data == b"x" * size and peer == ("127.0.0.1", ${port}), (len(data), peer)
          print("done")

      asyncio.run(main())
      `,
      );
      const future = loop.createFuture<string>();
      client.wait().then(({ stdout, stderr }) => future.setResult(stdout + stderr));
      assertEquals(await future, "done\n");
      serving.cancel();
      await serving.catch(() => {});
    }),
);

peerTest("sockSendfile() to CPython arrives whole", PYTHON, () =>
  withLoop(async (loop) => {
    using listener = listen(c.AF_INET, { hostname: "127.0.0.1", port: 0 });
    const { port } = listener.getsockname() as Deno.NetAddr;
    await using client = startPython(`
      import hashlib, socket
      digest, size = hashlib.sha256(), 0
      with socket.create_connection(("127.0.0.1", ${port})) as sock:
          while data := sock.recv(100000):
              digest.update(data)
              size += len(data)
      print("got", size, digest.hexdigest())
    `);
    const content = new Uint8Array(5_000_000);
    for (let i = 0; i < content.length; i++) content[i] = i * 31 >> 3;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
    const path = await Deno.makeTempFile();
    await Deno.writeFile(path, content);
    {
      using file = await Deno.open(path);
      const [conn] = await loop.sockAccept(listener);
      assertEquals(await loop.sockSendfile(conn, file), content.length);
      (conn as Socket).close();
    }
    await Deno.remove(path);
    assertEquals(await client.waitReady("got"), `${content.length} ${hash}`);
  }));
