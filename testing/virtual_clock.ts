import type { Clock } from "../types/io.ts";

/** So many turns the platform gets before time jumps; together they cost 6 µs. */
const TURNS = 4;
/** A step no two deadlines of a program differ by; CPython's is the same nanosecond. */
const RESOLUTION_MS = 1e-6;

/**
 * How often to look whether a task still waits for the platform, in real
 * milliseconds: it can go on without the loop being woken.
 */
const LOOK_EVERY_MS = 1;

/** What a {@linkcode VirtualClock} asks of its loop. */
export interface IdleLoop {
  /** Whether something is ready to run. */
  isBusy(): boolean;
  /** Whether a task waits for something only the platform can bring. */
  waitsForPlatform(): boolean;
  /** Nothing can run, no timer is set, and the platform brought nothing. */
  onDeadlock(): void;
}

/** Real milliseconds a {@linkcode VirtualClock} waits before it concludes something. */
export interface Patience {
  /** Before time jumps, while a task waits for the platform. */
  graceMs: number;
  /** Before a deadlock is one. */
  deadlockMs: number;
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
 * 2. before a jump, `graceMs` if a task waits for the platform: a timeout of
 *    virtual seconds around a real read must not expire at once;
 * 3. before a deadlock, `deadlockMs`: with no timer left only the platform can
 *    help, and calling a slow answer a deadlock would be wrong.
 *
 * Anything that wakes the loop meanwhile starts this over.
 */
export class VirtualClock implements Clock {
  readonly #patience: Patience;
  #loop: IdleLoop | null = null;
  #now = 0;
  #wake: () => void = () => {};
  #deadline = Infinity;
  #turnsLeft = 0;
  #idleSince = 0;
  #turn: ReturnType<typeof setImmediate> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Makes a clock that shows 0. */
  constructor(patience: Patience) {
    this.#patience = patience;
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
    this.#idleSince = NaN;
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
    if (loop.isBusy()) return;
    if (--this.#turnsLeft > 0) {
      this.#turn = setImmediate(this.#look);
      return;
    }
    const isDeadlock = this.#deadline === Infinity;
    const wanted = isDeadlock
      ? this.#patience.deadlockMs
      : loop.waitsForPlatform()
      ? this.#patience.graceMs
      : 0;
    if (wanted > 0 && !this.#isOver(wanted, isDeadlock ? wanted : LOOK_EVERY_MS)) return;
    if (isDeadlock) return loop.onDeadlock();
    this.#now = this.#deadline;
    this.#wake();
  };

  /** Whether the loop has been idle for `wanted` real milliseconds; if not, looks again in `stepMs`. */
  #isOver(wanted: number, stepMs: number): boolean {
    const now = performance.now();
    if (Number.isNaN(this.#idleSince)) this.#idleSince = now;
    const left = this.#idleSince + wanted - now;
    if (left <= 0) return true;
    this.#timer = setTimeout(this.#look, Math.min(Math.ceil(left), stepMs));
    return false;
  }
}
