import { RuntimeError } from "../../errors.ts";
import { Protocol } from "../../protocols/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { runDeno } from "../support/process.ts";
import { Echo, inLoop, portOf, Recorder } from "./tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1" };
// deno-lint-ignore no-explicit-any
type Any = any;
type ErrorClass = new (message?: string) => Error;

/** Whether `call` fails with exactly this class and message; `…` in the message stands for anything. */
async function refuses(call: () => unknown, kind: ErrorClass, message: string): Promise<void> {
  const error = await assertRejects(async () => await call(), Error);
  const [begin = "", end = ""] = error.message === message ? [message] : message.split("…");
  assert(
    error.message.startsWith(begin) && error.message.endsWith(end),
    `expected "${message}", got "${error.message}"`,
  );
  assertEquals(error.constructor, kind, error.message);
}

/** A port of 127.0.0.1 where nobody listens. */
function freePort(): number {
  using listener = Deno.listen({ ...LOCAL, port: 0 });
  return listener.addr.port;
}

Deno.test("createConnection() names itself and what is wrong with an option", async () => {
  await inLoop(async (loop) => {
    const cases: [Any, ErrorClass, string][] = [
      [{ hostname: 5, port: 80 }, TypeError, "hostname must be a string, got 5"],
      [
        { ...LOCAL, port: 80, localAddr: "lo" },
        TypeError,
        "localAddr.hostname must be a string, …",
      ],
      [
        { ...LOCAL, port: 80, localAddr: null },
        TypeError,
        "localAddr.hostname must be a string, …",
      ],
      [
        { ...LOCAL, port: 80, localAddr: { hostname: "::1" } },
        RangeError,
        "port must be an integer from 0 to 65535, got undefined",
      ],
      [
        { ...LOCAL, port: 80, happyEyeballsDelayMs: "soon" },
        TypeError,
        'happyEyeballsDelayMs must be a number from 0 on, got "soon"',
      ],
      [
        { ...LOCAL, port: 80, happyEyeballsDelayMs: NaN },
        RangeError,
        "happyEyeballsDelayMs must be a number from 0 on, got NaN",
      ],
      [
        { ...LOCAL, port: 80, interleave: -1 },
        RangeError,
        "interleave must be a number from 0 on, got -1",
      ],
    ];
    for (const [options, kind, text] of cases) {
      const call = () => loop.createConnection(() => new Protocol(), options);
      await refuses(call, kind, `Cannot call createConnection(): ${text}`);
    }
  });
});

Deno.test("createServer() names itself and what is wrong with an option", async () => {
  await inLoop(async (loop) => {
    const cases: [Any, ErrorClass, string][] = [
      [{ hostname: 5 }, TypeError, "hostname must be a string, got 5"],
      [{ hostname: ["127.0.0.1", 5] }, TypeError, "hostname must be a string, got 5"],
      [{ hostname: [] }, RangeError, "hostname is an empty list, and names no interface"],
      [{ ...LOCAL, backlog: "x" }, RangeError, 'backlog must be a positive integer, got "x"'],
      [{ ...LOCAL, maxConnections: 0 }, RangeError, "maxConnections must be a number from 1 on, …"],
      [{ ...LOCAL, maxConnections: NaN }, RangeError, "maxConnections must be a number …, got NaN"],
      [{ ...LOCAL, maxConnections: "2" }, TypeError, 'maxConnections must be a number …, got "2"'],
    ];
    for (const [options, kind, text] of cases) {
      const call = () => loop.createServer(() => new Protocol(), options);
      await refuses(call, kind, `Cannot call createServer(): ${text}`);
    }
  });
});

Deno.test("calls without options, and unix servers without room, are refused by name", async () => {
  await inLoop(async (loop) => {
    const calls = [
      "createConnection",
      "createServer",
      "createUnixConnection",
      "createUnixServer",
      "createDatagramEndpoint",
    ] as const;
    for (const call of calls) {
      for (const options of [undefined, null, "127.0.0.1", 80]) {
        await refuses(
          () => (loop as Any)[call](() => new Protocol(), options),
          TypeError,
          `Cannot call ${call}(): expected an object as options, got ${Deno.inspect(options)}`,
        );
      }
    }
    const path = await Deno.makeTempDir();
    await refuses(
      () =>
        loop.createUnixServer(() => new Protocol(), { path: `${path}/socket`, maxConnections: 0 }),
      RangeError,
      "Cannot call createUnixServer(): maxConnections must be a number from 1 on, got 0",
    );
    // Refused before anything was made.
    await Deno.remove(path);
  });
});

Deno.test("connecting and listening name the address that cannot be had", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const port = portOf(server);
    const free = freePort();
    const connect = (options: Any) => () => loop.createConnection(() => new Protocol(), options);
    const listen = (options: Any) => () => loop.createServer(() => new Protocol(), options);
    const { ConnectionRefused, NotFound, AddrInUse, AddrNotAvailable } = Deno.errors;
    const to = { ...LOCAL, port };

    await refuses(
      connect({ ...LOCAL, port: free }),
      ConnectionRefused,
      `Cannot connect to 127.0.0.1:${free}: …`,
    );
    await refuses(
      connect({ hostname: "no.such.host.invalid", port: 80 }),
      NotFound,
      'Cannot connect to no.such.host.invalid:80: Cannot resolve host "no.such.host.invalid": …',
    );
    await refuses(
      listen({ hostname: "no.such.host.invalid", port: 80 }),
      NotFound,
      'Cannot listen on no.such.host.invalid:80: Cannot resolve host "no.such.host.invalid": …',
    );
    await refuses(
      connect({ ...LOCAL, port, family: "ipv6" }),
      NotFound,
      `Cannot connect to 127.0.0.1:${port}: the host has no ipv6 address`,
    );
    for (const more of [{}, { reusePort: true }, { hostname: ["127.0.0.2", "127.0.0.1"] }]) {
      await refuses(listen({ ...to, ...more }), AddrInUse, `Cannot listen on 127.0.0.1:${port}: …`);
    }
    // All addresses or none: the first one was given back.
    Deno.listen({ hostname: "127.0.0.2", port }).close();
    await refuses(
      listen({ hostname: "203.0.113.77" }),
      AddrNotAvailable,
      "Cannot listen on 203.0.113.77:0: …",
    );
    await refuses(
      connect({ ...to, localAddr: { hostname: "203.0.113.77", port: 0 } }),
      AddrNotAvailable,
      `Cannot connect to 127.0.0.1:${port} from 203.0.113.77:0: …`,
    );
    await refuses(
      connect({ ...to, localAddr: { ...LOCAL, port } }),
      AddrInUse,
      `Cannot connect to 127.0.0.1:${port} from 127.0.0.1:${port}: …`,
    );
    await refuses(
      connect({ ...to, localAddr: { hostname: "::1", port: 0 } }),
      AddrNotAvailable,
      `Cannot connect to 127.0.0.1:${port}: localAddr has no address of the same family`,
    );

    // Nothing of all this has harmed the server.
    const client = new Recorder(loop);
    const [transport] = await loop.createConnection(() => client, to);
    transport.write(new Uint8Array(3));
    transport.writeEof();
    await client.lost;
    assertEquals(client.received, 3);
    await server[Symbol.asyncDispose]();
  });
});

Deno.test("a factory whose protocol is none is refused, and its connection closed", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const to = { ...LOCAL, port: portOf(server) };
    const factories: [Any, string][] = [
      [() => 5, "got 5"],
      [() => null, "got null"],
      [() => Promise.resolve(new Protocol()), "got Promise {…}"],
    ];
    for (const [factory, text] of factories) {
      await refuses(
        () => loop.createConnection(factory, to),
        TypeError,
        `Cannot use the protocol of the factory: expected an object, ${text}`,
      );
    }
    const error = new Error("no protocol today");
    const thrown = await assertRejects(() =>
      loop.createConnection(() => {
        throw error;
      }, to)
    );
    assertEquals(thrown, error);
    // Waits for the four connections to end.
    await server[Symbol.asyncDispose]();
  });
});

Deno.test("a transport refuses what is no protocol and what is no list, and goes on", async () => {
  await inLoop(async (loop) => {
    const server = await loop.createServer(() => new Echo(), LOCAL);
    const client = new Recorder(loop);
    const to = { ...LOCAL, port: portOf(server) };
    const [transport] = await loop.createConnection(() => client, to);
    const any = transport as Any;
    for (const wrong of [5, null, undefined, "protocol", Promise.resolve(client)]) {
      await refuses(
        () => any.setProtocol(wrong),
        TypeError,
        `Cannot call setProtocol() of ${transport}: expected an object, got …`,
      );
    }
    for (const wrong of [5, null, undefined, {}]) {
      await refuses(
        () => any.writelines(wrong),
        TypeError,
        `Cannot write to transport: expected an iterable of Uint8Arrays, got ${
          Deno.inspect(wrong)
        }`,
      );
    }
    assertEquals(transport.getProtocol(), client as unknown);
    transport.writelines([new Uint8Array(2)]);
    transport.writeEof();
    await client.lost;
    assertEquals(client.received, 2);
    await server[Symbol.asyncDispose]();
  });
});

Deno.test("a loop that runs cannot be run, and one that is closed does nothing at all", async () => {
  const closed = await inLoop((loop) => Promise.resolve(loop));
  const make = () => new Protocol();
  const calls: [string, () => unknown][] = [
    ["createConnection", () => closed.createConnection(make, { port: 80 })],
    ["createServer", () => closed.createServer(make, LOCAL)],
    ["runForever", () => closed.runForever()],
    ["runUntilComplete", () => closed.runUntilComplete(() => Promise.resolve())],
    ["callSoon", () => closed.callSoon(() => {})],
    ["createTask", () => closed.createTask(() => Promise.resolve())],
  ];
  for (const [name, call] of calls) {
    await refuses(call, RuntimeError, `Cannot call ${name}(): Event loop is closed`);
  }
  await inLoop(async (loop) => {
    for (const name of ["runForever", "runUntilComplete"] as const) {
      await refuses(
        () => loop[name](() => Promise.resolve()),
        RuntimeError,
        `Cannot call ${name}(): This event loop is already running`,
      );
    }
  });
});

const CALLS = `
  import { getRunningLoop, Protocol, run } from "./mod.ts";
  await run(async () => {
    const loop = getRunningLoop();
    const port = Number(Deno.args[0]);
    const [lo, name] = [{ hostname: "127.0.0.1" }, { hostname: "localhost" }];
    const [connection, server] = ["createConnection", "createServer"];
    for (const [call, options] of [
      [connection, { ...lo, port }],
      [connection, { ...lo, port, localAddr: { ...lo, port: 0 } }],
      [connection, { ...name, port }],
      [connection, { ...name, port, family: "ipv4" }],
      [connection, { ...name, port, happyEyeballsDelayMs: 1 }],
      [connection, { hostname: "no.such.host.invalid", port }],
      [server, lo],
      [server, { ...lo, reusePort: true }],
      [server, { ...name, family: "ipv4" }],
      [server, { hostname: ["127.0.0.1", "127.0.0.2"] }],
    ]) {
      try {
        const made = await loop[call](() => new Protocol(), options);
        console.log("done");
        call === server ? made.close() : made[0].close();
      } catch (error) {
        console.log(error.name + " " + error.message);
      }
    }
  });
  console.log("end");
`;

// What each call says, per set of flags; `PORT` stands for the port of a server.
const needs = (host: string) =>
  `Requires net access to "${host}", run again with the --allow-net flag`;
const CONNECT = `NotCapable Cannot connect to 127.0.0.1:PORT: ${needs("127.0.0.1:PORT")}`;
const CONNECT_FROM = (host: string) =>
  `NotCapable Cannot connect to 127.0.0.1:PORT from 127.0.0.1:0: ${needs(host)}`;
const CONNECT_NAME =
  `NotCapable Cannot connect to localhost:PORT: Cannot resolve host "localhost": ${
    needs("localhost")
  }`;
const NO_HOST =
  `NotCapable Cannot connect to no.such.host.invalid:PORT: Cannot resolve host "no.such.host.invalid": ${
    needs("no.such.host.invalid")
  }`;
const LISTEN = (host: string) => `NotCapable Cannot listen on ${host}:0: ${needs(`${host}:0`)}`;
const LISTEN_NAME = `NotCapable Cannot listen on localhost:0: Cannot resolve host "localhost": ${
  needs("localhost")
}`;

const PERMISSIONS: Record<string, string[]> = {
  "no permission": [
    CONNECT,
    CONNECT_FROM("127.0.0.1:PORT"),
    CONNECT_NAME,
    CONNECT_NAME,
    CONNECT_NAME,
    NO_HOST,
    LISTEN("127.0.0.1"),
    LISTEN("127.0.0.1"),
    LISTEN_NAME,
    LISTEN("127.0.0.1"),
  ],
  // Node's modules throw for the local address where nobody can catch it.
  "--allow-net=127.0.0.1:PORT": [
    "done",
    CONNECT_FROM("127.0.0.1:0"),
    CONNECT_NAME,
    CONNECT_NAME,
    CONNECT_NAME,
    NO_HOST,
    LISTEN("127.0.0.1"),
    LISTEN("127.0.0.1"),
    LISTEN_NAME,
    LISTEN("127.0.0.1"),
  ],
  "--allow-net=127.0.0.1": [
    "done",
    "done",
    CONNECT_NAME,
    CONNECT_NAME,
    CONNECT_NAME,
    NO_HOST,
    "done",
    "done",
    LISTEN_NAME,
    LISTEN("127.0.0.2"),
  ],
  // Deno resolves the name itself then: the numbers behind it are not allowed.
  "--allow-net=localhost": [
    CONNECT,
    CONNECT_FROM("127.0.0.1:PORT"),
    "done",
    CONNECT,
    "done",
    NO_HOST,
    LISTEN("127.0.0.1"),
    LISTEN("127.0.0.1"),
    LISTEN("127.0.0.1"),
    LISTEN("127.0.0.1"),
  ],
};

for (const [flag, expected] of Object.entries(PERMISSIONS)) {
  Deno.test(`createConnection() and createServer() with ${flag} name the access that is missing`, async () => {
    using listener = Deno.listen({ ...LOCAL, port: 0 });
    const port = String(listener.addr.port);
    const flags = flag.startsWith("--") ? [flag.replace("PORT", port)] : [];
    const { code, stdout, stderr } = await runDeno(CALLS, { flags, args: [port] });
    assertEquals([stderr, code], ["", 0]);
    assertEquals(stdout.replaceAll(port, "PORT").split("\n"), [...expected, "end", ""]);
  });
}

Deno.test("allErrors gives an ExceptionGroup also where Deno resolves the name", async () => {
  const { stdout, stderr } = await runDeno(
    `
    import { ExceptionGroup, Protocol, getRunningLoop, run } from "./mod.ts";
    await run(async () => {
      const options = { hostname: "localhost", port: Number(Deno.args[0]), allErrors: true };
      try {
        await getRunningLoop().createConnection(() => new Protocol(), options);
      } catch (error) {
        console.log(error instanceof ExceptionGroup, error.errors[0].name);
      }
    });`,
    { flags: ["--allow-net=localhost"], args: [String(freePort())] },
  );
  assertEquals([stdout, stderr], ["true ConnectionRefused\n", ""]);
});
