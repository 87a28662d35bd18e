import {
  createTask,
  gather,
  LifoQueue,
  PriorityQueue,
  Queue,
  sleep,
  waitFor,
} from "../../../mod.ts";
import { Boom, caught, outcome, thrown, type Trace } from "../harness.ts";

export async function putAndGetWithoutWaiting(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  t.loop.callSoon(t, "callback");
  await queue.put("a");
  await queue.put("b");
  t(queue.qsize(), queue.empty(), queue.full(), queue.maxsize);
  t(await queue.get(), await queue.get(), queue.empty());
  await sleep(0);
  t("end");
}

export async function gettersAreServedInOrder(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  const tasks = [..."abc"].map((name) => createTask(async () => t(name, await queue.get())));
  await sleep(1000);
  for (let i = 0; i < 3; i++) queue.putNowait(i);
  t("put");
  for (const task of tasks) await task;
  t("end");
}

export async function puttersAreServedInOrder(t: Trace): Promise<void> {
  const queue = new Queue<string>(1);
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      await queue.put(name);
      t(name, "put");
    })
  );
  await sleep(1000);
  t(queue.full());
  for (let i = 0; i < 3; i++) t("got", await queue.get());
  for (const task of tasks) await task;
  t("end", queue.empty());
}

/** Five items through a queue of two places. */
function pair(t: Trace): { producer(): Promise<void>; consumer(): Promise<void> } {
  const queue = new Queue<number>(2);
  return {
    async producer() {
      for (let i = 0; i < 5; i++) {
        await queue.put(i);
        t("put", i);
      }
    },
    async consumer() {
      for (let i = 0; i < 5; i++) t("got", await queue.get());
    },
  };
}

export async function producerAndConsumer(t: Trace): Promise<void> {
  const { producer, consumer } = pair(t);
  const tasks = [createTask(producer), createTask(consumer)];
  for (const task of tasks) await task;
  t("end");
}

export async function consumerFirst(t: Trace): Promise<void> {
  const { producer, consumer } = pair(t);
  const tasks = [createTask(consumer), createTask(producer)];
  for (const task of tasks) await task;
  t("end");
}

// deno-lint-ignore require-await
export async function nowaitErrors(t: Trace): Promise<void> {
  const queue = new Queue<number>(1);
  t(thrown(() => queue.getNowait()));
  queue.putNowait(1);
  t(thrown(() => queue.putNowait(2)));
  t(queue.getNowait(), thrown(() => queue.getNowait()));
}

export async function itemStolen(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  const task = createTask(async () => t("getter", await queue.get()));
  await sleep(0);
  queue.putNowait("first");
  t("stolen", queue.getNowait());
  await sleep(1000);
  t(task.done());
  queue.putNowait("second");
  await task;
}

export async function placeStolen(t: Trace): Promise<void> {
  const queue = new Queue<string>(1);
  queue.putNowait("x");
  const task = createTask(async () => {
    await queue.put("putter's");
    t("put");
  });
  await sleep(0);
  t(queue.getNowait());
  queue.putNowait("thief's");
  await sleep(1000);
  t(task.done(), queue.getNowait());
  await task;
  t(queue.getNowait());
}

export async function getterCancelled(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  const a = createTask(async () => t("a", await queue.get()));
  const b = createTask(async () => t("b", await queue.get()));
  await sleep(0);
  a.cancel();
  queue.putNowait("item");
  t(await caught(a));
  await b;
  t(queue.empty());
}

export async function getterCancelledWhenWoken(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  const a = createTask(async () => t("a", await queue.get()));
  const b = createTask(async () => t("b", await queue.get()));
  await sleep(0);
  queue.putNowait("item");
  a.cancel();
  t(await caught(a));
  await b;
  t(queue.empty());
}

export async function onlyGetterCancelledWhenWoken(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  const task = createTask(async () => t("never", await queue.get()));
  await sleep(0);
  queue.putNowait("item");
  task.cancel();
  t(await caught(task), queue.qsize(), queue.getNowait());
}

/** Two tasks that wait to put their names into a queue that is full. */
async function twoPutters(t: Trace) {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  async function putter(name: string): Promise<void> {
    await queue.put(name);
    t(name, "put");
  }
  const a = createTask(() => putter("a"));
  const b = createTask(() => putter("b"));
  await sleep(0);
  return { queue, a, b };
}

export async function putterCancelled(t: Trace): Promise<void> {
  const { queue, a, b } = await twoPutters(t);
  a.cancel();
  t(queue.getNowait());
  t(await caught(a));
  await b;
  t(queue.getNowait(), queue.empty());
}

export async function putterCancelledWhenWoken(t: Trace): Promise<void> {
  const { queue, a, b } = await twoPutters(t);
  t(queue.getNowait());
  a.cancel();
  t(await caught(a));
  await b;
  t(queue.getNowait(), queue.empty());
}

export async function gettersInWaves(t: Trace): Promise<void> {
  const queue = new Queue<number>(2);
  const tasks = Array.from(
    { length: 6 },
    (_, i) => createTask(async () => t("get", i, await queue.get())),
  );
  await sleep(0);
  for (let i = 0; i < 6; i++) await queue.put(i);
  for (const task of tasks) await task;
  t(queue.empty());
}

export async function puttersInWaves(t: Trace): Promise<void> {
  const queue = new Queue<number>(2);
  const tasks = Array.from({ length: 6 }, (_, i) => createTask(() => queue.put(i)));
  await sleep(0);
  for (let i = 0; i < 3; i++) {
    while (!queue.empty()) t(queue.getNowait());
    await sleep(0);
    await sleep(0);
  }
  t(tasks.map(outcome), queue.qsize());
}

export async function getWithATimeout(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  t(await caught(waitFor(() => queue.get(), 1000)));
  queue.putNowait("kept");
  t(await caught(waitFor(() => queue.get(), 1000)));
}

export async function putWithATimeout(t: Trace): Promise<void> {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  t(await caught(waitFor(() => queue.put("late"), 1000)));
  t(queue.getNowait(), queue.empty());
}

export async function joinWaitsForTaskDone(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  for (let i = 0; i < 3; i++) queue.putNowait(i);
  const task = createTask(async () => {
    for (let i = 0; i < 3; i++) {
      const item = await queue.get();
      await sleep(1000);
      t("done", item);
      queue.taskDone();
    }
  });
  await queue.join();
  t("joined");
  await task;
}

export async function joinOfAnEmptyQueue(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  t.loop.callSoon(t, "callback");
  await queue.join();
  t("joined");
  queue.putNowait(1);
  queue.getNowait();
  queue.taskDone();
  await queue.join();
  t("joined again");
  await sleep(0);
  t("end");
}

export async function severalJoin(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  queue.putNowait(1);
  const tasks = [..."ab"].map((name) =>
    createTask(async () => {
      await queue.join();
      t(name);
    })
  );
  await sleep(1000);
  queue.getNowait();
  queue.taskDone();
  for (const task of tasks) await task;
  t("end");
}

// deno-lint-ignore require-await
export async function taskDoneTooOften(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  t(thrown(() => queue.taskDone()));
  queue.putNowait(1);
  queue.taskDone();
  t(thrown(() => queue.taskDone()));
}

export async function workers(t: Trace): Promise<void> {
  const queue = new Queue<number>();
  for (const item of [3, 1, 2, 1, 2]) queue.putNowait(item);
  const tasks = [..."abc"].map((name) =>
    createTask(async () => {
      while (true) {
        const delay = await queue.get();
        await sleep(delay * 1000);
        t(name, delay);
        queue.taskDone();
      }
    })
  );
  await queue.join();
  for (const task of tasks) task.cancel();
  t(await gather(tasks, { returnExceptions: true }));
}

export async function priorityQueue(t: Trace): Promise<void> {
  const queue = new PriorityQueue<[number, string]>();
  queue.putNowait([2, "b"]);
  queue.putNowait([1, "a"]);
  queue.putNowait([3, "c"]);
  queue.putNowait([1, "A"]);
  t([await queue.get(), await queue.get(), await queue.get(), await queue.get()]);
}

export async function lifoQueue(t: Trace): Promise<void> {
  const queue = new LifoQueue<string>(3);
  for (const item of "abc") queue.putNowait(item);
  t(queue.full());
  t([await queue.get(), await queue.get(), await queue.get()]);
}

export async function priorityQueueWithWaiters(t: Trace): Promise<void> {
  const queue = new PriorityQueue<number>();
  const tasks = [..."ab"].map((name) => createTask(async () => t(name, await queue.get())));
  await sleep(0);
  queue.putNowait(5);
  queue.putNowait(1);
  for (const task of tasks) await task;
  t("end");
}

export async function errorBetweenGetAndTaskDone(t: Trace): Promise<void> {
  const queue = new Queue<string>();
  queue.putNowait("x");
  async function worker(): Promise<void> {
    await queue.get();
    throw new Boom("worker");
  }
  t(await caught(worker()));
  t(await caught(waitFor(() => queue.join(), 1000)));
  queue.taskDone();
  await queue.join();
  t("joined");
}
