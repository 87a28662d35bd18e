import { CancelledError, createTask, ensureFuture, type Future, sleep } from "../../../mod.ts";
import { Boom, caught, neutral, outcome, thrown, type Trace } from "../harness.ts";

export async function callbacksInOrder(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  for (const name of "abc") future.addDoneCallback((f) => t(name, f.result()));
  t("set");
  future.setResult(1);
  t("was set", future.done());
  await sleep(0);
  t("main");
}

export async function callbackAddedWhenDone(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  future.setResult("v");
  future.addDoneCallback((f) => t("callback", f.result()));
  t("added");
  await sleep(0);
  t("main");
}

export async function callbackAddedByACallback(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  future.addDoneCallback((f) => {
    t("first");
    f.addDoneCallback(() => t("added by first"));
  });
  future.addDoneCallback(() => t("second"));
  future.setResult();
  await sleep(0);
  t("main");
  await sleep(0);
  t("end");
}

export async function removeDoneCallbackCounts(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  const one = () => t("one");
  const two = () => t("two");
  future.addDoneCallback(one);
  future.addDoneCallback(two);
  future.addDoneCallback(one);
  t(future.removeDoneCallback(one));
  t(future.removeDoneCallback(one));
  future.setResult();
  await sleep(0);
  t("main");
}

export async function removingWhileCallbacksRun(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  const second = () => t("second");
  future.addDoneCallback((f) => t("first", f.removeDoneCallback(second)));
  future.addDoneCallback(second);
  future.setResult();
  await sleep(0);
  t("main");
}

export async function sameCallbackTwice(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  const callback = (f: Future<number>) => t("callback", f.result());
  future.addDoneCallback(callback);
  future.addDoneCallback(callback);
  future.setResult(3);
  await sleep(0);
  t("main");
}

export async function errorInADoneCallback(t: Trace): Promise<void> {
  t.traceHandler();
  const future = t.loop.createFuture<void>();
  future.addDoneCallback(() => {
    throw new Boom("callback");
  });
  future.addDoneCallback(() => t("good"));
  future.setResult();
  await sleep(0);
  t("main");
}

// deno-lint-ignore require-await
export async function cancelIsOnce(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  t(future.done(), future.cancelled());
  t(future.cancel());
  t(future.cancel());
  t(future.done(), future.cancelled());
  const done = t.loop.createFuture<number>();
  done.setResult(1);
  t(done.cancel(), done.cancelled(), done.result());
}

export async function cancelMessage(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  future.cancel("no longer needed");
  t(await caught(future));
  const plain = t.loop.createFuture<void>();
  plain.cancel();
  t(await caught(plain));
}

export async function cancelRunsCallbacks(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  future.addDoneCallback((f) => t("callback", f.cancelled()));
  future.cancel();
  t("cancelled");
  await sleep(0);
  t("main");
}

// deno-lint-ignore require-await
export async function illegalTransitions(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  t(thrown(() => future.result()), thrown(() => future.exception()));
  future.setResult(1);
  t(
    thrown(() => future.setResult(2)),
    thrown(() => future.setException(new Boom("late"))),
  );
  t(future.result(), future.exception());
}

// deno-lint-ignore require-await
export async function illegalTransitionsWhenCancelled(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  future.cancel("why");
  t(
    thrown(() => future.setResult(2)),
    thrown(() => future.setException(new Boom("late"))),
  );
  for (const ask of [() => future.result(), () => future.exception()]) {
    try {
      ask();
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      t(error);
    }
  }
}

export async function exceptionAndResult(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  future.setException(new Boom("bad"));
  t(future.done(), future.cancelled(), future.exception());
  t(thrown(() => future.result()));
  t(await caught(future));
  t(await caught(future));
}

export async function awaitingADoneFuture(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  future.setResult("ready");
  t.loop.callSoon(t, "callback");
  t(await future);
  t(await future);
  await sleep(0);
  t("main");
}

export async function awaitingAPendingFuture(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  t.loop.callSoon(() => {
    t("finish");
    future.setResult("value");
    t.loop.callSoon(t, "after the waiter");
  });
  t(await future);
  t("main");
}

export async function waitersInOrder(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      t(name, "waits");
      t(name, await future);
    })
  );
  await sleep(1000);
  future.setResult(9);
  t("set");
  for (const task of tasks) await task;
  t("end");
}

export async function callbacksAndWaitersShareTheOrder(
  t: Trace,
): Promise<void> {
  const future = t.loop.createFuture<number>();
  future.addDoneCallback((f) => t("before", f.result()));
  const task = createTask(async () => t("task", await future));
  await sleep(0);
  future.addDoneCallback((f) => t("after", f.result()));
  future.setResult(1);
  await task;
  t("end");
}

export async function errorReachesEveryWaiter(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  const tasks = [..."ab"].map((name) => createTask(async () => t(name, await caught(future))));
  await sleep(0);
  future.setException(new Boom("shared"));
  for (const task of tasks) await task;
  t("end");
}

export async function cancelledFutureReachesEveryWaiter(
  t: Trace,
): Promise<void> {
  const future = t.loop.createFuture<void>();
  const waiter = async () => await future;
  const tasks = [createTask(waiter), createTask(waiter)] as const;
  await sleep(0);
  future.cancel("gone");
  await sleep(0);
  t(tasks.map(outcome), tasks.map((task) => task.cancelling()));
  t(await caught(tasks[0]), await caught(tasks[1]));
}

export async function cancellingAWaiterCancelsTheFuture(
  t: Trace,
): Promise<void> {
  const future = t.loop.createFuture<void>();
  const a = createTask(async () => t("a", await caught(future)));
  const b = createTask(async () => t("b", await caught(future)));
  await sleep(0);
  a.cancel("only a");
  t(future.cancelled());
  await a;
  await b;
  t(a.cancelling(), b.cancelling());
}

export async function resultSetInAChain(t: Trace): Promise<void> {
  const futures = Array.from(
    { length: 4 },
    () => t.loop.createFuture<number>(),
  );
  const tasks = [2, 0, 1].map((i) =>
    createTask(async () => {
      const value = await futures[i]!;
      t(i, value);
      futures[i + 1]!.setResult(value + 1);
    })
  );
  await sleep(1000);
  futures[0]!.setResult(10);
  t("end", await futures[3]!);
  for (const task of tasks) await task;
}

export async function settledTwiceInOneIteration(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  function settle(value: string): void {
    if (future.done()) {
      t(value, "too late");
    } else {
      t(value, "wins");
      future.setResult(value);
    }
  }
  t.loop.callSoon(settle, "a");
  t.loop.callSoon(settle, "b");
  t(await future);
}

export async function ensureFutureReturnsAFutureAsItIs(
  t: Trace,
): Promise<void> {
  const future = t.loop.createFuture<void>();
  t(ensureFuture(future) === future);
  const task = ensureFuture(() => {
    t("work");
    return 4;
  });
  t(task === ensureFuture(task), task.done());
  t(await task);
}

export async function pingPong(t: Trace): Promise<void> {
  const futures = Array.from({ length: 6 }, () => t.loop.createFuture<void>());
  async function player(name: string, start: number): Promise<void> {
    for (let i = start; i < 5; i += 2) {
      await futures[i]!;
      t(name, i);
      futures[i + 1]!.setResult();
    }
  }
  const a = createTask(() => player("ping", 0));
  const b = createTask(() => player("pong", 1));
  futures[0]!.setResult();
  await futures[5]!;
  t("end");
  await a;
  await b;
}

export async function resultOfAFutureSetBeforeTheWaiterWaits(
  t: Trace,
): Promise<void> {
  const future = t.loop.createFuture<string>();
  const task = createTask(async () => {
    t("starts");
    t(await future);
    await sleep(0);
    t("ends");
  });
  future.setResult("early");
  future.addDoneCallback(() => t("callback"));
  await task;
  t("main");
}

export async function statesSeenByACallback(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  future.addDoneCallback((f) => t(f === future, f.done(), neutral(f.exception())));
  future.setException(new Boom("x"));
  t(future.done());
  await sleep(0);
  t("main");
}
