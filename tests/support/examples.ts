/** A code block of a document or a doc comment. */
export interface Example {
  /** File and first line. */
  place: string;
  /** The code. */
  code: string;
}

/** The blocks of TypeScript in `text` that are meant to run: those fenced as `ts` and nothing more. */
export function examplesIn(file: string, text: string): Example[] {
  const examples: Example[] = [];
  let open: { at: number; lines: string[] } | null = null;
  // In a doc comment every line begins with a star.
  const inComments = file.endsWith(".ts");
  for (const [at, line] of text.split("\n").entries()) {
    const content = inComments ? /^ *\* ?(.*)$/.exec(line)?.[1] : line;
    if (content === undefined) {
      open = null;
    } else if (open === null) {
      if (/^\s*```ts\s*$/.test(content)) open = { at: at + 2, lines: [] };
    } else if (/^\s*```\s*$/.test(content)) {
      examples.push({ place: `${file}:${open.at}`, code: open.lines.join("\n") });
      open = null;
    } else {
      open.lines.push(content);
    }
  }
  return examples;
}

/**
 * Writes `examples` into `folder` as modules, and a test for each that imports
 * it. One process for all: `deno test --doc` makes an isolate for each, which
 * takes a third of a second a piece. The files to give to `deno test`.
 */
export async function writeExampleTests(
  folder: string,
  examples: readonly Example[],
): Promise<string[]> {
  const tests: string[] = [];
  const registering: string[] = [];
  for (const [at, { place, code }] of examples.entries()) {
    const path = `${folder}/example_${at}.ts`;
    await Deno.writeTextFile(path, code);
    // What registers tests of its own cannot be imported inside of one.
    if (/\bDeno\.test\(/.test(code)) registering.push(path);
    else {
      const name = JSON.stringify(place);
      const run = `async () => void await import("./example_${at}.ts")`;
      tests.push(`Deno.test(${name}, { sanitizeOps: true, sanitizeResources: true }, ${run});`);
    }
  }
  const main = `${folder}/examples_test.ts`;
  await Deno.writeTextFile(main, tests.join("\n"));
  return [main, ...registering];
}
