import { AsyncLocalStorage } from "node:async_hooks";
import { createTask, gather, sleep, TaskGroup, timeout, TimeoutError } from "../../../mod.ts";
import { caught, type Trace } from "../harness.ts";

const storage = new AsyncLocalStorage<string>();

function value(): string {
  return storage.getStore() ?? "none";
}

export async function callbackHasItsCallersValue(t: Trace): Promise<void> {
  const tell = (name: string) => t(name, value());
  t.loop.callSoon(tell, "outside");
  storage.run("inside", () => t.loop.callSoon(tell, "soon"));
  storage.run("threadsafe", () => t.loop.callSoonThreadsafe(tell, "soon"));
  storage.run("later", () => t.loop.callLater(1000, tell, "timer"));
  await sleep(2000);
  tell("main");
}

export async function doneCallbackHasItsAddersValue(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  const tell = () => t(value());
  storage.run("adder", () => future.addDoneCallback(tell));
  future.addDoneCallback(tell);
  storage.run("settler", () => future.setResult());
  await sleep(0);
  t("end");
}

export async function taskHasItsMakersValue(t: Trace): Promise<void> {
  async function work(): Promise<void> {
    t(value());
    await sleep(1000);
    t(value());
  }
  await storage.run("maker", () => createTask(work));
  t("main", value());
}

export async function waiterKeepsItsOwnValue(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  async function waiter(): Promise<void> {
    await future;
    t("waiter", value());
  }
  const task = storage.run("waiter's", () => createTask(waiter));
  await sleep(0);
  storage.run("settler's", () => future.setResult());
  await task;
  t("main", value());
}

export async function valueSetInATaskStaysThere(t: Trace): Promise<void> {
  async function work(name: string): Promise<void> {
    t(name, value());
    await sleep(0);
    t(name, value());
  }
  const tasks = [..."ab"].map((name) => storage.run(name, () => createTask(() => work(name))));
  for (const task of tasks) await task;
  t("main", value());
}

export async function callbacksOfCallbacks(t: Trace): Promise<void> {
  function first(): void {
    t("first", value());
    t.loop.callSoon(() => t("second", value()));
    t.loop.callLater(1000, () => t("third", value()));
  }
  storage.run("origin", () => t.loop.callSoon(first));
  await sleep(2000);
  t("main", value());
}

export async function tasksOfTasks(t: Trace): Promise<void> {
  async function child(): Promise<void> {
    t("child", value());
    await sleep(1000);
    t("child", value());
  }
  async function parent(): Promise<void> {
    await createTask(child);
    t("parent", value());
  }
  await storage.run("parent's", () => createTask(parent));
  t("main", value());
}

export async function gatherInherits(t: Trace): Promise<void> {
  async function part(name: string): Promise<void> {
    await sleep(0);
    t(name, value());
  }
  await storage.run("caller", () => gather(() => part("a"), () => part("b")));
  t("main", value());
}

export async function eagerTaskInherits(t: Trace): Promise<void> {
  async function work(): Promise<void> {
    t(value());
    await sleep(0);
    t(value());
  }
  const task = storage.run("maker", () => createTask(work, { eagerStart: true }));
  t("main", value());
  await task;
}

export async function cleanupHasTheTasksValue(t: Trace): Promise<void> {
  async function work(): Promise<void> {
    try {
      await sleep(10_000);
    } finally {
      t("cleanup", value());
    }
  }
  const task = storage.run("task's", () => createTask(work));
  await sleep(0);
  storage.run("canceller's", () => task.cancel());
  t(await caught(task), value());
}

export async function timeoutDoesNotChangeIt(t: Trace): Promise<void> {
  async function work(): Promise<void> {
    try {
      await timeout(1000, () => sleep(10_000));
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      t("timed out", value());
    }
  }
  await storage.run("task's", () => createTask(work));
}

export async function groupMembersInherit(t: Trace): Promise<void> {
  async function member(name: string): Promise<void> {
    await sleep(0);
    t(name, value());
  }
  await TaskGroup.run((group) => {
    group.createTask(() => member("plain"));
    storage.run("special", () => group.createTask(() => member("within")));
  });
  t("main", value());
}
