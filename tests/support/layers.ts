import { ROOT } from "./process.ts";

/** One import between two modules, as paths from the root, or a specifier such as `node:net`. */
export interface Edge {
  /** The file that imports. */
  from: string;
  /** What it imports. */
  to: string;
  /** It happens when the file is loaded: neither type-only nor `import()`. */
  eager: boolean;
}

/** Folders that are no part of the library. */
const OUTSIDE = new Set(["tests", "bench", "examples", "node_modules"]);

/**
 * What each house may import besides itself. `errors.ts`, `types.ts` and
 * `types/` together are the ground floor.
 */
const BELOW: Readonly<Record<string, readonly string[]>> = (() => {
  const low = ["ground", "internal"];
  const core = [...low, "protocols", "loop"];
  const queues = [...core, "tasks", "sync"];
  const transports = [...queues, "queues"];
  const policy = [...transports, "transports"];
  const streams = [...policy, "policy"];
  return {
    ground: [],
    internal: ["ground"],
    protocols: low,
    loop: low,
    tasks: core,
    sync: core,
    queues,
    transports,
    policy,
    streams,
    subprocess: [...streams, "streams"],
    testing: streams,
    "mod.ts": [
      ...streams.filter((house) => house !== "internal"),
      "streams",
      "subprocess",
      "testing",
    ],
  };
})();

/** All files of the library, as sorted paths from the root. */
export async function libraryFiles(): Promise<string[]> {
  const files: string[] = [];
  async function walk(folder: string): Promise<void> {
    for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
      if (entry.name.startsWith(".") || OUTSIDE.has(entry.name)) continue;
      const path = folder + entry.name;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (/\.[cm]?[jt]sx?$/.test(path)) files.push(path);
    }
  }
  await walk("");
  return files.sort();
}

/** Every import of `files`, by value or by type, static or dynamic, as Deno resolves them. */
export async function readEdges(files: readonly string[]): Promise<Edge[]> {
  const folder = await Deno.makeTempDir();
  try {
    const entry = `${folder}/all.ts`;
    const urls = files.map((file) => new URL(file, ROOT).href);
    await Deno.writeTextFile(
      entry,
      urls.map((url) => `import ${JSON.stringify(url)};\n`).join(""),
    );
    const config = new URL("deno.json", ROOT).pathname;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-lock", "--config", config, entry],
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(decoder.decode(stderr));
    return edgesOf(JSON.parse(decoder.decode(stdout)), new Set(urls));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The part of `deno info --json` that is read. */
interface ModuleGraph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: { specifier?: string; error?: string };
      type?: { specifier?: string; error?: string };
      isDynamic?: boolean;
    }[];
  }[];
}

function edgesOf(graph: ModuleGraph, library: ReadonlySet<string>): Edge[] {
  const edges: Edge[] = [];
  for (const { specifier, error, dependencies = [] } of graph.modules) {
    if (error) throw new Error(`${specifier}: ${error}`);
    if (!library.has(specifier)) continue;
    for (const { code, type, isDynamic = false, ...written } of dependencies) {
      const problem = code?.error ?? type?.error;
      if (problem) throw new Error(`${specifier}: ${problem}`);
      const target = code?.specifier ?? type?.specifier ?? written.specifier;
      edges.push({
        from: relative(specifier),
        to: relative(target),
        eager: code !== undefined && !isDynamic,
      });
    }
  }
  return edges;
}

function relative(url: string): string {
  return url.startsWith(ROOT.href) ? url.slice(ROOT.href.length) : url;
}

function houseOf(path: string): string {
  if (path === "errors.ts" || path === "types.ts") return "ground";
  if (path.startsWith("types/")) return "ground";
  return path.split("/")[0]!;
}

/** The imports that go up, around, or out of the library; a sentence each. */
export function forbiddenImports(edges: readonly Edge[]): string[] {
  const found: string[] = [];
  for (const { from, to } of edges) {
    const house = houseOf(from);
    const allowed = BELOW[house];
    if (allowed === undefined) {
      found.push(`${from}: "${house}" is no house of the library`);
    } else if (/^[a-z][a-z0-9+.-]+:/.test(to)) {
      if (!to.startsWith("node:")) found.push(`${from} imports ${to}`);
    } else if (houseOf(to) !== house && !allowed.includes(houseOf(to))) {
      found.push(`${from} imports ${to}`);
    }
  }
  return found.sort();
}

/** Groups of files that import each other in a circle; empty when there is none. */
export function circles(edges: readonly Edge[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const targets = next.get(from);
    if (targets) targets.push(to);
    else next.set(from, [to]);
  }
  // Tarjan's strongly connected components.
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  function visit(file: string): void {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    stack.push(file);
    for (const target of next.get(file) ?? []) {
      if (!order.has(target)) visit(target);
      else if (!stack.includes(target)) continue;
      lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const group = stack.splice(stack.indexOf(file)).sort();
    if (group.length > 1 || next.get(file)?.includes(file)) found.push(group);
  }
  for (const file of [...next.keys()].sort()) {
    if (!order.has(file)) visit(file);
  }
  return found;
}

/** Everything that is loaded when `file` is. */
export function loadedWith(file: string, edges: readonly Edge[]): Set<string> {
  const loaded = new Set([file]);
  for (const path of loaded) {
    for (const { from, to, eager } of edges) {
      if (from === path && eager) loaded.add(to);
    }
  }
  return loaded;
}
