import { createTask, currentTask, sleep, waitFor } from "../../../mod.ts";
import { Boom, caught, outcome, type Trace } from "../harness.ts";

export async function inTime(t: Trace): Promise<void> {
  t.loop.callSoon(t, "callback");
  t(
    await waitFor(async () => {
      t("work");
      await sleep(1000);
      return "value";
    }, 2000),
  );
  await sleep(5000);
  t("undisturbed");
}

export async function withoutWaiting(t: Trace): Promise<void> {
  t(
    await waitFor(() => {
      t("work");
      return 1;
    }, 1000),
  );
}

export async function tooLate(t: Trace): Promise<void> {
  t(
    await caught(waitFor(async () => {
      try {
        await sleep(10_000);
      } finally {
        t("finally");
      }
    }, 1000)),
  );
  t(currentTask()!.cancelling());
}

export async function withoutATimeout(t: Trace): Promise<void> {
  t(await waitFor(() => sleep(1_000_000, "at last"), null));
}

export async function infiniteTimeout(t: Trace): Promise<void> {
  t(await waitFor(() => sleep(10_000, "value"), Infinity));
}

export async function inTheSameTask(t: Trace): Promise<void> {
  const main = currentTask();
  await waitFor(async () => {
    t(currentTask() === main);
    await sleep(0);
    t(currentTask() === main);
  }, 1000);
  t("end");
}

export async function zeroNeverStartsACoroutine(t: Trace): Promise<void> {
  t(await caught(waitFor(() => t("never"), 0)));
  t(await caught(waitFor(() => t("never"), -1000)));
}

export async function zeroAndADoneFuture(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  future.setResult("ready");
  t(await waitFor(future, 0));
  const failed = t.loop.createFuture<string>();
  failed.setException(new Boom("ready"));
  t(await caught(waitFor(failed, 0)));
}

export async function zeroAndAPendingFuture(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  t(await caught(waitFor(future, 0)));
  t(future.cancelled());
}

export async function zeroAndARunningTask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      await sleep(1000);
      t("cleaned");
    }
  });
  await sleep(0);
  t(await caught(waitFor(task, 0)));
  t(outcome(task));
}

export async function zeroAndAStubbornTask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    t(await caught(sleep(10_000)));
    return 42;
  });
  await sleep(0);
  t(await caught(waitFor(task, 0)));
}

export async function errorOfTheCoroutine(t: Trace): Promise<void> {
  t(
    await caught(waitFor(async () => {
      await sleep(0);
      throw new Boom("work");
    }, 1000)),
  );
}

export async function cancellationSuppressed(t: Trace): Promise<void> {
  t(
    await caught(waitFor(async () => {
      t(await caught(sleep(10_000)));
      await sleep(2000);
      return 42;
    }, 1000)),
  );
}

export async function errorDuringTheCancellation(t: Trace): Promise<void> {
  t(
    await caught(waitFor(async () => {
      try {
        await sleep(10_000);
      } catch {
        throw new Boom("cleanup");
      }
    }, 1000)),
  );
}

export async function cleanupIsAwaited(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      await sleep(3000);
      t("cleaned");
    }
  });
  t(await caught(waitFor(task, 1000)));
  t(outcome(task));
}

export async function taskIsCancelled(t: Trace): Promise<void> {
  const task = createTask(() => sleep(10_000));
  t(await caught(waitFor(task, 1000)));
  t(task.cancelled(), task.cancelling());
}

export async function futureIsCancelled(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  t(await caught(waitFor(future, 1000)));
  t(future.cancelled());
}

export async function awaitedTaskCancelledByAnother(t: Trace): Promise<void> {
  const task = createTask(() => sleep(10_000));
  t.loop.callLater(1000, () => task.cancel("by another"));
  t(await caught(waitFor(task, 5000)));
  t(currentTask()!.cancelling());
}

export async function waiterCancelled(t: Trace): Promise<void> {
  const inner = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      t("finally");
    }
  });
  const outer = createTask(() => waitFor(inner, 5000));
  await sleep(1000);
  outer.cancel("waiter");
  t(await caught(outer));
  t(outcome(inner), inner.cancelling());
}

export async function waiterCancelledWhenTheValueIsThere(t: Trace): Promise<void> {
  const gate = t.loop.createFuture<void>();
  const inner = createTask(async () => {
    await gate;
    return "kept";
  });
  const outer = createTask(() => waitFor(inner, 5000));
  await sleep(1000);
  gate.setResult();
  await sleep(0);
  t(inner.done(), outer.done());
  outer.cancel();
  t(await caught(outer));
  t(outcome(inner));
}

export async function nested(t: Trace): Promise<void> {
  t(
    await caught(waitFor(async () => {
      t(await caught(waitFor(() => sleep(10_000), 1000)));
      await sleep(10_000);
    }, 3000)),
  );
}

export async function valueInTheIterationOfTheDeadline(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  t.loop.callLater(1000, () => future.done() || future.setResult("lost"));
  t(await caught(waitFor(future, 1000)));
  t(outcome(future));
}

export async function severalAtOnce(t: Trace): Promise<void> {
  async function waiter(name: string, delay: number, timeout: number): Promise<void> {
    t(name, await caught(waitFor(() => sleep(delay, name), timeout)));
  }
  const tasks = [
    createTask(() => waiter("a", 1000, 3000)),
    createTask(() => waiter("b", 5000, 2000)),
    createTask(() => waiter("c", 4000, 6000)),
  ];
  for (const task of tasks) await task;
  t("end");
}
