import type { ExecutorFunction } from "../types/loop.ts";

/** A function by its module and the name it is exported under. */
export interface ModuleFunction {
  /** URL of the module. */
  readonly module: string;
  /** Its name there. */
  readonly name: string;
}

const known: WeakMap<object, ModuleFunction> = new WeakMap();

/**
 * A function of a module for `runInExecutor` and `toThread`: the Worker imports
 * the module itself and calls the export of that name, so the function may use
 * whatever its module has. Called directly, it runs here.
 *
 * The Worker evaluates the module once. A program that names its own main module
 * keeps what starts it behind `if (import.meta.main)`, as in Python
 * behind `if __name__ == "__main__"`.
 *
 * Requires `--allow-read` of a local module, `--allow-import` of a remote one.
 *
 * ```ts
 * import { run, toThread, workerFunction } from "@deno-asyncio/asyncio";
 *
 * export function sum(numbers: number[]): number {
 *   return numbers.reduce((total, number) => total + number, 0);
 * }
 *
 * if (import.meta.main) {
 *   const sumElsewhere = workerFunction<typeof sum>(import.meta.url, "sum");
 *   await run(async () => console.log(await toThread(sumElsewhere, [1, 2, 3])));
 * }
 * ```
 *
 * @throws {TypeError} if `module` is no absolute URL, or `exportName` no name
 */
// deno-lint-ignore no-explicit-any
export function workerFunction<F extends (...args: any[]) => any = (...args: any[]) => any>(
  module: string | URL,
  exportName: string,
): ExecutorFunction<Parameters<F>, Awaited<ReturnType<F>>> {
  if (!URL.canParse(module)) {
    throw new TypeError(
      `Cannot make a worker function: expected the URL of a module, such as import.meta.url, got ${
        Deno.inspect(module)
      }`,
    );
  }
  if (typeof exportName !== "string" || exportName === "") {
    throw new TypeError(
      `Cannot make a worker function: expected the name of an export, got ${
        Deno.inspect(exportName)
      }`,
    );
  }
  const target = { module: new URL(module).href, name: exportName };
  async function callHere(...args: Parameters<F>): Promise<Awaited<ReturnType<F>>> {
    const exports = await import(target.module);
    if (typeof exports[target.name] !== "function") {
      throw new TypeError(
        `Cannot call ${target.name}(): ${target.module} exports no such function`,
      );
    }
    return await exports[target.name](...args);
  }
  known.set(callHere, target);
  return callHere;
}

/** What `fn` stands for, if `workerFunction` made it. */
export function moduleFunctionOf(fn: object): ModuleFunction | undefined {
  return known.get(fn);
}
