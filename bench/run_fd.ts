import { type Command, denoCommand, pythonCommands } from "./peers.ts";
import { type Case, type EchoOptions, runCases } from "./run_echo.ts";

/** Drives echo servers that watch file descriptors themselves. */
export async function runFd(options: EchoOptions): Promise<void> {
  await runCases(cases, options);
}

function cases(floor: Command): Case[] {
  return [
    {
      title: "TCP echo on addReader alone, 1 KiB",
      connections: 50,
      bytes: 1024,
      servers: {
        ours: denoCommand("fd/echo_reader.ts"),
        ...pythonCommands("fd/echo_fd.py", "reader"),
        "C epoll": floor,
      },
    },
    {
      title: "TCP echo on sockRecv() and sockSendall(), 1 KiB",
      connections: 50,
      bytes: 1024,
      servers: {
        ours: denoCommand("fd/echo_sock.ts"),
        ...pythonCommands("fd/echo_fd.py", "sock"),
        "C epoll": floor,
      },
    },
  ];
}
