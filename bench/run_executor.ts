// deno-lint-ignore-file no-console
import { findExecutable } from "../tests/support/peers.ts";
import { type Command, denoCommand, here, python } from "./peers.ts";
import { comparePrograms } from "./run_micro.ts";

/** The release of Node's pool of Workers to compare with. */
const PISCINA = "piscina@5.3.2";

/** Compares calls in pools of two threads, or processes. */
export async function runExecutor({ rounds }: { rounds: number }): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const commands: Record<string, Command> = {
      ours: denoCommand("executor/executor.ts"),
      ...await piscina(folder),
    };
    if (python !== undefined) {
      for (const kind of ["threads", "processes"]) {
        const args = [here("executor/executor.py"), kind];
        commands[`CPython ${kind}`] = { program: python.path, args };
      }
    }
    await comparePrograms(commands, {
      suite: "executor",
      rounds,
      title: `Executors with two workers: us per call, median of ${rounds} rounds`,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function piscina(folder: string): Promise<Record<string, Command>> {
  const [node, npm] = ["node", "npm"].map(findExecutable);
  if (node === undefined || npm === undefined) return {};
  const { success, stderr } = await new Deno.Command(npm, {
    args: ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", PISCINA],
    stdout: "null",
  }).output();
  if (!success) {
    console.error(`executor: no ${PISCINA}, left out: ${new TextDecoder().decode(stderr)}`);
    return {};
  }
  return { piscina: { program: node, args: [here("executor/executor_piscina.mjs"), folder] } };
}
