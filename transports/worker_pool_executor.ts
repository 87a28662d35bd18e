import { QueueFull, RuntimeError } from "../errors.ts";
import { activeLoop } from "../internal/context.ts";
import { Deque } from "../internal/deque.ts";
import { wrapFuture } from "../loop/ensure_future.ts";
import { failWith } from "../loop/abortable.ts";
import { Future, whenDone } from "../loop/future.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { Executor, ExecutorFunction } from "../types/loop.ts";
import { jobFunction } from "./_job_function.ts";
import { type Job, type Parcel, PoolWorker } from "./_pool_worker.ts";
import { LOADING } from "./_worker_main.ts";
import { buffersOf, transfersOf } from "./transfer.ts";

/** The longest time a timer of the platform can wait. */
const MAX_TIMEOUT_MS = 0x7fffffff;

/** Options of {@linkcode WorkerPoolExecutor}. */
export interface WorkerPoolExecutorOptions {
  /** At most so many Workers at a time. @default {navigator.hardwareConcurrency} */
  maxWorkers?: number;
  /** So many jobs may wait for a Worker; one more fails with `QueueFull`. @default {100000} */
  maxQueueSize?: number;
  /**
   * A job that runs longer counts as stuck: it fails with `TimeoutError`, and its
   * Worker is given up and replaced. `null`: a job may take as long as it likes. @default {null}
   */
  jobTimeoutMs?: number | null;
  /**
   * Permissions of the Workers. They have those of the program: fewer would
   * need Deno's `--unstable-worker-options`, so anything else is refused. @default {"inherit"}
   */
  permissions?: Deno.PermissionOptions;
}

/**
 * Runs functions in Workers, so that work for the CPU leaves the event loop
 * alone: what a pool of threads or processes is in Python. The default executor
 * of a loop is one.
 *
 * A Worker starts when a job needs it (about 40 ms) and stays for further jobs,
 * one at a time; an idle pool does not keep the process alive. Arguments, as
 * they are at the call, and results are cloned; see {@linkcode transfer} for
 * moving buffers. An error comes back with class, message, stack and cause.
 * AsyncLocalStorage ends at the border of a Worker.
 *
 * A function is self-contained, so that its source can be sent, which needs no
 * permission, or made by {@linkcode workerFunction}.
 *
 * Cancellation: a job that waits never starts. One that runs goes on, unseen,
 * and its Worker is replaced meanwhile if others wait.
 *
 * A Worker that crashes or runs out of memory is replaced, and its job fails with
 * {@linkcode RuntimeError}. Deno cannot stop a synchronous endless loop, not
 * even by `terminate()`: such a Worker is left to itself and uses its core
 * until the process ends, but nobody waits for it.
 *
 * ```ts
 * import { getRunningLoop, run, WorkerPoolExecutor } from "@deno-asyncio/asyncio";
 *
 * function fibonacci(n: number): number {
 *   return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
 * }
 *
 * await run(async () => {
 *   await using pool = new WorkerPoolExecutor({ maxWorkers: 2 });
 *   const loop = getRunningLoop();
 *   console.log(await Promise.all([20, 21].map((n) => loop.runInExecutor(pool, fibonacci, n))));
 * });
 * ```
 */
export class WorkerPoolExecutor implements Executor, AsyncDisposable {
  readonly #maxWorkers: number;
  readonly #maxQueueSize: number;
  readonly #jobTimeoutMs: number | null;
  /** Jobs in the order in which they came; some are over already. */
  #queue = new Deque<Job>();
  /** How many of them still wait. */
  #waiting = 0;
  readonly #workers = new Set<PoolWorker>();
  #idle: PoolWorker[] = [];
  /** Hears of errors that belong to no job: of the last submit. */
  #loop: LoopInternals | null = null;
  #closed = false;
  /** Whether somebody waits for the end: then it keeps the process alive. */
  #isAwaited = false;
  readonly #ended = Promise.withResolvers<void>();

  /**
   * Makes a pool without Workers yet.
   *
   * @throws {RangeError} if a number makes no sense
   * @throws {Deno.errors.NotSupported} for `permissions` other than `"inherit"`
   */
  constructor(options: WorkerPoolExecutorOptions = {}) {
    const { maxWorkers, maxQueueSize = 100_000, jobTimeoutMs = null, permissions } = options;
    if (maxWorkers !== undefined && !(Number.isInteger(maxWorkers) && maxWorkers > 0)) {
      refuse("maxWorkers", "a positive integer", maxWorkers);
    }
    if (!(maxQueueSize === Infinity || (Number.isInteger(maxQueueSize) && maxQueueSize >= 0))) {
      refuse("maxQueueSize", "an integer from 0, or Infinity", maxQueueSize);
    }
    if (jobTimeoutMs !== null && !(jobTimeoutMs > 0 && jobTimeoutMs <= MAX_TIMEOUT_MS)) {
      refuse("jobTimeoutMs", `null, or above 0 and up to ${MAX_TIMEOUT_MS}`, jobTimeoutMs);
    }
    if (permissions !== undefined && permissions !== "inherit") {
      throw new Deno.errors.NotSupported(
        "Cannot create WorkerPoolExecutor: permissions of Workers need Deno's --unstable-worker-options, which this library does without; Workers have those of the program",
      );
    }
    this.#maxWorkers = maxWorkers ?? navigator.hardwareConcurrency;
    this.#maxQueueSize = maxQueueSize;
    this.#jobTimeoutMs = jobTimeoutMs;
  }

  /**
   * Runs `fn(...args)` in a Worker. The future is one of the running loop, and
   * fails with `TypeError` if the function cannot be sent, `DataCloneError` if its
   * arguments or result cannot, {@linkcode QueueFull} if too many jobs wait.
   *
   * @throws {RuntimeError} after `shutdown()`, outside of a loop, and in a Worker
   * that is still loading its module
   */
  submit<A extends unknown[], T>(fn: ExecutorFunction<A, T>, ...args: A): Future<T> {
    if (typeof fn !== "function") {
      throw new TypeError(`Cannot submit ${Deno.inspect(fn)}: expected a function`);
    }
    if (this.#closed) {
      throw new RuntimeError("Cannot submit a job: the executor was shut down");
    }
    refuseWhileLoading();
    const loop = this.#loop = internalsOf(getRunningLoop());
    const future = new Future<T>({ loop });
    try {
      this.#accept(future as Future<unknown>, fn, args);
    } catch (error) {
      failWith(future, error);
    }
    return future;
  }

  /**
   * Takes no more jobs. What waits still runs, unless `cancelFutures`. With
   * `wait` (default) resolves when all jobs have ended; a job that was cancelled
   * while it ran is not waited for. Can be called again, to wait or not to wait.
   *
   * Cancellation: the wait ends, the shutdown goes on.
   */
  async shutdown(options: { wait?: boolean; cancelFutures?: boolean } = {}): Promise<void> {
    const { wait = true, cancelFutures = false } = options;
    this.#closed = true;
    this.#isAwaited = wait;
    if (cancelFutures) {
      for (const job of this.#queue) if (job.state === "waiting") job.future.cancel();
      this.#compact();
    }
    this.#wind();
    for (const worker of this.#workers) worker.keepAlive(wait);
    if (!wait) return;
    const loop = activeLoop();
    const { promise } = this.#ended;
    await (loop === null ? promise : wrapFuture(promise, { loop: internalsOf(loop) }));
  }

  /** The same as `shutdown()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #accept(future: Future<unknown>, fn: (...args: never[]) => unknown, args: unknown[]): void {
    const job: Job = {
      fn: jobFunction(fn),
      future,
      state: "waiting",
      parcel: { args, moved: transfersOf(args) },
    };
    const idle = this.#idle.at(-1);
    if (idle !== undefined) {
      this.#run(idle, job);
      this.#idle.pop();
    } else {
      this.#enqueue(job);
      this.#startWorkers();
    }
    future[whenDone](() => this.#onDone(job));
  }

  #enqueue(job: Job): void {
    if (
      this.#waiting >= this.#maxQueueSize && this.#waiting >= this.#maxQueueSize + this.#vacant()
    ) {
      throw new QueueFull(
        `Cannot run ${job.fn.label}: ${this.#waiting} jobs wait already (maxQueueSize)`,
      );
    }
    // The arguments as they are now: the caller may change them before a Worker is free.
    job.parcel = ownParcel(job);
    this.#queue.push(job);
    this.#waiting++;
  }

  #run(worker: PoolWorker, job: Job): void {
    try {
      worker.run(job, this.#jobTimeoutMs);
    } catch (error) {
      throw notCloneable(job, error);
    }
  }

  /** A future is done: its job never starts, or has ended, or is abandoned. */
  #onDone(job: Job): void {
    if (job.state === "waiting") {
      this.#drop(job);
      // Many may be cancelled while no Worker is free.
      if (this.#queue.size > 2 * this.#waiting + 64) this.#compact();
    } else if (job.state === "running") {
      // Others may have its place.
      if (this.#closed) this.#wind();
      else this.#startWorkers();
    }
  }

  #drop(job: Job): void {
    job.state = "over";
    job.parcel = null;
    this.#waiting--;
  }

  #compact(): void {
    const kept = new Deque<Job>();
    for (const job of this.#queue) {
      if (job.state !== "waiting") continue;
      if (job.future.done()) this.#drop(job);
      else kept.push(job);
    }
    this.#queue = kept;
  }

  /** Takes the first job that is still wanted. */
  #next(): Job | undefined {
    for (let job; (job = this.#queue.shift()) !== undefined;) {
      if (job.state !== "waiting") continue;
      if (job.future.done()) {
        this.#drop(job);
        continue;
      }
      this.#waiting--;
      return job;
    }
    return undefined;
  }

  /** How many jobs could start at once. */
  #vacant(): number {
    return this.#maxWorkers - this.#count((worker) => worker.job !== null && !worker.isAbandoned);
  }

  #count(matches: (worker: PoolWorker) => boolean): number {
    let count = 0;
    for (const worker of this.#workers) if (matches(worker)) count++;
    return count;
  }

  /** Starts as many Workers as there are jobs to take, within the limit. */
  #startWorkers(): void {
    let starting = this.#count((worker) => !worker.isStarted);
    // Abandoned jobs go on beside the others: in up to as many Workers again.
    const abandoned = this.#count((worker) => worker.isAbandoned);
    const limit = this.#maxWorkers + Math.min(abandoned, this.#maxWorkers);
    while (starting < this.#waiting && this.#workers.size < limit) {
      try {
        this.#start();
        starting++;
      } catch (error) {
        this.#cannotStart(error);
      }
    }
  }

  #start(): void {
    const worker: PoolWorker = new PoolWorker({
      onFree: () => this.#onFree(worker),
      onGone: (error) => this.#onGone(worker, error),
    });
    this.#workers.add(worker);
    if (this.#isAwaited) worker.keepAlive(true);
  }

  #onFree(worker: PoolWorker): void {
    // One that comes back from an abandoned job may find a substitute in its place.
    const isSurplus = this.#count((other) => !other.isAbandoned) > this.#maxWorkers;
    const job = isSurplus ? undefined : this.#next();
    if (job !== undefined) {
      try {
        this.#run(worker, job);
      } catch (error) {
        job.state = "over";
        failWith(job.future, error);
        this.#onFree(worker);
      }
    } else if (isSurplus || this.#closed) worker.terminate();
    else this.#idle.push(worker);
  }

  #onGone(worker: PoolWorker, error: unknown): void {
    this.#workers.delete(worker);
    this.#idle = this.#idle.filter((other) => other !== worker);
    if (error !== null) {
      if (worker.isStarted) {
        this.#loop?.callExceptionHandler({
          message: "A Worker of an executor crashed, and no job has the blame",
          exception: error,
        });
      } else this.#cannotStart(error);
    }
    this.#startWorkers();
    if (this.#closed) this.#wind();
  }

  /** Each Worker that does not start takes a job with it, so that there is an end. */
  #cannotStart(error: unknown): void {
    const job = this.#next();
    if (job === undefined) return;
    job.state = "over";
    const why = error instanceof Error ? error.message : String(error);
    failWith(
      job.future,
      new RuntimeError(`Cannot run ${job.fn.label}: its Worker did not start: ${why}`, {
        cause: error,
      }),
    );
  }

  /** Closed: ends the Workers that have nothing to do for anybody. */
  #wind(): void {
    const idle = this.#waiting === 0;
    for (const worker of [...this.#workers]) {
      if (worker.isAbandoned || (idle && worker.job === null)) worker.terminate();
    }
    if (idle && this.#workers.size === 0) this.#ended.resolve();
  }
}

/** The arguments of a job, cloned; moving them on costs no second copy. */
function ownParcel(job: Job): Parcel {
  const { args, moved } = job.parcel as Parcel;
  try {
    const transfer = [...moved];
    const [ownArgs, ownMoved] = structuredClone([args, transfer] as const, { transfer });
    return { args: ownArgs, moved: [...new Set([...ownMoved, ...ownArgs.flatMap(buffersOf)])] };
  } catch (error) {
    throw notCloneable(job, error);
  }
}

function notCloneable(job: Job, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const text = `Cannot send the arguments of ${job.fn.label} to a Worker: ${error.message}`;
  return new DOMException(text, "DataCloneError");
}

/**
 * A Worker that runs the main module of a program which starts jobs while it is
 * loaded would start further Workers that load it too, without end.
 */
function refuseWhileLoading(): void {
  const module = (globalThis as { [key: symbol]: unknown })[Symbol.for(LOADING)];
  if (module === undefined) return;
  throw new RuntimeError(
    `Cannot submit a job: a Worker is loading ${module} to run a function of it; keep what starts the program behind "if (import.meta.main)"`,
  );
}

function refuse(name: string, expected: string, value: unknown): never {
  throw new RangeError(
    `Cannot create WorkerPoolExecutor: ${name} must be ${expected}, got ${Deno.inspect(value)}`,
  );
}
