import { RuntimeError } from "../../errors.ts";
import type { Future } from "../../loop/mod.ts";
import {
  asCompleted,
  captureCallGraph,
  createTask,
  currentTask,
  formatCallGraph,
  type FutureCallGraph,
  gather,
  printCallGraph,
  shield,
  sleep,
  TaskGroup,
  wait,
} from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { loopTest, reportsOf, tick } from "./support.ts";

/** Who awaits whom, as names of tasks. */
function names(graph: FutureCallGraph | null): unknown {
  assert(graph !== null);
  const name = "getName" in graph.future ? (graph.future.getName as () => string)() : "future";
  return graph.awaitedBy.length === 0 ? name : [name, ...graph.awaitedBy.map(names)];
}

loopTest(
  "captureCallGraph() of a future shows who awaits it, and who awaits those",
  async (loop) => {
    const future = loop.createFuture<void>();
    const a = createTask(async () => await future, { name: "a" });
    const b = createTask(async () => await a, { name: "b" });
    const c = createTask(async () => await future, { name: "c" });
    await tick();
    const graph = captureCallGraph(future);
    assertEquals(names(graph), ["future", ["a", "b"], "c"]);
    assertStrictEquals(graph!.future, future);
    assertEquals(graph!.callStack, []);
    assertStringIncludes(graph!.awaitedBy[0]!.callStack[0]!.frame, "waits for <Future pending>");
    future.setResult();
    await Promise.all([a, b, c]);
    assertEquals(names(captureCallGraph(future)), "future");
  },
);

loopTest(
  "captureCallGraph() sees through gather, wait, shield, asCompleted and groups",
  async (loop) => {
    const ways: Record<string, (future: Future<void>) => PromiseLike<unknown>> = {
      gather: (future) => gather(future, future),
      wait: (future) => wait([future]),
      shield: (future) => shield(future),
      asCompleted: async (future) => {
        for await (const one of asCompleted([future])) one.result();
      },
    };
    for (const [name, way] of Object.entries(ways)) {
      const future = loop.createFuture<void>();
      const task = createTask(async () => await way(future), { name });
      await tick();
      assertEquals(names(captureCallGraph(future)), ["future", name]);
      future.setResult();
      await task;
      assertEquals(names(captureCallGraph(future)), "future");
    }
    const future = loop.createFuture<void>();
    const parent = createTask(
      () =>
        TaskGroup.run((group) =>
          void group.createTask(async () => await future, { name: "member" })
        ),
      {
        name: "parent",
      },
    );
    await tick(2);
    assertEquals(names(captureCallGraph(future)), ["future", ["member", "parent"]]);
    future.setResult();
    await parent;
  },
);

loopTest(
  "captureCallGraph() without a future is that of the current task, with its frames",
  async () => {
    async function innermost(): Promise<FutureCallGraph | null> {
      await sleep(1);
      return captureCallGraph();
    }
    async function outermost(): Promise<FutureCallGraph | null> {
      return await innermost();
    }
    currentTask()!.setName("main");
    const task = createTask(outermost, { name: "inside" });
    const waiting = createTask(async () => await task, { name: "waiting" });
    const graph = await task;
    await waiting;
    assertEquals(names(graph), ["inside", "main", "waiting"]);
    const frames = graph!.callStack.map(({ frame }) => frame);
    assertEquals(frames.length, 2);
    assertMatch(frames[0]!, /^innermost .*call_graph_test\.ts/);
    assertMatch(frames[1]!, /^async outermost .*call_graph_test\.ts/);
  },
);

loopTest("captureCallGraph() takes depth and limit", async () => {
  function here(options?: { depth?: number; limit?: number }): string[] {
    const graph = captureCallGraph(currentTask(), options);
    return graph!.callStack.map(({ frame }) => frame.split(" ")[0]!);
  }
  function caller(options?: { depth?: number; limit?: number }): string[] {
    return here(options);
  }
  const all = caller();
  assertEquals(all.slice(0, 2), ["here", "caller"]);
  assertEquals(caller({ depth: 2 })[0], "caller");
  assertEquals(caller({ limit: 1 }), ["here"]);
  assertEquals(caller({ limit: 0 }), []);
  assertEquals(caller({ limit: -all.length + 1 })[0], "caller");
  await tick();
});

Deno.test("captureCallGraph() ends where tasks wait for each other", async () => {
  const reports = await reportsOf(async (loop) => {
    const gate = loop.createFuture<void>();
    const a: Future<void> = createTask(async () => {
      await gate;
      await b;
    }, { name: "a" });
    const b: Future<void> = createTask(async () => await a, { name: "b" });
    await tick();
    gate.setResult();
    await tick();
    assertEquals(names(captureCallGraph(a)), ["a", "b"]);
    assertEquals(names(captureCallGraph(b)), ["b", "a"]);
  });
  assertEquals(reports.length, 2, "both are pending at the end");
});

loopTest("formatCallGraph() and printCallGraph() write the graph as a tree", async (loop) => {
  const future = loop.createFuture<void>();
  const a = createTask(async () => await future, { name: "a" });
  const b = createTask(async () => await a, { name: "b" });
  await tick();
  const text = formatCallGraph(future);
  assertEquals(text.split("\n"), [
    "* <Future pending>",
    "  + Awaited by:",
    "    * Task(name='a')",
    "      + Call stack:",
    "      |   waits for <Future pending>",
    "      + Awaited by:",
    "        * Task(name='b')",
    "          + Call stack:",
    `          |   waits for ${a}`,
  ]);
  let written = "";
  printCallGraph(future, { write: (text) => void (written = text) });
  assertEquals(written, text);
  future.setResult();
  await Promise.all([a, b]);
  const own = formatCallGraph();
  assertMatch(own, /^\* Task\(name='.*'\)\n {2}\+ Call stack:\n {2}\| {3}.*call_graph_test\.ts/);
});

Deno.test("captureCallGraph() is null in a callback, and needs a loop or a future", async () => {
  await reportsOf(async (loop) => {
    let graph: FutureCallGraph | null | undefined;
    let text: string | undefined;
    loop.callSoon(() => {
      graph = captureCallGraph();
      text = formatCallGraph();
    });
    await tick();
    assertEquals([graph, text], [null, ""]);
    assertThrows(() => captureCallGraph(5 as unknown as Future<unknown>), TypeError, "a future");
  });
  assertThrows(() => captureCallGraph(), RuntimeError, "no event loop is running");
  const loop = new VirtualTimeLoop();
  assertEquals(names(captureCallGraph(loop.createFuture())), "future");
  loop.close();
});
