/**
 * Node's `process`. Merely touching it loads a module of Deno's that takes 7 to
 * 14 ms, so importing the library does not: the first run of a loop does.
 */
function nodeProcess(): NodeJS.Process {
  // deno-lint-ignore no-process-global
  return process;
}

/** `process.nextTick`, which calls a function when all microtasks have run. */
export function nodeNextTick(): (callback: () => void) => void {
  return nodeProcess().nextTick;
}

/** A built-in module of Node's, loaded when it is first asked for. */
export function nodeModule<K extends keyof NodeModules>(name: K): NodeModules[K] {
  return nodeProcess().getBuiltinModule(name);
}

/** The modules of {@linkcode nodeModule}. */
export interface NodeModules {
  "node:child_process": typeof import("node:child_process");
  "node:crypto": typeof import("node:crypto");
  "node:dgram": typeof import("node:dgram");
  "node:dns/promises": typeof import("node:dns/promises");
  "node:fs": typeof import("node:fs");
  "node:net": typeof import("node:net");
  "node:stream": typeof import("node:stream");
  "node:tls": typeof import("node:tls");
  "node:v8": typeof import("node:v8");
  "node:worker_threads": typeof import("node:worker_threads");
}
