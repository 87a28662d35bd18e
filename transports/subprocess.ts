import type { SubprocessOptions } from "../types/options.ts";
import type { Connected, ProtocolFactory, SubprocessCallbacks } from "../types/protocols.ts";
import type { SubprocessTransport } from "../types/transports.ts";
import { abortable } from "../loop/abortable.ts";
import { Future } from "../loop/future.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { checkLaunch } from "./subprocess_launch.ts";
import { spawn } from "./subprocess_spawn.ts";
import { ChildTransport } from "./subprocess_transport.ts";
import { checkFactory, makeProtocol } from "./validate.ts";

/**
 * Starts a program. Resolves once `connectionMade` was called, before any other
 * callback.
 *
 * Cancellation: nothing runs any more; the wait lasts until a process that was
 * started has been killed.
 */
export async function startSubprocess<P extends SubprocessCallbacks>(
  loop: LoopInternals,
  factory: ProtocolFactory<P>,
  program: string,
  args: readonly string[],
  options: SubprocessOptions,
): Promise<Connected<SubprocessTransport, P>> {
  checkFactory("subprocessExec", factory);
  const launch = checkLaunch(program, args, options);
  const { signal } = options;
  signal?.throwIfAborted();
  const protocol = makeProtocol(factory);
  const transport = new ChildTransport({
    loop,
    started: await spawn(loop, launch, signal),
    piped: pipedFds(launch.stdio, launch.merge),
    detached: launch.settings.detached ?? false,
    protocol,
  });
  const opened = new Future<void>({ loop });
  transport.open(() => void (opened.done() || opened.setResult()));
  try {
    await abortable(opened, signal);
  } catch (error) {
    transport.close();
    await transport.exited.wait();
    throw error;
  }
  return [transport, protocol];
}

function pipedFds(stdio: readonly unknown[], merged: boolean): number[] {
  return [0, 1, 2].filter((fd) => stdio[fd] === "piped" && !(merged && fd === 2));
}
