import { AsyncLocalStorage } from "node:async_hooks";
import { RuntimeError } from "../../errors.ts";
import { type EventLoop, getRunningLoop } from "../../loop/mod.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { Protocol } from "../../protocols/mod.ts";
import { currentTask, sleep } from "../../tasks/mod.ts";
import { type Socket, socketpair } from "../../transports/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertGreater,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { runDeno } from "../support/process.ts";
import { bytes, countFds, iterations, text } from "./ffi/support.ts";
import { Echo, inLoop, portOf } from "./tcp_support.ts";

const LINUX = Deno.build.os === "linux";
const LOCAL = { hostname: "127.0.0.1" };

/** A future of `loop`, and what ends it. */
function signal(loop: EventLoop): { done: Promise<void>; ring: () => void } {
  const future = loop.createFuture<void>();
  return {
    done: (async () => await future)(),
    ring: () => future.done() || future.setResult(undefined),
  };
}

Deno.test("addReader() calls back in the loop, with its arguments, for every portion", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    const got: unknown[] = [];
    let received = signal(loop);
    loop.addReader(
      a,
      (sock: Socket, label: string) => {
        got.push([label, text(sock.recv(100)), getRunningLoop() === loop, currentTask()]);
        received.ring();
      },
      a,
      "label",
    );
    for (const word of ["one", "two"]) {
      b.send(bytes(word));
      await received.done;
      received = signal(loop);
    }
    assertEquals(got, [["label", "one", true, null], ["label", "two", true, null]]);
    assert(loop.removeReader(a));
    assertFalse(loop.removeReader(a.fileno()));
  });
});

Deno.test("addWriter() calls back once there is room", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    const block = new Uint8Array(1 << 16);
    let filled = 0;
    assertThrows(() => {
      while (true) filled += a.send(block);
    }, Deno.errors.WouldBlock);
    const writable = signal(loop);
    let calls = 0;
    loop.addWriter(a, () => {
      calls++;
      loop.removeWriter(a);
      writable.ring();
    });
    await iterations(loop, 20);
    assertEquals(calls, 0);
    for (let drained = 0; drained < filled;) drained += b.recv(1 << 20).length;
    await writable.done;
    assertEquals(calls, 1);
  });
});

Deno.test("addReader() runs its callback in the async context of its caller, every time", async () => {
  await inLoop(async (loop) => {
    const storage = new AsyncLocalStorage<string>();
    const [a, b] = socketpair();
    using _a = a, _b = b;
    const seen: (string | undefined)[] = [];
    let received = signal(loop);
    const reader = () => {
      a.recv(1);
      seen.push(storage.getStore());
      // A store entered here is not seen the next time.
      storage.enterWith("inside");
      received.ring();
    };
    const once = async (context: string) => {
      received = signal(loop);
      storage.run(context, () => b.send(bytes("x")));
      await received.done;
    };
    storage.run("first", () => loop.addReader(a, reader));
    await once("sender");
    await once("other sender");
    storage.run("second", () => loop.addReader(a, reader));
    await once("sender");
    loop.removeReader(a);
    assertEquals(seen, ["first", "first", "second"]);
  });
});

Deno.test("readers of one poll run one after the other, before what they schedule", async () => {
  await inLoop(async (loop) => {
    const pairs = [socketpair(), socketpair(), socketpair()];
    const log: string[] = [];
    const all = signal(loop);
    for (const [a, b] of pairs) {
      b.send(bytes("x"));
      loop.addReader(a, () => {
        loop.removeReader(a);
        log.push("read");
        loop.callSoon(() => {
          log.push("soon");
          if (log.length === 9) all.ring();
        });
        // The step of a task is over before the next callback begins, whatever it awaits.
        loop.createTask(async () => {
          for (let i = 0; i < 5; i++) await Promise.resolve();
          log.push("step");
        }, { eagerStart: true });
      });
    }
    await all.done;
    const each = ["read", "step"];
    assertEquals(log, [...each, ...each, ...each, "soon", "soon", "soon"]);
    for (const sock of pairs.flat()) sock.close();
  });
});

Deno.test("addReader() again replaces the callback", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    const calls: string[] = [];
    const received = signal(loop);
    loop.addReader(a, () => void calls.push("first"));
    loop.addReader(a.fileno(), () => {
      calls.push("second");
      loop.removeReader(a);
      received.ring();
    });
    b.send(bytes("x"));
    await received.done;
    await iterations(loop, 20);
    assertEquals(calls, ["second"]);
  });
});

Deno.test("a reader may be removed, replaced and closed inside of callbacks", async () => {
  await inLoop(async (loop) => {
    const pairs = Array.from({ length: 4 }, () => socketpair());
    const [[a, toA], [b, toB], [c, toC], [d, toD]] = pairs as [
      [Socket, Socket],
      [Socket, Socket],
      [Socket, Socket],
      [Socket, Socket],
    ];
    const calls: string[] = [];
    for (const peer of [toA, toB, toC, toD]) peer.send(bytes("x"));
    loop.addReader(a, () => {
      calls.push("a");
      // All four are ready in the same poll.
      loop.removeReader(a);
      loop.removeReader(b);
      c.close();
      loop.addReader(d, () => {
        calls.push("d anew");
        loop.removeReader(d);
      });
    });
    loop.addReader(b, () => void calls.push("b"));
    loop.addReader(c, () => void calls.push("c"));
    loop.addReader(d, () => void calls.push("d"));
    await until(() => calls.length > 1);
    await iterations(loop, 20);
    assertEquals(calls, ["a", "d anew"]);
    for (const sock of pairs.flat()) sock.close();
  });
});

Deno.test("a watched Socket that is closed is not called, and can be removed by the object", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    const fd = a.fileno();
    let calls = 0;
    loop.addReader(a, () => void calls++);
    loop.addWriter(a, () => void calls++);
    a.close();
    b.close();
    assert(loop.removeReader(a));
    assertThrows(() => loop.removeReader(a), RangeError, "invalid file descriptor -1");
    assertThrows(() => loop.addReader(a, () => {}), RangeError, "invalid file descriptor -1");
    // The number is somebody else's now, who is watched like anybody.
    const [c, d] = socketpair();
    using _c = c, _d = d;
    assert([c.fileno(), d.fileno()].includes(fd));
    const [heir, peer] = c.fileno() === fd ? [c, d] : [d, c];
    const received = signal(loop);
    loop.addReader(heir, () => {
      assertEquals(text(heir.recv(10)), "new");
      received.ring();
    });
    peer.send(bytes("new"));
    await received.done;
    assert(loop.removeReader(heir));
    assertEquals(calls, 0);
  });
});

Deno.test("1000 watched fds each call back", async () => {
  await inLoop(async (loop) => {
    const pairs = Array.from({ length: 500 }, () => socketpair());
    const sockets = pairs.flat();
    const heard = new Set<Socket>();
    const all = signal(loop);
    for (const sock of sockets) {
      loop.addReader(sock, () => {
        sock.recv(1);
        heard.add(sock);
        if (heard.size === 1000) all.ring();
      });
    }
    for (const sock of sockets) sock.send(bytes("x"));
    await all.done;
    for (const sock of sockets) assert(loop.removeReader(sock));
    for (const sock of sockets) sock.close();
  });
});

Deno.test("a reader that never reads starves neither timers nor connections nor tasks", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    let ignored = 0;
    loop.addReader(a, () => void ignored++);
    b.send(bytes("x"));
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const echoed = loop.createFuture<number>();
    let rounds = 0;
    const client = new Protocol();
    const [transport] = await loop.createConnection(() => client, {
      ...LOCAL,
      port: portOf(server),
    });
    client.dataReceived = () => {
      if (++rounds === 50) echoed.setResult(rounds);
      else transport.write(bytes("ping"));
    };
    transport.write(bytes("ping"));
    assertEquals(await echoed, 50);
    await sleep(5);
    await iterations(loop, 10);
    const seen = ignored;
    await until(() => ignored > seen + 10);
    loop.removeReader(a);
    transport.close();
    server.close();
    await server.waitClosed();
  });
});

Deno.test("an error of a reader is reported with its name, and it goes on", async () => {
  const reports = await inLoop(async (loop, reports) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    let calls = 0;
    const twice = signal(loop);
    loop.addReader(a, function brokenReader() {
      a.recv(1);
      if (++calls === 2) twice.ring();
      throw new Error("boom");
    });
    b.send(bytes("xy"));
    await twice.done;
    loop.removeReader(a);
    return reports;
  }, { reports: true });
  assertEquals(reports.length, 2);
  assert(reports[0]?.includes("brokenReader"), reports[0]);
});

Deno.test("addReader() refuses what cannot be watched, and changes nothing", async () => {
  const path = await Deno.makeTempFile();
  await inLoop(async (loop) => {
    const nothing = () => {};
    const error = assertThrows(
      () => loop.addReader(1_000_000, nothing),
      Deno.errors.BadResource,
      "fd 1000000",
    );
    assertEquals((error as Error & { code: string }).code, "EBADF");
    assertFalse(loop.removeReader(1_000_000));
    if (LINUX) {
      const { openSync, closeSync } = await import("node:fs");
      const fd = openSync(path, "r");
      for (const add of ["addReader", "addWriter"] as const) {
        assertThrows(
          () => loop[add](fd, nothing),
          Deno.errors.PermissionDenied,
          `Cannot watch fd ${fd}: a regular file`,
        );
      }
      closeSync(fd);
    }
  });
  await Deno.remove(path);
  const loop = newEventLoop();
  loop.close();
  assertThrows(() => loop.addReader(0, () => {}), RuntimeError, "Event loop is closed");
  assertFalse(loop.removeReader(0));
});

Deno.test("a loop goes on to watch when it runs again, and not in between", async () => {
  const loop = newEventLoop();
  const [a, b] = socketpair();
  const got: string[] = [];
  loop.addReader(a, () => {
    got.push(text(a.recv(10)));
    loop.stop();
  });
  for (const word of ["one", "two"]) {
    b.send(bytes(word));
    // Time enough for a poll, if there were one.
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    const before = got.length;
    await loop.runForever();
    assertEquals([before, got.at(-1)], [got.length - 1, word]);
  }
  loop.close();
  a.close();
  b.close();
});

Deno.test("stop() inside of a reader ends the run after its iteration", async () => {
  const loop = newEventLoop();
  const pairs = [socketpair(), socketpair()];
  const log: string[] = [];
  for (const [a, b] of pairs) {
    b.send(bytes("x"));
    loop.addReader(a, () => {
      loop.removeReader(a);
      log.push("read");
      loop.stop();
      loop.callSoon(() => void log.push("soon"));
    });
  }
  await loop.runForever();
  assertEquals(log, ["read", "read"]);
  await loop.runUntilComplete(() => sleep(0));
  assertEquals(log, ["read", "read", "soon", "soon"]);
  loop.close();
  for (const sock of pairs.flat()) sock.close();
});

Deno.test("no fd leaks over 10 000 rounds through the loop, nor when it closes", {
  ignore: !LINUX,
}, async () => {
  const before = countFds();
  const loop = newEventLoop();
  const left: Socket[] = [];
  await loop.runUntilComplete(async () => {
    const [keep, peer] = socketpair();
    left.push(keep, peer);
    loop.addReader(keep, () => {});
    const during = countFds();
    let received = signal(loop);
    for (let round = 0; round < 10_000; round++) {
      const [a, b] = socketpair();
      loop.addReader(a, () => {
        a.recv(1);
        received.ring();
      });
      loop.addWriter(b, () => void loop.removeWriter(b));
      if (round % 100 === 0) {
        b.send(bytes("x"));
        await received.done;
        received = signal(loop);
      }
      if (round % 2 === 0) {
        loop.removeReader(a);
        loop.removeWriter(b);
      }
      a.close();
      b.close();
    }
    assertEquals(countFds(), during);
  });
  loop.close();
  for (const sock of left) sock.close();
  await until(() => countFds() === before);
});

Deno.test("what a loop watches keeps the process alive while it runs, and only then", async () => {
  const program = (body: string) => `
    import { newEventLoop, sleep, socketpair } from "./mod.ts";
    const loop = newEventLoop();
    const [a, b] = socketpair();
    loop.addReader(a, () => {
      console.log("read", a.recv(10).length);
      loop.stop();
    });
    ${body}`;
  const cases: [string, string][] = [
    // Never run.
    [`console.log("end");`, "end\n"],
    // Waiting for the fd alone, with nothing else to keep it.
    [
      `Deno.unrefTimer(setTimeout(() => b.send(new Uint8Array(3)), 30));
       await loop.runForever();
       console.log("end");`,
      "read 3\nend\n",
    ],
    // Stopped, still watching.
    [`await loop.runUntilComplete(() => sleep(5)); console.log("end");`, "end\n"],
    [`await loop.runUntilComplete(() => sleep(5)); loop.close(); console.log("end");`, "end\n"],
  ];
  for (const [body, expected] of cases) {
    const { code, stdout, stderr } = await runDeno(program(body), {
      flags: ["--allow-read", "--allow-ffi"],
    });
    assertEquals([code, stdout, stderr], [0, expected, ""]);
  }
});

Deno.test("without --allow-ffi watching is refused by name, and everything else works", async () => {
  const { code, stdout, stderr } = await runDeno(
    `
    import { newEventLoop, Protocol, Socket, socketpair } from "./mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      for (const call of [
        () => loop.addReader(0, () => {}),
        () => loop.addWriter(1, () => {}),
        () => new Socket(),
        () => socketpair(),
        () => loop.sockRecv({ fileno: () => 0 }, 1),
        () => loop.createConnection(() => new Protocol(), { sock: { fileno: () => 0 } }),
      ]) {
        try {
          await call();
        } catch (error) {
          console.log(error.name, error.message);
        }
      }
      console.log(loop.removeReader(0), loop.removeWriter(1));
      const echo = () => {
        const protocol = new Protocol();
        let transport;
        protocol.connectionMade = (made) => { transport = made; };
        protocol.dataReceived = (data) => transport.write(data);
        return protocol;
      };
      const server = await loop.createServer(echo, { hostname: "127.0.0.1" });
      const { port } = server.sockets[0].addr;
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await loop.sockSendall(conn, new TextEncoder().encode("echo"));
      console.log(new TextDecoder().decode(await loop.sockRecv(conn, 10)));
      conn.close();
      server.close();
      await server.waitClosed();
    });
    loop.close();`,
    { flags: ["--allow-read", "--allow-net=127.0.0.1"] },
  );
  const calls = ["addReader(fd 0)", "addWriter(fd 1)", "new Socket()", "socketpair()"];
  calls.push("sockRecv()", "createConnection()");
  const refused = calls.map((call) => `NotCapable Cannot call ${call}: … the --allow-ffi flag\n`);
  assertEquals([code, stderr], [0, ""]);
  const shortened = stdout.replaceAll(/(call \w.*?\)): .* with/g, "$1: …");
  assertEquals(shortened, `${refused.join("")}false false\necho\n`);
});

Deno.test("debug mode names a slow reader", async () => {
  const reports = await inLoop(async (loop, reports) => {
    loop.setDebug(true);
    loop.slowCallbackDurationMs = 0;
    const [a, b] = socketpair();
    using _a = a, _b = b;
    const received = signal(loop);
    loop.addReader(a, function slowReader() {
      loop.removeReader(a);
      received.ring();
    });
    b.send(bytes("x"));
    await received.done;
    return reports;
  }, { reports: true });
  assertGreater(reports.filter((report) => report.includes("slowReader")).length, 0);
});

Deno.test("a pending sockRecv() and a reader of one fd are both served", async () => {
  await inLoop(async (loop) => {
    const [a, b] = socketpair();
    using _a = a, _b = b;
    let calls = 0;
    loop.addReader(a, () => void calls++);
    const reading = loop.createTask(() => loop.sockRecv(a, 10));
    await iterations(loop, 3);
    b.send(bytes("data"));
    assertEquals(text(await reading), "data");
    await until(() => calls > 0);
    assertStrictEquals(loop.removeReader(a), true);
  });
});
