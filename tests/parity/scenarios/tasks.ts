import { allTasks, createTask, currentTask, getRunningLoop, sleep, Task } from "../../../mod.ts";
import type { TaskFactory } from "../../../types.ts";
import { Boom, caught, outcome, thrown, type Trace } from "../harness.ts";

export async function firstStepInTheNextIteration(t: Trace): Promise<void> {
  const tasks = [..."abc"].map((name) => createTask(() => t(name)));
  t("created");
  await sleep(0);
  t("main", tasks.map((task) => task.done()));
}

export async function createdBetweenCallbacks(t: Trace): Promise<void> {
  t.loop.callSoon(t, "before");
  const task = createTask(() => t("task"));
  t.loop.callSoon(t, "after");
  await task;
  t("main");
}

export async function awaitingATask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    t("work");
    await sleep(0);
    t("work ends");
    return "result";
  });
  t("main waits");
  t(await task);
  t(await task);
}

export async function awaitingAFinishedTask(t: Trace): Promise<void> {
  const task = createTask(() => 1);
  await sleep(1000);
  t(task.done());
  t(await task, outcome(task));
}

export async function callingIsNotATask(t: Trace): Promise<void> {
  async function inner(n: number): Promise<number> {
    t("inner", n);
    return n === 0 ? n : await inner(n - 1);
  }
  t.loop.callSoon(t, "callback");
  t(await inner(3));
  await sleep(0);
  t("main");
}

export async function deepAwait(t: Trace): Promise<void> {
  async function level(n: number): Promise<void> {
    if (n === 0) {
      await sleep(0);
      t("bottom");
    } else {
      await level(n - 1);
      t("level", n);
    }
  }
  const task = createTask(() => level(4));
  t.loop.callSoon(t, "callback");
  await task;
  t("main");
}

export async function errorOfATask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(0);
    throw new Boom("bad");
  });
  t(await caught(task));
  t(outcome(task), task.cancelled());
}

export async function doneCallbackOfATask(t: Trace): Promise<void> {
  const task = createTask(() => {
    t("work");
    return 5;
  });
  task.addDoneCallback((f) => t("callback", f === task, f.result()));
  t.loop.callSoon(t, "queued behind the task");
  await sleep(0);
  t("main", task.done());
  await sleep(0);
  t("end");
}

export async function resultTooEarly(t: Trace): Promise<void> {
  const task = createTask(() => sleep(0, "x"));
  t(thrown(() => task.result()), thrown(() => task.exception()));
  await task;
  t(task.result(), task.exception());
}

export async function setResultIsRefused(t: Trace): Promise<void> {
  const task = createTask(() => sleep(0, "x"));
  t(thrown(() => task.setResult("y")), thrown(() => task.setException(new Boom("no"))));
  t(await task);
}

export async function sleepReturnsItsResult(t: Trace): Promise<void> {
  t(await sleep(0, "zero"));
  t(await sleep(1000, "one"));
  t(await sleep(-1000, "minus one"));
  t(await sleep(0));
}

export async function sleepByDeadline(t: Trace): Promise<void> {
  async function sleeper(name: string, delay: number): Promise<void> {
    await sleep(delay);
    t(name);
  }
  const delays = [["c", 3000], ["a", 1000], ["b", 2000]] as const;
  const tasks = delays.map(([name, delay]) => createTask(() => sleeper(name, delay)));
  for (const task of tasks) await task;
  t("end");
}

export async function sleepersOfOneDeadline(t: Trace): Promise<void> {
  async function sleeper(name: string): Promise<void> {
    await sleep(1000);
    t(name);
    await sleep(1000);
    t(name, "again");
  }
  const tasks = [..."abc"].map((name) => createTask(() => sleeper(name)));
  for (const task of tasks) await task;
  t("end");
}

export async function manySteps(t: Trace): Promise<void> {
  async function work(name: string, steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) await sleep(0);
    t(name, "ends");
  }
  const tasks = [3, 0, 2, 1].map((n) => createTask(() => work(`t${n}`, n)));
  for (const task of tasks) await task;
  t("end");
}

export async function currentTaskInTaskAndCallback(t: Trace): Promise<void> {
  // deno-lint-ignore require-await
  async function inner(): Promise<string | undefined> {
    return currentTask()?.getName();
  }
  const task: Task<void> = createTask(async () => {
    t(currentTask() === task, await inner());
    await sleep(0);
    t(currentTask() === task, await inner());
  }, { name: "worker" });
  t.loop.callSoon(() => t("callback", currentTask() === null));
  const main = currentTask();
  await task;
  t(currentTask() === main);
}

export async function currentTaskInADoneCallback(t: Trace): Promise<void> {
  const task = createTask(() => 1);
  task.addDoneCallback(() => t(currentTask() === null));
  await task;
  t("main");
}

export async function allTasksAreThoseNotDone(t: Trace): Promise<void> {
  async function work(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) await sleep(0);
  }
  currentTask()!.setName("main");
  const names = () => Array.from(allTasks(), (task) => task.getName()).sort();
  const tasks = [0, 1, 2].map((n) => createTask(() => work(n), { name: `t${n}` }));
  t(names());
  for (let i = 0; i < 4; i++) {
    await sleep(0);
    t(names());
  }
  t(tasks.map((task) => task.done()));
}

export async function namesOfTasks(t: Trace): Promise<void> {
  const task = createTask(() => sleep(0), { name: "first" });
  t(task.getName());
  task.setName("second");
  t(task.getName());
  await task;
  t(task.getName());
}

export async function awaitingItself(t: Trace): Promise<void> {
  const task: Task<string> = createTask(async () => {
    t(await caught(task));
    return "ends";
  });
  t(await task);
}

export async function taskFromACallback(t: Trace): Promise<void> {
  const done = t.loop.createFuture<string>();
  let task: Task<void> | undefined;
  t.loop.callSoon(() => {
    t("callback");
    task = t.loop.createTask(() => {
      t("work");
      done.setResult("made by a callback");
    });
  });
  t.loop.callSoon(t, "same iteration");
  t(await done);
  await task;
}

export async function taskStartsTask(t: Trace): Promise<void> {
  async function parent(name: string): Promise<void> {
    t(name);
    await createTask(() => t(`${name}'s child`));
    t(name, "ends");
  }
  const a = createTask(() => parent("a"));
  const b = createTask(() => parent("b"));
  await a;
  await b;
  t("main");
}

export async function endingInOneIteration(t: Trace): Promise<void> {
  const gate = t.loop.createFuture<void>();
  async function work(name: string): Promise<string> {
    await gate;
    return name;
  }
  const tasks = [..."ab"].map((name) => createTask(() => work(name)));
  const waiters = tasks.toReversed().map((task) =>
    createTask(async () => t("waiter of", await task))
  );
  await sleep(1000);
  gate.setResult();
  for (const task of waiters) await task;
  t("end");
}

export async function twoTasksOneResult(t: Trace): Promise<void> {
  const third = createTask(() => sleep(1000, "w"));
  const tasks = [..."ab"].map((name) => createTask(async () => t(name, await third)));
  for (const task of tasks) await task;
  t("end");
}

export async function loopOfATask(t: Trace): Promise<void> {
  const task = createTask(() => sleep(0));
  t(task.getLoop() === t.loop, getRunningLoop() === t.loop);
  t(task.getCoro() !== null, task.done(), task.cancelled(), task.cancelling());
  await task;
  t(task.done(), task.cancelled(), task.cancelling());
}

export async function unhandledErrorDoesNotDisturb(t: Trace): Promise<void> {
  const bad = createTask(() => {
    throw new Boom("alone");
  });
  const good = createTask(async () => {
    await sleep(0);
    t("good");
  });
  await good;
  t(outcome(bad));
}

export async function taskFactory(t: Trace): Promise<void> {
  const factory: TaskFactory = (_loop, coro, options) => {
    t("factory", options.name);
    return new Task(coro, { ...options, loop: t.loop });
  };
  function work(): number {
    t("work");
    return 2;
  }
  t.loop.setTaskFactory(factory);
  t(t.loop.getTaskFactory() === factory);
  t(await createTask(work, { name: "made" }));
  t.loop.setTaskFactory(null);
  t(t.loop.getTaskFactory());
  t(await createTask(work, { name: "plain" }));
}
