import { CancelledError, createTask, currentTask, sleep } from "../../../mod.ts";
import { Boom, caught, outcome, type Trace } from "../harness.ts";

export async function beforeTheStart(t: Trace): Promise<void> {
  const task = createTask(() => t("never"));
  t(task.cancel("early"));
  t(task.done(), task.cancelling());
  t(await caught(task));
  t(outcome(task));
}

export async function beforeTheStartKeepsItsTurn(t: Trace): Promise<void> {
  const task = createTask(() => t("never"));
  task.addDoneCallback((f) => t("callback", f.cancelled()));
  t.loop.callSoon(() => t("queued behind", task.done()));
  task.cancel();
  await sleep(0);
  t("main");
  await sleep(0);
  t("end");
}

export async function whileSleeping(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } catch (error) {
      t("thrown", error);
      throw error;
    } finally {
      t("finally");
    }
  });
  await sleep(1000);
  t(task.cancel("enough"));
  t("requested", task.done(), task.cancelling());
  t(await caught(task));
  t(outcome(task));
}

export async function threeDeep(t: Trace): Promise<void> {
  async function level(n: number): Promise<void> {
    try {
      await (n === 3 ? sleep(10_000) : level(n + 1));
    } finally {
      t("unwinds", n);
    }
  }
  const task = createTask(() => level(1));
  await sleep(1000);
  task.cancel();
  t.loop.callSoon(t, "callback");
  t(await caught(task));
}

export async function threeTasksDeep(t: Trace): Promise<void> {
  async function level(n: number): Promise<void> {
    try {
      await (n === 3 ? sleep(10_000) : createTask(() => level(n + 1)));
    } finally {
      t("unwinds", n);
    }
  }
  const task = createTask(() => level(1));
  await sleep(1000);
  task.cancel("deep");
  t(await caught(task));
}

export async function swallowed(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      t("swallowed");
    }
    return 42;
  });
  await sleep(0);
  task.cancel();
  t(await task, task.cancelled(), task.cancelling());
}

export async function swallowedAndGoesOnWaiting(t: Trace): Promise<void> {
  const first = t.loop.createFuture<void>();
  const second = t.loop.createFuture<number>();
  const task = createTask(async () => {
    t(await caught(first));
    return await second;
  });
  await sleep(0);
  task.cancel();
  await sleep(1000);
  t(first.cancelled(), second.cancelled(), task.done());
  second.setResult(42);
  t(await task);
}

export async function twiceAtOnce(t: Trace): Promise<void> {
  const task = createTask(async () => {
    t(await caught(sleep(10_000)));
    t(await caught(sleep(1000, "second sleep")));
  });
  await sleep(0);
  t(task.cancel("one"), task.cancel("two"));
  t(task.cancelling());
  await caught(task);
  t(outcome(task), task.cancelling());
}

export async function againDuringTheCleanup(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      t("cleanup");
      t(await caught(sleep(10_000)));
      t("cleanup ends");
    }
  });
  await sleep(1000);
  task.cancel("one");
  await sleep(1000);
  task.cancel("two");
  t(await caught(task));
  t(task.cancelling());
}

export async function cleanupThatAwaits(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      await sleep(2000);
      t("cleaned");
    }
  });
  await sleep(1000);
  task.cancel();
  await sleep(1000);
  t(task.done());
  t(await caught(task));
}

export async function cleanupThatFails(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw new Boom("cleanup");
    }
  });
  await sleep(1000);
  task.cancel();
  t(await caught(task), outcome(task), task.cancelled());
}

export async function itselfThenAwaits(t: Trace): Promise<void> {
  const task = createTask(async () => {
    t(currentTask()!.cancel("self"));
    t("still running");
    t(await caught(sleep(10_000)));
    return "ends";
  });
  t(await caught(task), t.now());
}

export async function itselfThenAwaitsNothingLong(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    self.cancel();
    await sleep(0);
    t("never");
  });
  t(await caught(task));
}

export async function itselfThenAwaitsADoneFuture(t: Trace): Promise<void> {
  const done = t.loop.createFuture<string>();
  done.setResult("done");
  const task = createTask(async (self) => {
    self.cancel();
    t(await done);
    t(await caught(sleep(0)));
    return "ends";
  });
  t(await caught(task));
}

export async function itselfThenReturns(t: Trace): Promise<void> {
  const task = createTask((self) => {
    self.cancel("self");
    return 12;
  });
  t(await caught(task));
  t(outcome(task));
}

export async function itselfThenFails(t: Trace): Promise<void> {
  const task = createTask((self) => {
    self.cancel();
    throw new Boom("own error");
  });
  t(await caught(task));
  t(outcome(task));
}

export async function itselfThenAwaitsATask(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  const inner = createTask(async () => await future);
  const task = createTask(async (self) => {
    self.cancel();
    await inner;
  });
  t(await caught(task));
  t(outcome(task), outcome(inner), outcome(future));
}
