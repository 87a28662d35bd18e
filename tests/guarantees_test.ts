/**
 * What README.md promises, sentence by sentence. Each is held by many more tests
 * elsewhere; these show it in a few lines.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import * as asyncio from "../mod.ts";
import { iterationOf } from "../testing/iteration.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "./support/assert.ts";
import { runDeno } from "./support/process.ts";
import { inLoop, Recorder } from "./transports/tcp_support.ts";
import { clientContext, serverContext } from "./transports/tls_support.ts";

const { createTask, getRunningLoop, runVirtual, sleep } = asyncio;

Deno.test("Callbacks run in the order in which they were scheduled; what they schedule waits for the next iteration.", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const order: string[] = [];
    loop.callSoon(() => {
      order.push("1");
      loop.callSoon(() => order.push("4"));
    });
    loop.callSoon(() => order.push("2"));
    createTask(() => void order.push("3"));
    await sleep(1);
    assertEquals(order, ["1", "2", "3", "4"]);
  });
});

Deno.test("Awaiting a future that is done takes no iteration, and `sleep(0)` takes exactly one.", async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const done = loop.createFuture<void>();
    done.setResult();
    const start = iterationOf(loop);
    await done;
    assertEquals(iterationOf(loop) - start, 0);
    await sleep(0);
    assertEquals(iterationOf(loop) - start, 1);
  });
});

Deno.test("A callback runs in the async context of whoever scheduled it, for every AsyncLocalStorage.", async () => {
  const store = new AsyncLocalStorage<string>();
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const seen: (string | undefined)[] = [];
    const look = () => void seen.push(store.getStore());
    store.run("soon", () => loop.callSoon(look));
    store.run("later", () => loop.callLater(1, look));
    store.run("done", () => loop.createTask(() => {}).addDoneCallback(look));
    loop.callLater(2, look);
    await sleep(3);
    assertEquals(seen.sort(), ["done", "later", "soon", undefined]);
  });
});

Deno.test("Cancelling a task throws `CancelledError` at its innermost `await`, and every `finally` runs to its end.", async () => {
  await runVirtual(async () => {
    const left: string[] = [];
    async function inner(): Promise<void> {
      try {
        await sleep(1e6);
      } finally {
        await sleep(5);
        left.push("inner");
      }
    }
    const task = createTask(async () => {
      try {
        await inner();
      } finally {
        left.push("outer");
      }
    });
    await sleep(1);
    task.cancel("enough");
    await assertRejects(() => task, asyncio.CancelledError, "enough");
    assertEquals([left, getRunningLoop().time()], [["inner", "outer"], 6]);
  });
});

Deno.test("A task that is cancelled before its first step never starts.", async () => {
  await runVirtual(async () => {
    let started = false;
    const task = createTask(() => void (started = true));
    task.cancel();
    await assertRejects(() => task, asyncio.CancelledError);
    assertEquals(started, false);
  });
});

Deno.test("No cancellation is lost: a task that cannot be told at once is told at its next `await`.", async () => {
  await inLoop(async () => {
    const native = Promise.withResolvers<void>();
    const task = createTask(async () => {
      await native.promise;
      await sleep(0);
    });
    await sleep(0);
    task.cancel();
    native.resolve();
    await assertRejects(() => task, asyncio.CancelledError);
  });
});

Deno.test("`timeout()` rejects with `TimeoutError` for a cancellation of its own only.", async () => {
  await runVirtual(async () => {
    await assertRejects(() => asyncio.timeout(5, () => sleep(10)), asyncio.TimeoutError);
    const other = createTask(() => asyncio.timeout(5, () => sleep(10)));
    // At the same moment as the timeout.
    getRunningLoop().callLater(5, () => other.cancel());
    await assertRejects(() => other, asyncio.CancelledError);
    assert(other.cancelled());
  });
});

Deno.test("A task group ends when all of its tasks have ended, and its `ExceptionGroup` holds every error.", async () => {
  await runVirtual(async () => {
    let cleaned = false;
    const [first, second] = [new Error("first"), new Error("second")];
    const group = await assertRejects(() =>
      asyncio.TaskGroup.run((group) => {
        group.createTask(() => Promise.reject(first));
        group.createTask(async () => {
          try {
            await sleep(1e6);
          } finally {
            await sleep(50);
            cleaned = true;
            // deno-lint-ignore no-unsafe-finally
            throw second;
          }
        });
      }), asyncio.ExceptionGroup);
    assertEquals(group.errors, [first, second]);
    assertEquals([cleaned, getRunningLoop().time()], [true, 50]);
  });
});

Deno.test("When a waiter that was just woken is cancelled, the next one is woken: no permit and no item is lost.", async () => {
  await runVirtual(async () => {
    const lock = new asyncio.Lock();
    const queue = new asyncio.Queue<string>();
    await lock.acquire();
    const lockers = [0, 1].map(() => createTask(() => lock.acquire()));
    const takers = [0, 1].map(() => createTask(() => queue.get()));
    await sleep(0);
    lock.release();
    queue.putNowait("item");
    lockers[0]?.cancel();
    takers[0]?.cancel();
    using _permit = await lockers[1] as asyncio.Permit;
    assertEquals(await takers[1], "item");
    assertEquals([lockers[0]?.cancelled(), takers[0]?.cancelled()], [true, true]);
  });
});

Deno.test("An abort of `signal` rejects with `signal.reason` and takes back that wait, and no other.", async () => {
  await runVirtual(async () => {
    const event = new asyncio.Event();
    const aborter = new AbortController();
    const before = createTask(() => event.wait());
    const aborted = createTask(() => event.wait({ signal: aborter.signal }));
    const after = createTask(() => event.wait());
    await sleep(0);
    const reason = { any: "value" };
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(() => aborted), reason as unknown);
    assertEquals([before.done(), after.done(), event.statistics().tasksWaiting], [false, false, 2]);
    event.set();
    await asyncio.gather(before, after);
  });
});

Deno.test("An error that nobody receives goes to the exception handler, and never ends the process.", async () => {
  const errors: string[] = [];
  const loop = new asyncio.VirtualTimeLoop();
  loop.setExceptionHandler((_loop, { exception }) => void errors.push(String(exception)));
  await loop.runUntilComplete(async () => {
    loop.callSoon(() => {
      throw new Error("of a callback");
    });
    createTask(() => Promise.reject(new Error("of a task")));
    loop.createFuture().setException(new Error("of a future"));
    await sleep(1);
  });
  loop.close();
  assertEquals(errors.sort(), ["Error: of a callback", "Error: of a future", "Error: of a task"]);
});

Deno.test("`connectionMade` comes first and once, `connectionLost` last and once.", async () => {
  await inLoop(async (loop) => {
    for (const end of ["close", "abort"] as const) {
      const recorders = [new Recorder(loop), new Recorder(loop)] as const;
      const [client] = asyncio.memoryTransportPair({ protocols: [...recorders] });
      client.write(new Uint8Array(10));
      client[end]();
      client[end]();
      client.close();
      await asyncio.gather(...recorders.map(({ lost }) => lost));
      await sleep(0);
      for (const { events } of recorders) {
        assertEquals(events.map((event) => /^(made|lost)/.test(event)).indexOf(true), 0);
        assertEquals(events.filter((event) => event === "made").length, 1);
        assertEquals(events.findIndex((event) => event.startsWith("lost")), events.length - 1);
      }
    }
  });
});

Deno.test("Nothing is delivered between `pauseReading()` and `resumeReading()`.", async () => {
  await runVirtual(async () => {
    const recorder = new Recorder(getRunningLoop());
    const [client, server] = asyncio.memoryTransportPair({
      chunkSize: 10,
      protocols: [{}, recorder],
    });
    recorder.dataReceived = (data) => {
      recorder.received += data.length;
      if (recorder.received === 30) server.pauseReading();
    };
    client.write(new Uint8Array(1000));
    await sleep(1000);
    assertEquals(recorder.received, 30);
    server.resumeReading();
    await sleep(1000);
    assertEquals(recorder.received, 1000);
  });
});

Deno.test("`write()` never waits, and the caller may reuse its array at once.", async () => {
  await runVirtual(async () => {
    let sum = 0;
    const [client, server] = asyncio.memoryTransportPair({
      protocols: [{}, { dataReceived: (data) => void data.forEach((byte) => sum += byte) }],
    });
    server.pauseReading();
    const array = new Uint8Array(100_000).fill(1);
    client.write(array);
    client.write(array);
    array.fill(0);
    server.resumeReading();
    await sleep(1000);
    assertEquals(sum, 200_000);
  });
});

Deno.test("A protocol is told to pause above the high-water mark, and to go on at the low one.", async () => {
  await runVirtual(async () => {
    const sizes: [string, boolean][] = [];
    const protocol = {
      pauseWriting: () => void sizes.push(["pause", client.getWriteBufferSize() > 1000]),
      resumeWriting: () => void sizes.push(["resume", client.getWriteBufferSize() <= 100]),
    };
    const [client, server] = asyncio.memoryTransportPair({ protocols: [protocol, {}] });
    client.setWriteBufferLimits({ high: 1000, low: 100 });
    server.pauseReading();
    client.write(new Uint8Array(1_000_000));
    await sleep(1);
    assertEquals(sizes, [["pause", true]]);
    server.resumeReading();
    await sleep(1000);
    assertEquals(sizes, [["pause", true], ["resume", true]]);
  });
});

Deno.test("A TLS connection that ends without close_notify ends with an error.", async () => {
  await inLoop(async (loop) => {
    const recorder = new Recorder(loop);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const [, [client]] = await asyncio.gather(
      loop.connectAcceptedSocket(() => recorder, await listener.accept(), { tls: serverContext() }),
      loop.createConnection(() => ({}), {
        sock: conn,
        tls: clientContext(),
        serverHostname: "localhost",
      }),
    );
    // As somebody in between might: below TLS, which has not said that this is the end.
    await conn.closeWrite();
    assertMatch(String(await recorder.lost), /close_notify/);
    client.abort();
  });
});

Deno.test("What a loop has opened is closed with it, and keeps no process alive.", async () => {
  const { code, stdout, stderr } = await runDeno(
    `
    import { getRunningLoop, run } from "./mod.ts";
    await run(async () => {
      const loop = getRunningLoop();
      const server = await loop.createServer(() => ({}), { hostname: "127.0.0.1" });
      const { hostname, port } = server.sockets[0].addr;
      await loop.createConnection(() => ({}), { hostname, port });
      await loop.createDatagramEndpoint(() => ({}), { localAddr: { hostname, port: 0 } });
      loop.addSignalHandler("SIGTERM", () => {});
      loop.callLater(1e9, () => {});
    });
    console.log("ended");
    `,
    { flags: ["--allow-net=127.0.0.1"] },
  );
  assertEquals([code, stdout, stderr], [0, "ended\n", ""]);
});

Deno.test("Importing needs no permission; what needs one and has none fails with `Deno.errors.NotCapable`.", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import * as asyncio from "./mod.ts";
    await asyncio.run(async () => {
      const loop = asyncio.getRunningLoop();
      const hostname = "127.0.0.1";
      for (
        const attempt of [
          () => asyncio.openConnection({ hostname, port: 1 }),
          () => asyncio.startServer(() => {}, { hostname }),
          () => asyncio.startUnixServer(() => {}, { path: "none.sock" }),
          () => loop.createDatagramEndpoint(() => ({}), { localAddr: { hostname, port: 0 } }),
          () => loop.getaddrinfo("localhost", 80),
          () => asyncio.createSubprocessExec("true"),
          () => new asyncio.Socket(),
          () => loop.addReader(0, () => {}),
        ]
      ) {
        try {
          await attempt();
          console.log("worked:", attempt);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotCapable)) console.log(String(attempt), error);
        }
      }
    });
  `);
  assertEquals([code, stdout, stderr], [0, "", ""]);
});
