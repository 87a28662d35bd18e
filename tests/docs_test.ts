import { assert, assertEquals } from "./support/assert.ts";
import { libraryFiles } from "./support/layers.ts";
import { ROOT } from "./support/process.ts";

/** Test command of README.md, which CI runs to the letter. */
const TEST_COMMAND = "npx --yes deno@2.9.6 task test";

/** The documents in the root, by name. */
const documents = new Map<string, string>();
for await (const { name } of Deno.readDir(ROOT)) {
  if (!name.endsWith(".md")) continue;
  documents.set(name, await Deno.readTextFile(new URL(name, ROOT)));
}

Deno.test("the examples in doc comments and documents type-check", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", "--doc-only", ...await libraryFiles(), ...documents.keys()],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});

Deno.test("README.md and .ci/run agree on the test command", async () => {
  assert(documents.get("README.md")?.includes(TEST_COMMAND));
  const ci = await Deno.readTextFile(new URL(".ci/run", ROOT));
  assert(ci.includes(TEST_COMMAND));
});

Deno.test("links between documents lead somewhere", async () => {
  const dead: string[] = [];
  for (const [name, text] of documents) {
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^#/.test(target!)) continue;
      const path = new URL(target!.split("#")[0]!, ROOT);
      const found = await Deno.stat(path).then(() => true, () => false);
      if (!found) dead.push(`${name}: ${target}`);
    }
  }
  assertEquals(dead, []);
});
