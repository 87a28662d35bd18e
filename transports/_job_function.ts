import { freeVariables } from "./_free_variables.ts";
import { moduleFunctionOf } from "./worker_function.ts";

/** A function as it is sent to a Worker. */
export type JobFunction =
  & {
    /** Its name, for messages. */
    readonly label: string;
  }
  & (
    | { readonly module: string; readonly name: string }
    | {
      /** An expression that gives the function. */
      readonly source: string;
      /** The global variables it uses. */
      readonly globals: readonly string[];
    }
  );

/** So many sources are remembered, so that a function is read once and not at each call. */
const REMEMBERED = 512;

const remembered: Map<string, JobFunction> = new Map();

/**
 * How `fn` is sent to a Worker: by module and name, or as source.
 *
 * @throws {TypeError} if it cannot be: it uses a variable from around it, or has no source
 */
export function jobFunction(fn: (...args: never[]) => unknown): JobFunction {
  const target = moduleFunctionOf(fn);
  if (target !== undefined) return { ...target, label: `${target.name}()` };
  const text = Function.prototype.toString.call(fn);
  const key = `${fn.name}\n${text}`;
  const found = remembered.get(key);
  if (found !== undefined) return found;
  const read = readFunction(text, fn.name);
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(key, read);
  return read;
}

function readFunction(text: string, name: string): JobFunction {
  const label = name === "" ? "an anonymous function" : `${name}()`;
  if (/^class\b/.test(text)) {
    throw new TypeError(`Cannot run class ${name} in a Worker: pass a function that uses it`);
  }
  // As an expression; a method has to be put into an object first.
  const forms = [`(${text}\n)`, `((methods) => methods[Reflect.ownKeys(methods)[0]])({${text}\n})`];
  const source = forms.find(compiles);
  if (source === undefined) {
    throw new TypeError(
      `Cannot run ${label} in a Worker: its source cannot be sent, since it is bound, native, or private. ${
        wayOut(name)
      }`,
    );
  }
  const free = namesIn(source);
  const stranger = free.find((variable) => !(variable in globalThis));
  if (stranger !== undefined) {
    throw new TypeError(
      `Cannot run ${label} in a Worker: it uses ${
        JSON.stringify(stranger)
      } from around it, and a Worker gets the source of the function only. ${wayOut(name)}`,
    );
  }
  return { label, source, globals: free };
}

function wayOut(name: string): string {
  const exported = JSON.stringify(name || "name");
  return `Pass what it needs as arguments, or export it from a module and pass workerFunction(import.meta.url, ${exported})`;
}

function compiles(expression: string): boolean {
  try {
    // Compiled, never called. Functions of modules are strict, and are so in the Worker.
    new Function(`"use strict"; return ${expression};`);
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // All else is fine then, and the better complaint is to follow.
    return error.message.includes("import.meta");
  }
}

/**
 * The free variables; none of what cannot be read. Grammar that is newer than
 * our reader is no reason to refuse a function: what it lacks it will miss when
 * it runs.
 */
function namesIn(source: string): string[] {
  try {
    return freeVariables(source);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
