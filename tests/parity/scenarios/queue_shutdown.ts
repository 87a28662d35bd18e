import { createTask, LifoQueue, PriorityQueue, Queue, QueueShutDown, sleep } from "../../../mod.ts";
import { caught, outcome, thrown, type Trace } from "../harness.ts";

/** Tasks that wait for an item each. */
function getters(t: Trace, queue: Queue<unknown>) {
  return [..."ab"].map((name) => createTask(async () => t(name, await caught(queue.get()))));
}

export async function ofAnEmptyQueue(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  const tasks = getters(t, queue);
  await sleep(1000);
  queue.shutdown();
  t("shut down");
  for (const task of tasks) await task;
  t(await caught(queue.get()), await caught(queue.put(1)));
  t(thrown(() => queue.getNowait()), thrown(() => queue.putNowait(1)));
}

export async function withItems(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("a");
  queue.putNowait("b");
  queue.shutdown();
  t(await caught(queue.put("c")));
  t(await queue.get(), queue.getNowait());
  t(await caught(queue.get()), thrown(() => queue.getNowait()));
}

export async function withWaitingPutters(t: Trace): Promise<void> {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  const tasks = [..."ab"].map((name) =>
    createTask(async () => t(name, await caught(queue.put(name))))
  );
  await sleep(1000);
  queue.shutdown();
  for (const task of tasks) await task;
  t(await queue.get(), await caught(queue.get()));
}

export async function immediately(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("a");
  queue.putNowait("b");
  queue.shutdown({ immediate: true });
  t(queue.qsize(), await caught(queue.get()), thrown(() => queue.getNowait()));
  await queue.join();
  t("joined");
}

/** A task that joins. */
function joiner(t: Trace, queue: Queue<unknown>) {
  return createTask(async () => {
    await queue.join();
    t("joined");
  });
}

export async function immediatelyWithAnItemInWork(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("a");
  queue.putNowait("b");
  const task = joiner(t, queue);
  t(await queue.get());
  queue.shutdown({ immediate: true });
  await sleep(1000);
  t(task.done());
  queue.taskDone();
  await task;
  t(thrown(() => queue.taskDone()));
}

export async function immediatelyWakesTheJoiner(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("a");
  const task = joiner(t, queue);
  await sleep(1000);
  queue.shutdown({ immediate: true });
  await task;
  t(thrown(() => queue.taskDone()));
}

export async function joinWithoutImmediate(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("a");
  const task = joiner(t, queue);
  await sleep(1000);
  queue.shutdown();
  await sleep(1000);
  t(task.done(), await queue.get());
  queue.taskDone();
  await task;
}

// deno-lint-ignore require-await
export async function twice(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("a");
  queue.shutdown();
  queue.shutdown();
  t(queue.qsize());
  queue.shutdown({ immediate: true });
  t(queue.qsize());
}

export async function ofALifoQueue(t: Trace): Promise<void> {
  const queue = new LifoQueue<string>();
  queue.putNowait("a");
  queue.putNowait("b");
  queue.shutdown();
  t(await queue.get(), await queue.get(), await caught(queue.get()));
}

export async function ofAPriorityQueue(t: Trace): Promise<void> {
  const queue = new PriorityQueue<number>();
  queue.putNowait(2);
  queue.putNowait(1);
  queue.shutdown();
  t(await queue.get(), await queue.get(), await caught(queue.get()));
}

export async function getterWokenInTheSameIteration(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  const tasks = getters(t, queue);
  await sleep(0);
  queue.putNowait("item");
  queue.shutdown();
  for (const task of tasks) await task;
  t(queue.empty());
}

export async function getterWokenThenImmediate(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  const tasks = getters(t, queue);
  await sleep(0);
  queue.putNowait("item");
  queue.shutdown({ immediate: true });
  for (const task of tasks) await task;
  t(queue.empty());
}

export async function consumersEndByIt(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  const tasks = [..."ab"].map((name) =>
    createTask(async () => {
      try {
        while (true) {
          t(name, await queue.get());
          await sleep(1000);
        }
      } catch (error) {
        if (!(error instanceof QueueShutDown)) throw error;
        t(name, error);
      }
    })
  );
  for (let i = 0; i < 3; i++) queue.putNowait(i);
  await sleep(0);
  queue.shutdown();
  for (const task of tasks) await task;
  t(tasks.map(outcome));
}
