import { findExecutable } from "../tests/support/peers.ts";
import { type Command, denoCommand, here, pythonCommands } from "./peers.ts";
import { type Case, type EchoOptions, runCases } from "./run_echo.ts";

/** Drives the UDP echo servers of all peers in turns. */
export async function runUdp(options: EchoOptions): Promise<void> {
  await runCases(cases, options, { source: "udp/load_udp.cpp" });
}

function cases(floor: Command): Case[] {
  const peers = {
    "Deno.listenDatagram": unstable(denoCommand("udp/echo_conn.ts")),
    "node:dgram on Deno": denoCommand("udp/echo_dgram.mjs"),
    ...nodeCommand(),
    ...pythonCommands("udp/echo_udp.py"),
    "C epoll": { program: floor.program, args: [...floor.args, "udp"] },
  };
  const ours = denoCommand("udp/echo_udp.ts");
  const awaited = denoCommand("udp/echo_udp.ts", "await");
  return [
    {
      title: "UDP echo, protocol API, 100 bytes",
      connections: 50,
      bytes: 100,
      servers: { ours, ...peers },
    },
    {
      title: "UDP echo, protocol API, 8 KiB",
      connections: 10,
      bytes: 8192,
      servers: { ours, ...peers },
    },
    {
      title: "UDP echo, datagram endpoint, 100 bytes",
      connections: 50,
      bytes: 100,
      servers: { ours: awaited, ...peers },
    },
  ];
}

/** Deno's own UDP needs a flag. */
function unstable({ program, args: [run = "run", ...rest] }: Command): Command {
  return { program, args: [run, "--unstable-net", ...rest] };
}

function nodeCommand(): Record<string, Command> {
  const program = findExecutable("node");
  if (program === undefined) return {};
  return { "node:dgram on Node": { program, args: [here("udp/echo_dgram.mjs")] } };
}
