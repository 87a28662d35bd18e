import {
  createSubprocessExec,
  type CreateSubprocessOptions,
  createSubprocessShell,
  DEVNULL,
  PIPE,
  STDOUT,
} from "../../subprocess/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { inLoop } from "./support.ts";
import { runPython } from "../support/python.ts";

/** What to run, for both of us. */
interface Command {
  /** A command line for the shell, or a program and its arguments. */
  run: string | [program: string, ...args: string[]];
  /** Given to `communicate()`; without it stdin is empty. */
  input?: string;
  /** How many times the input is repeated. @default {1} */
  times?: number;
  /** stderr goes into stdout. */
  merged?: boolean;
  /** Directory; `FOLDER` in it and in programs is a directory of the test. */
  cwd?: string;
  /** All its variables. */
  env?: Record<string, string>;
}

const COMMANDS: readonly Command[] = [
  { run: ["echo", "hello", "two  spaces", "üñî", "-n", "$HOME", "", "*"] },
  { run: ["printf", "\\000\\377\\200\\n"] },
  { run: ["cat"], input: "line\n", times: 200_000 },
  { run: ["cat"], input: "" },
  { run: ["cat"] },
  { run: ["sort"], input: "b\na\nc\n" },
  { run: ["head", "-c", "3"], input: "0123456789", times: 500_000 },
  { run: "exec <&-; echo no more", input: "0123456789", times: 500_000 },
  { run: "echo out; echo err >&2; echo out again" },
  { run: "echo out; echo err >&2; echo out again", merged: true },
  { run: "i=0; while [ $i -lt 50 ]; do echo $i; echo e$i >&2; i=$((i+1)); done", merged: true },
  { run: "yes | head -c 300000 | wc -c" },
  { run: "exit 7" },
  { run: "exit 300" },
  { run: "kill -TERM $$" },
  { run: "kill -KILL $$" },
  { run: "kill -PIPE $$; echo survived" },
  { run: "trap 'echo caught; exit 3' USR2; kill -USR2 $$; echo after" },
  { run: "no-such-command --at-all" },
  { run: "if then fi" },
  { run: "set -u; echo $undefined_variable", merged: true },
  { run: ["pwd"], cwd: "/" },
  { run: ["pwd"], cwd: "FOLDER" },
  { run: ["/usr/bin/env"], env: { ONE: "1", TWO: "a=b" } },
  { run: ["./program", "argument"], cwd: "FOLDER" },
  { run: ["./program", "argument"], cwd: "FOLDER", merged: true },
  { run: ["program"], env: { PATH: "FOLDER" } },
  { run: ["no-such-program"] },
  { run: ["no-such-program"], merged: true },
  { run: ["FOLDER/missing"] },
  { run: ["FOLDER/data"] },
  { run: ["FOLDER/data"], merged: true },
  { run: ["FOLDER"] },
  { run: ["true"], cwd: "FOLDER/missing" },
  { run: ["true"], cwd: "FOLDER/data" },
  { run: ["echo", "a\0b"] },
];

/** How it went: return code and outputs, or the kind of error. */
type Outcome = { code: number | null; stdout: string | null; stderr: string | null } | {
  error: string;
};

const ERRORS: Record<string, string> = {
  FileNotFoundError: "NotFound",
  PermissionError: "PermissionDenied",
  NotADirectoryError: "NotADirectory",
  ValueError: "RangeError",
};

async function ours({ run, input, times = 1, ...command }: Command): Promise<Outcome> {
  const options: CreateSubprocessOptions = {
    stdin: input === undefined ? DEVNULL : PIPE,
    stdout: PIPE,
    stderr: command.merged ? STDOUT : PIPE,
    ...(command.cwd !== undefined && { cwd: command.cwd }),
    ...(command.env !== undefined && { env: command.env, clearEnv: true }),
  };
  try {
    const [program, ...args] = run;
    const child = typeof run === "string"
      ? await createSubprocessShell(run, options)
      : await createSubprocessExec(program as string, args, options);
    const given = input === undefined ? null : new TextEncoder().encode(input.repeat(times));
    const [stdout, stderr] = await child.communicate(given);
    return { code: child.returncode, stdout: latin(stdout), stderr: latin(stderr) };
  } catch (error) {
    return { error: (error as Error).name };
  }
}

/** Bytes as text of as many characters. */
function latin(data: Uint8Array | null): string | null {
  return data && Array.from(data, (byte) => String.fromCharCode(byte)).join("");
}

const PYTHON = `
import asyncio, json, sys
from asyncio.subprocess import PIPE, DEVNULL, STDOUT

def text(data):
    return None if data is None else data.decode("latin-1")

async def outcome(command):
    run, given = command["run"], command.get("input")
    options = dict(
        stdin=DEVNULL if given is None else PIPE, stdout=PIPE,
        stderr=STDOUT if command.get("merged") else PIPE,
        cwd=command.get("cwd"), env=command.get("env"))
    try:
        if isinstance(run, str):
            child = await asyncio.create_subprocess_shell(run, **options)
        else:
            child = await asyncio.create_subprocess_exec(*run, **options)
        data = None if given is None else given.encode() * command.get("times", 1)
        stdout, stderr = await child.communicate(data)
        return dict(code=child.returncode, stdout=text(stdout), stderr=text(stderr))
    except (OSError, ValueError) as error:
        return dict(error=type(error).__name__)

async def main():
    print(json.dumps([await outcome(command) for command in json.load(sys.stdin)]))

asyncio.run(main())
`;

peerTest(
  "createSubprocessExec() and createSubprocessShell() do what CPython's do",
  ["python3"],
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/data`, "no program\n", { mode: 0o644 });
      await Deno.writeTextFile(`${folder}/program`, '#!/bin/sh\necho "ran $* in $PWD"\n');
      await Deno.chmod(`${folder}/program`, 0o755);
      const commands: Command[] = JSON.parse(
        JSON.stringify(COMMANDS).replaceAll("FOLDER", folder),
      );
      const python = await runPython(PYTHON, { stdin: JSON.stringify(commands) });
      assertEquals(python.stderr, "");
      const theirs: Outcome[] = JSON.parse(python.stdout);
      await inLoop(async () => {
        for (const [at, command] of commands.entries()) {
          const expected = theirs[at] as Outcome;
          if ("error" in expected) expected.error = ERRORS[expected.error] ?? expected.error;
          assertEquals(await ours(command), expected, JSON.stringify(command));
        }
      });
      assert(theirs.length >= 20);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
