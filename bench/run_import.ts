// deno-lint-ignore-file no-console
import { here } from "./peers.ts";
import { digits, median, printTable } from "./report.ts";

/** Prints what importing `mod.ts` adds to the run of an empty program. */
export async function runImport(options: { rounds: number }): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const empty = `${folder}/empty.ts`;
    await Deno.writeTextFile(empty, "export {};\n");
    const programs = { "empty program": empty, "mod.ts": here("../mod.ts") };
    const times = new Map<string, number[]>();
    // The first turn fills the caches of compiled code, and does not count.
    for (let round = 0; round <= options.rounds; round++) {
      for (const [name, path] of Object.entries(programs)) {
        const started = performance.now();
        const { success } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-check", "--quiet", path],
        }).output();
        if (!success) throw new Error(`${path} failed`);
        if (round === 0) times.set(name, []);
        else times.get(name)!.push(performance.now() - started);
      }
    }
    const base = times.get("empty program")!;
    console.log(`\nStart: ms, ${options.rounds} rounds\n`);
    printTable(
      ["", "median", "fastest", "over empty (median)", "(fastest)"],
      [...times].map(([name, values]) => [
        name,
        digits(median(values), 1),
        digits(Math.min(...values), 1),
        digits(median(values) - median(base), 1),
        digits(Math.min(...values) - Math.min(...base), 1),
      ]),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
