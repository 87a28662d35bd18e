import type { Clock } from "../types/io.ts";

/** So many turns the platform gets before time jumps; together they cost 6 µs. */
const TURNS = 4;
/** A step no two deadlines of a program differ by; CPython's is the same nanosecond. */
const RESOLUTION_MS = 1e-6;

/**
 * How often to look whether a task still waits for the platform, in real
 * milliseconds: it can go on without the loop being woken.
 */
const LOOK_EVERY_MS = 2;
/** A deadlock is looked at so many times before it is one. */
const DEADLOCK_LOOKS = 10;

/** What a {@linkcode VirtualClock} asks of its loop. */
export interface IdleLoop {
  /**
   * Whether it has nothing to do. That nothing is ready to run is not enough: a
   * loop that works for long gives the platform a turn between two iterations.
   */
  isAsleep(): boolean;
  /** Real milliseconds that time stands still before it jumps. */
  graceMs(): number;
  /** Nothing can run, no timer is set, and the platform brought nothing. */
  onDeadlock(): void;
}

/**
 * A clock that stands still while anything can run, and then shows the next
 * deadline.
 *
 * What counts as "can run" is the question: a file being read, a message on its
 * way from a Worker cannot be seen from here. So before it concludes anything
 * the clock gives the platform real turns, in three steps:
 *
 * 1. always, four turns of the platform: what has already arrived comes first;
 * 2. before a jump, the grace of the loop: a timeout of virtual seconds around a
 *    real read must not expire at once;
 * 3. before a deadlock, `deadlockMs`: with no timer left only the platform can
 *    help, and calling a slow answer a deadlock would be wrong.
 *
 * Anything that wakes the loop meanwhile starts this over. Time in which the
 * process was held up does not count, since the platform was held up too.
 */
export class VirtualClock implements Clock {
  readonly #deadlockMs: number;
  #loop: IdleLoop | null = null;
  #now = 0;
  #wake: () => void = () => {};
  #deadline = Infinity;
  #turnsLeft = 0;
  #waitedMs = 0;
  #lastLook = NaN;
  #turn: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Makes a clock that shows 0. */
  constructor(deadlockMs: number) {
    this.#deadlockMs = deadlockMs;
  }

  /** Grows with the time: adding a nanosecond to half a year of milliseconds changes nothing. */
  get resolution(): number {
    return Math.max(RESOLUTION_MS, this.#now * Number.EPSILON);
  }

  now(): number {
    return this.#now;
  }

  /** Tells it whose time it keeps. */
  attach(loop: IdleLoop): void {
    this.#loop = loop;
  }

  /** Moves time forward, as if a callback had taken so long. */
  advance(ms: number): void {
    this.#now += ms;
  }

  start(wake: () => void): void {
    this.#wake = wake;
  }

  sleepUntil(deadline: number): void {
    this.#deadline = deadline;
    if (deadline <= this.#now) return this.#wake();
    this.#turnsLeft = TURNS;
    this.#waitedMs = 0;
    this.#lastLook = NaN;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#turn ??= setImmediate(this.#look);
  }

  stop(): void {
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#turn = this.#timer = undefined;
  }

  /** The platform had a turn. */
  readonly #look = (): void => {
    this.#turn = this.#timer = undefined;
    const loop = this.#loop as IdleLoop;
    // It woke, and tells us when it sleeps again.
    if (!loop.isAsleep()) return;
    if (--this.#turnsLeft > 0) {
      this.#turn = setImmediate(this.#look);
      return;
    }
    if (this.#deadline === Infinity) {
      if (this.#hasWaited(this.#deadlockMs, this.#deadlockMs / DEADLOCK_LOOKS)) loop.onDeadlock();
    } else if (this.#hasWaited(loop.graceMs(), LOOK_EVERY_MS)) {
      this.#now = this.#deadline;
      this.#wake();
    }
  };

  /** Whether the loop has been idle for `ms` real milliseconds; if not, looks again in `stepMs`. */
  #hasWaited(ms: number, stepMs: number): boolean {
    if (ms <= 0) return true;
    const now = performance.now();
    if (!Number.isNaN(this.#lastLook)) this.#waitedMs += Math.min(now - this.#lastLook, 2 * stepMs);
    this.#lastLook = now;
    if (this.#waitedMs >= ms) return true;
    this.#timer = setTimeout(this.#look, stepMs);
    return false;
  }
}
