import * as asyncio from "../mod.ts";
import { MEMBERS, NAMES, words } from "./api/names.ts";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "./support/assert.ts";
import { ROOT } from "./support/process.ts";
import { inLoop } from "./transports/tcp_support.ts";

const values = asyncio as unknown as Record<string, unknown>;

/** The kind of an exported value. */
function kindOf(value: unknown): "class" | "function" | "constant" | "nothing" {
  if (value === undefined) return "nothing";
  if (typeof value !== "function") return "constant";
  return /^class\b/.test(String(value)) ? "class" : "function";
}

/** The names of types that a module exports, as its documentation has them. */
async function typesOf(file: string): Promise<Set<string>> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", file],
    cwd: ROOT,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: { name: string; declarations: { kind: string }[] }[] }>;
  };
  const types = new Set<string>();
  for (const { symbols } of Object.values(nodes)) {
    for (const { name, declarations } of symbols) {
      if (declarations.some(({ kind }) => /^(interface|typeAlias|class)$/.test(kind))) {
        types.add(name);
      }
    }
  }
  return types;
}

/** What `object` lacks of the members listed under `name`. */
function missing(name: string, object: object): string[] {
  const listed = words(MEMBERS[name]);
  assert(listed.length > 0, `${name} is not in the list`);
  return listed.filter((member) => {
    const key = member.replace("()", "");
    const found = key.startsWith("@@")
      ? (Symbol as unknown as Record<string, symbol>)[key.slice(2)] as symbol
      : key;
    if (!(found in object)) return true;
    const value = (object as Record<PropertyKey, unknown>)[found];
    return member.endsWith("()") !== (typeof value === "function");
  }).map((member) => `${name}.${member}`);
}

for (const [file, { classes, functions, constants, types }] of Object.entries(NAMES)) {
  Deno.test(`${file} exports the names of its section, of the right kind, and mod.ts does too`, async () => {
    const own = await import(new URL(file, ROOT).href) as Record<string, unknown>;
    for (const [kind, names] of Object.entries({ class: classes, function: functions })) {
      for (const name of words(names)) assertEquals(kindOf(own[name]), kind, name);
    }
    for (const name of words(constants)) assertEquals(kindOf(own[name]), "constant", name);
    for (const name of words([classes, functions, constants].join(" "))) {
      assertStrictEquals(values[name], own[name], name);
    }
    if (types === undefined) return;
    const [here, everywhere] = await Promise.all([typesOf(file), typesOf("mod.ts")]);
    assertEquals(words(types).filter((name) => !here.has(name)), []);
    assertEquals(words(types).filter((name) => !everywhere.has(name)), []);
  });
}

Deno.test("mod.ts exports what the folders export, and nothing else", async () => {
  const all = new Set<string>();
  for (const file of Object.keys(NAMES)) {
    for (const name of Object.keys(await import(new URL(file, ROOT).href))) all.add(name);
  }
  assertEquals(Object.keys(asyncio).sort(), [...all].sort());
});

Deno.test("whatever a module exports is in the list of names, or a constant of the platform's headers", async () => {
  const unlisted: string[] = [];
  for (const [file, { classes, functions, constants }] of Object.entries(NAMES)) {
    const listed = new Set(words([classes, functions, constants].join(" ")));
    for (const name of Object.keys(await import(new URL(file, ROOT).href))) {
      if (!listed.has(name) && !/^[A-Z][A-Z\d_]+$/.test(name)) {
        unlisted.push(`${file}: ${name}`);
      }
    }
  }
  assertEquals(unlisted, []);
});

Deno.test("every error has the name of its class, its message, and its cause", () => {
  const cause = new Error("cause");
  for (const name of words(NAMES["errors.ts"]?.classes)) {
    const Class = values[name] as new (...args: unknown[]) => Error;
    assertEquals(Class.name, name);
    if (/^(IncompleteRead|LimitOverrun)Error$|Group$/.test(name)) continue;
    const error = new Class("what happened", { cause });
    assertInstanceOf(error, Error);
    assertEquals([error.name, error.message], [name, "what happened"]);
    assertStrictEquals(error.cause, cause, name);
  }
  const partial = new Uint8Array([1]);
  const incomplete = new asyncio.IncompleteReadError(partial, 5);
  assertEquals([incomplete.name, incomplete.expected], ["IncompleteReadError", 5]);
  assertStrictEquals(incomplete.partial, partial);
  const overrun = new asyncio.LimitOverrunError("no separator", 7);
  assertEquals(
    [overrun.name, overrun.message, overrun.consumed],
    ["LimitOverrunError", "no separator", 7],
  );
  const group = new asyncio.ExceptionGroup("several", [cause]);
  assertInstanceOf(group, AggregateError);
  assertEquals([group.name, group.errors], ["ExceptionGroup", [cause]]);
  assertInstanceOf(new asyncio.BrokenBarrierError("broken"), asyncio.RuntimeError);
  assertInstanceOf(new asyncio.SendfileNotAvailableError("no"), asyncio.RuntimeError);
});

Deno.test("constants have asyncio's values, or those of the platform's headers", () => {
  const { ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, PIPE, DEVNULL, STDOUT } = asyncio;
  assertEquals([ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION], [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
  ]);
  assertEquals([PIPE, DEVNULL, STDOUT], ["piped", "null", "stdout"]);
  assertEquals([asyncio.NI_NUMERICHOST, asyncio.NI_NUMERICSERV, asyncio.NI_NAMEREQD], [1, 2, 8]);
  assertEquals([asyncio.AF_UNIX, asyncio.AF_INET, asyncio.SOCK_STREAM, asyncio.SOCK_DGRAM], [
    1,
    2,
    1,
    2,
  ]);
});

Deno.test("event loops, handles, futures and tasks have every method of asyncio's", async () => {
  await inLoop(async (loop) => {
    const timer = loop.callLater(1e6, () => {});
    const handle = loop.callSoon(() => {});
    const task = loop.createTask(() => {});
    assertInstanceOf(timer, asyncio.TimerHandle);
    assertInstanceOf(handle, asyncio.Handle);
    assertInstanceOf(task, asyncio.Task);
    assertEquals([
      ...missing("AbstractEventLoop", loop),
      ...missing("AbstractEventLoop", new asyncio.EventLoop()),
      ...missing("AbstractEventLoop", new asyncio.VirtualTimeLoop()),
      ...missing("Handle", handle),
      ...missing("TimerHandle", timer),
      ...missing("Future", loop.createFuture()),
      ...missing("Future", new asyncio.Future()),
      ...missing("Task", task),
      ...missing("Task", asyncio.currentTask() as object),
    ], []);
    assertEquals(loop.slowCallbackDurationMs, 100);
    assertEquals(loop.getTaskFactory(), null);
    timer.cancel();
    await task;
  });
});

Deno.test("policies, runners, timeouts and groups have every method of asyncio's", async () => {
  const policy = asyncio.getEventLoopPolicy();
  assertInstanceOf(policy, asyncio.DefaultEventLoopPolicy);
  assertInstanceOf(policy, asyncio.AbstractEventLoopPolicy);
  assertEquals(missing("AbstractEventLoopPolicy", policy), []);
  await using runner = new asyncio.Runner();
  assertEquals(missing("Runner", runner), []);
  await runner.run(async () => {
    assertEquals(await asyncio.timeout(null, (limit) => missing("Timeout", limit)), []);
    assertEquals(await asyncio.TaskGroup.run((group) => missing("TaskGroup", group)), []);
  });
});

Deno.test("queues and locks have every method of asyncio's, and its defaults", () => {
  const { Queue, PriorityQueue, LifoQueue, Lock, Event, Condition } = asyncio;
  const { Semaphore, BoundedSemaphore, Barrier } = asyncio;
  assertEquals([
    ...[Queue, PriorityQueue, LifoQueue].flatMap((Class) => missing("Queue", new Class<number>())),
    ...missing("Lock", new Lock()),
    ...missing("Event", new Event()),
    ...missing("Condition", new Condition()),
    ...missing("Semaphore", new Semaphore()),
    ...missing("Semaphore", new BoundedSemaphore()),
    ...missing("Barrier", new Barrier(2)),
  ], []);
  assertEquals([new Queue().maxsize, new Queue(3).maxsize], [0, 3]);
  assertEquals([new Semaphore().locked(), new Semaphore(0).locked()], [false, true]);
  assertEquals([new Barrier(3).parties, new Barrier(3).nWaiting, new Barrier(3).broken], [
    3,
    0,
    false,
  ]);
});

Deno.test("protocols have every callback of asyncio's, and each does nothing", () => {
  const { Protocol, BufferedProtocol, DatagramProtocol, SubprocessProtocol } = asyncio;
  for (const Class of [Protocol, BufferedProtocol, DatagramProtocol, SubprocessProtocol]) {
    const protocol = new Class() as unknown as Record<string, (...args: unknown[]) => unknown>;
    assertInstanceOf(protocol, asyncio.BaseProtocol);
    assertEquals([...missing("BaseProtocol", protocol), ...missing(Class.name, protocol)], []);
    for (const callback of words(`${MEMBERS.BaseProtocol} ${MEMBERS[Class.name]}`)) {
      const answer = protocol[callback.replace("()", "")]?.(null);
      assertEquals(answer, callback === "getBuffer()" ? new Uint8Array(0) : undefined, callback);
    }
  }
});

Deno.test("servers, transports and streams have every method of asyncio's, and its defaults", async () => {
  await inLoop(async (loop) => {
    const lacking: string[] = [];
    const accepted = loop.createFuture<void>();
    await using server = await asyncio.startServer((reader, writer) => {
      lacking.push(...missing("StreamReader", reader), ...missing("StreamWriter", writer));
      writer.close();
      accepted.setResult();
    }, { hostname: "127.0.0.1" });
    assertInstanceOf(server, asyncio.Server);
    lacking.push(...missing("AbstractServer", server));
    const { hostname, port } = server.sockets[0]?.addr as Deno.NetAddr;
    const [transport] = await loop.createConnection(() => new asyncio.Protocol(), {
      hostname,
      port,
    });
    const [inMemory, other] = asyncio.memoryTransportPair();
    for (const stream of [transport, inMemory]) {
      for (const name of ["BaseTransport", "ReadTransport", "WriteTransport"]) {
        lacking.push(...missing(name, stream));
      }
      assertEquals(stream.getWriteBufferLimits(), [16 * 1024, 64 * 1024]);
      assertEquals(stream.getExtraInfo("nothing"), null);
    }
    const through = new TransformStream<Uint8Array, Uint8Array>();
    const [reading] = await loop.connectReadPipe(() => ({}), through.readable);
    const [writing] = await loop.connectWritePipe(() => ({}), through.writable);
    lacking.push(...missing("ReadTransport", reading), ...missing("WriteTransport", writing));
    const [datagrams] = await loop.createDatagramEndpoint(() => ({}), {
      localAddr: { hostname: "127.0.0.1", port: 0 },
    });
    lacking.push(
      ...missing("BaseTransport", datagrams),
      ...missing("DatagramTransport", datagrams),
    );
    assertEquals(lacking, []);
    assertEquals(new asyncio.StreamReader().limit, 65536);
    await accepted;
    for (const open of [transport, inMemory, other, reading, writing, datagrams]) open.close();
  });
});

Deno.test("processes and their transports have every method of asyncio's", async () => {
  await inLoop(async (loop) => {
    const child = await asyncio.createSubprocessExec("cat", [], {
      stdin: asyncio.PIPE,
      stdout: asyncio.PIPE,
    });
    assertEquals(missing("Process", child), []);
    assertEquals([child.returncode, child.stderr], [null, null]);
    assertEquals(await child.communicate(new Uint8Array([1])), [new Uint8Array([1]), null]);
    assertEquals(child.returncode, 0);
    const ended = loop.createFuture<void>();
    const [transport] = await loop.subprocessExec(() => ({
      connectionLost: () => ended.setResult(),
    }), "true");
    assertEquals([
      ...missing("BaseTransport", transport),
      ...missing("SubprocessTransport", transport),
    ], []);
    await ended;
  });
});

Deno.test("sockets, endpoints, receivers of signals, executors and connected loops have every method", async () => {
  await inLoop(async (loop) => {
    const [left, right] = asyncio.socketpair();
    using _left = left;
    using _right = right;
    using signals = new asyncio.SignalReceiver(["SIGUSR2"]);
    await using pool = new asyncio.WorkerPoolExecutor({ maxWorkers: 1 });
    const { port1, port2 } = new MessageChannel();
    using _exposed = asyncio.exposeLoop(loop, port1, { add: (a: number, b: number) => a + b });
    using there = asyncio.connectLoop(port2);
    assertEquals([
      ...missing("Socket", left),
      ...missing("SignalReceiver", signals),
      ...missing("Executor", pool),
      ...missing("LoopConnection", there),
    ], []);
    await using packets = await asyncio.openDatagramEndpoint({
      localAddr: { hostname: "127.0.0.1", port: 0 },
    });
    assertEquals(missing("DatagramEndpoint", packets), []);
    assertEquals(await there.call<number>("add", 1, 2), 3);
    port1.close();
    port2.close();
  });
});
