import { Child, type ChildOptions, type ChildResult } from "./child.ts";

/** The root of the repository, a `file:` URL that ends in a slash. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** Options of `startDeno` and `runDeno`. */
export interface DenoOptions extends ChildOptions {
  /** Flags of `deno run`: permissions first of all. None by default, so the program may do nothing. */
  flags?: readonly string[];
  /** Arguments of the program. */
  args?: readonly string[];
}

/**
 * Runs a Deno program to its end.
 *
 * `program` is a file as a URL, or source text. Source is TypeScript, and finds
 * our modules from the root of the repository: `import { run } from "./mod.ts"`.
 * It has no standard input (it came that way); a program that needs one is a file.
 */
export async function runDeno(
  program: string | URL,
  options: DenoOptions = {},
): Promise<ChildResult> {
  await using child = await startDeno(program, options);
  return await child.wait();
}

/** Starts a Deno program; see `runDeno`. */
export async function startDeno(
  program: string | URL,
  options: DenoOptions = {},
): Promise<Child> {
  const { flags = [], args = [], env, ...rest } = options;
  const fromText = typeof program === "string";
  const child = Child.start(Deno.execPath(), [
    "run",
    // A question about a permission would wait for ever.
    "--quiet",
    "--no-prompt",
    // Every child type-checking again what `deno task check` has checked would cost seconds.
    "--no-check",
    ...flags,
    fromText ? "-" : program.href,
    ...args,
  ], {
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1", ...env },
    ...rest,
  });
  if (fromText) {
    try {
      await child.writeLine(program);
      await child.closeStdin();
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }
  return child;
}
