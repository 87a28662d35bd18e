import { LifoQueue, PriorityQueue, Queue } from "../../queues/mod.ts";
import { QueueShutDown } from "../../errors.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";
import { loopTest, start, tick } from "../sync/support.ts";

// CPython QueueShutdownTests, for every kind of queue
for (
  const Kind of [Queue, LifoQueue, PriorityQueue] as (new (maxsize?: number) => Queue<number>)[]
) {
  const { name } = Kind;

  loopTest(`${name}.shutdown() of an empty queue refuses everybody`, async () => {
    const queue = new Kind();
    assertFalse(queue.statistics().isShutDown);
    queue.shutdown();
    queue.shutdown();
    assert(queue.statistics().isShutDown);
    await assertRejects(() => queue.put(1), QueueShutDown);
    await assertRejects(() => queue.get(), QueueShutDown);
    assertThrows(() => queue.putNowait(1), QueueShutDown, "shut down");
    assertThrows(() => queue.getNowait(), QueueShutDown, "shut down");
    await queue.join();
  });

  loopTest(`${name}.shutdown() of a queue with items lets them be taken`, async () => {
    const queue = new Kind(1);
    queue.putNowait(1);
    const putter = start(() => queue.put(2));
    const joiner = start(() => queue.join());
    await tick();
    queue.shutdown();
    await assertRejects(() => putter, QueueShutDown);
    assertEquals(queue.qsize(), 1);
    await assertRejects(() => queue.put(3), QueueShutDown);
    assertEquals(await queue.get(), 1);
    await assertRejects(() => queue.get(), QueueShutDown);
    assertFalse(joiner.done());
    queue.taskDone();
    await joiner;
    assertThrows(() => queue.taskDone(), RangeError);
  });

  loopTest(`${name}.shutdown() refuses a getter that waits`, async () => {
    const queue = new Kind();
    const getters = [start(() => queue.get()), start(() => queue.get())];
    await tick();
    queue.shutdown();
    for (const getter of getters) await assertRejects(() => getter, QueueShutDown);
  });

  loopTest(
    `${name}.shutdown({ immediate: true }) drops the items and counts them as done`,
    async () => {
      const queue = new Kind();
      queue.putNowait(1);
      queue.putNowait(2);
      const joiner = start(() => queue.join());
      await tick();
      queue.shutdown({ immediate: true });
      assertEquals([queue.qsize(), queue.statistics().unfinished], [0, 0]);
      assertThrows(() => queue.getNowait(), QueueShutDown);
      await joiner;
      assertThrows(() => queue.taskDone(), RangeError);
    },
  );

  loopTest(
    `${name}.shutdown({ immediate: true }) lets join() wait for what was taken before`,
    async () => {
      const queue = new Kind();
      queue.putNowait(1);
      queue.putNowait(2);
      await queue.get();
      const joiner = start(() => queue.join());
      await tick();
      queue.shutdown({ immediate: true });
      await tick(2);
      assertFalse(joiner.done());
      queue.taskDone();
      await joiner;
      assertThrows(() => queue.taskDone(), RangeError);
    },
  );

  loopTest(`${name}.shutdown() after items were drained keeps unfinished work`, async () => {
    const queue = new Kind();
    queue.putNowait(1);
    queue.getNowait();
    queue.shutdown();
    const joiner = start(() => queue.join());
    await tick();
    assertFalse(joiner.done());
    queue.taskDone();
    await joiner;
  });

  loopTest(`${name}.shutdown() refuses a putter that was given room but has not run`, async () => {
    const queue = new Kind(1);
    queue.putNowait(1);
    const putter = start(() => queue.put(2));
    await tick();
    queue.getNowait();
    queue.shutdown();
    await assertRejects(() => putter, QueueShutDown);
    assertEquals(queue.qsize(), 0);
  });
}
