import { CancelledError, createTask, currentTask, sleep, type Task } from "../../../mod.ts";
import { Boom, caught, outcome, type Trace } from "../harness.ts";

export async function awaitedFutureCancelled(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  const task = createTask(async (self) => {
    try {
      await future;
    } catch (error) {
      t(error, self.cancelling());
      throw error;
    }
  });
  await sleep(0);
  future.cancel("the future");
  t(await caught(task), task.cancelled());
}

export async function counts(t: Trace): Promise<void> {
  const task = createTask(() => sleep(10_000));
  t(task.cancelling(), task.cancel(), task.cancelling(), task.cancel(), task.cancelling());
  t(task.uncancel(), task.uncancel(), task.uncancel(), task.cancelling());
  t(await caught(task));
}

export async function uncancelMakesCancellableAgain(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    for (let i = 0; i < 2; i++) {
      try {
        await sleep(10_000);
      } catch (error) {
        t(i, error, self.cancelling());
        t(self.uncancel());
      }
    }
    await sleep(1000);
    return "done";
  });
  await sleep(1000);
  task.cancel("one");
  await sleep(1000);
  task.cancel("two");
  t(await task, task.cancelling());
}

export async function uncancelBeforeTheWakeUp(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  const task = createTask(async () => await future);
  await sleep(0);
  future.setResult(42);
  task.cancel();
  t(task.cancelling());
  t(task.uncancel());
  t(await task);
}

export async function uncancelBeforeTheStart(t: Trace): Promise<void> {
  const task = createTask(() => {
    t("runs");
    return 1;
  });
  task.cancel();
  task.uncancel();
  t(await caught(task));
}

export async function futureDoneThenTaskCancelled(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  const task = createTask(async () => await future);
  await sleep(0);
  future.setResult("lost");
  t(task.cancel("late"));
  t(await caught(task));
  t(outcome(future), outcome(task));
}

export async function taskCancelledThenFutureSettled(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  const task = createTask(async () => await future);
  await sleep(0);
  task.cancel();
  t(future.done(), future.cancelled());
  t(await caught(task));
}

export async function futureFailedThenTaskCancelled(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  const task = createTask(async () => t(await caught(future)));
  await sleep(0);
  future.setException(new Boom("hidden"));
  task.cancel();
  t(await caught(task));
  t(outcome(future));
}

export async function innerTaskDoneThenOuterCancelled(t: Trace): Promise<void> {
  const gate = t.loop.createFuture<void>();
  const inner = createTask(async () => {
    await gate;
    return "kept";
  });
  const outer = createTask(async () => await inner);
  await sleep(1000);
  gate.setResult();
  await sleep(0);
  t(inner.done(), outer.done());
  outer.cancel();
  t(await caught(outer));
  t(outcome(inner), outcome(outer));
}

export async function timerDueAndCancelled(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(1000);
    t("never");
  });
  await sleep(0);
  t.loop.callLater(1000, () => t("cancel", task.cancel()));
  t(await caught(task));
}

export async function ofADoneTask(t: Trace): Promise<void> {
  const task = createTask(() => 1);
  await task;
  t(task.cancel(), task.cancelled(), task.cancelling(), await task);
}

export async function theMessageTravels(t: Trace): Promise<void> {
  const inner = createTask(() => sleep(10_000));
  const outer = createTask(async () => await inner);
  await sleep(0);
  await sleep(0);
  inner.cancel("from the child");
  t(await caught(outer));
  t(outcome(inner), outcome(outer), inner.cancelling(), outer.cancelling());
}

export async function childSwallows(t: Trace): Promise<void> {
  async function child(): Promise<string> {
    t(await caught(sleep(10_000)));
    return "child's value";
  }
  const task = createTask(async () => await createTask(child));
  await sleep(1000);
  task.cancel();
  t(await task, task.cancelled(), task.cancelling());
}

export async function childFailsOnCancellation(t: Trace): Promise<void> {
  async function child(): Promise<void> {
    try {
      await sleep(10_000);
    } catch {
      throw new Boom("child");
    }
  }
  const task = createTask(async () => await createTask(child));
  await sleep(1000);
  task.cancel();
  t(await caught(task));
}

export async function parentAndChildAtOnce(t: Trace): Promise<void> {
  const inner = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      t("child ends");
    }
  });
  const outer = createTask(async () => {
    try {
      await inner;
    } finally {
      t("parent ends");
    }
  });
  await sleep(1000);
  t(inner.cancel("inner"), outer.cancel("outer"));
  t(await caught(outer));
  t(inner.cancelling(), outer.cancelling());
}

export async function duringSleepZero(t: Trace): Promise<void> {
  const task = createTask(async () => {
    for (let i = 0; i < 5; i++) {
      t(i);
      await sleep(0);
    }
  });
  await sleep(0);
  await sleep(0);
  task.cancel();
  t(await caught(task));
}

export async function fromADoneCallback(t: Trace): Promise<void> {
  const a = createTask(() => sleep(1000));
  const b = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      t("second ends");
    }
  });
  a.addDoneCallback(() => t("callback", b.cancel()));
  t(await caught(b));
}

export async function raisedByTheTaskItself(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(0);
    throw new CancelledError("own");
  });
  t(await caught(task));
  t(outcome(task), task.cancelling());
}

export async function raisedAnewWithAnotherMessage(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } catch {
      throw new CancelledError("mine");
    }
  });
  await sleep(0);
  task.cancel("theirs");
  t(await caught(task));
}

export async function awaitedByTwo(t: Trace): Promise<void> {
  const inner = createTask(() => sleep(10_000));
  const tasks = [..."ab"].map((name) =>
    createTask(async () => {
      try {
        await inner;
      } finally {
        t(name, "ends");
      }
    })
  );
  await sleep(1000);
  inner.cancel();
  await sleep(0);
  await sleep(0);
  t(tasks.map(outcome));
}

export async function oneOfTwoWaiters(t: Trace): Promise<void> {
  const inner = createTask(() => sleep(10_000));
  const a = createTask(async () => t("a", await caught(inner)));
  const b = createTask(async () => t("b", await caught(inner)));
  await sleep(1000);
  a.cancel("a only");
  await a;
  await b;
  t(outcome(inner));
}

export async function manyAtOnce(t: Trace): Promise<void> {
  const tasks: Record<string, Task<void>> = {};
  for (const name of "abcd") {
    tasks[name] = createTask(async () => {
      try {
        await sleep(10_000);
      } finally {
        t(name);
      }
    });
  }
  await sleep(1000);
  for (const name of "cadb") tasks[name]!.cancel();
  for (const name of "abcd") await caught(tasks[name]!);
  t("end");
}

export async function structuredByHand(t: Trace): Promise<void> {
  async function block(task: Task<void>): Promise<void> {
    let [timedOut, cancelled] = [false, false];
    const timer = t.loop.callLater(1000, () => task.cancel());
    try {
      await sleep(10_000);
    } catch {
      if (task.uncancel() === 0) timedOut = true;
      else cancelled = true;
    } finally {
      timer.cancel();
    }
    t(timedOut, cancelled, task.cancelling());
  }
  await createTask(block);
  const task = createTask(block);
  await sleep(0);
  t.loop.callLater(1000, () => task.cancel());
  await task;
}

export async function inALoopThatIgnores(t: Trace): Promise<void> {
  const task = createTask(async () => {
    let ignored = 0;
    while (ignored < 3) {
      try {
        await sleep(10_000);
      } catch {
        t("ignored", ++ignored);
      }
    }
    return ignored;
  });
  while (!task.done()) {
    await sleep(1000);
    task.cancel();
    await sleep(0);
  }
  t(outcome(task), task.cancelling());
}

export async function ofTheMainTaskByAChild(t: Trace): Promise<void> {
  const main = currentTask()!;
  const inner = createTask(async () => {
    t("child cancels main", main.cancel("by child"));
    t(await caught(sleep(1000, "slept")));
  });
  t(await caught(inner));
  t(main.cancelling(), main.uncancel(), outcome(inner));
}
