// deno-lint-ignore-file no-console
import { Child } from "../tests/support/child.ts";
import { type Command, denoCommand, pythonCommands } from "./peers.ts";
import { digits, geometricMean, median, pairedRatio, printTable } from "./report.ts";

/** Figures of one peer: benchmark by benchmark, one per round. */
type Figures = Map<string, number[]>;

/** Runs the scheduling micro-benchmarks of all peers in turns and prints one table. */
export async function runMicro({ rounds }: { rounds: number }): Promise<void> {
  const commands = { ours: denoCommand("micro.ts"), ...pythonCommands("micro.py") };
  await comparePrograms(commands, {
    suite: "micro",
    rounds,
    title: `Scheduling: ns per operation, median of ${rounds} rounds`,
  });
}

/** What programs to compare are, and how often they run. */
export interface CompareOptions {
  /** Name of the suite. */
  suite: string;
  /** Heading of the table. */
  title: string;
  /** Turns of all programs. */
  rounds: number;
}

/**
 * Runs programs in turns and prints one table. Each prints a line for each thing it measured: name, tab,
 * figure. The one named "ours" is what the others are compared with.
 */
export async function comparePrograms(
  commands: Readonly<Record<string, Command>>,
  { suite, title, rounds }: CompareOptions,
): Promise<void> {
  const figures = new Map<string, Figures>();
  for (let round = 0; round < rounds; round++) {
    for (const [peer, { program, args }] of Object.entries(commands)) {
      console.error(`${suite}: round ${round + 1}, ${peer}`);
      await using child = Child.start(program, args, { timeoutMs: 300_000 });
      const { code, stdout, stderr } = await child.wait();
      if (code !== 0) throw new Error(`${peer} ended with ${code}:\n${stderr}`);
      if (!figures.has(peer)) figures.set(peer, new Map());
      collect(figures.get(peer)!, stdout);
    }
  }
  print(figures, title);
}

function collect(figures: Figures, output: string): void {
  for (const line of output.trim().split("\n")) {
    const [name, ns] = line.split("\t");
    const values = figures.get(name!);
    if (values) values.push(Number(ns));
    else figures.set(name!, [Number(ns)]);
  }
}

function print(figures: Map<string, Figures>, title: string): void {
  const peers = [...figures.keys()];
  const others = peers.filter((peer) => peer !== "ours");
  const ours = figures.get("ours")!;
  const ratios = new Map<string, number[]>(others.map((peer) => [peer, []]));
  const rows = [...ours].map(([name, values]) => [
    name,
    ...peers.map((peer) => digits(median(figures.get(peer)!.get(name) ?? []), 0)),
    ...others.map((peer) => {
      const ratio = pairedRatio(figures.get(peer)!.get(name) ?? [], values);
      ratios.get(peer)!.push(ratio);
      return `${digits(ratio, 2)}x`;
    }),
  ]);
  rows.push([
    "geometric mean",
    ...peers.map(() => ""),
    ...others.map((peer) => `${digits(geometricMean(ratios.get(peer)!), 2)}x`),
  ]);
  console.log(`\n${title}\n`);
  printTable(
    ["", ...peers, ...others.map((peer) => `vs ${peer}`)],
    rows,
  );
}
