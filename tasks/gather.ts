import { CancelledError, RuntimeError } from "../errors.ts";
import { activeLoop, activeTask } from "../internal/context.ts";
import { abortable } from "../loop/abortable.ts";
import { ensureFuture } from "../loop/ensure_future.ts";
import { cancelMessage, Future, settle, stateOf, whenDone } from "../loop/future.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { CANCELLED, FAILED, FINISHED, PENDING } from "../loop/outcome.ts";
import type { Task } from "../loop/task.ts";
import type { Awaitable, Coroutine } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { checkAwaitables } from "./_awaitables.ts";

/** Options of {@linkcode gather}. */
export interface GatherOptions extends AbortableOptions {
  /** Put errors into the list instead of failing with the first. @default {false} */
  returnExceptions?: boolean;
}

/** What comes of an awaitable: of a function, what it returns in the end. */
// deno-lint-ignore no-explicit-any
export type ResultOf<A> = A extends (...args: any[]) => infer R ? Awaited<R> : Awaited<A>;

/** The results of awaitables, in their order. */
export type ResultsOf<A extends readonly unknown[]> = { -readonly [K in keyof A]: ResultOf<A[K]> };

/** The results of awaitables, or their errors, in their order. */
export type SettledOf<A extends readonly unknown[]> = {
  -readonly [K in keyof A]: ResultOf<A[K]> | Error;
};

/**
 * A future with the results of all `awaitables`, in their order. Functions are
 * started as tasks. A future that is passed twice is awaited once and answered
 * twice; a function that is passed twice runs twice.
 *
 * It fails with the first error; the others go on, and their errors count as
 * seen. One that is cancelled counts as failed with a {@linkcode CancelledError}.
 * With `returnExceptions` it never fails, and the errors are in the list.
 *
 * Cancellation: all that are not done are cancelled, and the future fails with
 * {@linkcode CancelledError} when they have ended. Once it is done, `cancel()`
 * does nothing. When `signal` aborts, it fails with `signal.reason` at once; the
 * tasks it started are cancelled, what was passed in is left alone.
 *
 * ```ts
 * import { gather, run, sleep } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   const [a, b] = await gather(() => sleep(10, "a"), () => sleep(5, "b"));
 *   console.log(a, b);
 * });
 * ```
 *
 * @throws {TypeError} if one cannot be awaited
 * @throws {RangeError} if one belongs to another loop
 * @throws {RuntimeError} where no loop is running, unless the first is a future
 */
export function gather<const A extends readonly Awaitable<unknown>[]>(
  ...awaitables: A
): Future<ResultsOf<A>>;
/** As above, for another shape of arguments. */
export function gather<const A extends readonly Awaitable<unknown>[]>(
  awaitables: A,
  options: GatherOptions & { returnExceptions: true },
): Future<SettledOf<A>>;
/** As above, for another shape of arguments. */
export function gather<const A extends readonly Awaitable<unknown>[]>(
  awaitables: A,
  options?: GatherOptions,
): Future<ResultsOf<A>>;
/** As above, for another shape of arguments. */
export function gather<A extends Awaitable<unknown>>(
  awaitables: Iterable<A>,
  options: GatherOptions & { returnExceptions: true },
): Future<(ResultOf<A> | Error)[]>;
/** As above, for another shape of arguments. */
export function gather<A extends Awaitable<unknown>>(
  awaitables: Iterable<A>,
  options?: GatherOptions,
): Future<ResultOf<A>[]>;
export function gather(...args: unknown[]): Future<unknown> {
  const first = args[0];
  const isList = typeof first === "object" && first !== null && Symbol.iterator in first &&
    !("then" in first);
  return isList
    ? start([...first as Iterable<Awaitable<unknown>>], args[1] as GatherOptions | undefined)
    : start(args as Awaitable<unknown>[]);
}

function start(awaitables: Awaitable<unknown>[], options: GatherOptions = {}): Future<unknown[]> {
  const { returnExceptions = false, signal } = options;
  const loop = loopOf(awaitables[0]);
  checkAwaitables("gather", awaitables, loop);
  const outer = new Gathering(loop, returnExceptions);
  const known = new Map<unknown, Future<unknown>>();
  for (const awaitable of awaitables) {
    if (typeof awaitable === "function") {
      outer.add(startTask(loop, awaitable, signal));
      continue;
    }
    let child = known.get(awaitable);
    if (child === undefined) {
      known.set(awaitable, child = ensureFuture(awaitable, { loop }));
      outer.add(child);
    } else {
      outer.addAgain(child);
    }
  }
  outer.begin();
  return abortable(outer, signal);
}

function startTask(
  loop: LoopInternals,
  coro: Coroutine<unknown>,
  signal: AbortSignal | undefined,
): Future<unknown> {
  const task = signal === undefined ? loop.createTask(coro) : loop.createTask(coro, { signal });
  return task as unknown as Future<unknown>;
}

function loopOf(awaitable: unknown): LoopInternals {
  const loop = activeLoop() ?? (awaitable instanceof Future ? awaitable.getLoop() : null);
  if (loop === null) throw new RuntimeError("Cannot gather: no event loop is running here");
  return internalsOf(loop);
}

/** Counts its children down. */
class Gathering extends Future<unknown[]> {
  readonly #returnExceptions: boolean;
  readonly #children: Future<unknown>[] = [];
  readonly #doneAlready: Future<unknown>[] = [];
  readonly #waitingTask: Task<unknown> | null;
  readonly #onDone = (child: Future<unknown>): void => this.#childDone(child);
  #left = 0;
  #cancelRequested = false;

  constructor(loop: LoopInternals, returnExceptions: boolean) {
    super({ loop });
    this.#returnExceptions = returnExceptions;
    this.#waitingTask = activeTask() as Task<unknown> | null;
  }

  add(child: Future<unknown>): void {
    this.#left++;
    this.#children.push(child);
    if (child.done()) this.#doneAlready.push(child);
    else child[whenDone](this.#onDone, this.#waitingTask);
  }

  /** One that is there already. */
  addAgain(child: Future<unknown>): void {
    this.#children.push(child);
  }

  /** All were added. What is done already counts at once (CPython bpo-46672). */
  begin(): void {
    if (this.#left === 0) this[settle](FINISHED, []);
    for (const child of this.#doneAlready) this.#childDone(child);
    this.#doneAlready.length = 0;
  }

  /**
   * Asks the children to stop. Like a task, this is not done before they are;
   * the request is remembered, or `returnExceptions` would swallow it.
   */
  override cancel(message?: string): boolean {
    if (this.done()) return false;
    let accepted = false;
    for (const child of this.#children) {
      if (child.cancel(message)) accepted = true;
    }
    if (accepted) this.#cancelRequested = true;
    return accepted;
  }

  #childDone(child: Future<unknown>): void {
    this.#left--;
    if (this[stateOf] !== PENDING) {
      // Nobody asks for a second error: it counts as seen.
      if (child[stateOf] === FAILED) child.exception();
      return;
    }
    if (child[stateOf] !== FINISHED && !this.#returnExceptions) {
      this[settle](FAILED, errorOf(child));
    } else if (this.#left === 0) {
      if (this.#cancelRequested) {
        const error = child[stateOf] === CANCELLED ? errorOf(child) : new CancelledError();
        this[settle](FAILED, error);
      } else {
        this[settle](FINISHED, this.#children.map(resultOrError));
      }
    }
  }
}

/** As part of the list. The error that ended a cancelled task is left for who awaits the task. */
function resultOrError(child: Future<unknown>): unknown {
  return child[stateOf] === FINISHED
    ? child.result()
    : child[stateOf] === FAILED
    ? child.exception()
    : new CancelledError(child[cancelMessage]);
}

function errorOf(child: Future<unknown>): unknown {
  try {
    return child.exception();
  } catch (cancelled) {
    return cancelled;
  }
}
