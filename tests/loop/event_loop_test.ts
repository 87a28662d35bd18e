import { EventLoop } from "../../loop/mod.ts";
import type { AbstractEventLoop, Io } from "../../types.ts";
import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "../support/assert.ts";

/** Calls of the loop that go to the I/O: the method, what it is given, what the I/O must be asked. */
type Call = [name: string, args: unknown[], asked?: unknown[]];

const factory = () => ({});

const CALLS: Call[] = [
  ["getaddrinfo", ["host", 80, { family: 4 }]],
  ["getaddrinfo", ["host", 80], ["host", 80, {}]],
  ["getnameinfo", [{ hostname: "h", port: 1 }], [{ hostname: "h", port: 1 }, 0, {}]],
  ["createConnection", [factory, { hostname: "h", port: 1 }]],
  ["createServer", [factory, { port: 1 }]],
  ["createUnixConnection", [factory, { path: "/p" }]],
  ["createUnixServer", [factory, { path: "/p" }]],
  ["connectAcceptedSocket", [factory, "sock"], [factory, "sock", {}]],
  ["createDatagramEndpoint", [factory, { remoteAddr: "r" }]],
  ["sendfile", ["transport", "file"], ["transport", "file", {}]],
  ["startTls", ["transport", "protocol", "context"], ["transport", "protocol", "context", {}]],
  ["connectReadPipe", [factory, "pipe"], [factory, "pipe", {}]],
  ["connectWritePipe", [factory, "pipe"], [factory, "pipe", {}]],
  ["subprocessExec", [factory, "program"], [factory, "program", [], {}]],
  ["subprocessExec", [factory, "program", ["a"], { cwd: "/" }]],
];

const SOCKET_CALLS: Call[] = [
  ["sockRecv", ["sock", 5], ["sock", 5, {}]],
  ["sockRecvInto", ["sock", "buffer"], ["sock", "buffer", {}]],
  ["sockRecvfrom", ["sock", 5], ["sock", 5, {}]],
  ["sockRecvfromInto", ["sock", "buffer"], ["sock", "buffer", 0, {}]],
  ["sockSendall", ["sock", "data"], ["sock", "data", {}]],
  ["sockSendto", ["sock", "data", "addr"], ["sock", "data", "addr", {}]],
  ["sockConnect", ["sock", "addr"], ["sock", "addr", {}]],
  ["sockAccept", ["sock"], ["sock", {}]],
  ["sockSendfile", ["sock", "file"], ["sock", "file", {}]],
];

function invoke(loop: EventLoop, name: string, args: unknown[]): Promise<unknown> {
  const method =
    (loop as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name];
  return (method as (...args: unknown[]) => Promise<unknown>).apply(loop, args);
}

/** I/O that answers every call with what it was asked. */
class EchoIo {
  readonly closed: AbstractEventLoop[] = [];
  readonly sockets: unknown = new Proxy({}, {
    get: (_, name) => (...args: unknown[]) => Promise.resolve([name, ...args]),
  });

  constructor() {
    for (const [name] of CALLS) {
      Object.assign(this, {
        [name](this: EchoIo, ...args: unknown[]) {
          assertStrictEquals(this instanceof EchoIo, true, "the I/O keeps its receiver");
          return Promise.resolve(args);
        },
      });
    }
  }

  close(loop: AbstractEventLoop): void {
    this.closed.push(loop);
  }
}

Deno.test("EventLoop passes each call on to its I/O, with the loop first and defaults filled in", async () => {
  await using loop = new EventLoop({ io: new EchoIo() as unknown as Io });
  for (const [name, args, asked = args] of CALLS) {
    const [of, ...rest] = await invoke(loop, name, args) as unknown[];
    assertStrictEquals(of, loop, name);
    assertEquals(rest, asked, name);
  }
  for (const [name, args, asked = args] of SOCKET_CALLS) {
    const [call, of, ...rest] = await invoke(loop, name, args) as unknown[];
    assertEquals(`sock${call}`.toLowerCase(), name.toLowerCase());
    assertStrictEquals(of, loop, name);
    assertEquals(rest, asked, name);
  }
});

Deno.test("subprocessShell() starts /bin/sh -c, and refuses what is no string", async () => {
  await using loop = new EventLoop({ io: new EchoIo() as unknown as Io });
  const [, ...asked] = await loop.subprocessShell(factory, "ls | wc", { cwd: "/" }) as unknown[];
  assertEquals(asked, [factory, "/bin/sh", ["-c", "ls | wc"], { cwd: "/" }]);
  await assertRejects(
    () => loop.subprocessShell(factory, ["ls"] as unknown as string),
    TypeError,
    "expected a string, got object",
  );
});

Deno.test("EventLoop without I/O rejects with NotSupported by the name of the call", async () => {
  await using loop = new EventLoop();
  for (const [name, args] of [...CALLS, ...SOCKET_CALLS]) {
    const error = await assertRejects(() => invoke(loop, name, args), Deno.errors.NotSupported);
    assertEquals(
      error.message,
      `Cannot call ${name}(): the I/O of this event loop does not offer it`,
    );
  }
});

Deno.test("a closed EventLoop rejects every call to its I/O by the name of the call", async () => {
  const io = new EchoIo();
  const loop = new EventLoop({ io: io as unknown as Io });
  loop.close();
  for (const [name, args] of [...CALLS, ...SOCKET_CALLS]) {
    const error = await assertRejects(() => invoke(loop, name, args));
    assertMatch(String(error), new RegExp(`^RuntimeError: Cannot call ${name}\\(\\)`));
  }
  assertEquals(io.closed.length, 1);
  assertStrictEquals(io.closed[0], loop);
});
