import { TimeoutError } from "../errors.ts";
import { activeTask } from "../internal/context.ts";
import type { Entry } from "../internal/entry.ts";
import { Deque } from "../internal/deque.ts";
import { ensureFuture } from "../loop/ensure_future.ts";
import { forget, type Future, whenDone } from "../loop/future.ts";
import { internalsOf, type LoopInternals, scheduler } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { DirectTimer } from "../loop/scheduler.ts";
import type { Task } from "../loop/task.ts";
import { WaitQueue } from "../loop/wait_queue.ts";
import type { Awaitable } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { checkAwaitables, deadlineOf, listOf } from "./_awaitables.ts";
import type { ResultOf } from "./gather.ts";

/** Options of {@linkcode asCompleted}. */
export interface AsCompletedOptions extends AbortableOptions {
  /** Longest time for all of them, in milliseconds; `null` for no limit. @default {null} */
  timeoutMs?: number | null;
}

/** What {@linkcode asCompleted} yields to `for await`: what was passed in, or what was made of it. */
export type Completed<A> = A extends Future<unknown> ? A : Future<ResultOf<A>>;

/** What {@linkcode asCompleted} returns: an iterator of both kinds. */
export interface Completions<A> extends IterableIterator<PromiseLike<ResultOf<A>>> {
  /** For `for await`. */
  [Symbol.asyncIterator](): CompletedIterator<A>;
}

/** The iterator of `for await`. */
export interface CompletedIterator<A> {
  /** The next that ended. */
  next(): Promise<IteratorResult<Completed<A>, undefined>>;
  /** Ends the iteration. */
  return(): Promise<IteratorResult<Completed<A>, undefined>>;
}

/**
 * {@linkcode Completions}, for TypeScript's eyes. It takes the elements of an
 * `AsyncIterable` of futures for their results, which they are not. Of an
 * iterable of one's own it does so only in the second loop over the same type
 * (6.0), and of a union never.
 */
export type AsCompletedIterator<A> = Completions<A> | Completions<A> & { readonly again?: never };

/**
 * Iterates over `awaitables` in the order in which they end; functions are
 * started as tasks.
 *
 * `for await` yields the futures themselves, done, so that one can tell which it
 * is; a promise comes as the future that wraps it. `for` yields promise-likes:
 * each, when awaited, gives the result or the error of the next that ends.
 * Passing a yielded future through an async generator or function unwraps it.
 *
 * Leaving the loop early ends the iteration. When `timeoutMs` has passed, every
 * step that is left fails with a {@linkcode TimeoutError}; when `signal` aborts,
 * with `signal.reason`.
 *
 * Cancellation: those that are not done go on, in every case.
 *
 * ```ts
 * import { asCompleted, createTask, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const tasks = [20, 10].map((ms) => createTask(() => sleep(ms, ms)));
 *   for await (const task of asCompleted(tasks)) console.log(task.result());
 * });
 * ```
 *
 * @throws {TypeError} if it is not an iterable of what can be awaited
 * @throws {RangeError} if a future belongs to another loop, or the time is NaN
 * @throws {RuntimeError} where no loop is running
 */
export function asCompleted<A extends Awaitable<unknown>>(
  awaitables: Iterable<A>,
  options: AsCompletedOptions = {},
): AsCompletedIterator<A> {
  const list = listOf("iterate over", awaitables);
  const loop = internalsOf(getRunningLoop());
  checkAwaitables("iterate over", list, loop);
  const deadline = deadlineOf("iterate", options.timeoutMs, loop.time());
  options.signal?.throwIfAborted();
  const wrapped = new Map<unknown, Future<unknown>>();
  for (const awaitable of list) {
    // A function that is there twice runs twice, a future is one future.
    const key = typeof awaitable === "function" ? Symbol() : awaitable;
    if (!wrapped.has(key)) wrapped.set(key, ensureFuture<unknown>(awaitable, { loop }));
  }
  const futures = [...wrapped.values()];
  const iterator = new Collector(futures, loop, deadline, options.signal);
  return iterator as unknown as AsCompletedIterator<A>;
}

/** One that ended, or the error that ends the iteration. */
interface Step {
  future: Future<unknown> | null;
  error?: unknown;
}

/**
 * Collects what ends in a queue, and hands it to whoever asks. As in CPython
 * several may ask at the same time; they are served in the order in which they
 * began to wait.
 */
class Collector {
  readonly #running: Map<Future<unknown>, Entry> = new Map();
  readonly #ended: Deque<Step> = new Deque();
  readonly #askers: WaitQueue = new WaitQueue(this, "next()");
  readonly #timer: DirectTimer<this> | null = null;
  #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#giveUp(this.#signal?.reason);
  /** Steps that nobody has asked for. */
  #left: number;
  /** Steps that were asked for and not answered. */
  #open = 0;

  constructor(
    futures: Future<unknown>[],
    loop: LoopInternals,
    deadline: number | null,
    signal: AbortSignal | undefined,
  ) {
    this.#left = futures.length;
    const task = activeTask() as Task<unknown> | null;
    const onDone = (future: Future<unknown>) => this.#completed(future);
    for (const future of futures) this.#running.set(future, future[whenDone](onDone, task));
    if (futures.length === 0) return;
    if (deadline !== null) this.#timer = loop[scheduler].callAt(deadline, timeIsOver, this);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<PromiseLike<unknown>, undefined> {
    if (!this.#ask()) return { done: true, value: undefined };
    return { done: false, value: new LazyResult(() => this.#take()) };
  }

  /** The loop was left. What it was given before can still be awaited. */
  return(): IteratorResult<PromiseLike<unknown>, undefined> {
    this.#left = 0;
    if (this.#open === 0) this.#detach();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): AsyncIterator<Future<unknown>, undefined> {
    return {
      next: async () => {
        if (!this.#ask()) return { done: true, value: undefined };
        const { future, error } = await this.#take();
        if (future === null) throw error;
        return { done: false, value: future };
      },
      // deno-lint-ignore require-await
      return: async () => {
        this.return();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * The time is over.
   *
   * @internal
   */
  timeIsOver(): void {
    const message = `Timed out: ${this.#running.size} of the futures of asCompleted() are not done`;
    this.#giveUp(new TimeoutError(message));
  }

  /** For messages. */
  toString(): string {
    return `asCompleted() with ${this.#running.size} not done`;
  }

  #ask(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.#open++;
    return true;
  }

  async #take(): Promise<Step> {
    try {
      while (this.#ended.size === 0) {
        await this.#askers.wait(undefined, (granted) => {
          if (granted && this.#ended.size > 0) this.#askers.wakeNext();
        });
      }
    } finally {
      if (--this.#open === 0 && this.#left === 0) this.#detach();
    }
    return this.#ended.shift() as Step;
  }

  #completed(future: Future<unknown>): void {
    this.#running.delete(future);
    if (this.#running.size === 0) this.#detach();
    this.#put({ future });
  }

  #giveUp(error: unknown): void {
    const count = this.#running.size;
    this.#detach();
    for (let i = 0; i < count; i++) this.#put({ future: null, error });
  }

  #put(step: Step): void {
    this.#ended.push(step);
    this.#askers.wakeNext();
  }

  #detach(): void {
    this.#timer?.cancel();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#signal = undefined;
    for (const [future, watch] of this.#running) future[forget](watch);
    this.#running.clear();
  }
}

function timeIsOver(collector: Collector): void {
  collector.timeIsOver();
}

/**
 * The result of the next that ends, asked for by whoever awaits it first. Not a
 * promise: one that nobody awaits must not end the process when it fails.
 */
class LazyResult implements PromiseLike<unknown> {
  readonly #take: () => Promise<Step>;
  #result: Promise<unknown> | null = null;

  constructor(take: () => Promise<Step>) {
    this.#take = take;
  }

  then<R1, R2>(
    onFulfilled?: ((value: unknown) => R1 | PromiseLike<R1>) | null,
    onRejected?: ((reason: unknown) => R2 | PromiseLike<R2>) | null,
  ): Promise<R1 | R2> {
    this.#result ??= this.#takeResult();
    return this.#result.then(onFulfilled, onRejected) as Promise<R1 | R2>;
  }

  async #takeResult(): Promise<unknown> {
    const { future, error } = await this.#take();
    if (future === null) throw error;
    return future.result();
  }
}
