import {
  asCompleted,
  createTask,
  shield,
  sleep,
  TimeoutError,
  wait,
  waitFor,
} from "../../../mod.ts";
import { Boom, caught, outcome, type Trace } from "../harness.ts";

/** A task that sleeps for so many seconds and has them as its result. */
function after(seconds: number) {
  return createTask(() => sleep(seconds * 1000, seconds));
}

export async function shieldOfATask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(2000);
    t("inner ends");
    return "value";
  });
  const outer = createTask(async () => await shield(task));
  await sleep(1000);
  outer.cancel("outer");
  t(await caught(outer));
  t(outcome(task), await task);
}

export async function shieldPassesTheResult(t: Trace): Promise<void> {
  const inner = t.loop.createFuture<number>();
  const outer = shield(inner);
  inner.addDoneCallback(() => t("inner's callback", outer.done()));
  inner.setResult(1);
  t(outer.done());
  t(await outer);
}

export async function shieldPassesTheError(t: Trace): Promise<void> {
  const inner = t.loop.createFuture<void>();
  const outer = shield(inner);
  inner.setException(new Boom("inner"));
  t(await caught(outer));
}

export async function shieldOfACoroutine(t: Trace): Promise<void> {
  const outer = shield(async () => {
    t("starts");
    await sleep(1000);
    return "value";
  });
  t("made");
  t(await outer);
}

// deno-lint-ignore require-await
export async function shieldOfADoneFuture(t: Trace): Promise<void> {
  const inner = t.loop.createFuture<number>();
  inner.setResult(1);
  t(shield(inner) === inner);
}

export async function innerCancelled(t: Trace): Promise<void> {
  const inner = t.loop.createFuture<void>();
  const outer = shield(inner);
  inner.cancel("inner");
  t(outer.cancelled());
  await sleep(0);
  t(outer.cancelled());
  t(await caught(outer));
}

export async function lateErrorIsReported(t: Trace): Promise<void> {
  t.traceHandler();
  const inner = t.loop.createFuture<void>();
  const outer = shield(inner);
  outer.cancel();
  await sleep(0);
  inner.setException(new Boom("late"));
  await sleep(0);
  await sleep(0);
  t("end", outcome(outer));
}

export async function errorInTheIterationOfTheCancellation(t: Trace): Promise<void> {
  t.traceHandler();
  const inner = t.loop.createFuture<void>();
  const outer = shield(inner);
  outer.cancel();
  inner.setException(new Boom("too early"));
  await sleep(1000);
  t("end", outcome(outer), outcome(inner));
}

export async function lateResultIsNotReported(t: Trace): Promise<void> {
  t.traceHandler();
  const inner = t.loop.createFuture<number>();
  const outer = shield(inner);
  outer.cancel();
  inner.setResult(1);
  t(await caught(outer));
  t(outcome(inner));
}

export async function bothCancelled(t: Trace): Promise<void> {
  const inner = t.loop.createFuture<void>();
  const outer = shield(inner);
  t(outer.cancel("outer"), inner.cancel("inner"));
  await sleep(0);
  t(outcome(outer), outcome(inner));
  t(await caught(outer), await caught(inner));
}

export async function shieldInWaitFor(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(3000);
    t("work ends");
    return "value";
  });
  t(await caught(waitFor(shield(task), 1000)));
  t(await caught(waitFor(shield(task), 5000)));
}

export async function shieldsOfOneTask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(2000);
    return "value";
  });
  const shields = [shield(task), shield(task)] as const;
  await sleep(1000);
  shields[0].cancel();
  t(await shields[1], outcome(shields[0]));
}

export async function asCompletedInOrderOfEnds(t: Trace): Promise<void> {
  const tasks = [3, 1, 2].map(after);
  for (const nextOne of asCompleted(tasks)) t(await nextOne);
  t("end");
}

export async function asCompletedGivesTheOriginals(t: Trace): Promise<void> {
  const tasks = [3, 1, 2].map(after);
  for await (const task of asCompleted(tasks)) {
    t(tasks.indexOf(task), outcome(task));
  }
  t("end");
}

export async function asCompletedWithATimeout(t: Trace): Promise<void> {
  const tasks = [1, 5, 6].map(after);
  for (const nextOne of asCompleted(tasks, { timeoutMs: 2000 })) t(await caught(nextOne));
  t(tasks.map(outcome));
  await wait(tasks);
}

export async function asCompletedWithATimeoutAsync(t: Trace): Promise<void> {
  const tasks = [after(1), after(5)] as const;
  try {
    for await (const task of asCompleted(tasks, { timeoutMs: 2000 })) t(task === tasks[0]);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    t(error);
  }
  t(await tasks[1]);
}

export async function asCompletedWithErrors(t: Trace): Promise<void> {
  async function work(seconds: number): Promise<number> {
    await sleep(seconds * 1000);
    if (seconds === 2) throw new Boom("two");
    return seconds;
  }
  const tasks = [3, 2, 1].map((seconds) => createTask(() => work(seconds)));
  for (const nextOne of asCompleted(tasks)) t(await caught(nextOne));
}

export async function asCompletedTwoAtOnce(t: Trace): Promise<void> {
  const futures = Array.from({ length: 3 }, () => t.loop.createFuture<string>());
  t.loop.callLater(1000, () => {
    futures[2]!.setResult("c");
    futures[0]!.setResult("a");
  });
  t.loop.callLater(2000, () => futures[1]!.setResult("b"));
  for (const nextOne of asCompleted(futures)) t(await nextOne);
}

export async function asCompletedOfADoneFuture(t: Trace): Promise<void> {
  const future = t.loop.createFuture<number>();
  future.setResult(1);
  for (const nextOne of asCompleted([future])) {
    t("waits");
    t(await nextOne);
  }
  t("end");
}

export async function asCompletedOfNothing(t: Trace): Promise<void> {
  for (const _ of asCompleted([])) t("never");
  for await (const _ of asCompleted([])) t("never");
  t("end");
}

export async function asCompletedCancelled(t: Trace): Promise<void> {
  const tasks = [after(1), after(3)] as const;
  const outer = createTask(async () => {
    for await (const task of asCompleted(tasks)) t(task.result());
  });
  await sleep(2000);
  outer.cancel();
  t(await caught(outer));
  t(tasks.map(outcome));
  t(await tasks[1]);
}

export async function asCompletedStepsTakenEarly(t: Trace): Promise<void> {
  const futures = [t.loop.createFuture<number>(), t.loop.createFuture<number>()] as const;
  const steps = [...asCompleted(futures)];
  const tasks = steps.map((step, i) => createTask(async () => t("ab"[i], await step)));
  await sleep(1000);
  futures[1].setResult(1);
  futures[0].setResult(0);
  await wait(tasks);
  t("end");
}
