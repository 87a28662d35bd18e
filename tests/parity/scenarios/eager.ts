import {
  allTasks,
  CancelledError,
  createTask,
  currentTask,
  eagerTaskFactory,
  gather,
  sleep,
  type Task,
  TaskGroup,
} from "../../../mod.ts";
import { Boom, caught, outcome, rejected, thrown, type Trace } from "../harness.ts";

// A coroutine that never waits is a plain function here: an async function ends in a microtask.

export async function endsInItsFirstStep(t: Trace): Promise<void> {
  const task = createTask(() => {
    t("work");
    return 1;
  }, { eagerStart: true });
  t("created", task.done(), outcome(task));
  t(await task);
}

export async function waitsAfterItsFirstStep(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  const task = createTask(async () => {
    t("first step");
    t("second step", await future);
    return "ends";
  }, { eagerStart: true });
  t("created", task.done());
  t.loop.callSoon(() => future.setResult("value"));
  t(await task);
}

export async function waitsForSleep(t: Trace): Promise<void> {
  async function work(name: string): Promise<void> {
    t(name, 1);
    await sleep(0);
    t(name, 2);
  }
  const lazy = createTask(() => work("lazy"));
  const eager = createTask(() => work("eager"), { eagerStart: true });
  t("created");
  await lazy;
  await eager;
  t("end");
}

export async function failsInItsFirstStep(t: Trace): Promise<void> {
  const task = createTask(() => {
    throw new Boom("at once");
  }, { eagerStart: true });
  t("created", task.done());
  t(await caught(task));
}

export async function cancelledErrorInItsFirstStep(t: Trace): Promise<void> {
  const task = createTask(() => {
    throw new CancelledError("own");
  }, { eagerStart: true });
  t("created", task.cancelled());
  t(await caught(task));
}

export async function currentTaskChangesAndComesBack(t: Trace): Promise<void> {
  currentTask()!.setName("main");
  const task = createTask(async () => {
    t("inside", currentTask()!.getName());
    await sleep(0);
    t("later", currentTask()!.getName());
  }, { name: "eager", eagerStart: true });
  t("after", currentTask()!.getName());
  await task;
  t("end", currentTask()!.getName());
}

export async function doneCallbackOfAFinishedOne(t: Trace): Promise<void> {
  const task = createTask(() => 1, { eagerStart: true });
  task.addDoneCallback((f) => t("callback", f.result()));
  t("added");
  await sleep(0);
  t("main");
}

export async function coroutineOfAFinishedOne(t: Trace): Promise<void> {
  const first = createTask(() => 1, { eagerStart: true });
  const second = createTask(() => sleep(0), { eagerStart: true });
  t(first.getCoro() === null, second.getCoro() === null);
  await second;
  t("end");
}

export async function notAmongAllTasksOnceFinished(t: Trace): Promise<void> {
  const names = () => Array.from(allTasks(), (task) => task.getName()).sort();
  currentTask()!.setName("main");
  createTask(() => 1, { name: "short", eagerStart: true });
  const task = createTask(() => sleep(0), { name: "long", eagerStart: true });
  t(names());
  await task;
  t(names());
}

export async function nested(t: Trace): Promise<void> {
  // Not async, so that the innermost, which never waits, ends at once.
  function work(n: number): void | Promise<void> {
    t("begins", n);
    if (n === 0) return t("ends", n);
    const inner = createTask(() => work(n - 1), { eagerStart: true });
    t("made", n - 1, inner.done());
    return sleepAndEnd(n);
  }
  async function sleepAndEnd(n: number): Promise<void> {
    await sleep(0);
    t("ends", n);
  }
  const task = createTask(() => work(2), { eagerStart: true });
  t("main");
  await task;
  await sleep(0);
  t("end");
}

export async function cancelledAfterItsFirstStep(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      t("finally");
    }
  }, { eagerStart: true });
  t(task.cancel("stop"), task.cancelling());
  t(await caught(task), t.now());
}

export async function cancelsItselfInItsFirstStep(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    self.cancel();
    t("cancelled itself");
    await sleep(0);
    t("never");
  }, { eagerStart: true });
  t(task.done(), task.cancelling());
  t(await caught(task));
}

// deno-lint-ignore require-await
export async function cancelsItselfAndReturns(t: Trace): Promise<void> {
  const task = createTask((self) => {
    self.cancel();
    return 1;
  }, { eagerStart: true });
  t(task.done(), outcome(task));
}

export async function factoryStartsAllEagerly(t: Trace): Promise<void> {
  async function work(name: string): Promise<string> {
    t(name);
    await sleep(0);
    t(name, "again");
    return name;
  }
  t.loop.setTaskFactory(eagerTaskFactory);
  const a = createTask(() => work("a"));
  const b = createTask(() => work("b"));
  t("created", a.done(), b.done());
  t(await a, await b);
}

export async function factoryWithGather(t: Trace): Promise<void> {
  function short(n: number): number {
    t("runs", n);
    return n;
  }
  t.loop.setTaskFactory(eagerTaskFactory);
  const future = gather(() => short(1), () => short(2), () => short(3));
  t("gathered", future.done());
  t(await future);
}

export async function factoryWithAMixedGather(t: Trace): Promise<void> {
  async function long(n: number): Promise<number> {
    await sleep(0);
    t("long ends");
    return n;
  }
  t.loop.setTaskFactory(eagerTaskFactory);
  t(await gather(() => 1, () => long(2), () => 3));
}

export async function factoryCanBeAskedForALazyOne(t: Trace): Promise<void> {
  t.loop.setTaskFactory(eagerTaskFactory);
  const task = createTask(() => t("work"), { eagerStart: false });
  t("created", task.done());
  await task;
  t("end");
}

export async function inAGroup(t: Trace): Promise<void> {
  await TaskGroup.run((group) => {
    const first = group.createTask(() => t("short"), { eagerStart: true });
    group.createTask(async () => {
      t("long");
      await sleep(0);
      t("long", "ends");
    }, { eagerStart: true });
    t("body", first.done());
  });
  t("group over");
}

export async function failingInAGroup(t: Trace): Promise<void> {
  t(
    await rejected(TaskGroup.run(async (group) => {
      group.createTask(async () => {
        try {
          await sleep(10_000);
        } finally {
          t("sibling ends");
        }
      });
      await sleep(0);
      group.createTask(() => {
        throw new Boom("eager child");
      }, { eagerStart: true });
      t("body goes on");
      t(await caught(sleep(10_000)));
    })),
  );
}

export async function notWhileTheLoopStands(t: Trace): Promise<void> {
  const task = t.loop.createTask(() => {
    t("work");
    return 3;
  }, { eagerStart: true });
  t("created", task.done());
  t(await t.loop.runUntilComplete(task));
}

export async function fromACallback(t: Trace): Promise<void> {
  const done = t.loop.createFuture<string>();
  let task: Task<void> | undefined;
  t.loop.callSoon(() => {
    task = t.loop.createTask(async () => {
      t("inside", currentTask() !== null);
      await sleep(0);
      done.setResult("ends");
    }, { eagerStart: true });
    t("callback", currentTask() === null);
  });
  t(await done);
  await task;
}

export async function resultAskedAtOnce(t: Trace): Promise<void> {
  const task = createTask(() => sleep(0, "x"), { eagerStart: true });
  t(thrown(() => task.result()));
  t(await task);
}
