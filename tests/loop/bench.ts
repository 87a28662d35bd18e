import { EventLoop, Future } from "../../loop/mod.ts";
import { yieldOnce } from "../../loop/future.ts";
import { type LoopInternals, schedulerOf } from "../../loop/internals.ts";
import type { Clock, ExceptionContext } from "../../types.ts";
import { assertEquals } from "../support/assert.ts";

/** A clock that stands still, and jumps to the next deadline when the loop goes to sleep. */
export class JumpClock implements Clock {
  readonly resolution = 1e-6;
  /** The time; a test may set it. */
  time = 1000;
  /** What the loop wanted to sleep until. */
  readonly sleeps: number[] = [];
  #wake: (() => void) | null = null;

  now(): number {
    return this.time;
  }

  start(wake: () => void): void {
    this.#wake = wake;
  }

  sleepUntil(deadline: number): void {
    this.sleeps.push(deadline);
    if (deadline === Infinity) return;
    this.time = Math.max(this.time, deadline);
    this.#wake?.();
  }

  stop(): void {
    this.#wake = null;
  }
}

/** A loop whose time jumps, and that fails the test over errors nobody expected. */
export class Bench implements AsyncDisposable {
  readonly clock = new JumpClock();
  readonly loop: EventLoop;
  /** What the exception handler was told; a test that expects something takes it out. */
  readonly reports: ExceptionContext[] = [];

  constructor(makeLoop: (clock: Clock) => EventLoop = (clock) => new EventLoop({ clock })) {
    this.loop = makeLoop(this.clock);
    this.loop.setExceptionHandler((_loop, context) => void this.reports.push(context));
  }

  /** How many iterations have begun. */
  get iteration(): number {
    return schedulerOf(this.loop).iteration;
  }

  /** What a trace may hold besides its name: iterations since the run began. */
  tracer(): { trace: [string, number][]; mark: (what: string) => void } {
    const start = this.iteration;
    const trace: [string, number][] = [];
    return { trace, mark: (what) => void trace.push([what, this.iteration - start]) };
  }

  /** The messages of the reports, which are taken. */
  takeMessages(): string[] {
    return this.takeReports().map(({ message }) => message);
  }

  /** The reports, which are taken. */
  takeReports(): ExceptionContext[] {
    return this.reports.splice(0);
  }

  /** A future that is done after one iteration, as `sleep(0)`. */
  pause(): Future<void> {
    const pause = new Pause({ loop: this.loop as unknown as LoopInternals });
    pause.setResult();
    return pause;
  }

  /** A future that is done after `ms`, as `sleep(ms)`. */
  sleep(ms: number): Future<void> {
    const future = this.loop.createFuture<void>();
    this.loop.callLater(ms, () => void (future.done() || future.setResult()));
    return future;
  }

  /** Runs `iterations` iterations, as far as there is something to do. */
  async turn(iterations = 1): Promise<void> {
    for (let i = 0; i < iterations; i++) {
      this.loop.stop();
      await this.loop.runForever();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.loop.close();
    assertEquals(this.takeReports(), []);
    return Promise.resolve();
  }
}

class Pause extends Future<void> {
  override get [yieldOnce](): boolean {
    return true;
  }
}

/** What `fn` threw or rejected with. */
export async function caught(fn: () => unknown): Promise<unknown> {
  try {
    await fn();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
