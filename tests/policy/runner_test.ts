import { CancelledError, RuntimeError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { getRunningLoop } from "../../loop/mod.ts";
import { newEventLoop, run, Runner } from "../../policy/mod.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { startDeno } from "../support/process.ts";

Deno.test("run() resolves to what main returned, and rejects with what it threw", async () => {
  assertEquals(await run(() => 42), 42);
  assertEquals(await run(async () => await Promise.resolve("later")), "later");
  assertEquals(await run(Promise.resolve("a promise")), "a promise");
  await assertRejects(
    () => run(() => Promise.reject(new RangeError("from main"))),
    RangeError,
    "from main",
  );
});

Deno.test("run() refuses to run inside a running loop, and what cannot be awaited", async () => {
  await run(async () => {
    await assertRejects(() => run(() => 1), RuntimeError, "from a running event loop");
    await assertRejects(() => new Runner().run(() => 1), RuntimeError, "from a running event loop");
  });
  await assertRejects(() => run(1 as unknown as () => number), TypeError, "Cannot run 1");
});

Deno.test("run() cancels the tasks that are left and lets them clean up", async () => {
  const events: string[] = [];
  let loop!: EventLoop;
  await run(() => {
    loop = getRunningLoop();
    loop.createTask(async () => {
      try {
        await loop.createFuture<void>();
      } catch (error) {
        assertInstanceOf(error, CancelledError);
        await Promise.resolve();
        events.push("cleaned up");
        throw error;
      }
    });
    return new Promise<void>((resolve) => loop.callSoon(() => loop.callSoon(resolve)));
  });
  assertEquals(events, ["cleaned up"]);
  assert(loop.isClosed());
});

Deno.test("run() reports a task that fails while it is cancelled", async () => {
  const reports: [string, unknown][] = [];
  await run(() => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, context) =>
      void reports.push([context.message, context.exception])
    );
    loop.createTask(async () => {
      try {
        await loop.createFuture<void>();
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw new RangeError("while cleaning up");
      }
    });
    return new Promise<void>((resolve) => loop.callSoon(() => loop.callSoon(resolve)));
  });
  assertEquals(reports.length, 1);
  assertEquals(reports[0]?.[0], "unhandled exception during run() shutdown");
  assertInstanceOf(reports[0]?.[1], RangeError);
});

Deno.test("run() closes async generators that were registered", async () => {
  const events: string[] = [];
  async function* numbers() {
    try {
      for (let n = 0;; n++) {
        yield n;
        await Promise.resolve();
      }
    } finally {
      events.push("closed");
    }
  }
  await run(async () => {
    const generator = numbers();
    getRunningLoop().registerAsyncgen(generator);
    await generator.next();
  });
  assertEquals(events, ["closed"]);
});

Deno.test("run() makes the loop with loopFactory and sets its debug mode", async () => {
  const loop = newEventLoop();
  await run(() => {
    assertStrictEquals(getRunningLoop(), loop);
    assertEquals(loop.getDebug(), true);
  }, { loopFactory: () => loop, debug: true });
  assert(loop.isClosed());
});

Deno.test("Runner.run() runs several mains in one loop, and none once closed", async () => {
  const runner = new Runner();
  const loops = [
    await runner.run(() => getRunningLoop()),
    await runner.run(() => getRunningLoop()),
  ];
  assertStrictEquals(loops[0], loops[1]);
  assertStrictEquals(runner.getLoop(), loops[0]);
  await runner.close();
  await runner.close();
  assert(loops[0]?.isClosed());
  assertThrows(() => runner.getLoop(), RuntimeError, "it is closed");
  await assertRejects(() => runner.run(() => 1), RuntimeError, "it is closed");
});

const INTERRUPTED = `
import { getRunningLoop, run } from "./mod.ts";
try {
  await run(async () => {
    const loop = getRunningLoop();
    console.log("ready");
    try {
      await loop.createFuture();
    } finally {
      console.log("cleaning up");
      await new Promise((resolve) => loop.callLater(1, resolve));
      console.log("cleaned up");
    }
  });
} catch (error) {
  console.log(error.name);
  throw error;
}
`;

Deno.test("run() cancels main on SIGINT, awaits its cleanup and rejects with KeyboardInterrupt", async () => {
  await using child = await startDeno(INTERRUPTED);
  await child.waitReady();
  child.kill("SIGINT");
  const { stdout, stderr, code } = await child.communicate();
  assertEquals(stdout.trim().split("\n"), ["cleaning up", "cleaned up", "KeyboardInterrupt"]);
  assertEquals(code, 1);
  assert(stderr.includes("Interrupted by SIGINT"), stderr);
});

Deno.test("run() ends at once on a second SIGINT", async () => {
  await using child = await startDeno(`
    import { getRunningLoop, run } from "./mod.ts";
    await run(async () => {
      const loop = getRunningLoop();
      console.log("ready");
      for (;;) {
        try {
          await loop.createFuture();
        } catch {
          console.log("stubborn");
        }
      }
    }).catch((error) => { console.log(error.name); Deno.exit(3); });
  `);
  await child.waitReady();
  child.kill("SIGINT");
  await child.readLine();
  child.kill("SIGINT");
  const { stdout, code } = await child.communicate();
  // The task hears of it once more, and is not waited for.
  assertEquals({ last: stdout.trim().split("\n").at(-1), code }, {
    last: "KeyboardInterrupt",
    code: 3,
  });
});

Deno.test("run() cancels main when its signal aborts, and rejects with the reason", async () => {
  const aborter = new AbortController();
  const reason = { any: "reason" };
  const events: string[] = [];
  const error = await assertRejects(() =>
    run(async () => {
      const loop = getRunningLoop();
      loop.callSoon(() => aborter.abort(reason));
      try {
        await loop.createFuture<void>();
      } finally {
        await Promise.resolve();
        events.push("cleaned up");
      }
    }, { signal: aborter.signal })
  );
  assertStrictEquals(error, reason as unknown);
  assertEquals(events, ["cleaned up"]);
});

Deno.test("run() with an aborted signal does not start main", async () => {
  const reason = new Error("no");
  let started = false;
  const error = await assertRejects(() =>
    run(() => void (started = true), { signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(error, reason);
  assertEquals(started, false);
});

Deno.test("run() resolves to what main returns though its signal aborted", async () => {
  const aborter = new AbortController();
  const result = await run(async (task) => {
    getRunningLoop().callSoon(() => aborter.abort());
    try {
      await getRunningLoop().createFuture<void>();
    } catch {
      task.uncancel();
    }
    return "not impressed";
  }, { signal: aborter.signal });
  assertEquals(result, "not impressed");
});

Deno.test("run() rejects with CancelledError when somebody else cancelled main as well", async () => {
  const aborter = new AbortController();
  await assertRejects(() =>
    run(async (task) => {
      getRunningLoop().callSoon(() => {
        aborter.abort(new Error("reason"));
        task.cancel("somebody else");
      });
      await getRunningLoop().createFuture<void>();
    }, { signal: aborter.signal }), CancelledError);
});

Deno.test("Runner.run() can be given up by a signal, and run again", async () => {
  await using runner = new Runner();
  const aborter = new AbortController();
  const reason = new Error("enough");
  const error = await assertRejects(() =>
    runner.run(() => {
      runner.getLoop().callSoon(() => aborter.abort(reason));
      return runner.getLoop().createFuture<void>();
    }, aborter)
  );
  assertStrictEquals(error, reason);
  assertEquals(await runner.run(() => "again"), "again");
});
