import { assert, assertEquals } from "./support/assert.ts";
import {
  circles,
  type Edge,
  forbiddenImports,
  libraryFiles,
  loadedWith,
  readEdges,
} from "./support/layers.ts";
import { platformMisuse } from "./support/platform_use.ts";
import { ROOT, runDeno } from "./support/process.ts";

/**
 * What may be loaded when `mod.ts` is. `node:net`, `node:tls`, `node:fs`,
 * `node:process` and their like cost 5 to 20 ms each, and wait for their first use.
 */
const LIGHT = new Set(["node:async_hooks"]);

/** Where the library's purpose is to print: CPython's own `print_*`, and the exception handler of last resort. */
const PRINTERS = new Set([
  "loop/base_loop.ts",
  "loop/exception_handler.ts",
  "loop/task.ts",
  "tasks/call_graph.ts",
]);

const files = await libraryFiles();
const edges = await readEdges(files);

Deno.test("libraryFiles() and readEdges() see the library", () => {
  for (const file of ["errors.ts", "types/loop.ts", "mod.ts"]) {
    assert(files.includes(file), file);
  }
  assert(!files.some((file) => file.startsWith("tests/")));
  assert(
    edges.some(({ from, to }) => from === "types.ts" && to === "types/loop.ts"),
  );
});

Deno.test("the library imports downwards only, and nothing from a registry", () => {
  assertEquals(forbiddenImports(edges), []);
});

Deno.test("the library has no circular import, not even of types", () => {
  // Contracts name each other, a transport its protocol and back: inside
  // types/, where there is no code, a circle of types is no more than one
  // contract on several pages.
  const counted = edges.filter(({ from, to, eager }) =>
    eager || !from.startsWith("types/") || !to.startsWith("types/")
  );
  assertEquals(circles(counted), []);
});

Deno.test("types.ts and types/ are types only", () => {
  assertEquals(
    edges.filter(({ from, eager }) => /^types[./]/.test(from) && eager),
    [],
  );
});

Deno.test("importing mod.ts loads no heavy module", () => {
  const loaded = [...loadedWith("mod.ts", edges)];
  const heavy = loaded.filter((path) => path.startsWith("node:") && !LIGHT.has(path));
  assertEquals(heavy, []);
});

Deno.test("the library uses no unstable API, no internals and no console", async () => {
  const found: string[] = [];
  for (const file of files) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    found.push(
      ...platformMisuse(file, source).filter((problem) =>
        !PRINTERS.has(file) || !problem.endsWith("writes to the console")
      ),
    );
  }
  assertEquals(found, []);
});

Deno.test("internal/ is not exported", async () => {
  const { exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const paths: string[] = Object.values(exports);
  assertEquals(paths.filter((path) => path.startsWith("./internal")), []);
});

Deno.test("importing every entry point needs no permission", async () => {
  const { exports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  const imports = Object.values(exports).map((path) => `import "${path}";`);
  const { code, stdout, stderr } = await runDeno(
    `${imports.join("\n")}\nconsole.log("imported");`,
  );
  assertEquals([code, stdout, stderr], [0, "imported\n", ""]);
});

function edge(from: string, to: string, eager = true): Edge {
  return { from, to, eager };
}

Deno.test("forbiddenImports() refuses every way up, around and out", () => {
  const refused: [string, string][] = [
    ["errors.ts", "internal/deque.ts"],
    ["types/loop.ts", "loop/mod.ts"],
    ["internal/deque.ts", "loop/mod.ts"],
    ["loop/event_loop.ts", "transports/deno_io.ts"],
    ["loop/event_loop.ts", "protocols/mod.ts"],
    ["protocols/mod.ts", "loop/mod.ts"],
    ["loop/event_loop.ts", "tasks/mod.ts"],
    ["tasks/gather.ts", "sync/lock.ts"],
    ["sync/lock.ts", "tasks/mod.ts"],
    ["sync/lock.ts", "queues/mod.ts"],
    ["queues/queue.ts", "transports/mod.ts"],
    ["transports/tcp.ts", "policy/mod.ts"],
    ["policy/run.ts", "streams/mod.ts"],
    ["streams/reader.ts", "subprocess/mod.ts"],
    ["subprocess/process.ts", "testing/mod.ts"],
    ["testing/virtual.ts", "streams/mod.ts"],
    ["loop/event_loop.ts", "mod.ts"],
    ["loop/event_loop.ts", "tests/support/poll.ts"],
    ["mod.ts", "internal/deque.ts"],
    ["loop/event_loop.ts", "npm:left-pad"],
    ["loop/event_loop.ts", "jsr:@std/async"],
    ["loop/event_loop.ts", "https://example.com/x.ts"],
    ["attic/x.ts", "errors.ts"],
  ];
  for (const [from, to] of refused) {
    assertEquals(forbiddenImports([edge(from, to)]).length, 1, `${from} ${to}`);
  }
});

Deno.test("forbiddenImports() lets imports go down", () => {
  const allowed: [string, string][] = [
    ["types.ts", "types/loop.ts"],
    ["internal/deque.ts", "errors.ts"],
    ["loop/event_loop.ts", "internal/deque.ts"],
    ["loop/event_loop.ts", "loop/handle.ts"],
    ["loop/event_loop.ts", "node:async_hooks"],
    ["sync/lock.ts", "loop/future.ts"],
    ["queues/queue.ts", "sync/event.ts"],
    ["transports/tcp.ts", "queues/mod.ts"],
    ["policy/run.ts", "transports/mod.ts"],
    ["subprocess/process.ts", "streams/mod.ts"],
    ["testing/virtual.ts", "policy/mod.ts"],
    ["mod.ts", "subprocess/mod.ts"],
    ["mod.ts", "testing/mod.ts"],
  ];
  assertEquals(forbiddenImports(allowed.map(([a, b]) => edge(a, b))), []);
});

Deno.test("circles() finds circles of any length, through types and import()", () => {
  assertEquals(circles([edge("a", "b"), edge("b", "c"), edge("a", "c")]), []);
  assertEquals(circles([edge("a", "a")]), [["a"]]);
  assertEquals(
    circles([
      edge("a", "b"),
      edge("b", "c", false),
      edge("c", "a"),
      edge("c", "d"),
      edge("d", "e"),
      edge("e", "d"),
    ]),
    [["d", "e"], ["a", "b", "c"]],
  );
});

Deno.test("loadedWith() follows what is loaded at once, and no further", () => {
  const loaded = loadedWith("mod.ts", [
    edge("mod.ts", "a"),
    edge("a", "node:async_hooks"),
    edge("a", "lazy", false),
    edge("lazy", "node:net"),
  ]);
  assertEquals([...loaded], ["mod.ts", "a", "node:async_hooks"]);
});

Deno.test("platformMisuse() finds misuse in code", () => {
  for (
    const source of [
      `console.error("x")`,
      `Deno[Deno.internal]`,
      `const { internal } = Deno`,
      `Deno.internal`,
      `Deno.listenDatagram({ port: 0, transport: "udp" })`,
      `Deno.openKv()`,
      `Deno.listen({ port: 0, reusePort: true })`,
      `process.binding("tcp_wrap")`,
    ]
  ) {
    assert(platformMisuse("x.ts", source).length > 0, source);
  }
});

Deno.test("platformMisuse() leaves comments, types and feature detection alone", () => {
  assertEquals(
    platformMisuse(
      "x.ts",
      `// console.log(Deno.openKv)
      const text = "Deno.internal";
      const [addr]: Deno.NetAddr[] = [];
      const has = typeof Deno.listenDatagram === "function";
      Deno.listen({ port: 0 });`,
    ),
    [],
  );
});
