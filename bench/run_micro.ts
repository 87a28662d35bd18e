// deno-lint-ignore-file no-console
import { Child } from "../tests/support/child.ts";
import { type Command, denoCommand, pythonCommands } from "./peers.ts";
import { digits, geometricMean, median, pairedRatio, printTable } from "./report.ts";

/** Figures of one peer: benchmark by benchmark, one per round. */
type Figures = Map<string, number[]>;

/** Runs the scheduling micro-benchmarks of all peers in turns and prints one table. */
export async function runMicro(options: { rounds: number }): Promise<void> {
  const commands: Record<string, Command> = {
    ours: denoCommand("micro.ts"),
    ...pythonCommands("micro.py"),
  };
  const figures = new Map<string, Figures>();
  for (let round = 0; round < options.rounds; round++) {
    for (const [peer, { program, args }] of Object.entries(commands)) {
      console.error(`micro: round ${round + 1}, ${peer}`);
      await using child = Child.start(program, args, { timeoutMs: 300_000 });
      const { code, stdout, stderr } = await child.wait();
      if (code !== 0) throw new Error(`${peer} ended with ${code}:\n${stderr}`);
      if (!figures.has(peer)) figures.set(peer, new Map());
      collect(figures.get(peer)!, stdout);
    }
  }
  print(figures, options.rounds);
}

function collect(figures: Figures, output: string): void {
  for (const line of output.trim().split("\n")) {
    const [name, ns] = line.split("\t");
    const values = figures.get(name!);
    if (values) values.push(Number(ns));
    else figures.set(name!, [Number(ns)]);
  }
}

function print(figures: Map<string, Figures>, rounds: number): void {
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
  console.log(`\nScheduling: ns per operation, median of ${rounds} rounds\n`);
  printTable(
    ["", ...peers, ...others.map((peer) => `vs ${peer}`)],
    rows,
  );
}
