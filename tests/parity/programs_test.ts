import { assert } from "../support/assert.ts";
import { firstDifference, run } from "./harness.ts";
import { type RecordedProgram, runProgram } from "./programs.ts";

const file = new URL("./traces/programs.json", import.meta.url);
const recorded: Record<string, RecordedProgram> = JSON.parse(Deno.readTextFileSync(file));

Deno.test("there are programs made by chance", () => {
  assert(Object.keys(recorded).length >= 150, `${Object.keys(recorded).length} programs`);
});

for (const [number, program] of Object.entries(recorded)) {
  Deno.test(`program ${number}, made by chance, runs as in CPython`, async () => {
    const ours = await run((t) => runProgram(t, program), "task");
    const difference = firstDifference(ours, program.trace);
    const source = JSON.stringify({ main: program.main, tasks: program.tasks });
    assert(difference === null, `${source}\n${difference}`);
  });
}
