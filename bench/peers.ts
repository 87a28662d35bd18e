import { findExecutable } from "../tests/support/peers.ts";

/** How to run a program of this folder. */
export interface Command {
  /** The program. */
  program: string;
  /** Its arguments. */
  args: string[];
}

/** A path in this folder. */
export function here(path: string): string {
  return new URL(path, import.meta.url).pathname;
}

/** Runs a Deno program of this folder, type check and permissions aside. */
export function denoCommand(path: string, ...args: string[]): Command {
  const flags = ["--no-check", "--quiet", "--allow-net", "--allow-read"];
  // Whatever has the permission loads libc; the others must show that they do without.
  if (path.startsWith("fd/")) flags.push("--allow-ffi");
  // So that memory can be counted without what is garbage already.
  flags.push("--v8-flags=--expose-gc");
  return {
    program: Deno.execPath(),
    args: ["run", ...flags, here(path), ...args],
  };
}

/** Where Python is. Debian's uvloop is Debian's Python's, so both run on that where it has it. */
export const python: { path: string; uvloop: boolean } | undefined = findPython();

function findPython(): { path: string; uvloop: boolean } | undefined {
  const found = ["/usr/bin/python3", "python3"].map(findExecutable)
    .filter((path) => path !== undefined);
  const withUvloop = found.find((path) =>
    new Deno.Command(path, {
      args: ["-c", "import uvloop"],
      stderr: "null",
    }).outputSync().success
  );
  const path = withUvloop ?? found[0];
  return path === undefined ? undefined : { path, uvloop: withUvloop !== undefined };
}

/** The commands of one Python program, by event loop. */
export function pythonCommands(
  path: string,
  ...args: string[]
): Record<string, Command> {
  if (python === undefined) return {};
  const program = python.path;
  const commands: Record<string, Command> = {
    asyncio: { program, args: [here(path), ...args] },
  };
  if (python.uvloop) {
    commands["uvloop"] = { program, args: [here(path), ...args, "uvloop"] };
  }
  return commands;
}

/** Pins a command to a core, where there are two and the tool for it. */
export function pin(core: number, command: Command): Command {
  if (navigator.hardwareConcurrency < 2) return command;
  const taskset = findExecutable("taskset");
  if (taskset === undefined) return command;
  return {
    program: taskset,
    args: ["-c", String(core), command.program, ...command.args],
  };
}

/** Builds a C++ program of this folder into `folder`. `undefined` without a compiler, or a header. */
export async function build(
  path: string,
  folder: string,
  libraries: readonly string[] = [],
): Promise<Command | undefined> {
  const compiler = findExecutable("g++");
  if (compiler === undefined) return undefined;
  const program = `${folder}/${path.split("/").at(-1)!.replace(".cpp", "")}`;
  const { success, stderr } = await new Deno.Command(compiler, {
    args: ["-O2", "-o", program, here(path), ...libraries.map((name) => `-l${name}`)],
  }).output();
  if (success) return { program, args: [] };
  const message = new TextDecoder().decode(stderr);
  if (/\.h: No such file/.test(message)) return undefined;
  throw new Error(message);
}
