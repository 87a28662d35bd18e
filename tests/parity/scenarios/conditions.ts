import {
  CancelledError,
  Condition,
  createTask,
  Lock,
  sleep,
  type Task,
  waitFor,
} from "../../../mod.ts";
import { Boom, caught, outcome, thrown, type Trace } from "../harness.ts";

function waiter(t: Trace, condition: Condition, name: string): Task<void> {
  return createTask(async () => {
    using _held = await condition.acquire();
    t(name, await condition.wait());
  });
}

export async function notifyOne(t: Trace): Promise<void> {
  const condition = new Condition();
  const tasks = [waiter(t, condition, "a"), waiter(t, condition, "b")] as const;
  await sleep(1000);
  for (const _ of tasks) {
    {
      using _held = await condition.acquire();
      condition.notify();
      t("notified");
    }
    await sleep(1000);
  }
  await tasks[0];
  await tasks[1];
  t("end");
}

export async function notifySome(t: Trace): Promise<void> {
  const condition = new Condition();
  const tasks = [..."abc"].map((name) => waiter(t, condition, name));
  await sleep(1000);
  {
    using _held = await condition.acquire();
    condition.notify(2);
  }
  await sleep(1000);
  t(tasks.map((task) => task.done()));
  {
    using _held = await condition.acquire();
    condition.notify(5);
  }
  await tasks[2];
  t("end");
}

export async function notifyAll(t: Trace): Promise<void> {
  const condition = new Condition();
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      using _held = await condition.acquire();
      await condition.wait();
      t(name, "has the lock");
      await sleep(1000);
    })
  );
  await sleep(1000);
  {
    using _held = await condition.acquire();
    condition.notifyAll();
    t("notified");
  }
  for (const task of tasks) await task;
  t(condition.locked());
}

export async function nobodyWaits(t: Trace): Promise<void> {
  const condition = new Condition();
  {
    using _held = await condition.acquire();
    condition.notify();
    condition.notifyAll();
  }
  {
    using _held = await condition.acquire();
    t(await caught(waitFor(() => condition.wait(), 1000)));
    t(condition.locked());
  }
}

export async function withoutTheLock(t: Trace): Promise<void> {
  const condition = new Condition();
  t(thrown(() => condition.notify()), thrown(() => condition.notifyAll()));
  t(await caught(condition.wait()));
  t(thrown(() => condition.release()), condition.locked());
}

export async function waitForAPredicate(t: Trace): Promise<void> {
  const condition = new Condition();
  let state = 0;
  const task = createTask(async () => {
    using _held = await condition.acquire();
    t(
      await condition.waitFor(() => {
        t("asked", state);
        return state >= 2 && "enough";
      }),
    );
  });
  for (let i = 0; i < 3; i++) {
    await sleep(1000);
    using _held = await condition.acquire();
    state++;
    condition.notify();
  }
  await task;
}

export async function predicateHoldsAlready(t: Trace): Promise<void> {
  const condition = new Condition();
  t.loop.callSoon(t, "callback");
  {
    using _held = await condition.acquire();
    t(await condition.waitFor(() => "yes"));
  }
  await sleep(0);
  t("end");
}

export async function cancelledWhileItWaits(t: Trace): Promise<void> {
  const condition = new Condition();
  const task = createTask(async () => {
    using _held = await condition.acquire();
    try {
      await condition.wait();
    } finally {
      t("locked", condition.locked());
    }
  });
  await sleep(1000);
  t(condition.locked());
  task.cancel("enough");
  t(await caught(task));
  t(condition.locked());
}

export async function cancelledWhileTheLockIsHeld(t: Trace): Promise<void> {
  const condition = new Condition();
  const task = createTask(async () => {
    using _held = await condition.acquire();
    try {
      await condition.wait();
    } finally {
      t("has the lock again");
    }
  });
  await sleep(1000);
  {
    using _held = await condition.acquire();
    task.cancel("enough");
    await sleep(2000);
    t(task.done());
  }
  t(await caught(task));
}

export async function cancelledTwiceWhileTheLockIsHeld(t: Trace): Promise<void> {
  const condition = new Condition();
  const task = createTask(async () => {
    using _held = await condition.acquire();
    try {
      await condition.wait();
    } catch (error) {
      if (error instanceof CancelledError) t(error, condition.locked());
      throw error;
    }
  });
  await sleep(1000);
  {
    using _held = await condition.acquire();
    task.cancel("one");
    await sleep(1000);
    task.cancel("two");
    await sleep(1000);
    t(task.done());
  }
  t(await caught(task));
  t(condition.locked());
}

export async function cancelledWhenNotified(t: Trace): Promise<void> {
  const condition = new Condition();
  const a = waiter(t, condition, "a");
  const b = waiter(t, condition, "b");
  await sleep(1000);
  {
    using _held = await condition.acquire();
    condition.notify();
    a.cancel();
  }
  t(await caught(a));
  t(await caught(b));
}

export async function cancelledWhileItTakesTheLockAgain(t: Trace): Promise<void> {
  const condition = new Condition();
  const a = waiter(t, condition, "a");
  const b = waiter(t, condition, "b");
  await sleep(1000);
  {
    using _held = await condition.acquire();
    condition.notify();
    await sleep(1000);
    a.cancel("late");
    await sleep(1000);
    t([outcome(a), outcome(b)]);
  }
  t(await caught(a));
  t(await caught(b));
}

export async function timeoutInTheBlock(t: Trace): Promise<void> {
  const condition = new Condition();
  {
    using _held = await condition.acquire();
    t(await caught(waitFor(() => condition.wait(), 1000)));
    t(condition.locked());
  }
  t(condition.locked());
}

export async function sharedLock(t: Trace): Promise<void> {
  const lock = new Lock();
  const [first, second] = [new Condition(lock), new Condition(lock)];
  const a = waiter(t, first, "a");
  const b = waiter(t, second, "b");
  await sleep(1000);
  {
    using _held = await lock.acquire();
    t(first.locked(), second.locked());
    second.notify();
    await sleep(1000);
    t("second notified");
  }
  await b;
  {
    using _held = await first.acquire();
    first.notify();
  }
  await a;
  t("end");
}

export async function errorOfThePredicate(t: Trace): Promise<void> {
  const condition = new Condition();
  async function waiter(): Promise<void> {
    using _held = await condition.acquire();
    await condition.waitFor(() => {
      throw new Boom("predicate");
    });
  }
  t(await caught(waiter()), condition.locked());
}

export async function producerAndConsumers(t: Trace): Promise<void> {
  const condition = new Condition();
  const buffer: number[] = [];
  async function consumer(name: string): Promise<void> {
    for (let i = 0; i < 2; i++) {
      using _held = await condition.acquire();
      await condition.waitFor(() => buffer.length > 0);
      t(name, buffer.pop());
      condition.notifyAll();
    }
  }
  async function producer(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      using _held = await condition.acquire();
      await condition.waitFor(() => buffer.length === 0);
      buffer.push(i);
      condition.notifyAll();
    }
  }
  const tasks = [createTask(() => consumer("a")), createTask(() => consumer("b"))];
  await producer();
  for (const task of tasks) await task;
  t("end");
}
