import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { runDeno } from "../support/process.ts";

// A timer that is unref'd fires only if something else keeps the process alive: the loop. A
// top-level await would do too, and is not to.
const ALIVE = `
  import { EventLoop } from "./loop/mod.ts";
  const loop = new EventLoop();
  setTimeout(() => {
    console.log("alive");
    loop.stop();
  }, 100).unref();
`;

Deno.test("a running loop keeps the process alive, a stopped one lets it end", async () => {
  const { code, stdout, stderr } = await runDeno(`
    ${ALIVE}
    loop.runForever().then(() => console.log("stopped"));
  `);
  assertEquals([code, stdout, stderr], [0, "alive\nstopped\n", ""]);
});

Deno.test("a loop that waits for a promise nobody settles keeps the process alive", async () => {
  const { code, stdout, stderr } = await runDeno(`
    ${ALIVE}
    loop.runUntilComplete(new Promise(() => {})).catch(({ message }) => console.log(message));
  `);
  const stopped = "Event loop stopped before Future completed.";
  assertEquals([code, stdout, stderr], [0, `alive\n${stopped}\n`, ""]);
});

Deno.test("a loop with timers and callbacks left over lets the process end", async () => {
  const { code, stdout, stderr } = await runDeno(
    `
    import { EventLoop } from "./loop/mod.ts";
    const loop = new EventLoop();
    loop.callLater(1e9, () => console.log("never"));
    const far = loop.createFuture();
    loop.createTask(async () => await far, { name: "waiting" });
    console.log(await loop.runUntilComplete(async () => "result"));
    loop.callSoon(() => console.log("never"));
    loop.close();
  `,
    { args: ["close"] },
  );
  assertEquals([code, stdout], [0, "result\n"]);
  assertStringIncludes(
    stderr,
    "Task was destroyed but it is pending: <Task pending name='waiting'",
  );
});

Deno.test("a loop nobody closes lets the process end too", async () => {
  const { code, stdout } = await runDeno(`
    import { EventLoop } from "./loop/mod.ts";
    const loop = new EventLoop();
    loop.callLater(1e9, () => console.log("never"));
    console.log(await loop.runUntilComplete(async () => "result"));
  `);
  assertEquals([code, stdout], [0, "result\n"]);
});

Deno.test("the loop, its futures and tasks need no permission", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import { EventLoop } from "./loop/mod.ts";
    await using loop = new EventLoop();
    const future = loop.createFuture();
    loop.callLater(1, () => future.setResult("fine"));
    console.log(await loop.runUntilComplete(async () => await future), loop.getDebug());
  `);
  assertEquals([code, stdout, stderr], [0, "fine false\n", ""]);
});

Deno.test("an idle loop uses no CPU", async () => {
  // Measured by the child itself, over a window in which nothing is to be done.
  const { code, stdout, stderr } = await runDeno(
    `
    import { EventLoop } from "./loop/mod.ts";
    import { schedulerOf } from "./loop/internals.ts";
    import process from "node:process";
    const loop = new EventLoop();
    const engine = schedulerOf(loop);
    function switches() {
      if (Deno.build.os !== "linux") return 0;
      const status = Deno.readTextFileSync("/proc/self/status");
      return Number(/^voluntary_ctxt_switches:\\s*(\\d+)/m.exec(status)[1]);
    }
    function begin() {
      const [cpu, start, before] = [process.cpuUsage(), performance.now(), switches()];
      loop.callLater(500, () => {
        const { user, system } = process.cpuUsage(cpu);
        console.log(JSON.stringify({
          share: (user + system) / 1000 / (performance.now() - start),
          wakeUps: switches() - before,
          iterations: engine.iteration,
        }));
        loop.stop();
      });
    }
    // Once warm: what the start compiles is not idleness.
    loop.callLater(300, begin);
    await loop.runForever();
  `,
    { flags: ["--allow-all"] },
  );
  assertEquals([code, stderr], [0, ""]);
  const { share, wakeUps, iterations } = JSON.parse(stdout);
  assert(share < 0.2, `an idle loop took ${share} of a core`);
  // A loop that polled every few milliseconds would wake up a hundred times.
  assert(wakeUps < 50, `an idle loop woke up ${wakeUps} times`);
  assertEquals(iterations, 2);
});

Deno.test("KeyboardInterrupt nobody catches ends the process with an error", async () => {
  const { code, stderr } = await runDeno(`
    import { EventLoop } from "./loop/mod.ts";
    import { KeyboardInterrupt } from "./errors.ts";
    const loop = new EventLoop();
    loop.callSoon(() => { throw new KeyboardInterrupt("enough"); });
    await loop.runForever();
  `);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "KeyboardInterrupt: enough");
});

Deno.test("no failed future or task becomes an unhandled rejection", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import { EventLoop } from "./loop/mod.ts";
    globalThis.addEventListener("unhandledrejection", (event) => {
      console.log("unhandled", event.reason);
    });
    const loop = new EventLoop();
    loop.setExceptionHandler((_loop, context) => console.log(context.exception.message));
    const fail = (text) => async () => { throw new Error(text); };
    await loop.runUntilComplete(async () => {
      loop.createTask(fail("task"));
      loop.createTask(fail("eager"), { eagerStart: true });
      loop.createFuture().setException(new Error("future"));
      const derived = loop.createFuture();
      derived.then(() => {});
      derived.finally(() => {});
      derived.catch(() => { throw new Error("handler"); });
      derived.setException(new Error("derived"));
      loop.callSoon(fail("async callback"));
      const turn = loop.createFuture();
      loop.callLater(5, () => turn.setResult());
      await turn;
    });
    loop.close();
    await new Promise((resolve) => setTimeout(resolve, 5));
  `);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.trim().split("\n").toSorted(), [
    "async callback",
    "derived",
    "derived",
    "eager",
    "future",
    "handler",
    "task",
  ]);
});
