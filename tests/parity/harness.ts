/**
 * What scenarios see, and how they are run: the twin of `record/parity.py` and
 * `record/recorder.py`.
 *
 * @module
 */

import { ExceptionGroup, type Future, IncompleteReadError, LimitOverrunError } from "../../mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import type { ExceptionContext } from "../../types.ts";

/** One traced value: iteration, milliseconds since the start, and the value as neutral JSON. */
export type Row = [iteration: number, time: number, value: unknown];

/** One scenario as CPython ran it. */
export interface Recorded {
  /** What it shows. */
  about: string;
  /** Whether it is the main task of a run, or drives the loop itself. */
  kind: "task" | "drive";
  /** What CPython traced. */
  trace: Row[];
}

/** The TypeScript side of a scenario. */
export type Scenario = (t: Trace) => Promise<void>;

/** An error of the program under test. */
export class Boom extends Error {
  override readonly name = "Boom";
}

/** Errors of which the text is compared too. */
const WITH_TEXT = ["Boom", "CancelledError"];

/** A value as JSON that Python writes alike. */
export function neutral(value: unknown): unknown {
  if (value instanceof ExceptionGroup) {
    return ["ExceptionGroup", value.errors.map(neutral)];
  }
  if (value instanceof IncompleteReadError) {
    return ["IncompleteReadError", neutral(value.partial), value.expected];
  }
  if (value instanceof LimitOverrunError) {
    return ["LimitOverrunError", value.consumed];
  }
  if (value instanceof Error) {
    return WITH_TEXT.includes(value.name) && value.message !== ""
      ? `${value.name}: ${value.message}`
      : value.name;
  }
  if (value instanceof Uint8Array) return String.fromCharCode(...value);
  if (Array.isArray(value)) return value.map(neutral);
  return value ?? null;
}

/** How a future ended, as a neutral value. */
export function outcome(future: Future<unknown>): unknown {
  if (!future.done()) return "pending";
  if (future.cancelled()) return "cancelled";
  const exception = future.exception();
  return exception === null ? ["result", neutral(future.result())] : ["error", neutral(exception)];
}

/** Awaits; what came of it, as a neutral value, whatever it was. */
export async function caught(
  awaitable: PromiseLike<unknown>,
): Promise<unknown> {
  try {
    return ["result", neutral(await awaitable)];
  } catch (error) {
    return ["error", neutral(error)];
  }
}

/** Calls; the error it threw, as a neutral value. */
export function thrown(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return neutral(error);
  }
  return "no error";
}

/** Awaits; the error it rejected with, as a neutral value. */
export async function rejected(
  awaitable: PromiseLike<unknown>,
): Promise<unknown> {
  try {
    await awaitable;
  } catch (error) {
    return neutral(error);
  }
  return "no error";
}

/** Call it to append a value, or several as an array. */
export interface Trace {
  (...values: unknown[]): void;
  /** The loop of the scenario. */
  readonly loop: VirtualTimeLoop;
  /** Milliseconds since the scenario began. */
  now(): number;
  /** A time of the loop as milliseconds since the scenario began. */
  ms(when: number): number;
  /** From now on, what reaches the exception handler is traced. */
  traceHandler(): void;
}

/** Runs a scenario on our loop; what it traced. */
export async function run(
  scenario: Scenario,
  kind: Recorded["kind"],
): Promise<Row[]> {
  const loop = new VirtualTimeLoop();
  const start = loop.time();
  const rows: Row[] = [];
  const unexpected: ExceptionContext[] = [];
  let traced = false;
  const ms = (when: number) => Math.round(when - start);
  const now = () => ms(loop.time());
  const append = (...values: unknown[]) => {
    rows.push([
      iterationOf(loop),
      now(),
      neutral(values.length === 1 ? values[0] : values),
    ]);
  };
  const t: Trace = Object.assign(append, {
    loop,
    now,
    ms,
    traceHandler: () => void (traced = true),
  });
  loop.setExceptionHandler((_loop, context) => {
    // Told when the collector takes an object or the loop closes: not a matter of order.
    if (context.message.includes("never retrieved")) return;
    if (traced) t("handler", context.exception);
    else unexpected.push(context);
  });
  try {
    if (kind === "task") await loop.runUntilComplete(() => scenario(t));
    else await scenario(t);
  } finally {
    loop.close();
  }
  for (const { message, exception } of unexpected) {
    throw new Error(`the exception handler was called: ${message}`, {
      cause: exception,
    });
  }
  return rows;
}

/** The TypeScript name of a Python name. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The first row in which two traces differ, with both sides; `null` if there is none. */
export function firstDifference(ours: Row[], theirs: Row[]): string | null {
  for (let at = 0; at < Math.max(ours.length, theirs.length); at++) {
    const [left, right] = [show(ours[at]), show(theirs[at])];
    if (left === right) continue;
    const before = theirs.slice(Math.max(0, at - 3), at).map((row) => `  both     ${show(row)}`);
    return [
      `row ${at} differs ([iteration, ms, value])`,
      ...before,
      `  CPython  ${right}`,
      `  ours     ${left}`,
    ].join("\n");
  }
  return null;
}

function show(row: Row | undefined): string {
  return row === undefined ? "(nothing more)" : JSON.stringify(row);
}
