import type { SubprocessOptions } from "../types/options.ts";

/** A standard stream of a child, as `Deno.Command` takes it. */
type Stdio = "piped" | "inherit" | "null" | number;

/** What is to be started, checked. */
export interface Launch {
  /** Name or path of the program. */
  readonly program: string;
  /** Its arguments. */
  readonly args: string[];
  /** Where stdin, stdout and stderr go. */
  readonly stdio: readonly [stdin: Stdio, stdout: Stdio, stderr: Stdio];
  /** Whether stderr goes into the pipe of stdout: the shell has to do that. */
  readonly merge: boolean;
  /** The rest, for `Deno.Command`. */
  readonly settings: Deno.CommandOptions;
}

/** The highest user and group number; one more means "no change" to setuid(2). */
const HIGHEST_ID = 2 ** 32 - 2;
/** Where the descriptors of our own standard streams are, which `"inherit"` stands for. */
const OUR_STDOUT = 1;

/**
 * Checks everything that can be checked before anything is started. What Deno
 * would take without a word, and then do something else (a user number of -1, a
 * variable name with a `=`), is refused as well.
 *
 * @throws {TypeError} for what has the wrong type
 * @throws {RangeError} for a wrong value
 */
export function checkLaunch(
  program: string,
  args: readonly string[],
  options: SubprocessOptions,
): Launch {
  checkText("program", program);
  if (program === "") refuse(RangeError, "the name of the program is empty");
  if (!Array.isArray(args)) {
    refuse(TypeError, `expected an array of arguments, got ${Deno.inspect(args)}`);
  }
  args.forEach((arg, at) => checkText(`args[${at}]`, arg));
  const stdin = checkStdio("stdin", options.stdin);
  const stdout = checkStdio("stdout", options.stdout);
  const merged = options.stderr === "stdout";
  const stderr = merged ? stdout : checkStdio("stderr", options.stderr);
  return {
    program,
    args: [...args],
    // Our stderr may be somewhere else than our stdout, which is what is asked for.
    stdio: [stdin, stdout, merged && stderr === "inherit" ? OUR_STDOUT : stderr],
    merge: merged && stdout === "piped",
    settings: checkSettings(options),
  };
}

function checkSettings(options: SubprocessOptions): Deno.CommandOptions {
  const { cwd, env, clearEnv, uid, gid, detached } = options;
  const settings: Deno.CommandOptions = {};
  if (cwd !== undefined) {
    if (!(cwd instanceof URL)) checkText("cwd", cwd);
    settings.cwd = cwd;
  }
  if (env !== undefined) settings.env = checkEnv(env);
  if (uid !== undefined) settings.uid = checkId("uid", uid);
  if (gid !== undefined) settings.gid = checkId("gid", gid);
  if (clearEnv !== undefined) settings.clearEnv = checkFlag("clearEnv", clearEnv);
  if (detached !== undefined) settings.detached = checkFlag("detached", detached);
  return settings;
}

function checkText(name: string, text: unknown): void {
  if (typeof text !== "string") {
    refuse(TypeError, `expected a string as ${name}, got ${Deno.inspect(text)}`);
  }
  if (text.includes("\0")) refuse(RangeError, `${name} has a NUL in it: ${JSON.stringify(text)}`);
}

function checkStdio(name: string, option: SubprocessOptions["stderr"]): Stdio {
  if (option === undefined) return "piped";
  const value = hasFileno(option) ? option.fileno() : option;
  if (value === "piped" || value === "inherit" || value === "null") return value;
  if (typeof value === "number") {
    if (Number.isInteger(value) && value >= 0) return value;
    refuse(RangeError, `${name} is no file descriptor: ${value}`);
  }
  const known = `"piped", "inherit", "null"${name === "stderr" ? ', "stdout"' : ""}`;
  refuse(
    typeof value === "string" ? RangeError : TypeError,
    `expected ${known} or a file descriptor as ${name}, got ${Deno.inspect(value)}`,
  );
}

function hasFileno(value: unknown): value is { fileno(): number } {
  return typeof (value as { fileno?: unknown } | null)?.fileno === "function";
}

function checkEnv(env: unknown): Record<string, string> {
  if (typeof env !== "object" || env === null) {
    refuse(TypeError, `expected an object as env, got ${Deno.inspect(env)}`);
  }
  for (const [name, value] of Object.entries(env)) {
    checkText(`env[${JSON.stringify(name)}]`, value);
    if (name === "" || /[=\0]/.test(name)) {
      refuse(RangeError, `env has an illegal name: ${JSON.stringify(name)}`);
    }
  }
  return env as Record<string, string>;
}

function checkId(name: string, id: unknown): number {
  if (typeof id !== "number") {
    refuse(TypeError, `expected a number as ${name}, got ${Deno.inspect(id)}`);
  }
  if (Number.isInteger(id) && id >= 0 && id <= HIGHEST_ID) return id;
  refuse(RangeError, `${name} must be an integer from 0 to ${HIGHEST_ID}, got ${id}`);
}

function checkFlag(name: string, flag: unknown): boolean {
  if (typeof flag === "boolean") return flag;
  refuse(TypeError, `expected a boolean as ${name}, got ${Deno.inspect(flag)}`);
}

function refuse(kind: ErrorConstructor, why: string): never {
  throw new kind(`Cannot start a subprocess: ${why}`);
}
