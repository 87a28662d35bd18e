import { CancelledError } from "../../errors.ts";
import type { EventLoop, Task } from "../../loop/mod.ts";
import { run } from "../../policy/mod.ts";
import { getRunningLoop } from "../../loop/mod.ts";
import {
  AF_INET,
  AF_UNIX,
  SHUT_WR,
  SO_SNDBUF,
  SOCK_DGRAM,
  Socket,
  socketpair,
  SOL_SOCKET,
} from "../../transports/mod.ts";
import { assert, assertEquals, assertGreater } from "../support/assert.ts";
import type { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { startPython } from "../support/python.ts";
import { bytes, countFds, iterations, text } from "./ffi/support.ts";
import { inLoop } from "./tcp_support.ts";

const LINUX = Deno.build.os === "linux";
const PYTHON = ["python3"];
const LOCAL = { hostname: "127.0.0.1", port: 0 };

/** What a child said, as a future of the loop: waiting for it must not stop the loop. */
async function outputOf(loop: EventLoop, child: Child): Promise<string> {
  const future = loop.createFuture<string>();
  child.wait().then(
    ({ stdout, stderr }) => future.setResult(stdout + stderr),
    (error) => future.setException(error),
  );
  return await future;
}

// --- CPython at the other end

peerTest(
  "a server on sockAccept() and the rest serves CPython's add_reader()",
  PYTHON,
  async () => {
    await run(async () => {
      const loop = getRunningLoop() as EventLoop;
      using listener = new Socket();
      listener.bind(LOCAL);
      listener.listen();
      const { port } = listener.getsockname() as Deno.NetAddr;
      const serving = loop.createTask(async () => {
        while (true) {
          const [conn] = await loop.sockAccept(listener);
          loop.createTask(() => echo(loop, conn as Socket));
        }
      });
      await using client = startPython(`
      import asyncio, socket
      async def main():
          loop = asyncio.get_running_loop()
          clients = []
          for number in range(20):
              sock = socket.create_connection(("127.0.0.1", ${port}))
              sock.setblocking(False)
              message = bytes([number]) * 30_000
              done = loop.create_future()
              clients.append((sock, done))
              def read(sock=sock, got=bytearray(), message=message, done=done):
                  got += sock.recv(4096)
                  if len(got) == len(message):
                      loop.remove_reader(sock)
                      done.set_result(got == message)
              loop.add_reader(sock, read)
              await loop.sock_sendall(sock, message)
          print([await done for sock, done in clients] == [True] * 20)
          for sock, done in clients: sock.close()
      asyncio.run(main())
    `);
      assertEquals(await outputOf(loop, client), "True\n");
      serving.cancel();
      await serving.catch(() => {});
    });
  },
);

async function echo(loop: EventLoop, conn: Socket): Promise<void> {
  using _conn = conn;
  for (let data; (data = await loop.sockRecv(conn, 65536)).length > 0;) {
    await loop.sockSendall(conn, data);
  }
}

peerTest("a client on addReader() and addWriter() alone talks to CPython's", PYTHON, async () => {
  await using server = startPython(`
    import asyncio, socket
    async def main():
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        ended = loop.create_future()
        def accept():
            conn, _ = listener.accept()
            conn.setblocking(False)
            pending = bytearray()
            def write():
                del pending[:conn.send(pending)]
                if not pending: loop.remove_writer(conn)
            def read():
                data = conn.recv(65536)
                pending.extend(data)
                if data: loop.add_writer(conn, write)
                else:
                    loop.remove_reader(conn)
                    conn.close()
                    ended.set_result(None)
            loop.add_reader(conn, read)
        loop.add_reader(listener, accept)
        print("ready", listener.getsockname()[1])
        await ended
    asyncio.run(main())
  `);
  const port = Number(await server.waitReady());
  await inLoop(async (loop) => {
    using sock = new Socket();
    await loop.sockConnect(sock, { hostname: "127.0.0.1", port });
    const message = bytes("0123456789".repeat(100_000));
    let sent = 0;
    let got = "";
    const answered = loop.createFuture<void>();
    loop.addWriter(sock, () => {
      sent += sock.send(message.subarray(sent));
      if (sent === message.length) loop.removeWriter(sock);
    });
    loop.addReader(sock, () => {
      got += text(sock.recv(65536));
      if (got.length === message.length) answered.setResult(undefined);
    });
    await answered;
    loop.removeReader(sock);
    assert(got === text(message));
    sock.shutdown(SHUT_WR);
    assertEquals((await loop.sockRecv(sock, 1)).length, 0);
  });
  assertEquals((await server.wait()).code, 0);
});

peerTest("sockSendto() and sockRecvfrom() talk to CPython's over UDP", PYTHON, async () => {
  await using server = startPython(`
    import asyncio, socket
    async def main():
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            print("ready", sock.getsockname()[1])
            while True:
                data, peer = await loop.sock_recvfrom(sock, 65536)
                if data == b"end": break
                await loop.sock_sendto(sock, data[::-1], peer)
    asyncio.run(main())
  `);
  const port = Number(await server.waitReady());
  const addr = { hostname: "127.0.0.1", port };
  await inLoop(async (loop) => {
    using sock = new Socket(AF_INET, SOCK_DGRAM);
    for (let i = 0; i < 200; i++) {
      const message = `datagram ${i}`;
      assertEquals(await loop.sockSendto(sock, bytes(message), addr), message.length);
      const [data, from] = await loop.sockRecvfrom(sock, 100);
      assertEquals(text(data), [...message].reverse().join(""));
      assertEquals({ ...from }, { transport: "udp", ...addr });
    }
    await loop.sockSendto(sock, bytes("end"), addr);
  });
  assertEquals((await server.wait()).code, 0);
});

// --- cancelling at random moments

/** Numbers that look like chance, the same every time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** Lets `task` go on for some iterations, then cancels it; its result, or `null` if that came in time. */
async function cancelSoon<T>(
  loop: EventLoop,
  task: Task<T>,
  count: number,
): Promise<T | null> {
  for (let i = 0; i < count && !task.done(); i++) await iterations(loop, 1);
  task.cancel();
  try {
    return await task;
  } catch (error) {
    if (error instanceof CancelledError) return null;
    throw error;
  }
}

const SEEDS = [1, 2, 3, 4, 5];

Deno.test("cancelling receiving calls at random loses, repeats and swaps no byte", async () => {
  await inLoop(async (loop) => {
    for (const seed of SEEDS) {
      const random = chance(seed);
      const [a, b] = socketpair();
      using _a = a, _b = b;
      const sent = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251);
      const sending = loop.createTask(async () => {
        for (let at = 0; at < sent.length;) {
          const size = 1 + random(300);
          await loop.sockSendall(a, sent.subarray(at, at + size));
          at += size;
          await iterations(loop, random(4));
        }
        a.shutdown(SHUT_WR);
      });
      const calls: ((n: number) => Promise<Uint8Array>)[] = [
        (n) => loop.sockRecv(b, n),
        async (n) => {
          const buffer = new Uint8Array(n);
          return buffer.subarray(0, await loop.sockRecvInto(b, buffer));
        },
        async (n) => (await loop.sockRecvfrom(b, n))[0],
        async (n) => {
          const buffer = new Uint8Array(n);
          return buffer.subarray(0, (await loop.sockRecvfromInto(b, buffer))[0]);
        },
      ];
      const got: number[] = [];
      let cancelled = 0;
      while (true) {
        const call = calls[random(calls.length)] as typeof calls[0];
        const task = loop.createTask(() => call(1 + random(200)));
        const data = await cancelSoon(loop, task, random(6));
        if (data === null) cancelled++;
        else if (data.length === 0) break;
        else got.push(...data);
      }
      await sending;
      assert(got.length === sent.length && got.every((byte, i) => byte === sent[i]));
      assertGreater(cancelled, 10);
    }
  });
});

Deno.test("cancelling sockAccept() and sockConnect() at random loses no connection", async () => {
  await inLoop(async (loop) => {
    for (const seed of SEEDS) {
      const random = chance(seed);
      using listener = new Socket();
      listener.bind(LOCAL);
      listener.listen(200);
      const addr = listener.getsockname() as Deno.NetAddr;
      const count = 50;
      const clients: Socket[] = [];
      const connecting = loop.createTask(async () => {
        for (let i = 0; i < count; i++) {
          const client = new Socket();
          clients.push(client);
          // Taken up as often as it was given up.
          for (let done = false; !done;) {
            const task = loop.createTask(async () => {
              await loop.sockConnect(client, addr);
              return true;
            });
            done = await cancelSoon(loop, task, random(8)) ?? false;
          }
          await loop.sockSendall(client, new Uint8Array([i]));
        }
      });
      const heard: number[] = [];
      while (heard.length < count) {
        const accepting = loop.createTask(() => loop.sockAccept(listener));
        const accepted = await cancelSoon(loop, accepting, random(10));
        if (accepted === null) continue;
        const conn = accepted[0] as Socket;
        heard.push((await loop.sockRecv(conn, 1))[0] as number);
        conn.close();
      }
      await connecting;
      assertEquals(heard.toSorted((x, y) => x - y), Array.from({ length: count }, (_, i) => i));
      for (const client of clients) client.close();
    }
  });
});

Deno.test("cancelling sockSendto() and sockRecvfrom() at random: sent once or not at all", {
  ignore: !LINUX,
}, async () => {
  await inLoop(async (loop) => {
    for (const seed of SEEDS) {
      const random = chance(seed);
      const path = `\0asyncio-sendto-${Deno.pid}-${seed}`;
      using receiver = new Socket(AF_UNIX, SOCK_DGRAM);
      receiver.bind({ path });
      using sender = new Socket(AF_UNIX, SOCK_DGRAM);
      // Room for a few packets only, so that sending has to wait.
      sender.setsockopt(SOL_SOCKET, SO_SNDBUF, 1);
      sender.connect({ path });
      const sent: number[] = [];
      let waited = 0;
      const sending = loop.createTask(async () => {
        for (let i = 0; i < 300; i++) {
          const packet = new Uint8Array(new Uint32Array([i]).buffer);
          const task = loop.createTask(() => loop.sockSendto(sender, packet, { path }));
          if (await cancelSoon(loop, task, random(6)) === null) waited++;
          else sent.push(i);
        }
        await loop.sockSendto(sender, new Uint8Array(0), { path });
      });
      const got: number[] = [];
      while (true) {
        const task = loop.createTask(() => loop.sockRecvfrom(receiver, 100));
        const packet = await cancelSoon(loop, task, random(12));
        if (packet === null) continue;
        const [data] = packet;
        if (data.length === 0) break;
        got.push(new DataView(data.buffer, data.byteOffset).getUint32(0, true));
      }
      await sending;
      assertEquals(got, sent);
      assertGreater(waited, 0);
    }
  });
});

// --- nothing is left behind

Deno.test("no fd leaks over 10 000 rounds of waiting and closing", { ignore: !LINUX }, async () => {
  await inLoop(async (loop) => {
    const [keep, peer] = socketpair();
    using _keep = keep, _peer = peer;
    const waiting = loop.createTask(() => loop.sockRecv(keep, 1));
    await iterations(loop, 3);
    const before = countFds();
    for (let round = 0; round < 10_000; round++) {
      const [a, b] = socketpair();
      const reading = loop.createTask(() => loop.sockRecv(a, 10));
      await iterations(loop, round % 3);
      if (round % 2 === 0) b.send(bytes("x"));
      else reading.cancel();
      const outcome = await reading.then(text, (error) => (error as Error).name);
      assertEquals(outcome, round % 2 === 0 ? "x" : "CancelledError");
      a.close();
      b.close();
    }
    assertEquals(countFds(), before);
    waiting.cancel();
    await waiting.catch(() => {});
  });
});

Deno.test("sockSendfile() of a Socket is sendfile(2), on a loop as it comes", {
  ignore: !LINUX,
}, async () => {
  const path = await Deno.makeTempFile();
  const content = Uint8Array.from({ length: 700_000 }, (_, i) => i % 251);
  await Deno.writeFile(path, content);
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    using file = await Deno.open(path);
    const sending = loop.createTask(() =>
      loop.sockSendfile(a, file, { offset: 100, count: 600_000, fallback: false })
    );
    const got: number[] = [];
    while (got.length < 600_000) got.push(...await loop.sockRecv(b, 65536));
    assertEquals(await sending, 600_000);
    assert(got.every((byte, i) => byte === content[100 + i]));
    assertEquals(await file.seek(0, Deno.SeekMode.Current), 600_100);
  });
  await Deno.remove(path);
});

Deno.test("a loop that closes gives up the fds of its watcher", { ignore: !LINUX }, async () => {
  const [a, b] = socketpair();
  const before = countFds();
  await inLoop(async (loop) => {
    const waiting = loop.createTask(() => loop.sockRecv(a, 1));
    await iterations(loop, 3);
    assertGreater(countFds(), before);
    waiting.cancel();
    await waiting.catch(() => {});
  });
  await until(() => countFds() === before);
  a.close();
  b.close();
});
