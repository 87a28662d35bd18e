import { findExecutable } from "../tests/support/peers.ts";
import { type Command, denoCommand, here, pythonCommands } from "./peers.ts";
import { type Case, type EchoOptions, runCases } from "./run_echo.ts";

const CERTIFICATES = here("../tests/fixtures/tls");

/** Drives the TLS echo servers of all peers in turns. */
export async function runTls(options: EchoOptions): Promise<void> {
  await runCases(cases, options, { source: "tls/load_tls.cpp", libraries: ["ssl", "crypto"] });
}

function cases(): Case[] {
  const servers = {
    ours: denoCommand("tls/echo_tls.ts", CERTIFICATES),
    "Deno.listenTls": denoCommand("tls/echo_listen_tls.ts", CERTIFICATES),
    "node:tls on Deno": denoCommand("tls/echo_node_tls.mjs", CERTIFICATES),
    ...nodeCommand(),
    ...pythonCommands("tls/echo_tls.py", CERTIFICATES),
  };
  return [
    { title: "TLS echo, protocol API, 1 KiB", connections: 50, bytes: 1024, servers },
    { title: "TLS echo, protocol API, 1 MiB", connections: 4, bytes: 1024 * 1024, servers },
  ];
}

function nodeCommand(): Record<string, Command> {
  const program = findExecutable("node");
  if (program === undefined) return {};
  return { "node:tls on Node": { program, args: [here("tls/echo_node_tls.mjs"), CERTIFICATES] } };
}
