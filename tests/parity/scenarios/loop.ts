import { CancelledError, createTask, sleep } from "../../../mod.ts";
import type { AbstractHandle } from "../../../types.ts";
import { Boom, caught, rejected, thrown, type Trace } from "../harness.ts";

export async function callSoonRunsInOrder(t: Trace): Promise<void> {
  t("main");
  t.loop.callSoon(t, "a");
  t.loop.callSoon(t, "b", 1, true);
  t.loop.callSoon(t, "c");
  t("not yet");
  await sleep(0);
  t("main again");
}

export async function callSoonFromACallbackWaits(t: Trace): Promise<void> {
  t.loop.callSoon(() => {
    t("first");
    t.loop.callSoon(t, "from first");
  });
  t.loop.callSoon(t, "second");
  await sleep(0);
  t("main after one");
  await sleep(0);
  t("main after two");
}

export async function callbackChain(t: Trace): Promise<void> {
  const done = t.loop.createFuture<void>();
  function link(n: number): void {
    t(n);
    if (n === 5) done.setResult();
    else t.loop.callSoon(link, n + 1);
  }
  t.loop.callSoon(link, 1);
  await done;
  t("end");
}

export async function stopFinishesTheBatch(t: Trace): Promise<void> {
  t.loop.callSoon(() => {
    t("first");
    t.loop.callSoon(t, "later");
  });
  t.loop.callSoon(() => t.loop.stop());
  t.loop.callSoon(t, "third");
  await t.loop.runForever();
  t("stopped", t.loop.isRunning());
  t.loop.callSoon(() => t.loop.stop());
  await t.loop.runForever();
  t("stopped again");
}

export async function stopBeforeARun(t: Trace): Promise<void> {
  t.loop.callSoon(t, "one");
  t.loop.callSoon(() => t.loop.callSoon(t, "two"));
  t.loop.stop();
  await t.loop.runForever();
  t("stopped");
  t.loop.stop();
  await t.loop.runForever();
  t("stopped again");
}

export async function stopTwiceIsOnce(t: Trace): Promise<void> {
  t.loop.callSoon(() => t.loop.stop());
  t.loop.callSoon(() => t.loop.stop());
  t.loop.callSoon(() => t.loop.callSoon(t, "next run"));
  await t.loop.runForever();
  t("first run over");
  t.loop.callSoon(() => t.loop.stop());
  await t.loop.runForever();
  t("second run over");
}

export async function stopWithATimerPending(t: Trace): Promise<void> {
  t.loop.callLater(1000, t, "timer");
  t.loop.callLater(2000, () => t.loop.stop());
  t.loop.stop();
  await t.loop.runForever();
  t("stopped at once");
  await t.loop.runForever();
  t("stopped by the timer");
}

export async function cancelledInTheBatch(t: Trace): Promise<void> {
  t.loop.callSoon(() => {
    t("first");
    handle.cancel();
    t(handle.cancelled());
  });
  const handle: AbstractHandle = t.loop.callSoon(t, "never");
  t.loop.callSoon(t, "third");
  t.loop.callSoon(() => t.loop.stop());
  await t.loop.runForever();
  t("end");
}

export async function cancelBeforeTheIteration(t: Trace): Promise<void> {
  const handle = t.loop.callSoon(t, "never");
  t.loop.callSoon(t, "other");
  t(handle.cancelled());
  handle.cancel();
  handle.cancel();
  t(handle.cancelled());
  await sleep(0);
  t("end");
}

export async function callLaterByDeadline(t: Trace): Promise<void> {
  t.loop.callLater(3000, t, "three");
  t.loop.callLater(1000, t, "one");
  t.loop.callLater(2000, t, "two");
  t.loop.callLater(500, t, "half");
  await sleep(4000);
  t("end");
}

export async function callLaterEqualDeadlines(t: Trace): Promise<void> {
  t.loop.callLater(1000, t, "a");
  t.loop.callLater(1000, t, "b");
  await sleep(2000);
  t("end");
}

export async function negativeDelays(t: Trace): Promise<void> {
  t.loop.callLater(-1000, t, "minus one");
  t.loop.callLater(-2000, t, "minus two");
  await sleep(0);
  t("main");
}

export async function zeroDelayFollowsReadyCallbacks(t: Trace): Promise<void> {
  t.loop.callLater(0, t, "timer");
  t.loop.callSoon(t, "soon");
  await sleep(0);
  t("main");
  await sleep(0);
  t("main again");
}

export async function timersInOneIterationBeforeNewCallbacks(
  t: Trace,
): Promise<void> {
  t.loop.callLater(1000, () => {
    t("first");
    t.loop.callSoon(t, "from first");
    t.loop.callLater(0, t, "timer from first");
  });
  t.loop.callLater(1000, t, "second");
  await sleep(2000);
  t("end");
}

export async function readyCallbacksPrecedeDueTimers(t: Trace): Promise<void> {
  t.loop.callLater(1000, t, "timer");
  function again(n: number): void {
    t(n);
    if (n < 3) t.loop.callSoon(again, n + 1);
  }
  t.loop.callSoon(again, 1);
  await sleep(1000);
  t("slept");
}

export async function cancelledTimer(t: Trace): Promise<void> {
  const handle = t.loop.callLater(1000, t, "never");
  t.loop.callLater(2000, t, "two");
  handle.cancel();
  t(handle.cancelled(), t.ms(handle.when()));
  await sleep(3000);
  t(handle.cancelled(), t.ms(handle.when()));
}

export async function timerCancelsTimerOfItsBatch(t: Trace): Promise<void> {
  t.loop.callLater(1000, () => {
    t("first");
    second.cancel();
  });
  const second: AbstractHandle = t.loop.callLater(1000, t, "never");
  await sleep(2000);
  t("end");
}

export async function whenAfterFiring(t: Trace): Promise<void> {
  const handle = t.loop.callLater(1500, t, "fired");
  t(t.ms(handle.when()));
  await sleep(2000);
  t(t.ms(handle.when()), handle.cancelled());
}

export async function callAtAbsolute(t: Trace): Promise<void> {
  const now = t.loop.time();
  t.loop.callAt(now + 2000, t, "two");
  t.loop.callAt(now + 1000, t, "one");
  t.loop.callAt(now - 5000, t, "passed");
  await sleep(3000);
  t("end");
}

export async function timerSetsTimer(t: Trace): Promise<void> {
  t.loop.callLater(1000, () => {
    t("first");
    t.loop.callLater(1000, t, "second");
  });
  await sleep(3000);
  t("end");
}

export async function manyCancelledTimers(t: Trace): Promise<void> {
  const handles = Array.from(
    { length: 120 },
    (_, i) => t.loop.callLater(1000 + i * 125, t, i),
  );
  handles.forEach((handle, i) => {
    if (i % 12 !== 5) handle.cancel();
  });
  await sleep(20_000);
  t("end");
}

export async function errorInACallback(t: Trace): Promise<void> {
  t.traceHandler();
  t.loop.callSoon(() => {
    t("bad");
    throw new Boom("in a callback");
  });
  t.loop.callSoon(t, "next");
  await sleep(0);
  t("main");
}

export async function errorInATimer(t: Trace): Promise<void> {
  t.traceHandler();
  t.loop.callLater(1000, () => {
    throw new Boom("in a timer");
  });
  t.loop.callLater(1000, t, "next");
  t.loop.callLater(2000, t, "later");
  await sleep(3000);
  t("end");
}

export async function threadsafeKeepsTheOrder(t: Trace): Promise<void> {
  t.loop.callSoon(t, 1);
  t.loop.callSoonThreadsafe(t, 2);
  t.loop.callSoon(t, 3);
  const handle = t.loop.callSoonThreadsafe(t, "never");
  handle.cancel();
  await sleep(0);
  t("main");
}

export async function sleepZeroInterleaves(t: Trace): Promise<void> {
  async function worker(name: string): Promise<void> {
    for (let i = 0; i < 3; i++) {
      t(name, i);
      await sleep(0);
    }
  }
  const a = createTask(() => worker("a"));
  const b = createTask(() => worker("b"));
  await a;
  await b;
  t("end");
}

export async function timerThenTask(t: Trace): Promise<void> {
  t.loop.callLater(1000, t, "timer before");
  const task = createTask(() => sleep(1000, "slept"));
  await sleep(0);
  t.loop.callLater(1000, t, "timer after");
  t(await task);
}

export async function runUntilCompleteRunsTheBatch(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  t.loop.callSoon(() => {
    t("finish");
    future.setResult("value");
    t.loop.callSoon(t, "same iteration as the stop");
    t.loop.callSoon(() => t.loop.callSoon(t, "next run"));
  });
  t(await t.loop.runUntilComplete(future));
  t.loop.callSoon(() => t.loop.stop());
  await t.loop.runForever();
  t("end");
}

export async function runUntilCompleteOfADoneFuture(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  future.setResult(7);
  t(await t.loop.runUntilComplete(future));
  t(await t.loop.runUntilComplete(future));
}

export async function runUntilCompleteStoppedEarly(t: Trace): Promise<void> {
  const task = t.loop.createTask(async () => {
    t("main");
    t.loop.stop();
    await sleep(1000);
    t("slept");
    return 5;
  });
  try {
    await t.loop.runUntilComplete(task);
  } catch (error) {
    t((error as Error).message);
  }
  t(task.done());
  t(await t.loop.runUntilComplete(task));
}

export async function runUntilCompleteWithAnError(t: Trace): Promise<void> {
  async function bad(): Promise<void> {
    await sleep(0);
    throw new Boom("main");
  }
  function good(): string {
    t("good");
    return "fine";
  }
  try {
    await t.loop.runUntilComplete(bad);
  } catch (error) {
    t(error);
  }
  t(await t.loop.runUntilComplete(good));
}

export async function runUntilCompleteCancelled(t: Trace): Promise<void> {
  const task = t.loop.createTask(() => sleep(10_000));
  t.loop.callLater(1000, () => task.cancel());
  try {
    await t.loop.runUntilComplete(task);
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    t(error);
  }
  t(task.cancelled());
}

export async function runKeepsOtherTasks(t: Trace): Promise<void> {
  const task = t.loop.createTask(async () => {
    for (let i = 0; i < 4; i++) {
      t("worker", i);
      await sleep(0);
    }
  });
  await t.loop.runUntilComplete(async () => {
    await sleep(0);
    t("main");
  });
  t("between the runs");
  await t.loop.runUntilComplete(task);
  t("end");
}

export async function statesOfALoop(t: Trace): Promise<void> {
  t(t.loop.isRunning(), t.loop.isClosed());
  t.loop.callSoon(() => t("running", t.loop.isRunning()));
  t.loop.callSoon(() => t("close", thrown(() => t.loop.close())));
  t.loop.callSoon(() => t.loop.stop());
  await t.loop.runForever();
  t.loop.close();
  t.loop.close();
  t(t.loop.isRunning(), t.loop.isClosed());
  t(thrown(() => t.loop.callSoon(t, "never")));
  t(thrown(() => t.loop.callLater(1000, t, "never")));
  t(await rejected(t.loop.runForever()));
}

// deno-lint-ignore require-await
export async function closeDropsWhatWaits(t: Trace): Promise<void> {
  t.loop.callSoon(t, "never");
  t.loop.callLater(1000, t, "never");
  t.loop.close();
  t("closed");
}

export async function nestedRunIsRefused(t: Trace): Promise<void> {
  t(await rejected(t.loop.runForever()));
  const future = t.loop.createFuture<number>();
  future.setResult(1);
  t(await rejected(t.loop.runUntilComplete(future)));
  t(await caught(future));
}
