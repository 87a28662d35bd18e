import { VirtualTimeLoop } from "../../testing/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import { getRunningLoop, type Task } from "../../loop/mod.ts";
import { CancelledError, RuntimeError } from "../../errors.ts";
import { sleep } from "../../tasks/mod.ts";
import type { AbortableOptions } from "../../types.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";

/**
 * A test inside a task of a loop of its own. A lost wake-up is a
 * `DeadlockError`; a task that is left behind, or an error that nobody looked
 * at, fails the test too.
 */
export function loopTest(name: string, main: (loop: VirtualTimeLoop) => Promise<void>): void {
  Deno.test(name, async () => {
    const loop = new VirtualTimeLoop({ deadlockMs: 0 });
    const reports: string[] = [];
    loop.setExceptionHandler((_loop, { message }) => void reports.push(message));
    try {
      await loop.runUntilComplete(() => main(loop));
    } finally {
      loop.close();
    }
    assertEquals(reports, []);
  });
}

/** Lets `count` iterations pass. */
export async function tick(count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** Starts `fn` as a task; its first step runs in the next iteration. */
export function start<T>(fn: () => Promise<T>): Task<T> {
  return getRunningLoop().createTask(fn) as Task<T>;
}

/** How many iterations it takes until `promise` settles. */
export async function iterationsOf(promise: PromiseLike<unknown>): Promise<number> {
  const loop = getRunningLoop();
  const before = iterationOf(loop);
  await promise;
  return iterationOf(loop) - before;
}

/** The task was cancelled and took no other end. */
export async function assertCancelled(task: Task<unknown>): Promise<void> {
  await assertRejects(() => task, CancelledError);
  assert(task.cancelled());
}

/** A signal that knows how many listeners it has. */
export class WatchedController extends AbortController {
  /** Listeners now. */
  listeners = 0;

  /** Watches its signal. */
  constructor() {
    super();
    const { signal } = this;
    const add = signal.addEventListener;
    const remove = signal.removeEventListener;
    signal.addEventListener = (...args: unknown[]) => {
      this.listeners++;
      add.apply(signal, args as Parameters<typeof add>);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      this.listeners--;
      remove.apply(signal, args as Parameters<typeof remove>);
    };
  }
}

/** A wait, as {@linkcode testWaiting} looks at it. */
export interface Waiting {
  /** Waits. */
  wait(options?: AbortableOptions): Promise<unknown>;
  /** Lets one who waits go on. */
  wake(): void | Promise<void>;
  /** Undoes what `wake` did, if it did more than to let one go on. */
  undo?(): void;
  /** How many wait. */
  count(): number;
}

/**
 * What holds for everything that waits: cancellation in every state, `signal`,
 * and the loop it is bound to. `make` makes something where `wait` blocks.
 */
export function testWaiting(name: string, make: () => Promise<Waiting>): void {
  loopTest(`${name} takes an aborted signal as refusal and changes nothing`, async () => {
    const it = await make();
    const reason = new Error("no");
    const error = await assertRejects(() => it.wait({ signal: AbortSignal.abort(reason) }));
    assertStrictEquals(error, reason);
    assertEquals(it.count(), 0);
  });

  loopTest(`${name} rejects with the reason of an abort, and only itself`, async () => {
    const it = await make();
    const aborter = new WatchedController();
    const before = start(() => it.wait());
    const middle = start(() => it.wait({ signal: aborter.signal }));
    const after = start(() => it.wait());
    await tick();
    assertEquals([it.count(), aborter.listeners], [3, 1]);
    const reason = { any: "value" };
    aborter.abort(reason);
    const error = await assertRejects(() => middle) as unknown;
    assertStrictEquals(error, reason);
    await wakeBoth(it, before, after, aborter);
  });

  loopTest(`${name} takes what it was given though the signal aborts`, async () => {
    const it = await make();
    const aborter = new WatchedController();
    const task = start(() => it.wait({ signal: aborter.signal }));
    await tick();
    await it.wake();
    aborter.abort(new Error("too late"));
    await task;
    it.undo?.();
    assertEquals([it.count(), aborter.listeners], [0, 0]);
  });

  loopTest(`${name} is taken out by a cancellation, and only itself`, async () => {
    const it = await make();
    const aborter = new WatchedController();
    const before = start(() => it.wait());
    const middle = start(() => it.wait({ signal: aborter.signal }));
    const after = start(() => it.wait());
    await tick();
    middle.cancel();
    await assertCancelled(middle);
    await wakeBoth(it, before, after, aborter);
  });

  loopTest(`${name} goes on when a cancellation is caught and it waits again`, async () => {
    const it = await make();
    const task = start(async () => {
      await assertRejects(() => it.wait(), CancelledError);
      assertEquals(task.uncancel(), 0);
      await it.wait();
    });
    await tick();
    task.cancel();
    await tick(3);
    assertEquals([it.count(), task.cancelling()], [1, 0]);
    await it.wake();
    await task;
    it.undo?.();
  });

  loopTest(`${name} passes on what it was given when it is cancelled before its turn`, async () => {
    const it = await make();
    const first = start(() => it.wait());
    const second = start(() => it.wait());
    await tick();
    await it.wake();
    first.cancel();
    await assertCancelled(first);
    await tick(3);
    assertEquals(it.count(), 0, "somebody is left waiting: what was given was lost");
    await second;
    it.undo?.();
    assertEquals(it.count(), 0);
  });

  Deno.test(`${name} is refused in another loop, and outside of any`, async () => {
    const [one, two] = [new VirtualTimeLoop(), new VirtualTimeLoop()];
    try {
      const it = await one.runUntilComplete(make);
      const waiting = one.createTask(() => it.wait());
      one.stop();
      await one.runForever();
      assertEquals(it.count(), 1);
      await two.runUntilComplete(async () => {
        await assertRejects(() => it.wait(), RuntimeError, "different event loop");
      });
      await assertRejects(() => it.wait(), RuntimeError, "no event loop is running");
      assertEquals(it.count(), 1);
      await it.wake();
      await one.runUntilComplete(waiting);
    } finally {
      one.close();
      two.close();
    }
  });
}

/** A cancelled wait on a condition wakes another one, which then waits again, behind the rest: so give them time, and no order. */
async function wakeBoth(
  it: Waiting,
  one: Task<unknown>,
  other: Task<unknown>,
  aborter: WatchedController,
): Promise<void> {
  await tick(2);
  assertEquals([it.count(), aborter.listeners], [2, 0]);
  for (let i = 0; i < 2; i++) {
    await it.wake();
    await tick(2);
    it.undo?.();
  }
  await one;
  await other;
  assertEquals(it.count(), 0);
}
