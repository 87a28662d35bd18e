import { AsyncLocalStorage } from "node:async_hooks";
import type { AbstractEventLoop, AbstractTask } from "../types/loop.ts";

/** Whose code is running: a task of a loop, or a callback of a loop. */
export interface Scope {
  /** The loop. */
  readonly loop: AbstractEventLoop;
  /** The task, if it is one's code. */
  readonly task: AbstractTask<unknown> | null;
}

/**
 * The scope of the code that runs now, kept by the platform across `await`.
 * V8 calls `then()` of an awaited thenable inside the context of the awaiting
 * function, so a future finds here which task waits for it.
 */
export const scope: AsyncLocalStorage<Scope> = new AsyncLocalStorage();

/**
 * The loop whose plain callback is on the stack. Such a callback runs in the
 * async context of whoever scheduled it, so the scope above may name a task
 * that is not running; this tells the difference. Entering a scope of its own
 * for every callback would do too, at 250 to 700 ns each.
 */
let callbackLoop: AbstractEventLoop | null = null;

/** Marks the start of a plain callback of `loop`, or with `null` of something else inside one; returns what to give back. */
export function enterCallback(
  loop: AbstractEventLoop | null,
): AbstractEventLoop | null {
  const outer = callbackLoop;
  callbackLoop = loop;
  return outer;
}

/** Ends what {@linkcode enterCallback} started. */
export function leaveCallback(outer: AbstractEventLoop | null): void {
  callbackLoop = outer;
}

/** The loop whose code runs now, or `null`. */
export function activeLoop(): AbstractEventLoop | null {
  if (callbackLoop !== null) return callbackLoop;
  const loop = scope.getStore()?.loop;
  return loop !== undefined && loop.isRunning() ? loop : null;
}

/** The task whose code runs now, or `null`. */
export function activeTask(): AbstractTask<unknown> | null {
  if (callbackLoop !== null) return null;
  const task = scope.getStore()?.task ?? null;
  return task !== null && !task.done() ? task : null;
}

const AsyncFunction = (async () => {}).constructor;

/**
 * Calls a user's callback between `enterCallback` and `leaveCallback`. An async
 * one goes on when these are long over, in the scope of whoever scheduled it:
 * without a scope of its own its awaits would count as those of that task, be
 * cancelled with it, and could not wait for it.
 */
export function callBack(
  own: Scope,
  callback: (...args: unknown[]) => unknown,
  args: readonly unknown[],
): unknown {
  return callback.constructor === AsyncFunction
    ? scope.run(own, callback, ...args)
    : callback(...args);
}

function noGate(): void {}
let opener: (value: never) => void = noGate;
function takeOpener(resolve: (value: never) => void): void {
  opener = resolve;
}

/**
 * Holds the async context of its maker, for every AsyncLocalStorage there is.
 * What is attached to `passed` runs in the context it was attached in, one
 * microtask after `open()`. The platform restores the context of a promise
 * reaction for free: about 40 ns altogether, where `AsyncResource` costs 400 ns
 * to make and 800 ns to enter.
 */
export class Gate<T = void> {
  /** Resolves after `open()`. */
  readonly passed: Promise<T>;
  /** Lets through what waits. */
  readonly open: (value: T) => void;

  /** Makes a closed gate. */
  constructor() {
    this.passed = new Promise(takeOpener);
    this.open = opener as (value: T) => void;
    // Through it the last callback, and all it refers to, would outlive its loop.
    opener = noGate;
  }
}
