import { assert, assertEquals } from "../support/assert.ts";
import { camelCase, firstDifference, type Recorded, run } from "./harness.ts";
import { IMPOSSIBLE } from "./impossible.ts";
import { topics } from "./scenarios/mod.ts";

const folder = new URL("./traces/", import.meta.url);
const recorded: Record<string, Record<string, Recorded>> = {};
for (const { name } of Deno.readDirSync(folder)) {
  if (name === "programs.json") continue; // programs_test.ts
  recorded[name.replace(/\.json$/, "")] = JSON.parse(Deno.readTextFileSync(new URL(name, folder)));
}

Deno.test("every recorded scenario has its twin, and every twin its record", () => {
  const expected = names(recorded).filter((name) => !(name in IMPOSSIBLE));
  assertEquals(names(topics).map(camelCase).sort(), expected.map(camelCase).sort());
  assert(expected.length >= 120, `only ${expected.length} scenarios`);
});

Deno.test("every scenario said to be impossible is recorded", () => {
  const impossible = Object.keys(IMPOSSIBLE);
  assert(impossible.length <= 5, `${impossible.length} scenarios are said to be impossible`);
  assertEquals(impossible.filter((name) => !names(recorded).includes(name)), []);
});

for (const [topic, scenarios] of Object.entries(recorded)) {
  for (const [name, { about, kind, trace }] of Object.entries(scenarios)) {
    const reason = IMPOSSIBLE[`${topic}.${name}`];
    if (reason !== undefined) {
      Deno.test.ignore(`${topic}.${name} cannot be written: ${reason}`, () => {});
      continue;
    }
    Deno.test(`${topic}.${name} runs as in CPython`, async () => {
      const scenario = topics[camelCase(topic)]?.[camelCase(name)];
      assert(scenario !== undefined, `scenarios/${topic}.ts has no ${camelCase(name)}`);
      const difference = firstDifference(await run(scenario, kind), trace);
      assert(difference === null, `${about}\n${difference}`);
    });
  }
}

function names(all: Record<string, Record<string, unknown>>): string[] {
  return Object.entries(all).flatMap(([topic, scenarios]) =>
    Object.keys(scenarios).map((name) => `${topic}.${name}`)
  );
}
