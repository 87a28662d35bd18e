import type { EventLoop } from "../../loop/mod.ts";
import { canonicalHost, isSameHost, literalFamily } from "../../transports/host_number.ts";
import type { AddrInfo, GetaddrinfoOptions } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { runDeno } from "../support/process.ts";
import { runPython } from "../support/python.ts";
import { inLoop } from "./tcp_support.ts";

const AI_PASSIVE = 1;
const AI_CANONNAME = 2;
const AI_NUMERICHOST = 4;
const AI_NUMERICSERV = 0x400;
const NI_NUMERICHOST = 1;
const NI_NUMERICSERV = 2;
const NI_NAMEREQD = 8;
const NI_DGRAM = 16;

/** An answer in short: family, type, host, port. */
function short({ family, type, sockaddr }: AddrInfo): string {
  return `${family} ${type} ${sockaddr.hostname} ${sockaddr.port}`;
}

// --- getaddrinfo

Deno.test("getaddrinfo() answers a number with one entry a type of socket", async () => {
  await inLoop(async (loop) => {
    assertEquals(await loop.getaddrinfo("127.0.0.1", 80), [
      {
        family: "ipv4",
        type: "stream",
        proto: 6,
        canonname: "",
        sockaddr: { hostname: "127.0.0.1", port: 80 },
      },
      {
        family: "ipv4",
        type: "datagram",
        proto: 17,
        canonname: "",
        sockaddr: { hostname: "127.0.0.1", port: 80 },
      },
    ]);
    const ask = async (options: GetaddrinfoOptions) =>
      (await loop.getaddrinfo("0:0::1", "0443", options)).map(short);
    assertEquals(await ask({ type: "datagram" }), ["ipv6 datagram ::1 443"]);
    assertEquals(await ask({ proto: 6 }), ["ipv6 stream ::1 443"]);
    assertEquals(await ask({ proto: 17, family: "ipv6" }), ["ipv6 datagram ::1 443"]);
  });
});

Deno.test("getaddrinfo() knows the hosts file, and families", async () => {
  await inLoop(async (loop) => {
    const ipv4 = await loop.getaddrinfo("localhost", 8080, { family: "ipv4", type: "stream" });
    assertEquals(ipv4.map(short), ["ipv4 stream 127.0.0.1 8080"]);
    const all = await loop.getaddrinfo("localhost", null, { type: "stream" });
    assertGreater(all.length, 0);
    assertEquals(all.filter(({ family }) => family === "ipv4").map(short), [
      "ipv4 stream 127.0.0.1 0",
    ]);
  });
});

Deno.test("getaddrinfo() without a host means any address, or this machine", async () => {
  await inLoop(async (loop) => {
    const ask = async (options: GetaddrinfoOptions) =>
      (await loop.getaddrinfo(null, 80, { type: "stream", ...options })).map(short).sort();
    assertEquals(await ask({ flags: AI_PASSIVE }), [
      "ipv4 stream 0.0.0.0 80",
      "ipv6 stream :: 80",
    ]);
    assertEquals(await ask({}), ["ipv4 stream 127.0.0.1 80", "ipv6 stream ::1 80"]);
    assertEquals(await ask({ family: "ipv4" }), ["ipv4 stream 127.0.0.1 80"]);
    assertEquals(await ask({ family: "ipv6", flags: AI_PASSIVE }), ["ipv6 stream :: 80"]);
  });
});

Deno.test("getaddrinfo() looks up services, for the types of socket that have them", async () => {
  await inLoop(async (loop) => {
    const ask = async (service: string, options: GetaddrinfoOptions = {}) =>
      (await loop.getaddrinfo("127.0.0.1", service, options)).map(short);
    assertEquals(await ask("domain"), ["ipv4 stream 127.0.0.1 53", "ipv4 datagram 127.0.0.1 53"]);
    assertEquals(await ask("https", { type: "stream" }), ["ipv4 stream 127.0.0.1 443"]);
    await assertRejects(
      () => ask("no-such-service"),
      Deno.errors.NotFound,
      'service "no-such-service" not known',
    );
    await assertRejects(() => ask("http", { flags: AI_NUMERICSERV }), Deno.errors.NotFound, "http");
    assertEquals(await ask("80", { flags: AI_NUMERICSERV, type: "stream" }), [
      "ipv4 stream 127.0.0.1 80",
    ]);
  });
});

Deno.test("getaddrinfo() gives the name with AI_CANONNAME, once", async () => {
  await inLoop(async (loop) => {
    const infos = await loop.getaddrinfo("localhost", 80, { flags: AI_CANONNAME });
    assertEquals(infos.map(({ canonname }) => canonname), [
      "localhost",
      ...infos.slice(1).map(() => ""),
    ]);
  });
});

Deno.test("getaddrinfo() says which host has no address", async () => {
  await inLoop(async (loop) => {
    const ask = (host: string | null, port: number | null = 80, options: GetaddrinfoOptions = {}) =>
      loop.getaddrinfo(host, port, options);
    for (const host of ["no-such-host.invalid", "a:b", "1.2.3.999", "two words", "", "x\0y"]) {
      const error = await assertRejects(() => ask(host), Deno.errors.NotFound);
      assertStringIncludes(error.message, host === "" ? "hostname is empty" : Deno.inspect(host));
    }
    await assertRejects(() => ask(null, null), Deno.errors.NotFound, "neither hostname nor port");
    await assertRejects(
      () => ask("localhost", 80, { flags: AI_NUMERICHOST }),
      Deno.errors.NotFound,
      "AI_NUMERICHOST",
    );
    await assertRejects(
      () => ask("127.0.0.1", 80, { family: "ipv6" }),
      Deno.errors.NotFound,
      "no ipv6 address",
    );
  });
});

Deno.test("getaddrinfo() refuses arguments that cannot be", async () => {
  await inLoop(async (loop) => {
    type Call = Parameters<EventLoop["getaddrinfo"]>;
    const cases: [Call, ErrorConstructor, string][] = [
      [["localhost", 65536], RangeError, "got 65536"],
      [["localhost", "99999"], RangeError, "got 99999"],
      [["localhost", -1], RangeError, "got -1"],
      [["localhost", 80, { family: "ipx" as "ipv4" }], RangeError, '"ipx"'],
      [["localhost", 80, { type: "raw" as "stream" }], RangeError, '"raw"'],
      [["localhost", 80, { proto: 99 }], RangeError, "has protocol 99"],
      [["localhost", 80, { proto: 17, type: "stream" }], RangeError, "stream has protocol 17"],
      [[5 as unknown as string, 80], TypeError, "got 5"],
    ];
    for (const [call, kind, message] of cases) {
      await assertRejects(() => loop.getaddrinfo(...call), kind, message);
    }
  });
});

Deno.test("getaddrinfo() rejects with the reason of its signal", async () => {
  await inLoop(async (loop) => {
    const early = AbortSignal.abort(new Error("too early"));
    await assertRejects(
      () => loop.getaddrinfo("localhost", 80, { signal: early }),
      Error,
      "too early",
    );
    const controller = new AbortController();
    // A number, since a question to the resolver cannot be taken back.
    const asking = loop.getaddrinfo("127.0.0.1", 80, { signal: controller.signal });
    controller.abort(new Error("never mind"));
    await assertRejects(() => asking, Error, "never mind");
  });
});

// --- getnameinfo

Deno.test("getnameinfo() gives host and service, or their numbers", async () => {
  await inLoop(async (loop) => {
    const address = { hostname: "127.0.0.1", port: 53 };
    assertEquals(await loop.getnameinfo(address), ["localhost", "domain"]);
    assertEquals(await loop.getnameinfo(address, NI_NUMERICHOST), ["127.0.0.1", "domain"]);
    assertEquals(await loop.getnameinfo(address, NI_NUMERICSERV), ["localhost", "53"]);
    assertEquals(await loop.getnameinfo(address, NI_NUMERICHOST | NI_NUMERICSERV), [
      "127.0.0.1",
      "53",
    ]);
    assertEquals(await loop.getnameinfo({ hostname: "127.0.0.1", port: 59999 }), [
      "localhost",
      "59999",
    ]);
    assertEquals(
      (await loop.getnameinfo({ hostname: "127.0.0.1", port: 123 }, NI_NUMERICHOST | NI_DGRAM))[1],
      "ntp",
    );
  });
});

Deno.test("getnameinfo() falls back to the number, unless a name is required", async () => {
  await inLoop(async (loop) => {
    const nameless = { hostname: "192.0.2.77", port: 22 };
    assertEquals(await loop.getnameinfo(nameless), ["192.0.2.77", "ssh"]);
    await assertRejects(
      () => loop.getnameinfo(nameless, NI_NAMEREQD),
      Deno.errors.NotFound,
      "Cannot find the name of 192.0.2.77",
    );
  });
});

Deno.test("getnameinfo() takes numbers only", async () => {
  await inLoop(async (loop) => {
    await assertRejects(
      () => loop.getnameinfo({ hostname: "localhost", port: 22 }),
      RangeError,
      'hostname must be a number, got "localhost"',
    );
    await assertRejects(
      () => loop.getnameinfo({ hostname: "127.0.0.1", port: -1 }),
      RangeError,
      "got -1",
    );
  });
});

// --- numbers

Deno.test("literalFamily() tells numbers from names", () => {
  const families: Record<string, "ipv4" | "ipv6" | null> = {
    "127.0.0.1": "ipv4",
    "255.255.255.255": "ipv4",
    "::": "ipv6",
    "2001:db8::1": "ipv6",
    "::ffff:1.2.3.4": "ipv6",
    "fe80::1%eth0": "ipv6",
    "[::1]": "ipv6",
    "256.0.0.1": null,
    "1.2.3": null,
    "1.2.3.4.": null,
    "01.2.3.4": null,
    "localhost": null,
    "a:b": null,
    "::1::": null,
    "::1]/path": null,
    "": null,
  };
  for (const [host, family] of Object.entries(families)) {
    assertEquals(literalFamily(host), family, host);
  }
});

Deno.test("canonicalHost() gives every spelling of a number the same text", () => {
  for (const spelled of ["::1", "0:0:0:0:0:0:0:1", "[::1]", "0::0:0001"]) {
    assertEquals(canonicalHost(spelled), "::1");
  }
  assertEquals(canonicalHost("2001:DB8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");
  assertEquals(canonicalHost("::FFFF:7f00:1"), "::ffff:127.0.0.1");
  assertEquals(canonicalHost("FE80::1%eth0"), "fe80::1%eth0");
  assertEquals(canonicalHost("Example.com"), "Example.com");
});

Deno.test("isSameHost() compares numbers, not texts", () => {
  assert(isSameHost("::1", "0:0::1"));
  assert(isSameHost("127.0.0.1", "::ffff:7f00:1"));
  assert(isSameHost("fe80::1%2", "fe80::1%eth0"));
  assert(!isSameHost("127.0.0.1", "127.0.0.2"));
  assert(!isSameHost("::1", "::2"));
});

// --- permissions

Deno.test("names need --allow-net, numbers and common services do not", async () => {
  const program = `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      for (
        const call of [
          () => loop.getaddrinfo("localhost", 80),
          () => loop.getnameinfo({ hostname: "127.0.0.1", port: 22 }),
          () => loop.getaddrinfo("::1", "http", { type: "stream" }),
          () => loop.getnameinfo({ hostname: "127.0.0.1", port: 22 }, 1),
          () => loop.getaddrinfo("::1", "no-such-service"),
        ]
      ) {
        try {
          console.log(JSON.stringify(await call()));
        } catch (error) {
          console.log(error.name + ": " + error.message);
        }
      }
    });
    loop.close();
  `;
  const { stdout, stderr } = await runDeno(program);
  assertEquals(stderr, "");
  assertEquals(stdout.trim().split("\n"), [
    `NotCapable: Cannot resolve host "localhost": Requires net access to "localhost", run again with the --allow-net flag`,
    `NotCapable: Cannot find the name of 127.0.0.1: Requires net access to "127.0.0.1", run again with the --allow-net flag`,
    `[{"family":"ipv6","type":"stream","proto":6,"canonname":"","sockaddr":{"hostname":"::1","port":80}}]`,
    `["127.0.0.1","ssh"]`,
    `NotFound: Cannot call getaddrinfo(): service "no-such-service" not known`,
  ]);
  const { stdout: granted } = await runDeno(program, {
    flags: ["--allow-net=localhost,127.0.0.1"],
  });
  const [found = "", named] = granted.split("\n");
  assertStringIncludes(found, `"hostname":"127.0.0.1"`);
  assertEquals(named, `["localhost","ssh"]`);
});

// --- CPython

peerTest("getaddrinfo() and getnameinfo() answer as CPython's", ["python3"], async () => {
  // Where the system knows no services, we still know the common ones.
  const hasServices = (await Deno.stat("/etc/services").catch(() => null)) !== null;
  const hosts: readonly (readonly [string | null, number | string | null, number])[] = [
    ["127.0.0.1", 80, 0],
    ...hasServices
      ? [["::1", "domain", 0], ["127.0.0.1", "ntp", 0], ["127.0.0.1", "http", 0]] as const
      : [],
    ["127.0.0.1", null, 0],
    ["localhost", 443, 0],
    ["127.1", 80, 0],
    [null, 80, AI_PASSIVE],
    [null, 80, 0],
    ["no-such-host.invalid", 80, 0],
    ["127.0.0.1", "no-such-service", 0],
    ["a:b", 80, 0],
    ["localhost", 80, AI_NUMERICHOST],
    ["127.0.0.1", "http", AI_NUMERICSERV],
  ];
  const names: readonly (readonly [string, number, number])[] = [
    ["127.0.0.1", 22, NI_NUMERICSERV],
    ["127.0.0.1", 59999, 0],
    ["192.0.2.77", 59999, 0],
    ["192.0.2.77", 22, NI_NAMEREQD],
    ...hasServices
      ? [["127.0.0.1", 22, 0], ["127.0.0.1", 22, NI_NUMERICHOST], ["127.0.0.1", 123, NI_DGRAM], [
        "192.0.2.77",
        22,
        0,
      ]] as const
      : [],
  ];
  const { stdout } = await runPython(
    `
    import json, socket, sys
    hosts, names = json.load(sys.stdin)
    kinds = {socket.SOCK_STREAM: "stream", socket.SOCK_DGRAM: "datagram"}
    families = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
    def ask(host, port, flags):
        try: found = socket.getaddrinfo(host, port, flags=flags)
        except socket.gaierror: return "error"
        return sorted(f"{families[f]} {kinds[k]} {a[0]} {a[1]}" for f, k, _, _, a in found if k in kinds)
    def name(host, port, flags):
        try: return list(socket.getnameinfo((host, port), flags))
        except socket.gaierror: return "error"
    print(json.dumps([[ask(*h) for h in hosts], [name(*n) for n in names]]))
    `,
    { stdin: JSON.stringify([hosts, names]) },
  );
  const orError = async <T>(call: () => Promise<T>): Promise<T | "error"> => {
    try {
      return await call();
    } catch (error) {
      assert(error instanceof Deno.errors.NotFound, String(error));
      return "error";
    }
  };
  await inLoop(async (loop) => {
    const ours: unknown[] = [];
    for (const [host, port, flags] of hosts) {
      ours.push(
        await orError(async () =>
          (await loop.getaddrinfo(host, port, { flags })).map(short).sort()
        ),
      );
    }
    const named: unknown[] = [];
    for (const [hostname, port, flags] of names) {
      named.push(await orError(() => loop.getnameinfo({ hostname, port }, flags)));
    }
    assertEquals([ours, named], JSON.parse(stdout));
  });
});
