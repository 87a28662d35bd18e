import type { AbstractEventLoop } from "../types/loop.ts";
import type { SubprocessOptions } from "../types/options.ts";
import type { Connected } from "../types/protocols.ts";
import type { SubprocessTransport } from "../types/transports.ts";
import { internalsOf } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { StreamOptions } from "../streams/open_connection.ts";
import { DEFAULT_LIMIT } from "../streams/stream_reader.ts";
import { SubprocessStreamProtocol } from "./_stream_protocol.ts";
import { Process } from "./process.ts";

/**
 * Options of {@linkcode createSubprocessExec} and {@linkcode createSubprocessShell}:
 * those of the loop's methods, but a standard stream that is not mentioned is
 * ours, not a pipe. `limit` is that of the readers of stdout and stderr.
 */
export interface CreateSubprocessOptions extends SubprocessOptions, StreamOptions {}

/**
 * Starts `program` with `args`.
 *
 * Requires `--allow-run` permission of the program, and of `/bin/sh` to merge
 * stderr into a piped stdout.
 *
 * Cancellation: a program that was started is killed.
 *
 * ```ts
 * import { createSubprocessExec, PIPE, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const child = await createSubprocessExec("ls", ["-l"], { stdout: PIPE });
 *   for await (const line of child.stdout!) console.log(line.length);
 *   console.log(await child.wait());
 * });
 * ```
 *
 * @throws {Deno.errors.NotFound} if there is no such program or directory
 * @throws {Deno.errors.PermissionDenied} if the system refuses to run it
 * @throws {Deno.errors.NotCapable} without permission
 * @throws {RuntimeError} if no loop is running
 */
export async function createSubprocessExec(
  program: string,
  args: readonly string[] = [],
  options: CreateSubprocessOptions = {},
): Promise<Process> {
  const { limit, ...rest } = options;
  return await create(
    limit,
    (loop, factory) => loop.subprocessExec(factory, program, args, { ...INHERIT, ...rest }),
  );
}

/**
 * Starts a command line in the shell, `/bin/sh -c`. Whatever in it comes from
 * elsewhere must be quoted for the shell; `createSubprocessExec` needs no quotes.
 *
 * Requires `--allow-run` permission of `/bin/sh`.
 *
 * Cancellation: the shell is killed, but not what it started; for that use
 * `detached` and `kill({ group: true })`.
 *
 * ```ts
 * import { createSubprocessShell, PIPE, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const child = await createSubprocessShell("ls | wc -l", { stdout: PIPE });
 *   console.log(await child.communicate());
 * });
 * ```
 *
 * @throws {Deno.errors.NotCapable} without permission
 * @throws {RuntimeError} if no loop is running
 */
export async function createSubprocessShell(
  command: string,
  options: CreateSubprocessOptions = {},
): Promise<Process> {
  const { limit, ...rest } = options;
  return await create(
    limit,
    (loop, factory) => loop.subprocessShell(factory, command, { ...INHERIT, ...rest }),
  );
}

const INHERIT = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;

async function create(
  limit: number = DEFAULT_LIMIT,
  start: (
    loop: AbstractEventLoop,
    factory: () => SubprocessStreamProtocol,
  ) => Promise<Connected<SubprocessTransport, SubprocessStreamProtocol>>,
): Promise<Process> {
  const loop = internalsOf(getRunningLoop());
  const [transport, protocol] = await start(loop, () => new SubprocessStreamProtocol(loop, limit));
  return new Process(transport, protocol);
}
