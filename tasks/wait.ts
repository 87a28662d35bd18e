import { activeTask } from "../internal/context.ts";
import type { Entry } from "../internal/entry.ts";
import { abortable } from "../loop/abortable.ts";
import { ensureFuture } from "../loop/ensure_future.ts";
import { forget, Future, settle, stateOf, whenDone } from "../loop/future.ts";
import { internalsOf, type LoopInternals, scheduler } from "../loop/internals.ts";
import { FAILED, FINISHED } from "../loop/outcome.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { DirectTimer } from "../loop/scheduler.ts";
import type { Task } from "../loop/task.ts";
import type { AbstractFuture } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { checkAwaitables, deadlineOf, listOf } from "./_awaitables.ts";

/** `wait` until one is done. */
export const FIRST_COMPLETED = "FIRST_COMPLETED" as const;
/** `wait` until one failed, or all are done. */
export const FIRST_EXCEPTION = "FIRST_EXCEPTION" as const;
/** `wait` until all are done. */
export const ALL_COMPLETED = "ALL_COMPLETED" as const;

/** When `wait` is over. */
export type ReturnWhen = typeof FIRST_COMPLETED | typeof FIRST_EXCEPTION | typeof ALL_COMPLETED;

/** Options of {@linkcode wait}. */
export interface WaitOptions extends AbortableOptions {
  /** Longest wait, in milliseconds; `null` for no limit. @default {null} */
  timeoutMs?: number | null;
  /** What to wait for. @default {ALL_COMPLETED} */
  returnWhen?: ReturnWhen;
}

/** What is waited for: a future as it is, a promise as the future that wraps it. */
export type Waited<A> = A extends AbstractFuture<unknown> ? A : Future<Awaited<A>>;

/** What {@linkcode wait} found. */
export interface WaitResult<F> {
  /** Those that are done, however they ended. */
  done: Set<F>;
  /** Those that are not. */
  pending: Set<F>;
}

const CONDITIONS: readonly unknown[] = [FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED];

/**
 * Waits until all of `awaitables` are done, or the first of them as `returnWhen`
 * says, or `timeoutMs` has passed. It does not throw their errors, does not throw
 * when the time is over, and cancels none of them.
 *
 * A promise is in the result as the future that wraps it. A function is refused:
 * whoever waits for a task must be able to tell which it is.
 *
 * Cancellation: those waited for go on; so they do when `signal` aborts.
 *
 * ```ts
 * import { createTask, FIRST_COMPLETED, run, sleep, wait } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const tasks = [20, 10].map((ms) => createTask(() => sleep(ms, ms)));
 *   const { done, pending } = await wait(tasks, { returnWhen: FIRST_COMPLETED });
 *   console.log(done.size, pending.size);
 *   for (const task of pending) task.cancel();
 * });
 * ```
 *
 * Rejects with a `TypeError` for a single future instead of a list, and for a
 * function in it; with a `RangeError` for an empty list, a future of another
 * loop, a wrong `returnWhen` and a time that is NaN.
 */
export async function wait<A extends PromiseLike<unknown>>(
  awaitables: Iterable<A>,
  options: WaitOptions = {},
): Promise<WaitResult<Waited<A>>> {
  const { timeoutMs, returnWhen = ALL_COMPLETED, signal } = options;
  const list = listOf("wait for", awaitables);
  if (list.length === 0) throw new RangeError("Cannot wait: the list of futures is empty");
  if (!CONDITIONS.includes(returnWhen)) {
    throw new RangeError(
      `Cannot wait: expected one of ${CONDITIONS.join(", ")} as returnWhen, got ${returnWhen}`,
    );
  }
  if (list.some((awaitable) => typeof awaitable === "function")) {
    throw new TypeError("Cannot wait for a function: pass createTask(function)");
  }
  const loop = internalsOf(getRunningLoop());
  checkAwaitables("wait for", list, loop);
  const deadline = deadlineOf("wait", timeoutMs, loop.time());
  signal?.throwIfAborted();
  const futures = new Set<Future<unknown>>();
  for (const awaitable of new Set(list)) futures.add(ensureFuture(awaitable, { loop }));
  await until(futures, returnWhen, deadline, loop, signal);
  const done = new Set<Future<unknown>>();
  const pending = new Set<Future<unknown>>();
  for (const future of futures) (future.done() ? done : pending).add(future);
  return { done, pending } as WaitResult<unknown> as WaitResult<Waited<A>>;
}

async function until(
  futures: Set<Future<unknown>>,
  returnWhen: ReturnWhen,
  deadline: number | null,
  loop: LoopInternals,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiter = new Future<void>({ loop });
  let timer: DirectTimer<Future<void>> | null = null;
  if (deadline !== null) timer = loop[scheduler].callAt(deadline, release, waiter);
  let left = futures.size;
  function onDone(future: Future<unknown>): void {
    left--;
    const isEnough = left === 0 || returnWhen === FIRST_COMPLETED ||
      (returnWhen === FIRST_EXCEPTION && hasFailed(future));
    if (isEnough) release(waiter);
  }
  const task = activeTask() as Task<unknown> | null;
  const watches: [Future<unknown>, Entry][] = [];
  for (const future of futures) watches.push([future, future[whenDone](onDone, task)]);
  try {
    await abortable(waiter, signal);
  } finally {
    timer?.cancel();
    for (const [future, watch] of watches) future[forget](watch);
  }
}

function release(waiter: Future<void>): void {
  if (!waiter.done()) waiter[settle](FINISHED, undefined);
}

/** Whoever waits for the first error has seen it. */
function hasFailed(future: Future<unknown>): boolean {
  if (future[stateOf] !== FAILED) return false;
  future.exception();
  return true;
}
