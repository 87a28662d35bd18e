import type { Clock } from "../types/io.ts";
import type { AbstractEventLoop, ExceptionContext } from "../types/loop.ts";
import { KeyboardInterrupt } from "../errors.ts";
import { Gate, type Scope } from "../internal/context.ts";
import { Deque } from "../internal/deque.ts";
import {
  AFTER_MICROTASK,
  AT_ONCE,
  dropped,
  Entry,
  live,
  type Pace,
  run,
} from "../internal/entry.ts";
import { nodeNextTick } from "../internal/node.ts";
import { TimerHeap } from "../internal/timer_heap.ts";
import { functionName } from "./format.ts";
import { UnretrievedErrors } from "./unretrieved.ts";

/** How long the loop works before it lets the platform have a turn, in milliseconds. */
const SLICE_MS = 0.05;
/** Deno polls I/O at every so-manieth turn only, while the loop asks for turns. */
const TURNS_PER_POLL = 61;
/** I/O is polled at least this often under load, in milliseconds. */
const POLL_EVERY_MS = 4;
/**
 * At most so many entries run between two looks at the clock. A look costs 90 ns;
 * with callbacks of 1 ms, twice as many would keep a socket waiting for 16 ms.
 */
const LONGEST_STRIDE = 8;
/** So many run after a sleep before the first look: most of the time it falls asleep again before that. */
const FIRST_STRIDE = 4;
/** Fewer timers than this are not worth cleaning up (CPython: _MIN_SCHEDULED_TIMER_HANDLES). */
const MIN_TIMERS_TO_COMPACT = 100;

/** An entry of the ready queue with a time. */
export interface TimerEntry extends Entry {
  /** When it is due, on the clock of the loop. */
  readonly deadline: number;
  /** Order of scheduling. */
  readonly seq: number;
  /** Whether it is among the timers, not yet due. */
  scheduled: boolean;
}

/** Lets one waiting operation of the platform go on. */
class Turn extends Entry {
  readonly gate = new Gate();

  [run](): Pace {
    this.gate.open();
    return AFTER_MICROTASK;
  }

  /** For messages. */
  override toString(): string {
    return "<I/O callback>";
  }
}

/** Calls a function of the library itself: no context, no handle. */
export class DirectCall<T> extends Entry {
  readonly #scheduler: Scheduler;
  readonly #callback: (argument: T) => void;
  readonly #argument: T;

  /** Makes an entry that calls `callback(argument)`. */
  constructor(
    scheduler: Scheduler,
    callback: (argument: T) => void,
    argument: T,
  ) {
    super();
    this.#scheduler = scheduler;
    this.#callback = callback;
    this.#argument = argument;
  }

  [run](): Pace {
    try {
      this.#callback(this.#argument);
    } catch (exception) {
      this.#scheduler.callbackFailed({ message: `Exception in callback ${this}`, exception });
    }
    return AT_ONCE;
  }

  /** For messages. */
  override toString(): string {
    return `<library call ${functionName(this.#callback)}()>`;
  }
}

/** A {@linkcode DirectCall} with a time. */
export class DirectTimer<T> extends DirectCall<T> implements TimerEntry {
  readonly deadline: number;
  readonly seq: number;
  scheduled = true;
  readonly #timers: Scheduler;

  /** Makes a timer; the scheduler's `callAt` does. */
  constructor(
    scheduler: Scheduler,
    deadline: number,
    callback: (argument: T) => void,
    argument: T,
  ) {
    super(scheduler, callback, argument);
    this.#timers = scheduler;
    this.deadline = deadline;
    this.seq = scheduler.nextSeq();
  }

  /** Takes it back. Idempotent. */
  cancel(): void {
    if (!this[live]) return;
    this[live] = false;
    if (this.scheduled) this.#timers.timerCancelled();
  }
}

/**
 * The engine of a loop: ready queue, timers, and the pump that runs them.
 *
 * One iteration is asyncio's `_run_once` (CPython `base_events.py`): timers due
 * move to the ready queue, then exactly as many entries run as were in it, in
 * order; what they schedule waits for the next iteration. After an entry that
 * started or woke a task all microtasks run before the next entry does, so a
 * task's step is over when its successor begins, as in CPython.
 *
 * States: `stopped -> pumping <-> asleep -> stopped`.
 */
export class Scheduler {
  /** Scope of plain callbacks of this loop. */
  readonly scope: Scope;
  /** Errors of futures that nobody looked at. */
  readonly unretrieved: UnretrievedErrors;
  /** How many iterations were begun. */
  iteration = 0;
  /** Debug mode. */
  debug = false;
  /** Debug mode reports entries that take longer, in milliseconds. */
  slowMs = 100;

  readonly #loop: AbstractEventLoop;
  readonly #clock: Clock;
  readonly #ready = new Deque<Entry>();
  readonly #timers = new TimerHeap<TimerEntry>();
  #cancelledTimers = 0;
  #seq = 0;

  /** Calls a function when all microtasks have run. */
  #nextTick!: (callback: () => void) => void;
  #run: PromiseWithResolvers<void> | null = null;
  #stopping = false;
  #failure: { error: unknown } | null = null;
  /** Entries of this iteration that have not run yet. */
  #todo = 0;
  /**
   * Whether the entries of an iteration have just run. Sleeping and yielding are
   * the polling part of the next one, which `stop()` lets come to its end.
   */
  #ran = false;
  /** Where the pump sleeps; `null` while it does not. */
  #bed: Gate | null = null;
  /** Whether I/O callbacks may run where they are: asleep, or woken but not up yet. */
  #polling = false;

  #drainWanted = false;

  #untilLook = 1;
  #stride = 1;
  #sliceStart = 0;
  #turns = 0;
  #lastPoll = 0;
  #timed: { entry: Entry; start: number } | null = null;

  /** Makes the engine of `loop`. */
  constructor(loop: AbstractEventLoop, clock: Clock) {
    this.#loop = loop;
    this.#clock = clock;
    this.scope = { loop, task: null };
    this.unretrieved = new UnretrievedErrors((context) => this.report(context));
  }

  /** Whether the pump runs. */
  get running(): boolean {
    return this.#run !== null;
  }

  /** Whether it runs and has nothing to do before something wakes it. */
  get asleep(): boolean {
    return this.#bed !== null;
  }

  /** How many entries are ready to run. */
  get readyCount(): number {
    return this.#ready.size;
  }

  /** How many timers wait. */
  get timerCount(): number {
    return this.#timers.size - this.#cancelledTimers;
  }

  /** Time of the loop in milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  /** A number that grows with every timer. */
  nextSeq(): number {
    return this.#seq++;
  }

  /** Adds an entry to the next iteration. */
  push(entry: Entry): void {
    this.#ready.push(entry);
    if (this.#bed !== null) this.#getUp();
  }

  /** Calls `callback(argument)` in the next iteration, outside any async context. */
  callSoon<T>(callback: (argument: T) => void, argument: T): Entry {
    const entry = new DirectCall(this, callback, argument);
    this.push(entry);
    return entry;
  }

  /** Calls `callback(argument)` at `deadline`, outside any async context. */
  callAt<T>(
    deadline: number,
    callback: (argument: T) => void,
    argument: T,
  ): DirectTimer<T> {
    const timer = new DirectTimer(this, deadline, callback, argument);
    this.addTimer(timer);
    return timer;
  }

  /** Adds a timer. */
  addTimer(timer: TimerEntry): void {
    this.#timers.push(timer);
    if (this.#bed === null || this.#timers.peek() !== timer) return;
    // A timer of the platform would be late by 2 ms for what is due already.
    if (timer.deadline <= this.#clock.now()) this.#getUp();
    else this.#clock.sleepUntil(timer.deadline);
  }

  /** A timer among the timers was cancelled. */
  timerCancelled(): void {
    this.#cancelledTimers++;
  }

  /**
   * For a finished operation of the platform whose callback wants to run.
   * `null`: now is the time, the loop is polling. Else the loop is busy or not
   * running: wait for the promise, it resolves in the turn of the callback.
   */
  ioTurn(): Promise<void> | null {
    return this.#polling ? null : this.nextTurn();
  }

  /** Resolves in the next iteration, as the turn of whoever awaits it. */
  nextTurn(): Promise<void> {
    const turn = new Turn();
    this.push(turn);
    return turn.gate.passed;
  }

  /** Runs until stopped. Rejects with what must escape the loop. */
  start(): Promise<void> {
    this.#nextTick ??= nodeNextTick();
    this.#run = Promise.withResolvers();
    this.#failure = null;
    this.#todo = 0;
    this.#lastPoll = this.#sliceStart = performance.now();
    this.#clock.start(() => this.#getUp());
    queueMicrotask(this.#drainFirst);
    return this.#run.promise;
  }

  /** Ends the run after the current iteration. */
  stop(): void {
    this.#stopping = true;
    this.#getUp();
  }

  /** Ends the run at once with `error`; the rest of the iteration stays for the next run. */
  escape(error: unknown): void {
    this.#failure ??= { error };
    this.#getUp();
  }

  /** Something async was started inside the entry that runs: its first step ends before the next entry begins. */
  wantDrain(): void {
    if (this.#run !== null) this.#drainWanted = true;
  }

  /** Drops everything that waits. */
  clear(): void {
    for (const entry of this.#ready) entry[dropped]();
    this.#ready.clear();
    this.#timers.clear();
    this.#cancelledTimers = 0;
  }

  /** A callback threw `context.exception`: an interrupt ends the run, another error is reported. */
  callbackFailed(context: ExceptionContext): void {
    if (this.#run !== null && context.exception instanceof KeyboardInterrupt) {
      this.escape(context.exception);
    } else this.report(context);
  }

  /** Reports an error that has no receiver. What the reporting itself throws ends the run. */
  report(context: ExceptionContext): void {
    try {
      this.#loop.callExceptionHandler(context);
    } catch (error) {
      if (this.#run === null) throw error;
      this.escape(error);
    }
  }

  #getUp(): void {
    const bed = this.#bed;
    if (bed === null) return;
    this.#bed = null;
    bed.open();
  }

  /** Pumps on when all microtasks have run. */
  readonly #drainFirst = (): void => {
    this.#nextTick(this.#pump);
  };

  readonly #pump = (): void => {
    this.#polling = false;
    if (this.#drainWanted) {
      this.#drainWanted = false;
      queueMicrotask(this.#drainFirst);
      return;
    }
    if (this.#timed !== null) this.#reportIfSlow();
    for (;;) {
      while (this.#todo > 0) {
        if (this.#failure !== null) return this.#finish();
        this.#todo--;
        const entry = this.#ready.shift() as Entry;
        if (!entry[live]) continue;
        if (this.debug) this.#timed = { entry, start: performance.now() };
        const pace = entry[run]();
        if (pace === AT_ONCE && !this.#drainWanted) {
          if (this.#timed !== null) this.#reportIfSlow();
          continue;
        }
        queueMicrotask(
          pace === AFTER_MICROTASK ? this.#pump : this.#drainFirst,
        );
        return;
      }
      if (this.#failure !== null) return this.#finish();
      if (this.#stopping && this.#ran) return this.#finish();
      if (!this.#begin()) return;
    }
  };

  /** Begins an iteration; `false` if the pump must not go on now. */
  #begin(): boolean {
    // The platform's turn comes first: its I/O goes before the timers that are due.
    if (this.#ready.size > 0 || this.#timers.size > 0) {
      const upcoming = this.#ready.size || 1;
      if ((this.#untilLook -= upcoming) <= 0 && this.#sliceIsOver(upcoming)) {
        this.#ran = false;
        this.#turns++;
        setImmediate(this.#afterTurn);
        return false;
      }
    }
    if (this.#timers.size > 0) this.#collectTimers();
    const count = this.#ready.size;
    if (count === 0) {
      if (this.#stopping) {
        // An iteration without entries: the run that was stopped before it began.
        this.iteration++;
        this.#finish();
      } else this.#sleep();
      return false;
    }
    this.#ran = true;
    this.iteration++;
    this.#todo = count;
    return true;
  }

  #collectTimers(): void {
    const timers = this.#timers;
    if (
      timers.size > MIN_TIMERS_TO_COMPACT &&
      this.#cancelledTimers * 2 > timers.size
    ) {
      timers.retain((timer) => timer[live]);
      this.#cancelledTimers = 0;
    }
    let limit: number | null = null;
    for (
      let first = timers.peek();
      first !== undefined;
      first = timers.peek()
    ) {
      if (!first[live]) {
        this.#cancelledTimers--;
      } else {
        limit ??= this.#clock.now() + this.#clock.resolution;
        if (first.deadline >= limit) return;
        this.#ready.push(first);
      }
      first.scheduled = false;
      timers.pop();
    }
  }

  #sleep(): void {
    const bed = this.#bed = new Gate();
    // Attached here, in the pump's own context: whoever opens the gate must not lend us theirs.
    bed.passed.then(this.#drainFirst);
    this.#polling = true;
    this.#ran = false;
    this.#turns = 0;
    this.#lastPoll = NaN;
    this.#untilLook = FIRST_STRIDE;
    this.#clock.sleepUntil(this.#timers.peek()?.deadline ?? Infinity);
  }

  /**
   * Looking at the clock costs 90 ns, so it is done after as many entries as
   * fitted into a slice so far. One slow callback makes it happen each time again.
   */
  #sliceIsOver(upcoming: number): boolean {
    const now = performance.now();
    const spent = now - this.#sliceStart;
    if (Number.isNaN(this.#lastPoll)) {
      // Woke from sleep: the platform has just polled.
      this.#lastPoll = this.#sliceStart = now;
      this.#untilLook = 1 - upcoming;
      return false;
    }
    this.#stride = spent < SLICE_MS / 4
      ? Math.min(this.#stride * 2, LONGEST_STRIDE)
      : spent > 2 * SLICE_MS
      ? 1
      : this.#stride;
    this.#untilLook = this.#stride - upcoming;
    return spent > SLICE_MS;
  }

  /**
   * The platform had a turn. Unless a poll for I/O is overdue, as it is when
   * callbacks take long, go on; else take turns in a row until it came (60 µs).
   */
  readonly #afterTurn = (): void => {
    const now = performance.now();
    if (this.#turns >= TURNS_PER_POLL) {
      this.#turns = 0;
      this.#lastPoll = now;
    } else if (now - this.#lastPoll > POLL_EVERY_MS) {
      this.#turns++;
      setImmediate(this.#afterTurn);
      return;
    }
    this.#sliceStart = now;
    this.#untilLook = this.#stride;
    this.#pump();
  };

  #finish(): void {
    const { resolve, reject } = this.#run as PromiseWithResolvers<void>;
    const failure = this.#failure;
    this.#run = null;
    this.#failure = null;
    this.#stopping = this.#ran = false;
    this.#clock.stop();
    if (failure !== null) reject(failure.error);
    else resolve();
  }

  #reportIfSlow(): void {
    const { entry, start } = this.#timed as { entry: Entry; start: number };
    this.#timed = null;
    const took = performance.now() - start;
    if (took < this.slowMs) return;
    this.report({ message: `Executing ${entry} took ${took.toFixed(0)} ms` });
  }
}
