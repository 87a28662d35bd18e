// deno-lint-ignore-file no-console
import { Child } from "../tests/support/child.ts";
import { findExecutable } from "../tests/support/peers.ts";
import { build, type Command, denoCommand, here, pin, pythonCommands } from "./peers.ts";
import { digits, median, pairedRatio, printTable } from "./report.ts";

/** What the load generator says. */
interface Measured {
  requests: number;
  seconds: number;
  cpuSeconds: number;
  p50: number;
  p99: number;
}

/** One kind of work for echo servers. */
export interface Case {
  /** Heading of its table. */
  title: string;
  /** Connections at the same time. */
  connections: number;
  /** Bytes of a message. */
  bytes: number;
  /** How to start the servers, by name; the first is ours. */
  servers: Record<string, Command>;
}

/** What to measure of the echo servers, and how long. */
export interface EchoOptions {
  /** Turns of all servers. */
  rounds: number;
  /** Measured time of one turn. */
  seconds: number;
  /** Names of the servers to run; all when empty. */
  peers: readonly string[];
}

/** Drives the echo servers of all peers in turns and prints a table for each kind of work. */
export async function runEcho(options: EchoOptions): Promise<void> {
  await runCases(cases, options);
}

/** The program that makes the load, and what it is linked with. */
export interface Load {
  /** Its source, in this folder. */
  source: string;
  /** Libraries it needs. */
  libraries?: string[];
}

/** Does the same for the servers of `cases`, which gets the floor, built. */
export async function runCases(
  cases: (floor: Command) => Case[],
  options: EchoOptions,
  { source, libraries }: Load = { source: "echo/load.cpp" },
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const load = await build(source, folder, libraries);
    if (load === undefined) {
      console.error(`${source} cannot be built here, so there is no load; left out`);
      return;
    }
    const floor = await build("echo/echo_epoll.cpp", folder);
    for (const work of cases(floor!)) {
      await runCase(work, load.program, options);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function cases(floor: Command): Case[] {
  const node = findExecutable("node");
  const nodeServer: Record<string, Command> = node === undefined
    ? {}
    : { node: { program: node, args: [here("echo/echo_node.mjs")] } };
  function protocol(rawBuffer: number): Record<string, Command> {
    return {
      ours: denoCommand("echo/echo_protocol.ts"),
      "raw deno": denoCommand("echo/echo_raw.ts", String(rawBuffer)),
      ...nodeServer,
      ...pythonCommands("echo/echo_asyncio.py", "proto"),
      "C epoll": floor,
    };
  }
  function streams(mode: string): Record<string, Command> {
    return {
      ours: denoCommand("echo/echo_streams.ts", mode),
      // Neither has streams: what no stream on this platform, or on this machine, can do better than.
      "raw deno": denoCommand("echo/echo_raw.ts"),
      ...pythonCommands("echo/echo_asyncio.py", mode),
      "C epoll": floor,
    };
  }
  const connections = 50;
  return [
    {
      title: "TCP echo, protocol API, 1 KiB",
      connections,
      bytes: 1024,
      servers: protocol(65536),
    },
    {
      title: "TCP echo, protocol API, 100 KiB",
      connections,
      bytes: 102400,
      servers: protocol(262144),
    },
    {
      title: "TCP echo, streams, read(), 1 KiB",
      connections,
      bytes: 1024,
      servers: streams("stream"),
    },
    {
      title: "TCP echo, streams, readline(), 1 KiB",
      connections,
      bytes: 1024,
      servers: streams("line"),
    },
  ];
}

async function runCase(
  { title, connections, bytes, servers }: Case,
  load: string,
  { rounds, seconds, peers }: EchoOptions,
): Promise<void> {
  const turns = Object.entries(servers).filter(([peer]) =>
    peers.length === 0 || peers.includes(peer)
  );
  const measured = new Map<string, Measured[]>(turns.map(([p]) => [p, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [peer, server] of turns) {
      console.error(`${title}: round ${round + 1}, ${peer}`);
      // The server has a core for itself; pinning execs, so the pid is its own.
      const { program, args } = pin(0, server);
      await using child = Child.start(program, args);
      const port = await child.waitReady();
      const client = pin(1, {
        program: load,
        args: [port, connections, bytes, seconds, 1, child.pid].map(String),
      });
      await using driver = Child.start(client.program, client.args, {
        timeoutMs: 60_000 + seconds * 1000,
      });
      const { code, stdout, stderr } = await driver.wait();
      if (code !== 0) {
        throw new Error(`load on ${peer}: ${stderr}\n${child.stderr}`);
      }
      measured.get(peer)!.push(JSON.parse(stdout));
    }
  }
  console.log(
    `\n${title}, ${connections} connections, median of ${rounds} rounds of ${seconds} s\n`,
  );
  print(measured);
}

/** CPU time of the server per request, in microseconds. */
function cost({ cpuSeconds, requests }: Measured): number {
  return cpuSeconds * 1e6 / requests;
}

function print(measured: Map<string, Measured[]>): void {
  const ours = measured.get("ours") ?? [];
  const rows = [...measured].map(([peer, runs]) => [
    peer,
    digits(median(runs.map(cost)), 2),
    `${digits(pairedRatio(runs.map(cost), ours.map(cost)), 2)}x`,
    digits(median(runs.map((run) => run.requests / run.seconds)), 0),
    digits(median(runs.map((run) => run.p50)), 0),
    digits(median(runs.map((run) => run.p99)), 0),
  ]);
  printTable(
    ["", "server CPU us/req", "its CPU / ours", "req/s", "p50 us", "p99 us"],
    rows,
  );
}
