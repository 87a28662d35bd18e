import {
  createTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type Future,
  sleep,
  type Task,
  wait,
} from "../../../mod.ts";
import { Boom, caught, outcome, type Trace } from "../harness.ts";

function after(delay: number, value: string): Task<string> {
  return createTask(() => sleep(delay, value), { name: value });
}

function fails(delay: number): Task<never> {
  return createTask(async () => {
    await sleep(delay);
    throw new Boom("task");
  }, { name: "bad" });
}

function names(tasks: Iterable<Future<unknown>>): string[] {
  return Array.from(tasks, (task) => (task as Task<unknown>).getName()).sort();
}

export async function forAll(t: Trace): Promise<void> {
  const { done, pending } = await wait([after(2000, "a"), after(1000, "b")]);
  t(names(done), names(pending));
}

export async function forTheFirst(t: Trace): Promise<void> {
  const tasks = [after(2000, "a"), after(1000, "b"), after(3000, "c")];
  const first = await wait(tasks, { returnWhen: FIRST_COMPLETED });
  t(names(first.done), names(first.pending));
  const second = await wait(first.pending, { returnWhen: FIRST_COMPLETED });
  t(names(second.done), names(second.pending));
  await wait(second.pending);
  t("end");
}

export async function forTwoThatEndTogether(t: Trace): Promise<void> {
  const gate = t.loop.createFuture<string>();
  const work = async () => await gate;
  const tasks = [
    createTask(work, { name: "a" }),
    createTask(work, { name: "b" }),
    after(9000, "c"),
  ];
  t.loop.callLater(1000, () => gate.setResult(""));
  const { done, pending } = await wait(tasks, { returnWhen: FIRST_COMPLETED });
  t(names(done), names(pending));
  await wait(pending);
}

export async function forTheFirstError(t: Trace): Promise<void> {
  const tasks = [after(3000, "a"), fails(2000), after(1000, "c")];
  const { done, pending } = await wait(tasks, { returnWhen: FIRST_EXCEPTION });
  t(names(done), names(pending));
  await wait(pending);
}

export async function forTheFirstErrorThatNeverComes(t: Trace): Promise<void> {
  const tasks = [after(3000, "a"), after(9000, "b")] as const;
  t.loop.callLater(1000, () => tasks[1].cancel());
  const { done, pending } = await wait(tasks, { returnWhen: FIRST_EXCEPTION });
  t(names(done), names(pending), tasks.map(outcome));
}

export async function withATimeout(t: Trace): Promise<void> {
  const tasks = [after(1000, "a"), after(5000, "b")] as const;
  const { done, pending } = await wait(tasks, { timeoutMs: 2000 });
  t(names(done), names(pending), tasks[1].cancelling());
  t(await tasks[1]);
}

export async function withATimeoutOfZero(t: Trace): Promise<void> {
  const tasks = [after(0, "a"), after(1000, "b")];
  const first = await wait(tasks, { timeoutMs: 0 });
  t(names(first.done), names(first.pending));
  const second = await wait(tasks, { timeoutMs: 0 });
  t(names(second.done), names(second.pending));
  await wait(tasks);
}

export async function withALongTimeout(t: Trace): Promise<void> {
  const { done, pending } = await wait([after(1000, "a")], { timeoutMs: 5000 });
  t(names(done), names(pending));
  await sleep(10_000);
  t("end");
}

export async function forWhatIsDone(t: Trace): Promise<void> {
  const tasks = [after(0, "a"), after(0, "b")];
  await sleep(1000);
  const { done, pending } = await wait(tasks);
  t(names(done), names(pending));
}

export async function forTheFirstWhenOneIsDone(t: Trace): Promise<void> {
  const tasks = [after(0, "a"), after(5000, "b")];
  await sleep(1000);
  const { done, pending } = await wait(tasks, { returnWhen: FIRST_COMPLETED });
  t(names(done), names(pending));
  await wait(tasks);
}

export async function cancelled(t: Trace): Promise<void> {
  const task = createTask(async () => {
    await sleep(2000);
    t("work ends");
    return 1;
  });
  const outer = createTask(async () => void await wait([task]));
  await sleep(1000);
  outer.cancel();
  t(await caught(outer));
  t(await task, task.cancelling());
}

export async function withFutures(t: Trace): Promise<void> {
  const futures = Array.from({ length: 3 }, () => t.loop.createFuture<string>());
  t.loop.callLater(1000, () => futures[1]!.setResult("x"));
  const { done, pending } = await wait(futures, { returnWhen: FIRST_COMPLETED });
  t(futures.map((future) => done.has(future)), pending.size);
}

export async function errorsStayInTheTasks(t: Trace): Promise<void> {
  const task = fails(1000);
  const { done } = await wait([task]);
  t(done.size, outcome(task));
}

export async function refuses(t: Trace): Promise<void> {
  const future = t.loop.createFuture<void>();
  t(await caught(wait([])));
  t(await caught(wait(future as never)));
  t(await caught(wait([future], { returnWhen: "SOMETIMES" as never })));
}

export async function theSameTwice(t: Trace): Promise<void> {
  const task = after(1000, "a");
  const { done, pending } = await wait([task, task]);
  t(done.size, pending.size);
}
