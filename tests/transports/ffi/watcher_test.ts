import { AF_UNIX, SHUT_WR, SOCK_DGRAM } from "../../../transports/ffi/constants.ts";
import { Socket, socketpair } from "../../../transports/ffi/socket.ts";
import { type FdWatcherOptions, LibcFdWatcher } from "../../../transports/ffi/watcher.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertLess,
  assertThrows,
} from "../../support/assert.ts";
import { nextMacrotask, until } from "../../support/poll.ts";
import { bytes, countFds, dummyLoop, text } from "./support.ts";

const LINUX = Deno.build.os === "linux";

/** Things with fds that only a test needs. */
function openLibc() {
  return Deno.dlopen(LINUX ? "libc.so.6" : "libSystem.dylib", {
    pipe: { parameters: ["buffer"], result: "i32" },
    eventfd: { parameters: ["u32", "i32"], result: "i32", optional: true },
    open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
    mkfifo: { parameters: ["buffer", "u32"], result: "i32" },
    dup: { parameters: ["i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    posix_openpt: { parameters: ["i32"], result: "i32" },
    grantpt: { parameters: ["i32"], result: "i32" },
    unlockpt: { parameters: ["i32"], result: "i32" },
    ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32", optional: true },
  });
}

interface Fixture {
  watcher: LibcFdWatcher;
  loop: ReturnType<typeof dummyLoop>;
}

/** Registers a test for epoll and one for poll. */
function watcherTest(
  name: string,
  fn: (fixture: Fixture) => void | Promise<void>,
  { ignore = false, only }: { ignore?: boolean; only?: FdWatcherOptions["poller"] } = {},
): void {
  for (const poller of ["best", "poll"] as const) {
    if (only !== undefined && only !== poller) continue;
    Deno.test(`${name} [${poller}]`, { ignore }, async () => {
      const watcher = new LibcFdWatcher({ poller });
      const loop = dummyLoop();
      try {
        await fn({ watcher, loop });
      } finally {
        await watcher.closeLoop(loop);
      }
      assertEquals(loop.errors, []);
    });
  }
}

/** Resolves when the watcher waits in its thread, as far as one can tell from outside. */
async function untilIdle(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextMacrotask();
}

watcherTest("addReader() calls back when a socket is readable", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  const got: string[] = [];
  watcher.addReader(loop, a.fileno(), () => got.push(text(a.recv(100))));
  await untilIdle();
  assertEquals(got, []);
  for (const word of ["one", "two", "three"]) {
    b.send(bytes(word));
    await until(() => got.at(-1) === word);
  }
  assertEquals(got, ["one", "two", "three"]);
  assert(watcher.removeReader(loop, a.fileno()));
  assertFalse(watcher.removeReader(loop, a.fileno()));
  b.send(bytes("unheard"));
  await untilIdle();
  assertEquals(got.length, 3);
});

watcherTest("addReader() is level-triggered, once a poll", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  b.send(bytes("abc"));
  const got: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  watcher.addReader(loop, a.fileno(), () => {
    got.push(text(a.recv(1)));
    if (got.length === 3) resolve();
  });
  await promise;
  await untilIdle();
  // A fourth call would have thrown WouldBlock into the exception handler.
  assertEquals(got, ["a", "b", "c"]);
});

watcherTest("addReader() never calls back before it returns", ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  b.send(bytes("x"));
  let calls = 0;
  watcher.addReader(loop, a.fileno(), () => calls++);
  assertEquals(calls, 0);
  watcher.removeReader(loop, a.fileno());
});

watcherTest("addWriter() calls back when there is room again", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  const block = new Uint8Array(1 << 16);
  assertThrows(() => {
    while (true) a.send(block);
  }, Deno.errors.WouldBlock);
  let writable = 0;
  watcher.addWriter(loop, a.fileno(), () => {
    writable++;
    watcher.removeWriter(loop, a.fileno());
  });
  await untilIdle();
  assertEquals(writable, 0);
  const drain = new Uint8Array(1 << 22);
  assertThrows(() => {
    while (true) b.recvInto(drain);
  }, Deno.errors.WouldBlock);
  await until(() => writable === 1);
});

watcherTest("reader and writer of one fd come and go apart", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  const fd = a.fileno();
  let reads = 0;
  let writes = 0;
  watcher.addReader(loop, fd, () => {
    a.recv(1);
    reads++;
  });
  watcher.addWriter(loop, fd, () => void writes++);
  await until(() => writes > 2);
  assertEquals(reads, 0);
  assert(watcher.removeWriter(loop, fd));
  const seen = writes;
  b.send(bytes("x"));
  await until(() => reads === 1);
  assertEquals(writes, seen);
  watcher.addWriter(loop, fd, () => void writes++);
  assert(watcher.removeReader(loop, fd));
  b.send(bytes("y"));
  await until(() => writes > seen);
  assertEquals(reads, 1);
});

watcherTest("EOF and a vanished peer make readers and writers ready", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a;
  let eof = false;
  let broken = false;
  b.shutdown(SHUT_WR);
  watcher.addReader(loop, a.fileno(), () => {
    eof = a.recv(1).length === 0;
    watcher.removeReader(loop, a.fileno());
  });
  await until(() => eof);
  b.close();
  watcher.addWriter(loop, a.fileno(), () => {
    watcher.removeWriter(loop, a.fileno());
    assertThrows(() => a.send(bytes("x")), Deno.errors.BrokenPipe);
    broken = true;
  });
  await until(() => broken);
});

watcherTest("addReader() in place of another replaces it", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  const calls: string[] = [];
  watcher.addReader(loop, a.fileno(), () => calls.push("first"));
  watcher.addReader(loop, a.fileno(), () => {
    calls.push("second");
    a.recv(1);
  });
  b.send(bytes("x"));
  await until(() => calls.length > 0);
  await untilIdle();
  assertEquals(calls, ["second"]);
});

watcherTest("a reader removed inside a callback is not called", async ({ watcher, loop }) => {
  const pairs = Array.from({ length: 5 }, () => socketpair());
  let calls = 0;
  for (const [a, b] of pairs) {
    b.send(bytes("x"));
    watcher.addReader(loop, a.fileno(), () => {
      calls++;
      for (const [other] of pairs) watcher.removeReader(loop, other.fileno());
    });
  }
  await until(() => calls > 0);
  await untilIdle();
  assertEquals(calls, 1);
  for (const socket of pairs.flat()) socket.close();
});

watcherTest("a reader may remove itself and be added anew", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  const fd = a.fileno();
  let rounds = 0;
  const read = () => {
    a.recv(1);
    watcher.removeReader(loop, fd);
    if (++rounds < 100) {
      watcher.addReader(loop, fd, read);
      b.send(bytes("x"));
    }
  };
  watcher.addReader(loop, fd, read);
  b.send(bytes("x"));
  await until(() => rounds === 100);
});

watcherTest("a Socket closed while watched is forgotten", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  const fd = a.fileno();
  let calls = 0;
  watcher.addReader(loop, fd, () => void calls++);
  watcher.addWriter(loop, fd, () => void calls++);
  a.close();
  assertFalse(watcher.removeReader(loop, fd));
  b.close();
  // The number is free, and the next socket that gets it is watched like any other.
  const [c, d] = socketpair();
  assert([c.fileno(), d.fileno()].includes(fd));
  const [reused, peer] = c.fileno() === fd ? [c, d] : [d, c];
  const got: string[] = [];
  watcher.addReader(loop, fd, () => got.push(text(reused.recv(10))));
  peer.send(bytes("new"));
  await until(() => got.length > 0);
  assertEquals([got, calls], [["new"], 0]);
  c.close();
  d.close();
});

watcherTest("a Socket may be closed by its own reader", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _b = b;
  let calls = 0;
  watcher.addReader(loop, a.fileno(), () => {
    calls++;
    a.close();
  });
  watcher.addWriter(loop, a.fileno(), () => {
    // Once the reader has closed it, in whatever poll.
    if (calls > 0) loop.errors.push({ message: "called after close" });
  });
  b.send(bytes("x"));
  await until(() => calls === 1);
  await untilIdle();
  assertEquals(calls, 1);
});

/** Whether an epoll of this process watches fd number `fd`. */
function epollsList(fd: number): boolean {
  return [...Deno.readDirSync("/proc/self/fdinfo")].some(({ name }) =>
    new RegExp(`^tfd:\\s+${fd} `, "m").test(readIfThere(`/proc/self/fdinfo/${name}`))
  );
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    // The fd of the directory itself is closed by now.
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function closeBehindItsBack(
  { watcher, loop }: Fixture,
  next: "at once" | "later",
): Promise<void> {
  const libc = openLibc();
  const [a, b] = socketpair();
  const [c, d] = socketpair();
  using _b = b, _c = c, _d = d;
  const lost = a.detach();
  // A duplicate keeps the closed fd in the kernel's set, where it is readable for ever.
  const duplicate = libc.symbols.dup(lost);
  let lostCalls = 0;
  const got: string[] = [];
  watcher.addReader(loop, lost, () => void lostCalls++);
  watcher.addReader(loop, c.fileno(), () => got.push(text(c.recv(10))));
  b.send(bytes("x"));
  await until(() => lostCalls > 0);
  libc.symbols.close(lost);
  watcher.removeReader(loop, lost);
  const seen = lostCalls;
  d.send(bytes("one"));
  if (next === "later") await until(() => got.length === 1);
  // Whoever gets the number next is not mistaken for it.
  const heir = new Socket(AF_UNIX, SOCK_DGRAM);
  if (next === "at once") assertEquals(heir.fileno(), lost);
  watcher.addReader(loop, heir.fileno(), () => void lostCalls++);
  await until(() => got.length === 1);
  d.send(bytes("two"));
  await until(() => got.length === 2);
  await untilIdle();
  assertEquals(lostCalls, seen);
  // Else every poll would find it, for ever.
  if (LINUX && next === "later") assertFalse(epollsList(lost));
  heir.close();
  libc.symbols.close(duplicate);
  libc.close();
}

watcherTest(
  "an fd closed behind the watcher's back stops nobody",
  (fixture) => closeBehindItsBack(fixture, "later"),
);

watcherTest(
  "an fd closed behind the watcher's back is not mistaken for its heir",
  (fixture) => closeBehindItsBack(fixture, "at once"),
);

watcherTest("a closed fd is reported once and dropped by poll", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _b = b;
  const fd = a.detach();
  let calls = 0;
  watcher.addReader(loop, fd, () => void calls++);
  const thief = new Socket(undefined, undefined, { fileno: fd });
  // Not through the socket, which would tell the watcher.
  const libc = openLibc();
  libc.symbols.close(thief.detach());
  libc.close();
  await until(() => calls === 1);
  await untilIdle();
  assertEquals(calls, 1);
}, { only: "poll" });

watcherTest("a line that may return stays armed until the fd is ready or ends", async (fixture) => {
  const { watcher, loop } = fixture;
  const [keep, keepPeer] = socketpair();
  using _keep = keep, _keepPeer = keepPeer;
  watcher.addReader(loop, keep.fileno(), () => {});
  const [a, b] = socketpair();
  using _b = b;
  const fd = a.fileno();
  const wait = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ready = () => {
      watcher.removeLine(loop, fd, "readLine", { mayReturn: true });
      resolve();
    };
    watcher.addLine(loop, fd, "readLine", { ready });
    return promise;
  };
  for (let round = 0; round < 3; round++) {
    const ready = wait();
    b.send(bytes("x"));
    await ready;
    a.recv(1);
    if (LINUX) assert(epollsList(fd));
  }
  // Nobody wants this, and nobody must be called for it again and again.
  b.send(bytes("y"));
  if (LINUX) await until(() => !epollsList(fd));
  await wait();
  a.recv(1);
  // Whoever gets the number next is watched like any other.
  if (LINUX) assert(epollsList(fd));
  a.close();
  if (LINUX) assertFalse(epollsList(fd));
  const [c, d] = socketpair();
  assert([c.fileno(), d.fileno()].includes(fd));
  const [heir, peer] = c.fileno() === fd ? [c, d] : [d, c];
  const ready = wait();
  peer.send(bytes("z"));
  await ready;
  // Given away, its end is announced by nobody.
  heir.detach();
  if (LINUX) assertFalse(epollsList(fd));
  new Socket(undefined, undefined, { fileno: fd }).close();
  peer.close();
}, { only: "best" });

watcherTest("addReader() refuses what is no open fd", ({ watcher, loop }) => {
  const error = assertThrows(
    () => watcher.addReader(loop, 1_000_000, () => {}),
    Deno.errors.BadResource,
    "fd 1000000",
  );
  assertEquals((error as Error & { code: string }).code, "EBADF");
  assertFalse(watcher.removeReader(loop, 1_000_000));
  for (const fd of [-1, 1.5, NaN]) {
    assertThrows(() => watcher.addWriter(loop, fd, () => {}), RangeError, "addWriter");
  }
});

watcherTest("addReader() refuses a regular file with a clear error", async ({ watcher, loop }) => {
  const file = await Deno.makeTempFile();
  const libc = openLibc();
  const fd = libc.symbols.open(bytes(`${file}\0`), 0, 0);
  const error = assertThrows(
    () => watcher.addReader(loop, fd, () => {}),
    Deno.errors.PermissionDenied,
    `Cannot watch fd ${fd}: a regular file`,
  );
  assertEquals((error as Error & { code: string }).code, "EPERM");
  libc.symbols.close(fd);
  libc.close();
  await Deno.remove(file);
}, { only: "best", ignore: !LINUX });

watcherTest("pipes, FIFOs and eventfds can be watched", async ({ watcher, loop }) => {
  const libc = openLibc();
  const { pipe, eventfd, open, mkfifo, close, read, write } = libc.symbols;
  const directory = await Deno.makeTempDir();
  const path = bytes(`${directory}/fifo\0`);
  assertEquals(mkfifo(path, 0o600), 0);
  const ends = new Int32Array(2);
  assertEquals(pipe(ends), 0);
  const [pipeOut, pipeIn] = ends as unknown as [number, number];
  // O_RDWR does not wait for somebody at the other end.
  const fifo = open(path, 2, 0);
  const sources: [number, number][] = [[pipeOut, pipeIn], [fifo, fifo]];
  if (eventfd !== null) {
    const counter = eventfd(0, 0);
    sources.push([counter, counter]);
  }
  const eight = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
  for (const [source, sink] of sources) {
    let reads = 0;
    let writes = 0;
    watcher.addReader(loop, source, () => {
      read(source, new Uint8Array(8), 8n);
      reads++;
    });
    watcher.addWriter(loop, sink, () => {
      watcher.removeWriter(loop, sink);
      writes++;
      write(sink, eight, 8n);
    });
    await until(() => reads === 1 && writes === 1);
    assert(watcher.removeReader(loop, source));
  }
  for (const fd of new Set(sources.flat())) close(fd);
  libc.close();
  await Deno.remove(directory, { recursive: true });
});

watcherTest("both ends of a pty can be watched", async ({ watcher, loop }) => {
  const libc = openLibc();
  const { posix_openpt, grantpt, unlockpt, ptsname_r, open, close, read, write } = libc.symbols;
  const master = posix_openpt(2 | 0o400);
  assert(master >= 0);
  assertEquals([grantpt(master), unlockpt(master)], [0, 0]);
  const name = new Uint8Array(128);
  assertEquals(ptsname_r?.(master, name, 128n), 0);
  const tty = open(name, 2 | 0o400, 0);
  assert(tty >= 0);
  const heard: Record<string, string> = { master: "", tty: "" };
  for (const [who, fd] of [["master", master], ["tty", tty]] as const) {
    watcher.addReader(loop, fd, () => {
      const buffer = new Uint8Array(100);
      heard[who] += text(buffer.subarray(0, read(fd, buffer, 100n)));
    });
  }
  write(tty, bytes("prompt"), 6n);
  await until(() => heard.master === "prompt");
  write(master, bytes("line\n"), 5n);
  await until(() => heard.tty === "line\n");
  watcher.removeReader(loop, master);
  watcher.removeReader(loop, tty);
  close(tty);
  close(master);
  libc.close();
}, { ignore: !LINUX });

watcherTest("1000 fds are watched at once", async ({ watcher, loop }) => {
  const pairs = Array.from({ length: 500 }, () => socketpair());
  const sockets = pairs.flat();
  const heard = new Set<Socket>();
  for (const socket of sockets) {
    watcher.addReader(loop, socket.fileno(), () => {
      socket.recv(1);
      heard.add(socket);
    });
  }
  for (const socket of sockets) socket.send(bytes("x"));
  await until(() => heard.size === 1000);
  heard.clear();
  sockets[700]?.send(bytes("x"));
  await until(() => heard.size === 1);
  for (const socket of sockets) socket.close();
});

watcherTest("a reader that never reads starves nobody", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  const [c, d] = socketpair();
  using _a = a, _b = b, _c = c, _d = d;
  let ignored = 0;
  watcher.addReader(loop, a.fileno(), () => void ignored++);
  b.send(bytes("x"));
  await until(() => ignored > 10);
  // Another fd, a timer, and Deno's own sockets.
  let heard = "";
  watcher.addReader(loop, c.fileno(), () => heard += text(c.recv(10)));
  d.send(bytes("heard"));
  await until(() => heard === "heard");
  await new Promise((resolve) => setTimeout(resolve, 5));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const server = await accepted;
  for (let round = 0; round < 20; round++) {
    await client.write(bytes("ping"));
    assertEquals(await server.read(new Uint8Array(10)), 4);
  }
  for (const closable of [client, server, listener]) closable.close();
  const seen = ignored;
  await until(() => ignored > seen);
});

watcherTest(
  "slow callbacks on a ready fd leave Deno's own I/O its turn",
  async ({ watcher, loop }) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    let calls = 0;
    watcher.addReader(loop, a.fileno(), () => {
      calls++;
      for (const end = performance.now() + 1; performance.now() < end;);
    });
    b.send(bytes("x"));
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const server = await accepted;
    const before = calls;
    const rounds = 10;
    for (let round = 0; round < rounds; round++) {
      const read = server.read(new Uint8Array(10));
      await client.write(bytes("ping"));
      await read;
    }
    for (const closable of [client, server, listener]) closable.close();
    // As long as immediates follow each other Deno looks at its I/O at every 61st.
    assertLess((calls - before) / rounds, 20);
  },
);

watcherTest("suspend() ends the wait and resume() takes it up", async ({ watcher, loop }) => {
  const [a, b] = socketpair();
  using _a = a, _b = b;
  let got = "";
  watcher.addReader(loop, a.fileno(), () => got += text(a.recv(10)));
  await untilIdle();
  await watcher.suspend(loop);
  b.send(bytes("x"));
  await untilIdle();
  assertEquals(got, "");
  // What is added while it does not run waits as well.
  const [c, d] = socketpair();
  using _c = c, _d = d;
  let other = "";
  watcher.addReader(loop, c.fileno(), () => other += text(c.recv(10)));
  d.send(bytes("y"));
  await untilIdle();
  assertEquals(other, "");
  watcher.resume(loop);
  await until(() => got === "x" && other === "y");
  // Back and forth without waiting for it.
  const suspended = watcher.suspend(loop);
  watcher.resume(loop);
  await suspended;
  b.send(bytes("z"));
  await until(() => got === "xz");
});

watcherTest(
  "a callback may suspend and resume, or close its own loop",
  async ({ watcher, loop }) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    const pending: Promise<void>[] = [];
    let calls = 0;
    watcher.addReader(loop, a.fileno(), () => {
      a.recv(1);
      calls++;
      pending.push(watcher.suspend(loop));
      if (calls < 3) watcher.resume(loop);
    });
    b.send(bytes("xxxx"));
    await until(() => calls === 3);
    await untilIdle();
    assertEquals(calls, 3);
    watcher.resume(loop);
    await until(() => calls === 4);
    await Promise.all(pending);
    watcher.resume(loop);
    watcher.addReader(loop, a.fileno(), () => {
      calls++;
      pending.push(watcher.closeLoop(loop));
    });
    b.send(bytes("y"));
    await until(() => calls === 5);
    await untilIdle();
    await Promise.all(pending);
    assertEquals(calls, 5);
  },
);

watcherTest("two loops watch the same fd", async ({ watcher, loop }) => {
  const other = dummyLoop();
  const [a, b] = socketpair();
  using _a = a, _b = b;
  let calls = 0;
  let otherCalls = 0;
  watcher.addReader(loop, a.fileno(), () => void calls++);
  watcher.addReader(other, a.fileno(), () => void otherCalls++);
  b.send(bytes("x"));
  await until(() => calls > 0 && otherCalls > 0);
  await watcher.closeLoop(other);
  const seen = calls;
  const otherSeen = otherCalls;
  await until(() => calls > seen);
  assertEquals(otherCalls, otherSeen);
});

Deno.test("closeLoop() gives everything back, also in a wait", { ignore: !LINUX }, async () => {
  for (const poller of ["best", "poll"] as const) {
    const watcher = new LibcFdWatcher({ poller });
    const [a, b] = socketpair();
    const before = countFds();
    for (const wait of [true, false]) {
      const loop = dummyLoop();
      let calls = 0;
      watcher.addReader(loop, a.fileno(), () => void calls++);
      assert(countFds() > before);
      if (wait) await untilIdle();
      await watcher.closeLoop(loop);
      assertEquals(countFds(), before);
      b.send(bytes("x"));
      await untilIdle();
      assertEquals(calls, 0);
      a.recv(1);
    }
    a.close();
    b.close();
  }
});

Deno.test("a watcher gives its fds back when nothing is watched", { ignore: !LINUX }, async () => {
  const watcher = new LibcFdWatcher();
  const loop = dummyLoop();
  const [a, b] = socketpair();
  const before = countFds();
  watcher.addReader(loop, a.fileno(), () => {});
  await untilIdle();
  watcher.removeReader(loop, a.fileno());
  await until(() => countFds() === before);
  a.close();
  b.close();
});

Deno.test(
  "no fd leaks over 10 000 rounds of watching and closing",
  { ignore: !LINUX },
  async () => {
    const watcher = new LibcFdWatcher();
    const loop = dummyLoop();
    const [keep, peer] = socketpair();
    watcher.addReader(loop, keep.fileno(), () => {});
    const before = countFds();
    let heard = 0;
    for (let round = 0; round < 10_000; round++) {
      const [a, b] = socketpair();
      watcher.addReader(loop, a.fileno(), () => {
        a.recv(1);
        heard++;
      });
      if (round % 100 === 0) {
        b.send(bytes("x"));
        await until(() => heard === round / 100 + 1);
      }
      if (round % 2 === 0) watcher.removeReader(loop, a.fileno());
      a.close();
      b.close();
    }
    assertEquals(countFds(), before);
    keep.close();
    peer.close();
    await watcher.closeLoop(loop);
  },
);

Deno.test("an error of a callback reaches the exception handler, and the others are called", async () => {
  const watcher = new LibcFdWatcher();
  const loop = dummyLoop();
  const [a, b] = socketpair();
  const [c, d] = socketpair();
  let calls = 0;
  watcher.addReader(loop, a.fileno(), () => {
    a.recv(1);
    throw new Error("boom");
  });
  watcher.addReader(loop, c.fileno(), () => {
    c.recv(1);
    calls++;
  });
  b.send(bytes("x"));
  d.send(bytes("x"));
  await until(() => calls === 1 && loop.errors.length === 1);
  assertEquals((loop.errors[0]?.exception as Error).message, "boom");
  await watcher.closeLoop(loop);
  for (const socket of [a, b, c, d]) socket.close();
});

Deno.test("a process ends when nothing is watched any more, and not before", async () => {
  const url = (name: string) =>
    JSON.stringify(new URL(`../../../transports/ffi/${name}.ts`, import.meta.url).href);
  const code = `
    import { socketpair } from ${url("socket")};
    import { fdWatcher } from ${url("watcher")};
    const loop = { isRunning: () => true };
    const [a, b] = socketpair();
    fdWatcher.addReader(loop, a.fileno(), () => {
      console.log("read", a.recv(10).length);
      const [c] = socketpair();
      fdWatcher.addReader(loop, c.fileno(), () => {});
      setTimeout(() => {
        // Both are waited for now, in a thread.
        fdWatcher.removeReader(loop, c.fileno());
        Deno.args[0] === "remove" ? fdWatcher.removeReader(loop, a.fileno()) : fdWatcher.suspend(loop);
        console.log("removed");
      }, 20);
    });
    // An unrefed timer: the watcher alone keeps the process alive until then.
    const timer = setTimeout(() => b.send(new Uint8Array(3)), 20);
    Deno.unrefTimer(timer);`;
  for (const how of ["remove", "suspend"]) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "--quiet", "-A", "--ext=ts"],
        ...[`data:application/typescript,${encodeURIComponent(code)}`, how],
      ],
      stdin: "null",
    }).output();
    assertEquals(text(stdout), "read 3\nremoved\n", text(stderr));
  }
});
