import { EventLoop } from "../loop/event_loop.ts";
import { internalsOf, schedulerOf, taskSet } from "../loop/internals.ts";
import { waitedFor } from "../loop/task.ts";
import type { Io } from "../types/io.ts";
import { DeadlockError, type StuckTask } from "./deadlock_error.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Real milliseconds for the platform to answer a task that waits for it. */
const GRACE_MS = 20;

/** What a {@linkcode VirtualTimeLoop} can be given. */
export interface VirtualTimeLoopOptions {
  /** The way to the outside. @default {none: what needs one is refused} */
  io?: Io;
  /**
   * Real milliseconds that time stands still before each jump.
   *
   * @default {20 while a task awaits a native promise, or if there is an `io`; else 0}
   */
  graceMs?: number;
  /** Real milliseconds in which nothing happened before that is a deadlock. @default {1000} */
  deadlockMs?: number;
}

/**
 * An event loop on a clock that nobody waits for: when nothing can run, time
 * jumps to the next deadline. An hour of timeouts is over in a moment, and
 * every run takes the same course.
 *
 * Everything but the clock is the ordinary loop. Time starts at 0, stands still
 * while anything runs, and goes on where it stood in the next run.
 *
 * A **deadlock**, where the ordinary loop would sleep for ever, rejects the run
 * with {@linkcode DeadlockError}, which lists the waiting tasks and what each
 * waits for.
 *
 * The **real world** goes on in real time. Whatever it brings is seen before
 * time jumps if it is there already; while a task awaits a native promise (a
 * file, `fetch`, a Worker) time stands still for some real milliseconds first,
 * since a timeout around it would otherwise expire at once. A promise behind
 * `wrapFuture()` cannot be told from any other future: give `graceMs` then.
 *
 * ```ts
 * import { VirtualTimeLoop } from "@deno-asyncio/asyncio/testing";
 *
 * await using loop = new VirtualTimeLoop();
 * loop.callLater(3_600_000, () => loop.stop());
 * await loop.runForever();
 * console.log(loop.time()); // 3600000, at once
 * ```
 */
export class VirtualTimeLoop extends EventLoop {
  readonly #clock: VirtualClock;

  /**
   * Makes a loop at time 0.
   *
   * @throws {RangeError} unless the milliseconds are finite and not negative
   */
  constructor(options: VirtualTimeLoopOptions = {}) {
    const { io, graceMs, deadlockMs = 1000 } = options;
    if (graceMs !== undefined) checkDuration("make a VirtualTimeLoop", "graceMs", graceMs);
    checkDuration("make a VirtualTimeLoop", "deadlockMs", deadlockMs);
    const clock = new VirtualClock(deadlockMs);
    super(io === undefined ? { clock } : { clock, io });
    this.#clock = clock;
    const engine = schedulerOf(this);
    clock.attach({
      isAsleep: () => engine.asleep,
      graceMs: () => graceMs ?? (io !== undefined || this.#someoneWaitsOutside() ? GRACE_MS : 0),
      onDeadlock: () => engine.escape(new DeadlockError(this.time(), this.#stuck())),
    });
  }

  /**
   * Moves time forward by `ms`, as if the code that calls it had taken so long.
   * Timers that became due run in the next iteration.
   *
   * @throws {RangeError} unless `ms` is finite and not negative
   */
  advance(ms: number): void {
    checkDuration("advance the time", "ms", ms);
    this.#clock.advance(ms);
  }

  /** A pending task that waits for no future waits for a native promise: else it would be ready, and the loop not idle. */
  #someoneWaitsOutside(): boolean {
    for (const task of internalsOf(this)[taskSet]) {
      if (waitsOf(task).length === 0) return true;
    }
    return false;
  }

  #stuck(): StuckTask[] {
    return Array.from(
      internalsOf(this)[taskSet],
      (task) => ({ task, waitsFor: waitsOf(task) }),
    );
  }
}

/** The futures a task waits for; none known if a task factory made it of something else. */
function waitsOf(task: object): readonly unknown[] {
  return (task as { [waitedFor]?: unknown[] })[waitedFor] ?? [];
}

function checkDuration(what: string, name: string, ms: number): void {
  if (typeof ms === "number" && ms >= 0 && ms < Infinity) return;
  throw new RangeError(`Cannot ${what}: ${name} is ${ms}, expected milliseconds from 0 on`);
}
