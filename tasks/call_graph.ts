import { RuntimeError } from "../errors.ts";
import { activeLoop, activeTask } from "../internal/context.ts";
import { Future, waitingTasks } from "../loop/future.ts";
import { Task } from "../loop/task.ts";

/** One frame of a call stack. */
export interface FrameCallGraphEntry {
  /** Function and place, or what the task waits for. */
  readonly frame: string;
}

/** A future, and who awaits it. */
export interface FutureCallGraph {
  /** The future or task. */
  readonly future: Future<unknown>;
  /** Where its code is, innermost first; empty for a future that is no task. */
  readonly callStack: readonly FrameCallGraphEntry[];
  /** The tasks that wait for it, directly or by `gather`, `wait`, `shield`, `asCompleted` or a group. */
  readonly awaitedBy: readonly FutureCallGraph[];
}

/** Options of {@linkcode captureCallGraph}. */
export interface CaptureCallGraphOptions {
  /** How many of the innermost frames of the current task to leave out, that of this call being the first. @default {1} */
  depth?: number;
  /** Keep so many of the innermost frames; a negative number, of the outermost. @default {all} */
  limit?: number;
}

/** Options of {@linkcode printCallGraph}. */
export interface PrintCallGraphOptions extends CaptureCallGraphOptions {
  /** Receives the text. @default {console.log} */
  write?: (text: string) => void;
}

/**
 * Who awaits `future`, by default the current task, who awaits those, and so on;
 * `null` in a callback, where there is no current task.
 *
 * The frames of the code that runs now are JavaScript's own async stack trace.
 * Those of a task that waits cannot be had; what it waits for stands there.
 *
 * ```ts
 * import { captureCallGraph, createTask, run } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   await createTask(() => console.log(captureCallGraph()?.awaitedBy.length));
 * });
 * ```
 *
 * @throws {RuntimeError} where no loop is running and no future is given
 * @throws {TypeError} if `future` is none
 */
export function captureCallGraph(
  future?: Future<unknown> | null,
  options: CaptureCallGraphOptions = {},
): FutureCallGraph | null {
  const { depth = 1, limit } = options;
  const current = activeTask() as Task<unknown> | null;
  if (future === undefined || future === null) {
    if (activeLoop() === null) {
      throw new RuntimeError(
        "Cannot capture the call graph: no event loop is running here and no future was given",
      );
    }
    if (current === null) return null;
    return graphOf(current, cut(currentFrames(depth), limit), limit, new Set());
  }
  if (!(future instanceof Future)) {
    throw new TypeError(
      `Cannot capture the call graph of ${Deno.inspect(future)}: expected a future`,
    );
  }
  const frames = future === current ? currentFrames(depth) : framesOf(future);
  return graphOf(future, cut(frames, limit), limit, new Set());
}

/**
 * The graph of {@linkcode captureCallGraph} as text; empty where there is none.
 *
 * ```ts
 * import { createTask, formatCallGraph, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(5), { name: "sleeper" });
 *   await sleep(1);
 *   console.log(formatCallGraph(task));
 *   await task;
 * });
 * ```
 */
export function formatCallGraph(
  future?: Future<unknown> | null,
  options: CaptureCallGraphOptions = {},
): string {
  const graph = captureCallGraph(future, { ...options, depth: (options.depth ?? 1) + 1 });
  if (graph === null) return "";
  const lines: string[] = [];
  render(graph, 0, lines);
  return lines.join("\n");
}

/**
 * Writes the graph of {@linkcode captureCallGraph} to the console, or to `write`.
 *
 * ```ts
 * import { printCallGraph, run } from "@deno-asyncio/asyncio";
 *
 * await run(() => printCallGraph());
 * ```
 */
export function printCallGraph(
  future?: Future<unknown> | null,
  options: PrintCallGraphOptions = {},
): void {
  // deno-lint-ignore no-console
  const write = options.write ?? console.log;
  write(formatCallGraph(future, { ...options, depth: (options.depth ?? 1) + 1 }));
}

/** `seen` is the way from the first future to here: tasks that wait for each other make a circle. */
function graphOf(
  future: Future<unknown>,
  frames: string[],
  limit: number | undefined,
  seen: Set<Future<unknown>>,
): FutureCallGraph {
  const path = new Set(seen).add(future);
  const waiting = new Set(future[waitingTasks] as unknown[] as Task<unknown>[]);
  const awaitedBy = [...waiting].filter((task) => !path.has(task))
    .map((task) => graphOf(task, cut(framesOf(task), limit), limit, path));
  return { future, callStack: frames.map((frame) => ({ frame })), awaitedBy };
}

function framesOf(future: Future<unknown>): string[] {
  return future instanceof Task ? future.getStack() : [];
}

/** Up to the start of the task, without the first `depth` frames and this one. */
function currentFrames(depth: number): string[] {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = Infinity;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = before;
  const frames = stack.split("\n").slice(1).map((line) => line.trim().replace(/^at /, ""));
  const start = frames.findIndex((frame) => frame.includes("/loop/task.ts:"));
  return frames.slice(0, start < 0 ? undefined : start).slice(depth + 1)
    // Between what runs and what awaits it are the platform's own frames.
    .filter((frame) => !frame.includes("ext:"));
}

function cut(frames: string[], limit: number | undefined): string[] {
  if (limit === undefined) return frames;
  if (limit === 0) return [];
  return limit > 0 ? frames.slice(0, limit) : frames.slice(limit);
}

function render(graph: FutureCallGraph, level: number, lines: string[]): void {
  const indent = "    ".repeat(level);
  const { future, callStack, awaitedBy } = graph;
  const name = future instanceof Task ? `Task(name='${future.getName()}')` : String(future);
  lines.push(`${indent}* ${name}`);
  if (callStack.length > 0) lines.push(`${indent}  + Call stack:`);
  for (const { frame } of callStack) lines.push(`${indent}  |   ${frame}`);
  if (awaitedBy.length > 0) lines.push(`${indent}  + Awaited by:`);
  for (const waiting of awaitedBy) render(waiting, level + 1, lines);
}
