/**
 * Records the traces: runs every scenario of `scenarios/*.py` in CPython (as
 * WebAssembly) and writes `traces/<topic>.json`.
 *
 * ```sh
 * deno run -A --no-lock tests/parity/record.ts [topic...]
 * ```
 *
 * The topic `programs` is made by chance: so many programs from the number
 * `--first` on. Look at others with `--first=1000 --count=2000`, then at what
 * `programs_test.ts` says, and do not commit them.
 *
 * The tests compare with the written files and need none of this.
 *
 * @module
 */

/**
 * CPython 3.14.2. A variable, not a literal, so that `deno check` and a plain
 * test run do not fetch an interpreter of 12 MB that only this program needs.
 */
const PYODIDE: string = "npm:pyodide@314.0.7";

/** The part of Pyodide's API used here. */
interface Pyodide {
  FS: {
    mkdirTree(path: string): void;
    writeFile(path: string, text: string): void;
  };
  runPython(code: string): string;
}

const here = new URL("./", import.meta.url);
const asked = Deno.args.filter((arg) => !arg.startsWith("--"));
const topics = asked.length > 0 ? asked : [...scenarioNames(), "programs"].toSorted();

const { loadPyodide } = await import(PYODIDE) as {
  loadPyodide(): Promise<Pyodide>;
};
const python = await loadPyodide();
copy("record/", "/parity/");
copy("scenarios/", "/parity/scenarios/");
python.runPython("import sys; sys.path.insert(0, '/parity'); import recorder");

for (const topic of topics) {
  const json = python.runPython(
    topic === "programs"
      ? `recorder.record_programs(${option("first", 0)}, ${option("count", 200)})`
      : `recorder.record(${JSON.stringify(topic)})`,
  );
  Deno.writeTextFileSync(new URL(`traces/${topic}.json`, here), json);
  const count = Object.keys(JSON.parse(json)).length;
  // deno-lint-ignore no-console
  console.log(`${topic}: ${count} scenarios`);
}

function option(name: string, otherwise: number): number {
  const arg = Deno.args.find((arg) => arg.startsWith(`--${name}=`));
  return arg === undefined ? otherwise : Number(arg.split("=")[1]);
}

function scenarioNames(): string[] {
  return pythonFiles("scenarios/").map((name) => name.replace(/\.py$/, ""));
}

function pythonFiles(folder: string): string[] {
  return Array.from(
    Deno.readDirSync(new URL(folder, here)),
    (entry) => entry.name,
  )
    .filter((name) => name.endsWith(".py"));
}

function copy(folder: string, target: string): void {
  python.FS.mkdirTree(target);
  for (const name of pythonFiles(folder)) {
    python.FS.writeFile(
      target + name,
      Deno.readTextFileSync(new URL(folder + name, here)),
    );
  }
}
