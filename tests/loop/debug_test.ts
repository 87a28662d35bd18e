import { EventLoop, type Task } from "../../loop/mod.ts";
import { schedulerOf } from "../../loop/internals.ts";
import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { runDeno } from "../support/process.ts";
import { Bench } from "./bench.ts";

/** In debug mode; slow is who lets time pass, and nobody else. */
class DebugBench extends Bench {
  #now = performance.now();

  constructor() {
    super();
    this.loop.setDebug(true);
    performance.now = () => this.#now;
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  override [Symbol.asyncDispose](): Promise<void> {
    delete (performance as { now?: () => number }).now;
    return super[Symbol.asyncDispose]();
  }
}

const PRINT_DEBUG = `
  import { EventLoop } from "./loop/mod.ts";
  using stack = new DisposableStack();
  const loop = stack.adopt(new EventLoop(), (loop) => loop.close());
  console.log(loop.getDebug());
`;

Deno.test("getDebug() follows ASYNCIO_DEBUG where it may be read", async () => {
  const env = { ASYNCIO_DEBUG: "1" };
  const flags = ["--allow-env=ASYNCIO_DEBUG"];
  const cases = [
    { env, flags },
    { env: { ASYNCIO_DEBUG: "" }, flags },
    { flags },
    // Without the permission it must neither ask nor fail.
    { env },
  ];
  const outputs = await Promise.all(cases.map((options) => runDeno(PRINT_DEBUG, options)));
  assertEquals(
    outputs.map(({ code, stdout, stderr }) => [code, stdout, stderr]),
    [[0, "true\n", ""], [0, "false\n", ""], [0, "false\n", ""], [0, "false\n", ""]],
  );
});

Deno.test("setDebug() switches debug mode on and off", async () => {
  await using loop = new EventLoop();
  loop.setDebug(true);
  assertStrictEquals(loop.getDebug(), true);
  loop.setDebug(false);
  assertStrictEquals(loop.getDebug(), false);
});

Deno.test("slowCallbackDurationMs is 100, and takes a number only", async () => {
  await using loop = new EventLoop();
  assertStrictEquals(loop.slowCallbackDurationMs, 100);
  loop.slowCallbackDurationMs = 5;
  assertStrictEquals(loop.slowCallbackDurationMs, 5);
  assertThrows(() => loop.slowCallbackDurationMs = NaN, RangeError, "slowCallbackDurationMs");
  assertThrows(() => loop.slowCallbackDurationMs = "5" as unknown as number, TypeError);
  assertStrictEquals(loop.slowCallbackDurationMs, 5);
});

Deno.test("debug mode reports a slow callback, once, by name and with its arguments", async () => {
  // CPython test_base_events.py test_log_slow_callbacks
  await using bench = new DebugBench();
  bench.loop.callSoon(function slow(_n: number) {
    bench.pass(150);
  }, 7);
  bench.loop.callSoon(() => bench.pass(50));
  await bench.turn(3);
  const messages = bench.takeMessages();
  assertEquals(messages.length, 1);
  assertMatch(messages[0] as string, /^Executing <Handle slow\(7\)> took 150 ms$/);
});

Deno.test("debug mode reports slow steps of tasks: the first, a later one, the last", async () => {
  await using bench = new DebugBench();
  const { loop } = bench;
  await loop.runUntilComplete(loop.createTask(async () => {
    bench.pass(110);
    await bench.pause();
    bench.pass(120);
    await bench.pause();
    // In the microtasks after a step counts too.
    await Promise.resolve();
    bench.pass(130);
  }, { name: "slow" }));
  await loop.runUntilComplete(loop.createTask(() => bench.pass(140), { name: "short" }));
  const messages = bench.takeMessages();
  assertEquals(
    messages.map((message) => message.match(/name='(\w+)'.* took (\d+) ms/)?.slice(1)),
    [["slow", "110"], ["slow", "120"], ["slow", "130"], ["short", "140"]],
  );
});

Deno.test("debug mode reports slow calls of the library and I/O callbacks", async () => {
  await using bench = new DebugBench();
  const engine = schedulerOf(bench.loop);
  engine.callSoon(function inside() {
    bench.pass(200);
  }, undefined);
  engine.ioTurn()?.then(() => bench.pass(200));
  await bench.turn();
  const [call, io] = bench.takeMessages();
  assertStringIncludes(call as string, "Executing <library call inside()> took 200 ms");
  assertStringIncludes(io as string, "Executing <I/O callback> took 200 ms");
});

Deno.test("debug mode does not count the sleep of the loop", async () => {
  await using bench = new DebugBench();
  bench.loop.callSoon(() => {});
  bench.loop.callLater(10_000, () => bench.loop.stop());
  await bench.loop.runForever();
  assertEquals(bench.takeMessages(), []);
});

Deno.test("slow callbacks are no matter outside of debug mode", async () => {
  await using bench = new DebugBench();
  bench.loop.setDebug(false);
  bench.loop.callSoon(() => bench.pass(1000));
  await bench.turn();
  assertEquals(bench.takeMessages(), []);
});

Deno.test("debug mode tells where a failing callback, future and task were made", async () => {
  await using bench = new DebugBench();
  const { loop } = bench;
  function makeSoon(): void {
    loop.callSoon(() => {
      throw new Error("boom");
    });
  }
  function makeLater(): void {
    loop.callLater(0, () => {
      throw new Error("boom");
    });
  }
  function makeFuture(): void {
    loop.createFuture().setException(new Error("boom"));
  }
  function makeTask(): void {
    loop.createTask(() => {
      throw new Error("boom");
    });
  }
  function makePending(): void {
    loop.createTask(async () => await bench.sleep(1000));
  }
  for (const make of [makeSoon, makeLater, makeFuture, makeTask, makePending]) make();
  await bench.turn();
  loop.close();
  const reports = bench.takeReports();
  assertEquals(reports.length, 5);
  const traces = reports.map(({ sourceTraceback }) => sourceTraceback ?? "");
  ["makeSoon", "makeLater", "makePending", "makeFuture", "makeTask"].forEach((name, at) => {
    assertStringIncludes(traces[at] as string, name);
    assertStringIncludes(traces[at] as string, "debug_test.ts");
  });
});

Deno.test("outside of debug mode nothing tells where things were made", async () => {
  await using bench = new Bench();
  bench.loop.createFuture().setException(new Error("boom"));
  bench.loop.close();
  const [report] = bench.takeReports();
  assertStrictEquals("sourceTraceback" in (report ?? {}), false);
});

Deno.test("Task.getStack() tells where a task was made in debug mode", async () => {
  await using bench = new DebugBench();
  function maker() {
    return bench.loop.createTask(async () => await bench.sleep(1));
  }
  const task = maker();
  await bench.turn();
  const stack = task.getStack();
  assertMatch(stack[0] as string, /^waits for <Future pending>$/);
  assertMatch(stack.join("\n"), /at .*maker/);
  assertEquals(task.getStack({ limit: 1 }), stack.slice(0, 1));
  await bench.loop.runUntilComplete(task);
});

Deno.test("debug mode reports a task that swallowed a cancellation", async () => {
  await using bench = new DebugBench();
  const { loop } = bench;
  const swallower = loop.createTask(async () => {
    await assertRejects(() => bench.sleep(1000));
    return 1;
  }, { name: "swallower" });
  const honest = loop.createTask(async (self: Task<number>) => {
    await assertRejects(() => bench.sleep(1000));
    return self.uncancel();
  });
  const obedient = loop.createTask(async () => await bench.sleep(1000));
  await bench.turn();
  for (const task of [swallower, honest, obedient]) task.cancel();
  await bench.turn(3);
  const [report, ...others] = bench.takeReports();
  assertEquals(others, []);
  assertStrictEquals(report?.task, swallower);
  assertStringIncludes(
    report?.message ?? "",
    "Task swallowed a cancellation: <Task finished name='swallower'",
  );
});

Deno.test("outside of debug mode a swallowed cancellation is the task's own affair", async () => {
  await using bench = new Bench();
  const task = bench.loop.createTask(async () => {
    await assertRejects(() => bench.sleep(1000));
  });
  await bench.turn();
  task.cancel();
  await bench.loop.runUntilComplete(task);
  assertEquals(bench.takeMessages(), []);
});

Deno.test("arguments are shown in debug mode only", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  function callback(_secret: string): void {}
  const show = () => String(loop.callSoon(callback, "secret"));
  assertEquals(show(), "<Handle callback(...)>");
  loop.setDebug(true);
  assertEquals(show(), `<Handle callback("secret")>`);
  const cancelled = loop.callLater(1, callback, "secret");
  cancelled.cancel();
  assertNotMatch(String(cancelled), /secret|callback/);
  await bench.turn();
});
