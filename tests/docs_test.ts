import { assert, assertEquals } from "./support/assert.ts";
import { Child } from "./support/child.ts";
import { type Example, examplesIn, writeExampleTests } from "./support/examples.ts";
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

/** Runs Deno in the root; its output, if it failed, or did not end. */
async function complaintOf(args: readonly string[]): Promise<string | null> {
  await using child = Child.start(Deno.execPath(), [...args], {
    cwd: ROOT.pathname,
    env: { NO_COLOR: "1" },
    timeoutMs: 120_000,
  });
  const { code, stdout, stderr } = await child.wait();
  return code === 0 ? null : stdout + stderr;
}

Deno.test("the examples in doc comments and documents type-check", async () => {
  const files = [...await libraryFiles(), ...documents.keys()];
  assertEquals(await complaintOf(["check", "--quiet", "--doc-only", ...files]), null);
});

Deno.test("the examples in doc comments and documents run, and leave nothing open", async () => {
  const examples: Example[] = [];
  for (const [name, text] of documents) examples.push(...examplesIn(name, text));
  for (const file of await libraryFiles()) {
    examples.push(...examplesIn(file, await Deno.readTextFile(new URL(file, ROOT))));
  }
  assert(examples.some(({ place }) => place.startsWith("README.md")));
  assert(examples.some(({ place }) => place.startsWith("loop/mod.ts")));
  const folder = await Deno.makeTempDir();
  try {
    const tests = await writeExampleTests(folder, examples);
    const config = new URL("deno.json", ROOT).pathname;
    const options = ["--quiet", "--allow-all", "--no-check", "--no-lock", "--config", config];
    assertEquals(await complaintOf(["test", ...options, ...tests]), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every module of the library that is an entry point has an example", async () => {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const bare: string[] = [];
  for (const path of Object.values(exports) as string[]) {
    // Contracts have nothing to run.
    if (path === "./types.ts") continue;
    const text = await Deno.readTextFile(new URL(path, ROOT));
    const [comment = ""] = text.split("@module");
    if (examplesIn(path, comment).length === 0) bare.push(path);
  }
  assertEquals(bare, []);
});

Deno.test("every guarantee of README.md is the title of a test, in its order", async () => {
  const section = documents.get("README.md")?.split("\n## Guarantees\n")[1]?.split("\n## ")[0];
  const sentences = section?.match(/^\d+\. .*(\n +.*)*/gm)?.map((item) =>
    item.replace(/^\d+\. /, "").replace(/\s+/g, " ")
  );
  const source = await Deno.readTextFile(new URL("tests/guarantees_test.ts", ROOT));
  const titles = Array.from(source.matchAll(/^Deno\.test\("(.*)", async/gm), ([, title]) => title);
  assert(titles.length > 0);
  assertEquals(sentences as unknown, titles);
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
