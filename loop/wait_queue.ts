import { RuntimeError } from "../errors.ts";
import { activeLoop } from "../internal/context.ts";
import { abortable } from "./abortable.ts";
import { settle } from "./future.ts";
import { internalsOf, type LoopInternals } from "./internals.ts";
import { FINISHED, type Outcome } from "./outcome.ts";
import { SoleWait } from "./sole_wait.ts";

/**
 * The loop something belongs to: the one it was first waited for in (CPython
 * `mixins.py`). What is never waited for belongs to none, so that a lock can be
 * made before there is a loop.
 */
export class LoopBinding {
  readonly #owner: object;
  #loop: LoopInternals | null = null;

  /** Binds `owner`, which tells its name and state to messages. */
  constructor(owner: object) {
    this.#owner = owner;
  }

  /**
   * The loop that runs now, for a wait in `method`.
   *
   * @throws {RuntimeError} if none runs, or if it is not the one of the first time
   */
  loopFor(method: string): LoopInternals {
    const loop = activeLoop();
    if (loop === null) {
      throw new RuntimeError(
        `Cannot wait in ${method} of ${this.#owner}: no event loop is running here`,
      );
    }
    if (loop === this.#loop) return this.#loop;
    if (this.#loop !== null) {
      throw new RuntimeError(
        `Cannot wait in ${method}: ${this.#owner} is bound to a different event loop; make one for each loop`,
      );
    }
    return this.#loop = internalsOf(loop);
  }
}

/** One who waits, a node of the list. It stays there until its code goes on, woken or not. */
export class Waiter extends SoleWait {
  /** Where it waits. */
  readonly queue: WaitQueue;
  /** Whether it was woken. */
  granted = false;
  /** Who came before. */
  previous: Waiter | null = null;
  /** Who came after. */
  next: Waiter | null = null;

  /** Made by `enter()`. */
  constructor(queue: WaitQueue, loop: LoopInternals) {
    super(loop);
    this.queue = queue;
  }

  override [settle](outcome: Outcome, value: unknown): void {
    if (outcome === FINISHED) this.granted = true;
    else this.queue.gaveUp();
    super[settle](outcome, value);
  }

  protected override describe(): string {
    return `${super.describe()} for ${this.queue}`;
  }
}

/**
 * Those who wait for the same thing, first come first served: the one mechanism
 * behind locks, semaphores, conditions, events and queues.
 *
 * A waiter goes `pending -> granted | given up -> gone`. It is *granted* when it
 * is woken and *gives up* when its task is cancelled or its signal aborts; in
 * both cases it stays in the list until its task runs, in a later iteration.
 * Until then CPython's locks count it, and so do we: a newcomer may not overtake
 * a waiter that was granted but has not run.
 *
 * A granted waiter whose task is cancelled before it runs cannot use what it was
 * granted: its owner must pass it on, in `onGivingUp`, or the wake-up is lost.
 *
 * Every operation is O(1), amortised: the list is linked, and `#pending` only
 * moves forward.
 */
export class WaitQueue {
  readonly #owner: object;
  readonly #method: string;
  readonly #binding: LoopBinding;
  #first: Waiter | null = null;
  #last: Waiter | null = null;
  /** All before this one are granted or gave up. */
  #pending: Waiter | null = null;
  #size = 0;
  #givenUp = 0;

  /** Waits in `method` of `owner`. Queues of one owner share its binding. */
  constructor(owner: object, method: string, binding: LoopBinding = new LoopBinding(owner)) {
    this.#owner = owner;
    this.#method = method;
    this.#binding = binding;
  }

  /** Whether one is waiting who has not given up, granted or not. */
  get isWanted(): boolean {
    return this.#size > this.#givenUp;
  }

  /** How many wait who are neither granted nor have given up. For statistics: linear. */
  get pendingCount(): number {
    let count = 0;
    for (let waiter = this.#firstPending(); waiter !== null; waiter = waiter.next) {
      if (!waiter.done()) count++;
    }
    return count;
  }

  /**
   * Refuses to wait here and now, before its caller changes anything.
   *
   * @throws {RuntimeError} outside of a loop, or in another one than before
   */
  bind(): void {
    this.#binding.loopFor(this.#method);
  }

  /**
   * Waits for a wake-up, at the end of the queue from the call on.
   *
   * Cancellation, or an abort of `signal`, takes out exactly this waiter, then
   * calls `onGivingUp` with whether it had been granted, then rejects.
   */
  async wait(signal?: AbortSignal, onGivingUp?: (granted: boolean) => void): Promise<void> {
    const waiter = this.enter(signal);
    try {
      await waiter.wait();
    } catch (error) {
      this.leave(waiter);
      onGivingUp?.(waiter.granted);
      throw error;
    }
    this.leave(waiter);
  }

  /**
   * The steps of {@linkcode wait}, for those who cannot afford another async
   * function (70 ns of the 1300 of a contended lock): enter, await `wait()`,
   * leave whatever happens, and pass on what was granted if the await threw.
   */
  enter(signal?: AbortSignal): Waiter {
    const waiter = new Waiter(this, this.#binding.loopFor(this.#method));
    abortable(waiter, signal);
    this.#append(waiter);
    return waiter;
  }

  /** Takes `waiter` out. */
  leave(waiter: Waiter): void {
    // Not done if the await was refused: a task of another loop.
    waiter.cancel();
    this.#remove(waiter);
  }

  /** Wakes whoever is at the head of the list, unless that one is woken or gave up: then nobody. */
  wakeHead(): void {
    if (this.#first !== null && !this.#first.done()) this.#first.setResult();
  }

  /** Wakes the first who is pending; whether there was one. */
  wakeNext(): boolean {
    const waiter = this.#firstPending();
    waiter?.setResult();
    return waiter !== null;
  }

  /** Wakes all who are pending. */
  wakeAll(): void {
    while (this.wakeNext());
  }

  /**
   * A waiter was cancelled or aborted.
   *
   * @internal
   */
  gaveUp(): void {
    this.#givenUp++;
  }

  /** For messages. */
  toString(): string {
    return `${this.#method} of ${this.#owner}`;
  }

  #firstPending(): Waiter | null {
    let waiter = this.#pending;
    while (waiter !== null && waiter.done()) waiter = waiter.next;
    return this.#pending = waiter;
  }

  #append(waiter: Waiter): void {
    if (this.#last === null) this.#first = waiter;
    else this.#last.next = waiter;
    waiter.previous = this.#last;
    this.#last = waiter;
    this.#pending ??= waiter;
    this.#size++;
  }

  #remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    if (this.#pending === waiter) this.#pending = next;
    this.#size--;
    if (!waiter.granted) this.#givenUp--;
  }
}
