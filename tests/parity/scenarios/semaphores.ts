import {
  Barrier,
  BoundedSemaphore,
  createTask,
  Semaphore,
  sleep,
  type Task,
  waitFor,
} from "../../../mod.ts";
import { caught, outcome, thrown, type Trace } from "../harness.ts";

function acquirer(t: Trace, semaphore: Semaphore, name: string): Task<void> {
  return createTask(async () => {
    await semaphore.acquire();
    t(name);
  });
}

export async function asManyAsAllowed(t: Trace): Promise<void> {
  const semaphore = new Semaphore(2);
  async function worker(name: string): Promise<void> {
    {
      using _held = await semaphore.acquire();
      t(name, "in", semaphore.locked());
      await sleep(1000);
    }
    t(name, "out");
  }
  const tasks = [..."abc"].map((name) => createTask(() => worker(name)));
  for (const task of tasks) await task;
  t(semaphore.locked());
}

export async function permitsInOrder(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  const tasks = [..."abc"].map((name) => acquirer(t, semaphore, name));
  await sleep(0);
  semaphore.release();
  semaphore.release();
  t("released two", semaphore.locked());
  await sleep(1000);
  semaphore.release();
  for (const task of tasks) await task;
  t("end");
}

export async function newcomerDoesNotOvertake(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  const waiter = acquirer(t, semaphore, "waiter");
  await sleep(0);
  semaphore.release();
  t(semaphore.locked());
  const newcomer = acquirer(t, semaphore, "newcomer");
  await waiter;
  t("newcomer waits", newcomer.done());
  semaphore.release();
  await newcomer;
}

export async function roundsOfTurns(t: Trace): Promise<void> {
  const semaphore = new Semaphore(1);
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      for (let i = 0; i < 2; i++) {
        using _held = await semaphore.acquire();
        t(name, i);
        await sleep(0);
      }
    })
  );
  for (const task of tasks) await task;
  t("end");
}

export async function roundsWithoutAPause(t: Trace): Promise<void> {
  const semaphore = new Semaphore(1);
  const tasks = [..."ab"].map((name) =>
    createTask(async () => {
      for (let i = 0; i < 2; i++) {
        using _held = await semaphore.acquire();
        t(name, i);
      }
    })
  );
  for (const task of tasks) await task;
  t("end");
}

export async function freeTakesNoIteration(t: Trace): Promise<void> {
  const semaphore = new Semaphore(2);
  t.loop.callSoon(t, "callback");
  await semaphore.acquire();
  await semaphore.acquire();
  t("two", semaphore.locked());
  await sleep(0);
  t("end");
}

export async function waiterCancelled(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  const a = acquirer(t, semaphore, "a");
  const b = acquirer(t, semaphore, "b");
  await sleep(0);
  a.cancel();
  semaphore.release();
  t(await caught(a), await caught(b));
}

export async function waiterCancelledWhenGranted(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  const a = acquirer(t, semaphore, "a");
  const b = acquirer(t, semaphore, "b");
  await sleep(0);
  semaphore.release();
  a.cancel();
  t(await caught(a));
  t(await caught(b));
  t(semaphore.locked());
}

export async function allWaitersCancelled(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  const task = acquirer(t, semaphore, "a");
  await sleep(0);
  semaphore.release();
  t(semaphore.locked());
  task.cancel();
  t(await caught(task));
  t(semaphore.locked());
  await semaphore.acquire();
  t("end");
}

export async function cancelledBeforeItIsWoken(t: Trace): Promise<void> {
  const semaphore = new Semaphore(1);
  async function worker(name: string): Promise<void> {
    using _held = await semaphore.acquire();
    t(name, "has it");
    await sleep(1000);
  }
  const a = createTask(() => worker("a"));
  const b = createTask(() => worker("b"));
  const c = createTask(() => worker("c"));
  t.loop.callLater(1000, () => b.cancel());
  t(await caught(b));
  await a;
  await c;
  t(semaphore.locked());
}

export async function noDeadlockAfterCancelledWaiters(t: Trace): Promise<void> {
  const semaphore = new Semaphore(1);
  const first = createTask(async () => {
    using _held = await semaphore.acquire();
    await sleep(0);
    other.cancel();
  });
  const other: Task<void> = createTask(async () => {
    using _held = await semaphore.acquire();
    t("never");
  });
  t(await caught(first), await caught(other));
  await semaphore.acquire();
  t("main has it");
}

export async function twoReleasesAndACancellation(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  const tasks = [..."abc"].map((name) => acquirer(t, semaphore, name));
  await sleep(0);
  semaphore.release();
  semaphore.release();
  tasks[0]!.cancel();
  for (const task of tasks) t(await caught(task));
}

export async function acquireWithATimeout(t: Trace): Promise<void> {
  const semaphore = new Semaphore(0);
  t(await caught(waitFor(() => semaphore.acquire(), 1000)));
  semaphore.release();
  t(semaphore.locked());
  await semaphore.acquire();
  t(semaphore.locked());
}

export async function moreReleasesThanAcquires(t: Trace): Promise<void> {
  const plain = new Semaphore(1);
  plain.release();
  await plain.acquire();
  await plain.acquire();
  t(plain.locked());
  const bounded = new BoundedSemaphore(1);
  t(thrown(() => bounded.release()));
  await bounded.acquire();
  bounded.release();
  t(thrown(() => bounded.release()), bounded.locked());
}

// deno-lint-ignore require-await
export async function negativeStart(t: Trace): Promise<void> {
  t(thrown(() => new Semaphore(-1)), thrown(() => new BoundedSemaphore(-1)));
}

export async function barrierLetsAllThrough(t: Trace): Promise<void> {
  const barrier = new Barrier(3);
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      t(name, "arrives", barrier.nWaiting);
      t(name, "passes", await barrier.wait());
    })
  );
  for (const task of tasks) await task;
  t(barrier.nWaiting, barrier.broken);
}

export async function barrierOfOne(t: Trace): Promise<void> {
  const barrier = new Barrier(1);
  t.loop.callSoon(t, "callback");
  t(await barrier.wait());
  t(await barrier.wait());
  await sleep(0);
  t("end");
}

export async function barrierInRounds(t: Trace): Promise<void> {
  const barrier = new Barrier(2);
  async function party(name: string, delay: number): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await sleep(delay);
      await barrier.wait();
      t(name, i);
    }
  }
  const tasks = [createTask(() => party("a", 1000)), createTask(() => party("b", 2000))];
  for (const task of tasks) await task;
  t("end");
}

export async function barrierNewcomersWaitForTheDraining(t: Trace): Promise<void> {
  const barrier = new Barrier(2);
  const tasks = [..."abcd"].map((name) =>
    createTask(async () => {
      await barrier.wait();
      t(name, barrier.nWaiting);
    })
  );
  for (const task of tasks) await task;
  t("end");
}

export async function barrierReset(t: Trace): Promise<void> {
  const barrier = new Barrier(3);
  const first = [..."ab"].map((name) =>
    createTask(async () => t(name, await caught(barrier.wait())))
  );
  await sleep(1000);
  t(barrier.nWaiting);
  await barrier.reset();
  t(barrier.nWaiting, barrier.broken);
  for (const task of first) await task;
  const second = Array.from({ length: 3 }, () => createTask(() => barrier.wait()));
  for (const task of second) await task;
  t(barrier.broken);
}

export async function barrierAbort(t: Trace): Promise<void> {
  const barrier = new Barrier(2);
  const task = createTask(async () => t(await caught(barrier.wait())));
  await sleep(1000);
  await barrier.abort();
  t(barrier.broken);
  await task;
  t(await caught(barrier.wait()));
  await barrier.reset();
  t(barrier.broken);
}

export async function barrierPartyCancelled(t: Trace): Promise<void> {
  const barrier = new Barrier(2);
  async function party(name: string): Promise<void> {
    try {
      await barrier.wait();
      t(name, "passes");
    } finally {
      t(name, "ends", barrier.nWaiting);
    }
  }
  const first = createTask(() => party("a"));
  await sleep(1000);
  first.cancel();
  t(await caught(first), barrier.broken);
  const tasks = [..."bc"].map((name) => createTask(() => party(name)));
  for (const task of tasks) await task;
}

export async function barrierWithATimeout(t: Trace): Promise<void> {
  const barrier = new Barrier(2);
  t(await caught(waitFor(() => barrier.wait(), 1000)));
  t(barrier.nWaiting, barrier.broken, barrier.parties);
}

// deno-lint-ignore require-await
export async function barrierRefuses(t: Trace): Promise<void> {
  t(thrown(() => new Barrier(0)), thrown(() => new Barrier(-1)));
}

export async function semaphoreStates(t: Trace): Promise<void> {
  const semaphore = new Semaphore(1);
  t(semaphore.locked());
  await semaphore.acquire();
  t(semaphore.locked());
  const task = acquirer(t, semaphore, "a");
  await sleep(0);
  semaphore.release();
  t("promised", semaphore.locked());
  await task;
  semaphore.release();
  t(semaphore.locked(), outcome(task));
}
