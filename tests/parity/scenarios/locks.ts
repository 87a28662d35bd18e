import { createTask, Event, Lock, sleep, waitFor } from "../../../mod.ts";
import { Boom, caught, outcome, thrown, type Trace } from "../harness.ts";

export async function firstComeFirstServed(t: Trace): Promise<void> {
  const lock = new Lock();
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      using _held = await lock.acquire();
      t(name, "has it");
      await sleep(0);
      t(name, "gives it back");
    })
  );
  for (const task of tasks) await task;
  t(lock.locked());
}

export async function freeLockTakesNoIteration(t: Trace): Promise<void> {
  const lock = new Lock();
  t.loop.callSoon(t, "callback");
  {
    using _held = await lock.acquire();
    t("first", lock.locked());
  }
  t(lock.locked());
  {
    using _held = await lock.acquire();
    t("second");
  }
  await sleep(0);
  t("end");
}

export async function roundsOfContention(t: Trace): Promise<void> {
  const lock = new Lock();
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      for (let i = 0; i < 2; i++) {
        using _held = await lock.acquire();
        t(name, i);
        await sleep(1000);
      }
    })
  );
  for (const task of tasks) await task;
  t("end");
}

export async function releaseWithoutAcquire(t: Trace): Promise<void> {
  const lock = new Lock();
  t(thrown(() => lock.release()));
  await lock.acquire();
  lock.release();
  t(thrown(() => lock.release()));
}

export async function errorInTheBlock(t: Trace): Promise<void> {
  const lock = new Lock();
  async function bad(): Promise<void> {
    using _held = await lock.acquire();
    throw new Boom("in the block");
  }
  t(await caught(bad()), lock.locked());
}

export async function freeBetweenReleaseAndWakeUp(t: Trace): Promise<void> {
  const lock = new Lock();
  await lock.acquire();
  async function waiter(name: string): Promise<void> {
    using _held = await lock.acquire();
    t(name, "has it");
  }
  const a = createTask(() => waiter("a"));
  await sleep(0);
  lock.release();
  t(lock.locked());
  const b = createTask(() => waiter("b"));
  {
    using _held = await lock.acquire();
    t("main has it");
  }
  await a;
  await b;
  t("end");
}

export async function newcomerDoesNotOvertake(t: Trace): Promise<void> {
  const lock = new Lock();
  await lock.acquire();
  const task = createTask(async () => {
    using _held = await lock.acquire();
    t("waiter has it");
  });
  await sleep(0);
  lock.release();
  await lock.acquire();
  t("main has it again");
  lock.release();
  await task;
}

export async function waiterCancelled(t: Trace): Promise<void> {
  const lock = new Lock();
  await lock.acquire();
  async function waiter(name: string): Promise<void> {
    using _held = await lock.acquire();
    t(name);
  }
  const a = createTask(() => waiter("a"));
  const b = createTask(() => waiter("b"));
  await sleep(0);
  a.cancel();
  await sleep(0);
  t(outcome(a), lock.locked());
  lock.release();
  await b;
  t("end");
}

export async function cancelledAndReleasedInOneIteration(t: Trace): Promise<void> {
  const lock = new Lock();
  await lock.acquire();
  async function waiter(name: string): Promise<void> {
    using _held = await lock.acquire();
    t(name, "has it");
  }
  const a = createTask(() => waiter("a"));
  const b = createTask(() => waiter("b"));
  const c = createTask(() => waiter("c"));
  await sleep(0);
  lock.release();
  a.cancel();
  t(lock.locked());
  t(await caught(a), lock.locked());
  await b;
  await c;
  t(lock.locked());
}

export async function releasedAfterTheCancellation(t: Trace): Promise<void> {
  const lock = new Lock();
  await lock.acquire();
  async function waiter(name: string): Promise<void> {
    using _held = await lock.acquire();
    t(name, "has it");
  }
  const a = createTask(() => waiter("a"));
  const b = createTask(() => waiter("b"));
  await sleep(0);
  a.cancel();
  lock.release();
  t(await caught(a));
  t(await caught(b));
  t(lock.locked());
}

export async function raceForTheLock(t: Trace): Promise<void> {
  const lock = new Lock();
  const holders = new Set<string>();
  async function worker(name: string, delay: number): Promise<void> {
    for (let i = 0; i < delay; i++) await sleep(0);
    using _held = await lock.acquire();
    holders.add(name);
    t(name, holders.size);
    await sleep(0);
    holders.delete(name);
  }
  const workers = [["a", 0], ["b", 0], ["c", 1], ["d", 2]] as const;
  const tasks = workers.map(([name, delay]) => createTask(() => worker(name, delay)));
  await sleep(0);
  tasks[1]!.cancel();
  for (const task of tasks) await caught(task);
  t(lock.locked(), tasks.map(outcome));
}

export async function acquireWithATimeout(t: Trace): Promise<void> {
  const lock = new Lock();
  await lock.acquire();
  t(await caught(waitFor(() => lock.acquire(), 1000)));
  lock.release();
  await lock.acquire();
  t(lock.locked());
}

export async function heldAcrossACancellation(t: Trace): Promise<void> {
  const lock = new Lock();
  const a = createTask(async () => {
    using _held = await lock.acquire();
    await sleep(10_000);
  });
  const b = createTask(async () => {
    using _held = await lock.acquire();
    t("waiter has it");
  });
  await sleep(1000);
  a.cancel();
  await b;
  t(outcome(a));
}

export async function eventWakesAll(t: Trace): Promise<void> {
  const event = new Event();
  const tasks = [..."abc"].map((name) => createTask(async () => t(name, await event.wait())));
  await sleep(0);
  t(event.isSet());
  event.set();
  t(event.isSet());
  for (const task of tasks) await task;
  t("end");
}

export async function eventThatIsSet(t: Trace): Promise<void> {
  const event = new Event();
  event.set();
  t.loop.callSoon(t, "callback");
  t(await event.wait());
  event.clear();
  t(event.isSet());
  await sleep(0);
  t("end");
}

export async function eventSetAndCleared(t: Trace): Promise<void> {
  const event = new Event();
  const waiter = (name: string) => async () => t(name, await event.wait(), event.isSet());
  const task = createTask(waiter("early"));
  await sleep(0);
  event.set();
  event.clear();
  const late = createTask(waiter("late"));
  await task;
  t("late still waits", late.done());
  event.set();
  await late;
}

export async function eventWaiterCancelled(t: Trace): Promise<void> {
  const event = new Event();
  const waiter = (name: string) => async () => t(name, await event.wait());
  const a = createTask(waiter("a"));
  const b = createTask(waiter("b"));
  await sleep(0);
  a.cancel();
  event.set();
  t(await caught(a));
  await b;
}

export async function eventCancelledAfterSet(t: Trace): Promise<void> {
  const event = new Event();
  const task = createTask(async () => {
    await event.wait();
    t("never");
  });
  await sleep(0);
  event.set();
  task.cancel();
  t(await caught(task));
}

export async function eventWithATimeout(t: Trace): Promise<void> {
  const event = new Event();
  t(await caught(waitFor(() => event.wait(), 1000)));
  t.loop.callLater(1000, () => event.set());
  t(await caught(waitFor(() => event.wait(), 2000)));
}

export async function eventSetTwice(t: Trace): Promise<void> {
  const event = new Event();
  const task = createTask(async () => {
    for (let i = 0; i < 2; i++) {
      await event.wait();
      t(i);
      event.clear();
    }
  });
  await sleep(0);
  event.set();
  event.set();
  await sleep(1000);
  t(task.done());
  event.set();
  await task;
}
