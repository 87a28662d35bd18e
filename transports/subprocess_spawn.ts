import type { LoopInternals } from "../loop/internals.ts";
import { operate } from "./operation.ts";
import { explain } from "./platform_error.ts";
import type { Launch } from "./subprocess_launch.ts";

const SHELL = "/bin/sh";

/**
 * Becomes the program `$0`, with stderr where stdout is. Before that it looks
 * the program up, the way Deno does it, and says what it found in one byte: once
 * `exec` has failed there would be only an exit code, which might as well be the
 * program's own.
 */
const MERGE = `
asyncio_program=
case $0 in
*/*) [ -e "$0" ] && asyncio_program=$0 ;;
*)
  IFS=:
  set -f
  for asyncio_folder in $PATH; do
    [ -f "\${asyncio_folder:-.}/$0" ] && [ -x "\${asyncio_folder:-.}/$0" ] || continue
    asyncio_program=\${asyncio_folder:-.}/$0
    break
  done ;;
esac
if [ -z "$asyncio_program" ]; then printf N
elif [ -f "$asyncio_program" ] && [ -x "$asyncio_program" ]; then
  printf Y
  exec "$asyncio_program" "$@" 2>&1
else printf X
fi`;

/** What the shell may add to the environment, unless it was asked for. */
const SHELL_VARIABLES = ["PWD", "OLDPWD", "SHLVL"];

/** How a process ended: with a return code, or so that Deno cannot tell it. */
export type Ending = { readonly returncode: number } | { readonly error: unknown };

/** A process that runs. */
export interface Started {
  /** The process. */
  readonly child: Deno.ChildProcess;
  /** How it will have ended. Never rejects. */
  readonly ending: Promise<Ending>;
}

/** The answers of {@linkcode MERGE}: Y, N, X. */
const FOUND = 0x59;
const NOT_FOUND = 0x4e;
const NOT_EXECUTABLE = 0x58;

/**
 * Starts a process. When it rejects, or the wait is cancelled, nothing runs.
 *
 * Merging stderr into the pipe of stdout, in the order of the writes, takes one
 * pipe under two descriptors, and Deno makes pipes of its own. So the child
 * starts as a shell, which duplicates the descriptor and becomes the program: the
 * process id stays. A pipe made by libc would do it too, and leave the shell out,
 * but loading libc takes 4 ms, against 1 ms of the shell, and `--allow-ffi`; what
 * happens would depend on the permissions.
 *
 * @throws {Deno.errors.NotFound} if there is no such program, or no such directory
 * @throws {Deno.errors.NotADirectory} if `cwd` is something else
 * @throws {Deno.errors.PermissionDenied} if the system refuses to run it
 * @throws {Deno.errors.NotCapable} without `--allow-run`
 */
export async function spawn(
  loop: LoopInternals,
  launch: Launch,
  signal: AbortSignal | undefined,
): Promise<Started> {
  if (!launch.merge) return start(launch, launch.program, launch.args);
  const script = shellScript(launch.settings);
  const started = start(launch, SHELL, ["-c", script, launch.program, ...launch.args]);
  let found: number | null;
  try {
    found = await operate(loop, (abort) => {
      // As well as below: if the loop closes, nobody goes on after the await.
      abort.addEventListener("abort", () => void discard(started), { once: true });
      return readByte(started.child.stdout);
    }, { signal });
  } catch (error) {
    await discard(started);
    throw error;
  }
  if (found === FOUND) return started;
  await discard(started);
  throw explainAnswer(found, describe(launch));
}

function explainAnswer(answer: number | null, attempt: string): Error {
  switch (answer) {
    case NOT_FOUND:
      return new Deno.errors.NotFound(`${attempt}: there is no such program`);
    case NOT_EXECUTABLE:
      return new Deno.errors.PermissionDenied(`${attempt}: it is no file that may be executed`);
    default:
      return new Deno.errors.Interrupted(`${attempt}: ${SHELL} ended before it became the program`);
  }
}

function start(launch: Launch, program: string, args: string[]): Started {
  const [stdin, stdout, stderr] = launch.stdio;
  const command = {
    ...launch.settings,
    args,
    stdin,
    stdout,
    stderr: launch.merge ? "null" : stderr,
  };
  try {
    // Deno takes descriptors as well, which its types do not say.
    const child = new Deno.Command(program, command as Deno.CommandOptions).spawn();
    // At once: a process may end, and its status reject, before anybody else asks for it.
    return { child, ending: child.status.then(endingOf, endingDespite) };
  } catch (error) {
    throw explainStart(error, launch, program);
  }
}

function endingOf({ code, signal }: Deno.CommandStatus): Ending {
  return { returncode: signal === null ? code : 128 - code };
}

function endingDespite(error: Error): Ending {
  // Killed by a real-time signal, for which Deno has no name: "Invalid signal: 34".
  const number = /^Invalid signal: (\d+)$/.exec(error.message)?.[1];
  return number === undefined ? { error } : { returncode: -Number(number) };
}

function explainStart(error: unknown, launch: Launch, program: string): Error {
  const attempt = describe(launch);
  if (error instanceof Deno.errors.NotFound && /is not a directory/.test(error.message)) {
    return new Deno.errors.NotADirectory(`${attempt}: ${error.message}`, { cause: error });
  }
  const shell = program === SHELL && launch.program !== SHELL
    ? ` (as ${SHELL}, which merges stderr into stdout)`
    : "";
  return explain(error, `${attempt}${shell}`);
}

function describe({ program, settings: { cwd, uid, gid } }: Launch): string {
  const where = cwd === undefined ? "" : ` in ${JSON.stringify(String(cwd))}`;
  const who = [["user", uid], ["group", gid]].filter(([, id]) => id !== undefined);
  const as = who.length === 0 ? "" : ` as ${who.map(([kind, id]) => `${kind} ${id}`).join(", ")}`;
  return `Cannot run ${JSON.stringify(program)}${where}${as}`;
}

function shellScript({ clearEnv, env = {} }: Deno.CommandOptions): string {
  if (clearEnv !== true) return MERGE;
  const unwanted = SHELL_VARIABLES.filter((name) => !(name in env));
  return unwanted.length === 0 ? MERGE : `unset ${unwanted.join(" ")}\n${MERGE}`;
}

async function readByte(stream: ReadableStream<Uint8Array>): Promise<number | null> {
  const reader = stream.getReader({ mode: "byob" });
  try {
    const { value } = await reader.read(new Uint8Array(1));
    return value?.[0] ?? null;
  } finally {
    reader.releaseLock();
  }
}

/** Ends a child of which nobody has heard yet. Idempotent. */
async function discard({ child, ending }: Started): Promise<void> {
  signalUnlessEnded(child, "SIGKILL");
  // Its end is also that of the pipes; one that is being read is released by that.
  await ending;
  await Promise.allSettled(
    [() => child.stdin.close(), () => child.stdout.cancel()].map(async (close) => await close()),
  );
}

/** Sends a signal, unless the process has ended. */
export function signalUnlessEnded(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // Deno has seen the end of it, we will in the loop's turn: as if it were a zombie, nothing happens.
    if (!(error instanceof TypeError && error.message.includes("already terminated"))) throw error;
  }
}
