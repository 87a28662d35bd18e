import { CancelledError, ExceptionGroup, KeyboardInterrupt, RuntimeError } from "../errors.ts";
import { activeTask } from "../internal/context.ts";
import { Future, settle, stateOf, whenDone } from "../loop/future.ts";
import { internalsOf, type LoopInternals } from "../loop/internals.ts";
import { FAILED, FINISHED } from "../loop/outcome.ts";
import type { Task } from "../loop/task.ts";
import type { Coroutine, CreateTaskOptions } from "../types/loop.ts";
import type { AbortableOptions } from "../types/options.ts";
import { timeout } from "./timeout.ts";

/**
 * Tasks that end together. Nothing that was started in the group outlives it.
 *
 * The first error of a member or of the body cancels all the others; when all
 * have ended, the errors are thrown together, as one {@linkcode ExceptionGroup}.
 * A member that is cancelled does not count as an error.
 *
 * The group is *entered* while the body runs, *exiting* when it waits for its
 * members, and *aborting* from the first error, cancellation or `cancel()` on:
 * then it takes no new members.
 */
export class TaskGroup {
  readonly #loop: LoopInternals;
  readonly #parent: Task<unknown>;
  readonly #members: Set<Task<unknown>> = new Set();
  readonly #errors: unknown[] = [];
  #isExiting = false;
  #isAborting = false;
  /** Whether the parent was cancelled by the group itself, which it must take back. */
  #parentCancelRequested = false;
  /** Ends the run at once, whatever else went wrong. */
  #interrupt: KeyboardInterrupt | null = null;
  /** Done when the last member is. */
  #allEnded: Future<void> | null = null;
  readonly #onMemberDone = (member: Task<unknown>): void => this.#memberDone(member);

  private constructor(parent: Task<unknown>) {
    this.#parent = parent;
    this.#loop = internalsOf(parent.getLoop());
  }

  /**
   * Runs `body` in the current task with a new group, then waits for the members
   * of the group. Resolves to what `body` returned, or to `undefined` if the
   * group was cancelled by `cancel()` before that.
   *
   * Cancellation: all members are cancelled and awaited. If one of them fails
   * meanwhile, its error is thrown and the cancellation delivered at the next
   * `await`: it is never lost. An abort of `signal` does the same, and the group
   * rejects with `signal.reason`.
   *
   * ```ts
   * import { run, sleep, TaskGroup } from "@deno-asyncio/asyncio";
   *
   * await run(() =>
   *   TaskGroup.run((group) => {
   *     group.createTask(() => sleep(10));
   *     group.createTask(() => sleep(5));
   *   })
   * );
   * ```
   *
   * Rejects with an {@linkcode ExceptionGroup} of the errors of members and body,
   * and with a {@linkcode RuntimeError} outside of a task.
   */
  static async run<T>(
    body: (group: TaskGroup) => PromiseLike<T> | T,
    options: AbortableOptions = {},
  ): Promise<T> {
    const parent = activeTask();
    if (parent === null) throw new RuntimeError("Cannot run a TaskGroup outside of a task");
    if (typeof body !== "function") {
      throw new TypeError(`Cannot run a TaskGroup: expected a function, got ${typeof body}`);
    }
    const { signal } = options;
    if (signal !== undefined) return await timeout(null, () => TaskGroup.run(body), { signal });
    const group = new TaskGroup(parent as Task<unknown>);
    let value: T | undefined;
    let failure: { error: unknown } | null = null;
    try {
      value = await body(group);
    } catch (error) {
      failure = { error };
    }
    await group.#exit(failure);
    return value as T;
  }

  /**
   * Starts a task in the group.
   *
   * @throws {RuntimeError} if the group is finished or shutting down; the
   * function is not called
   * @throws {TypeError} if `coro` is not a function
   */
  createTask<T>(coro: Coroutine<T>, options?: CreateTaskOptions): Task<T> {
    if (this.#isFinished) throw new RuntimeError(`Cannot create a task: ${this} is finished`);
    if (this.#isAborting) throw new RuntimeError(`Cannot create a task: ${this} is shutting down`);
    const task = this.#loop.createTask(coro, options) as Task<T>;
    const member = task as Task<unknown>;
    // Also if it is done: an eager task that failed must not cancel its creator while that runs (gh-128550).
    this.#members.add(member);
    member[whenDone](this.#onMemberDone as (future: Future<unknown>) => void, this.#parent);
    // An eager task can cancel the group before it is a member (gh-155418).
    if (this.#isAborting && !member.done()) member.cancel();
    return task;
  }

  /**
   * Cancels the members and the body. The group then ends without an error,
   * unless one of them has one. Idempotent; without effect once the group has
   * ended.
   */
  cancel(): void {
    if (this.#isFinished || this.#isAborting) return;
    this.#abort();
    this.#cancelParent();
  }

  /** For messages. */
  toString(): string {
    const parts = ["TaskGroup"];
    if (this.#members.size > 0) parts.push(`tasks=${this.#members.size}`);
    if (this.#errors.length > 0) parts.push(`errors=${this.#errors.length}`);
    parts.push(this.#isAborting ? "cancelling" : this.#isFinished ? "finished" : "entered");
    return `<${parts.join(" ")}>`;
  }

  /** For `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  get #isFinished(): boolean {
    return this.#isExiting && this.#members.size === 0;
  }

  /** The body has ended. */
  async #exit(failure: { error: unknown } | null): Promise<void> {
    this.#isExiting = true;
    const error = failure?.error;
    if (error instanceof KeyboardInterrupt) this.#interrupt ??= error;
    // The cancellation to pass on: of the body, or of the wait below.
    let cancellation = error instanceof CancelledError ? error : null;
    if (failure !== null && !this.#isAborting) this.#abort();
    let lastCancellation: CancelledError | null = null;
    while (this.#members.size > 0) {
      this.#allEnded ??= new Future({ loop: this.#loop });
      try {
        await this.#allEnded;
      } catch (cancelled) {
        // Cancelled from outside, maybe for the second time while the members clean up.
        lastCancellation = cancelled as CancelledError;
        if (!this.#isAborting) {
          cancellation = lastCancellation;
          this.#abort();
        }
      }
      this.#allEnded = null;
    }
    if (this.#interrupt !== null) this.#throwInterrupt(this.#interrupt);
    if (this.#parentCancelRequested) {
      if (this.#parent.uncancel() === 0) cancellation = null;
      // Somebody else asked too, and that request is not ours to drop (gh-155433).
      else cancellation ??= lastCancellation;
    }
    // Before the cancellation is considered: errors beat it, also one of a body that cancelled the group.
    if (failure !== null && !(error instanceof CancelledError)) this.#errors.push(error);
    if (cancellation !== null && this.#errors.length === 0) throw cancellation;
    if (this.#errors.length === 0) return;
    if (this.#parent.cancelling() > 0) {
      // The errors come first; the cancellation is delivered again at the next await.
      this.#parent.uncancel();
      this.#parent.cancel();
    }
    throw new ExceptionGroup("unhandled errors in a TaskGroup", this.#errors);
  }

  /** The other errors have no receiver then. */
  #throwInterrupt(interrupt: KeyboardInterrupt): never {
    for (const exception of this.#errors) {
      if (exception === interrupt) continue;
      this.#loop.callExceptionHandler({
        message: `An error of a task in ${this} was not thrown because of ${interrupt}`,
        exception,
        taskGroup: this,
      });
    }
    throw interrupt;
  }

  #abort(): void {
    this.#isAborting = true;
    for (const member of this.#members) {
      if (!member.done()) member.cancel();
    }
  }

  #cancelParent(): void {
    if (this.#parentCancelRequested) return;
    this.#parentCancelRequested = true;
    this.#parent.cancel();
  }

  #memberDone(member: Task<unknown>): void {
    this.#members.delete(member);
    if (this.#allEnded !== null && this.#members.size === 0 && !this.#allEnded.done()) {
      this.#allEnded[settle](FINISHED, undefined);
    }
    if (member[stateOf] !== FAILED) return;
    const exception = member.exception();
    this.#errors.push(exception);
    if (exception instanceof KeyboardInterrupt) this.#interrupt ??= exception;
    if (this.#parent.done()) {
      this.#loop.callExceptionHandler({
        message: `${member} failed, but its parent ${this.#parent} has ended already`,
        exception,
        task: member,
      });
    } else if (!this.#isAborting && !this.#parentCancelRequested) {
      // The body may wait for something else: it must end too.
      this.#abort();
      this.#cancelParent();
    }
  }
}
