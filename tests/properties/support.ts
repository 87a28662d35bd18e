import fc from "fast-check";
import { CancelledError } from "../../errors.ts";
import { getRunningLoop, type Task } from "../../loop/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { tick } from "../sync/support.ts";

/**
 * Checks `predicate` on many random values, inside a task of a new loop each
 * time. A wait that never ends is a `DeadlockError`; whatever reaches the
 * exception handler, and a task left behind, is a failure too.
 *
 * A failure prints the seed and the path of the smallest counterexample; run it
 * again with `FC_SEED=… FC_PATH=… deno test -A …`.
 *
 * What needs several things in one iteration asks for more runs than 300.
 */
export function property<T>(
  name: string,
  values: fc.Arbitrary<T>,
  predicate: (value: T) => Promise<void>,
  options: { runs?: number } = {},
): void {
  const seed = Deno.env.get("FC_SEED");
  const path = Deno.env.get("FC_PATH");
  Deno.test(name, () =>
    fc.assert(
      fc.asyncProperty(values, async (value) => {
        const loop = new VirtualTimeLoop({ deadlockMs: 0 });
        const reports: string[] = [];
        loop.setExceptionHandler((_loop, { message }) => void reports.push(message));
        try {
          await loop.runUntilComplete(() => predicate(value));
        } finally {
          loop.close();
        }
        assertEquals(reports, []);
      }),
      {
        numRuns: options.runs ?? 300,
        ...(seed === undefined ? {} : { seed: Number(seed) }),
        ...(path === undefined ? {} : { path }),
      },
    ));
}

/** A moment at which somebody is cancelled. */
export interface Strike {
  /** After so many iterations. */
  at: number;
  /** Which worker; counted round if there are fewer. */
  who: number;
}

/** Cancellations at random, many of them in the same iteration as something else. */
export const strikes: fc.Arbitrary<Strike[]> = fc.array(
  fc.record({ at: fc.nat(15), who: fc.nat(5) }),
  { maxLength: 12 },
);

/** How long somebody waits before a signal aborts, in iterations; `null`: for ever. */
export const patience: fc.Arbitrary<number | null> = fc.option(fc.nat(4), { nil: null });

/** Starts a task for each worker, cancels them as planned once all have started, and waits for all to end. */
export async function runWorkers<T>(
  workers: readonly T[],
  plan: readonly Strike[],
  work: (worker: T, task: Task<void>) => Promise<void>,
): Promise<void> {
  const tasks = startWorkers(workers, work);
  await strike(tasks, plan);
  await finish(tasks);
}

/** Starts a task for each worker. */
export function startWorkers<T>(
  workers: readonly T[],
  work: (worker: T, task: Task<void>) => Promise<void>,
): Task<void>[] {
  const loop = getRunningLoop();
  return workers.map((worker) =>
    loop.createTask((task: Task<void>) => work(worker, task)) as Task<void>
  );
}

/** Lets all start, then cancels as planned. */
export async function strike(tasks: readonly Task<void>[], plan: readonly Strike[]): Promise<void> {
  await tick();
  let now = 0;
  for (const { at, who } of plan.toSorted((a, b) => a.at - b.at)) {
    await tick(at - now);
    now = at;
    tasks[who % tasks.length]?.cancel();
  }
}

/** Waits for all; no cancellation may be left. */
export async function finish(tasks: readonly Task<void>[]): Promise<void> {
  for (const task of tasks) await task;
  assertEquals(tasks.map((task) => task.cancelling()), tasks.map(() => 0));
}

/** Why an attempt was given up. */
class Impatience extends Error {}

/** Tries until it succeeds: at first with a signal that aborts after `patience` iterations, later without. */
export async function persist<T>(
  task: Task<unknown>,
  patience: number | null,
  attempt: (options: { signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  let outcome = await tryOnce(task, patience, attempt);
  while (outcome === null) outcome = await tryOnce(task, null, attempt);
  return outcome.value;
}

/** Tries once. Cancellations are caught and taken back, an abort is caught: then `null`. */
export async function tryOnce<T>(
  task: Task<unknown>,
  patience: number | null,
  attempt: (options: { signal?: AbortSignal }) => Promise<T>,
): Promise<{ value: T } | null> {
  try {
    return { value: patience === null ? await attempt({}) : await withPatience(patience, attempt) };
  } catch (error) {
    if (error instanceof CancelledError) { while (task.uncancel() > 0); }
    else if (!(error instanceof Impatience)) throw error;
    return null;
  }
}

async function withPatience<T>(
  iterations: number,
  attempt: (options: { signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const aborter = new AbortController();
  const clock = getRunningLoop().createTask(async () => {
    await tick(iterations);
    aborter.abort(new Impatience());
  });
  try {
    return await attempt({ signal: aborter.signal });
  } finally {
    clock.cancel();
  }
}

/** Lets iterations pass whatever happens; cancellations are caught, and taken back. */
export async function linger(task: Task<unknown>, iterations: number): Promise<void> {
  for (let i = 0; i < iterations; i++) {
    try {
      await tick();
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      while (task.uncancel() > 0);
    }
  }
}
