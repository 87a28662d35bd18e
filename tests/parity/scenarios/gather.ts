import { createTask, currentTask, gather, shield, sleep, timeout } from "../../../mod.ts";
import { Boom, caught, outcome, type Trace } from "../harness.ts";

function after<T>(delay: number, value: T): () => Promise<T> {
  return async () => {
    await sleep(delay);
    return value;
  };
}

function fails(delay: number, text: string): () => Promise<never> {
  return async () => {
    await sleep(delay);
    throw new Boom(text);
  };
}

/** Sleeps long and tells when it ends. */
function sleeper(t: Trace, name: string): () => Promise<void> {
  return async () => {
    try {
      await sleep(10_000);
    } finally {
      t(name, "ends");
    }
  };
}

export async function resultsInOrderOfArguments(t: Trace): Promise<void> {
  t(await gather(after(3000, "a"), after(1000, "b"), after(2000, "c")));
}

export async function ofNothing(t: Trace): Promise<void> {
  const future = gather();
  t(await future);
}

export async function startsAllInOrder(t: Trace): Promise<void> {
  const future = gather(() => t("a"), () => t("b"), () => t("c"));
  t("made", future.done());
  await future;
  t("end");
}

export async function doneCallbackIsOneIterationLater(t: Trace): Promise<void> {
  const [first, second] = [t.loop.createFuture<string>(), t.loop.createFuture<string>()];
  const future = gather(first, second);
  for (const part of [first, second]) {
    part.addDoneCallback(() => t("part's callback", future.done()));
  }
  future.addDoneCallback(() => t("callback"));
  second.setResult("b");
  first.setResult("a");
  t(await future);
}

export async function firstErrorWins(t: Trace): Promise<void> {
  async function slow(): Promise<void> {
    await sleep(2000);
    t("slow goes on");
  }
  t(await caught(gather(slow, fails(1000, "b"), after(3000, "c"))));
  await sleep(4000);
  t("end");
}

export async function secondErrorIsSilent(t: Trace): Promise<void> {
  t.traceHandler();
  t(await caught(gather(fails(1000, "a"), fails(2000, "b"))));
  await sleep(3000);
  t("end");
}

export async function twoErrorsInOneIteration(t: Trace): Promise<void> {
  const [first, second] = [t.loop.createFuture<void>(), t.loop.createFuture<void>()];
  const future = gather(first, second);
  second.setException(new Boom("second argument"));
  first.setException(new Boom("first argument"));
  t(await caught(future));
}

export async function errorsAsResults(t: Trace): Promise<void> {
  t(await gather([after(2000, "a"), fails(1000, "b"), after(0, "c")], { returnExceptions: true }));
}

export async function childCancelled(t: Trace): Promise<void> {
  const part = createTask(after(10_000, "x"));
  const future = gather(part, async () => {
    await sleep(2000);
    t("slow ends");
  });
  await sleep(1000);
  part.cancel("part");
  t(await caught(future));
  t(future.cancelled());
  await sleep(2000);
  t("end", currentTask()!.cancelling());
}

export async function childCancelledAsResult(t: Trace): Promise<void> {
  const part = createTask(after(10_000, "x"));
  t.loop.callLater(1000, () => part.cancel("part"));
  t(await gather([part, after(2000, "b")], { returnExceptions: true }));
}

export async function cancelled(t: Trace): Promise<void> {
  const future = gather(sleeper(t, "a"), sleeper(t, "b"));
  await sleep(1000);
  t(future.cancel("all"), future.done());
  t(await caught(future));
  t(future.cancelled(), future.done());
}

export async function cancelledTwice(t: Trace): Promise<void> {
  const future = gather(async () => {
    t(await caught(sleep(10_000)));
    t(await caught(sleep(10_000)));
  });
  await sleep(1000);
  t(future.cancel());
  await sleep(1000);
  t(future.cancel());
  t(await caught(future));
}

export async function cancelledThoughErrorsAreResults(t: Trace): Promise<void> {
  const future = gather([after(10_000, "a"), after(10_000, "b")], { returnExceptions: true });
  await sleep(1000);
  future.cancel("all");
  t(await caught(future));
}

export async function cancelledWithAStubbornPart(t: Trace): Promise<void> {
  async function stubborn(): Promise<string> {
    t(await caught(sleep(10_000)));
    await sleep(2000);
    return "stubborn";
  }
  const future = gather([stubborn, after(10_000, "b")], { returnExceptions: true });
  await sleep(1000);
  future.cancel();
  t(await caught(future));
}

export async function cancelledWhenAllPartsAreDone(t: Trace): Promise<void> {
  const [first, second] = [t.loop.createFuture<number>(), t.loop.createFuture<number>()];
  const future = gather(first, second);
  first.setResult(1);
  second.setResult(2);
  t(future.done(), future.cancel());
  t(await caught(future));
  t(future.cancel());
}

export async function waiterCancelled(t: Trace): Promise<void> {
  const task = createTask(async () => await gather(sleeper(t, "a"), sleeper(t, "b")));
  await sleep(1000);
  task.cancel("waiter");
  t(await caught(task));
}

export async function waiterCancelledWithAFailingPart(t: Trace): Promise<void> {
  async function bad(): Promise<void> {
    try {
      await sleep(10_000);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw new Boom("cleanup");
    }
  }
  const task = createTask(async () => await gather(bad, after(10_000, "b")));
  await sleep(1000);
  task.cancel();
  t(await caught(task));
}

export async function theSameFutureTwice(t: Trace): Promise<void> {
  const part = t.loop.createFuture<string>();
  const future = gather(part, part);
  part.setResult("x");
  t(await future);
}

export async function doneFutures(t: Trace): Promise<void> {
  const [first, second] = [t.loop.createFuture<number>(), t.loop.createFuture<number>()];
  first.setResult(1);
  second.setResult(2);
  const future = gather(first, second);
  t(future.done());
  t(await future);
}

export async function doneAndPending(t: Trace): Promise<void> {
  const [first, second] = [t.loop.createFuture<number>(), t.loop.createFuture<number>()];
  second.setResult(2);
  const future = gather(first, second);
  t(future.done());
  first.setResult(1);
  t(await future);
}

export async function doneWithAnError(t: Trace): Promise<void> {
  const [first, second] = [t.loop.createFuture<void>(), t.loop.createFuture<void>()];
  second.setException(new Boom("failed before"));
  const future = gather(first, second);
  t(future.done());
  t(await caught(future));
  first.setResult();
}

export async function nested(t: Trace): Promise<void> {
  t(
    await gather(
      gather(after(1000, "a"), after(2000, "b")),
      after(1000, "c"),
      gather(after(3000, "d")),
    ),
  );
}

export async function nestedCancelled(t: Trace): Promise<void> {
  const future = gather(gather(sleeper(t, "a"), sleeper(t, "b")), sleeper(t, "c"));
  await sleep(1000);
  future.cancel("outer");
  t(await caught(future));
}

export async function ofShields(t: Trace): Promise<void> {
  const part = t.loop.createFuture<string>();
  const future = gather(shield(part), after(10_000, "b"));
  await sleep(0);
  future.cancel();
  t(await caught(future));
  t(part.done());
  part.setResult("alive");
  t(await part);
}

export async function inAShield(t: Trace): Promise<void> {
  const future = gather(after(1000, "a"), after(2000, "b"));
  const outer = shield(future);
  await sleep(0);
  outer.cancel();
  t(await caught(outer));
  t(await future);
}

export async function withTasksThatRun(t: Trace): Promise<void> {
  const task = createTask(after(2000, "task"));
  await sleep(1000);
  t(await gather(task, after(2000, "coroutine")));
  t(outcome(task));
}

export async function withATimeout(t: Trace): Promise<void> {
  t(await caught(timeout(1000, async () => await gather(sleeper(t, "a"), sleeper(t, "b")))));
}
