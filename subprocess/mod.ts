/**
 * Subprocesses: programs with streams for their standard input and output.
 * Starting one needs `--allow-run`.
 *
 * ```ts
 * import { run } from "@deno-asyncio/asyncio";
 * import { createSubprocessShell, PIPE, STDOUT } from "@deno-asyncio/asyncio/subprocess";
 *
 * await run(async () => {
 *   const child = await createSubprocessShell("echo out; echo err >&2", {
 *     stdout: PIPE,
 *     stderr: STDOUT,
 *   });
 *   const [output] = await child.communicate();
 *   console.log(new TextDecoder().decode(output!), child.returncode);
 * });
 * ```
 *
 * @module
 */

export { DEVNULL, PIPE, STDOUT } from "./constants.ts";
export {
  createSubprocessExec,
  type CreateSubprocessOptions,
  createSubprocessShell,
} from "./create_subprocess.ts";
export { Process } from "./process.ts";
