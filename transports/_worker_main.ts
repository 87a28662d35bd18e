import { type EncodedError, encodeError } from "./_error_codec.ts";
import { buffersOf, TRANSFERS } from "./transfer.ts";
import type { JobFunction } from "./_job_function.ts";

/** A job for a Worker. It gets one at a time. */
export type WorkerOrder = JobFunction & { readonly args: readonly unknown[] };

/** What a Worker says: that it can take jobs, how a job ended, that an error escaped, or that the memory ran out. */
export type WorkerAnswer =
  | { readonly ready: true }
  | { readonly value: unknown }
  | { readonly error: EncodedError }
  | { readonly crash: EncodedError }
  | { readonly outOfMemory: true };

/** Set in a Worker while it loads a user's module. */
export const LOADING = "asyncio.loadingModule";

/** How often a Worker with a job looks whether that ran out of memory, in milliseconds. */
const MEMORY_CHECK_MS = 250;

/**
 * The program of a Worker. Its source is sent there as text, since reading a
 * file would need a permission; so it uses nothing but globals and arguments.
 */
function serve(
  port: MessagePort,
  encode: typeof encodeError,
  buffers: typeof buffersOf,
  names: {
    readonly transfers: string;
    readonly loading: string;
    readonly memoryCheckMs: number;
  },
): void {
  type Callable = (...args: readonly unknown[]) => unknown;
  const symbols = globalThis as { [key: symbol]: unknown };
  const loading = Symbol.for(names.loading);
  const transfers = Symbol.for(names.transfers);
  const functions = new Map<string, Callable>();
  const modules = new Map<string, Record<string, unknown>>();
  const { getHeapStatistics } = process.getBuiltinModule("node:v8");
  const heapLimit = getHeapStatistics().heap_size_limit;
  const later = setTimeout;
  let isWorking = false;
  let isWatched = false;

  function tell(answer: WorkerAnswer, moved: readonly Transferable[] = []): void {
    port.postMessage(answer, moved as Transferable[]);
    isWorking = false;
  }

  /**
   * Deno 2.9 ends the Worker, and tells so, if the memory runs out in a timer. In a
   * microtask, and so in a job, it ends that alone, and nobody hears of it; but the
   * limit is higher from then on.
   */
  function watchMemory(): void {
    isWorking = true;
    if (isWatched) return;
    isWatched = true;
    later(() => {
      isWatched = false;
      if (getHeapStatistics().heap_size_limit > heapLimit) {
        tell({ outOfMemory: true });
      } else if (isWorking) watchMemory();
    }, names.memoryCheckMs);
  }

  function evaluate(source: string, globals: readonly string[], label: string): Callable {
    const missing = globals.find((name) => !(name in globalThis));
    if (missing !== undefined) {
      throw new ReferenceError(
        `Cannot run ${label} in a Worker: it uses the global variable ${missing}, which a Worker does not have`,
      );
    }
    const name = label.endsWith("()") ? label.slice(0, -2) : "function";
    // Indirect, so that the function sees globals and nothing of this.
    return (0, eval)(`"use strict";${source}\n//# sourceURL=executor:${name}`);
  }

  async function load(module: string): Promise<Record<string, unknown>> {
    symbols[loading] = module;
    try {
      return await import(module);
    } finally {
      symbols[loading] = undefined;
    }
  }

  function exported(module: Record<string, unknown>, url: string, name: string): Callable {
    const found = module[name];
    if (typeof found === "function") return found as Callable;
    throw new TypeError(`Cannot run ${name}() in a Worker: ${url} exports no such function`);
  }

  function succeed(value: unknown, order: WorkerOrder): void {
    const marked = (symbols[transfers] as WeakMap<object, Transferable[]> | undefined)
      ?.get(value as object);
    // What is self-contained keeps nothing, so what it returns can be moved; a module may keep its buffers.
    const moved = marked ?? ("source" in order ? buffers(value) : []);
    try {
      tell({ value }, moved);
    } catch (error) {
      if (marked === undefined && moved.length > 0 && !(error instanceof DOMException)) {
        // The memory of WebAssembly cannot be moved.
        return tell({ value });
      }
      const why = error instanceof Error ? error.message : error;
      const text = `Cannot send the result of ${order.label} back from its Worker: ${why}`;
      fail(new DOMException(text, "DataCloneError"));
    }
  }

  function fail(error: unknown): void {
    tell({ error: encode(error) });
  }

  async function finish(result: PromiseLike<unknown>, order: WorkerOrder): Promise<void> {
    try {
      succeed(await result, order);
    } catch (error) {
      fail(error);
    }
  }

  function call(order: WorkerOrder): unknown {
    if ("source" in order) {
      const { source, globals, label } = order;
      let found = functions.get(source);
      if (found === undefined) {
        found = evaluate(source, globals, label);
        if (functions.size >= 512) functions.clear();
        functions.set(source, found);
      }
      return found(...order.args);
    }
    const { module: url, name, args } = order;
    const module = modules.get(url);
    if (module !== undefined) return exported(module, url, name)(...args);
    return load(url).then((module) => {
      modules.set(url, module);
      return exported(module, url, name)(...args);
    });
  }

  function crash(event: Event, error: unknown): void {
    // Otherwise it would be printed, and the error itself lost.
    event.preventDefault();
    tell({ crash: encode(error) });
  }

  addEventListener("error", (event) => crash(event, (event as ErrorEvent).error));
  addEventListener("unhandledrejection", (event) => {
    crash(event, (event as PromiseRejectionEvent).reason);
  });
  // Not parentPort.on(): it looks at each element of each array it hands over, 200 ms a MiB.
  port.onmessage = ({ data: order }: MessageEvent<WorkerOrder>) => {
    watchMemory();
    let result: unknown;
    try {
      result = call(order);
    } catch (error) {
      return fail(error);
    }
    const isThenable = typeof (result as PromiseLike<unknown> | null)?.then === "function";
    if (isThenable) finish(result as PromiseLike<unknown>, order);
    else succeed(result, order);
  };
  port.onmessageerror = () => fail(new DOMException("Cannot read the arguments", "DataCloneError"));
  tell({ ready: true });
}

/**
 * The program of a Worker, whose data is the port to talk through. For `eval`:
 * of a module Deno 2.9 does not tell that it ran out of memory.
 */
export function workerSource(): string {
  const names = JSON.stringify({
    transfers: TRANSFERS,
    loading: LOADING,
    memoryCheckMs: MEMORY_CHECK_MS,
  });
  return `
const { workerData } = require("node:worker_threads");
globalThis.self ??= globalThis;
// What such a program gets is global, and looks like CommonJS to the modules it imports.
for (const name of ["require", "module", "exports", "__filename", "__dirname"]) {
  globalThis[name] = undefined;
}
const encodeError = ${encodeError};
const buffersOf = ${buffersOf};
(${serve})(workerData, encodeError, buffersOf, ${names});
`;
}
