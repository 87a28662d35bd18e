import fc from "fast-check";
import { LifoQueue, PriorityQueue, Queue } from "../../queues/mod.ts";
import { QueueShutDown } from "../../errors.ts";
import type { Task } from "../../loop/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  finish,
  linger,
  patience,
  persist,
  property,
  runWorkers,
  startWorkers,
  type Strike,
  strike,
  strikes,
  tryOnce,
} from "./support.ts";
import { tick } from "../sync/support.ts";

/** What somebody does: waits, and tries. */
interface Step {
  before: number;
  patience: number | null;
}

const steps = fc.array(
  fc.record({ before: fc.nat(3), patience }),
  { minLength: 1, maxLength: 5 },
);
const traffic = fc.record({
  maxsize: fc.nat(2),
  puts: fc.array(steps, { minLength: 1, maxLength: 3 }),
  gets: fc.array(steps, { minLength: 1, maxLength: 3 }),
  plan: strikes,
});

/** Cancellations close to one another. */
const plan: fc.Arbitrary<Strike[]> = fc.array(
  fc.record({ at: fc.nat(5), who: fc.nat(9) }),
  { minLength: 1, maxLength: 4 },
);

type Kind = new (maxsize?: number) => Queue<number>;

for (const Kind of [Queue, LifoQueue, PriorityQueue] as Kind[]) {
  property(
    `${Kind.name}: no item is lost or doubled, and no wake-up is lost`,
    traffic,
    async ({ maxsize, puts, gets, plan }) => {
      const queue = new Kind(maxsize);
      const [put, got]: [number[], number[]] = [[], []];
      let next = 0;
      // Both sides move as many items.
      const total = Math.min(puts.flat().length, gets.flat().length);
      let [toPut, toGet] = [total, total];
      const workers = [
        ...puts.map((list) => ({ list, side: "put" })),
        ...gets.map((list) => ({ list, side: "get" })),
      ];
      const joiner = startWorkers([0], async () => {
        for (let i = 0; i < 2; i++) await queue.join();
      });
      await runWorkers(workers, plan, async ({ list, side }, task) => {
        for (const { before, patience } of list) {
          if (side === "put" ? toPut-- <= 0 : toGet-- <= 0) return;
          await linger(task, before);
          if (side === "put") {
            const item = next++;
            await persist(task, patience, (options) => queue.put(item, options));
            put.push(item);
          } else {
            got.push(await persist(task, patience, (options) => queue.get(options)));
            queue.taskDone();
          }
          assert(maxsize === 0 || queue.qsize() <= maxsize);
        }
      });
      await finish(joiner);
      assertEquals(put.toSorted((a, b) => a - b), Array.from({ length: total }, (_, i) => i));
      assertEquals(got.toSorted((a, b) => a - b), put.toSorted((a, b) => a - b));
      assertEquals(queue.statistics(), {
        size: 0,
        maxsize,
        unfinished: 0,
        tasksWaitingGet: 0,
        tasksWaitingPut: 0,
        tasksWaitingJoin: 0,
        isShutDown: false,
      });
    },
  );

  property(
    `${Kind.name}: shutdown() at any moment ends everybody, and every item is taken, dropped or refused`,
    fc.record({ traffic, after: fc.nat(10), immediate: fc.boolean() }),
    async ({ traffic: { maxsize, puts, gets, plan }, after, immediate }) => {
      const queue = new Kind(maxsize);
      let [put, refused, taken, dropped, next] = [0, 0, 0, 0, 0];
      const producers = startWorkers(puts, async (list, task) => {
        for (const { before, patience } of list) {
          await linger(task, before);
          const item = next++;
          try {
            await persist(task, patience, (options) => queue.put(item, options));
            put++;
          } catch (error) {
            assert(error instanceof QueueShutDown);
            refused++;
          }
        }
      });
      const consumers = startWorkers(gets, async (_list, task) => {
        for (;;) {
          try {
            await persist(task, null, (options) => queue.get(options));
            taken++;
            queue.taskDone();
          } catch (error) {
            assert(error instanceof QueueShutDown);
            return;
          }
        }
      });
      const [killer] = startWorkers([0], async (_worker, task) => {
        await linger(task, after);
        const size = queue.qsize();
        queue.shutdown({ immediate });
        dropped += size - queue.qsize();
      });
      const all = [...producers, ...consumers];
      await strike(all, plan);
      await finish([...all, ...(killer === undefined ? [] : [killer])]);
      await queue.join();
      assertEquals(put + refused, next);
      assertEquals(taken + dropped, put);
      assertEquals([queue.qsize(), queue.statistics().unfinished], [0, 0]);
    },
  );
}

// Who tries again would take up himself what he failed to pass on: here nobody does.
const soon = (minLength: number) =>
  fc.array(fc.record({ before: fc.nat(3), patience }), { minLength, maxLength: 5 });

for (const Kind of [Queue, LifoQueue, PriorityQueue] as Kind[]) {
  property(
    `${Kind.name}: whoever gives up and leaves takes no wake-up along`,
    fc.record({ maxsize: fc.nat(2), full: fc.boolean(), waiting: soon(2), coming: soon(1), plan }),
    async ({ maxsize, full, waiting, coming, plan }) => {
      const queue = new Kind(maxsize);
      let [put, got] = [0, 0];
      const putOnce = async ({ before, patience }: Step, task: Task<void>) => {
        await linger(task, before);
        if (await tryOnce(task, patience, (options) => queue.put(0, options))) put++;
      };
      const getOnce = async ({ before, patience }: Step, task: Task<void>) => {
        await linger(task, before);
        if (await tryOnce(task, patience, (options) => queue.get(options))) got++;
      };
      for (; full && put < maxsize; put++) queue.putNowait(0);
      // Some wait for room or for items, and then others come and make it.
      const first = startWorkers(waiting, full ? putOnce : getOnce);
      await tick(5);
      const second = startWorkers(coming, full ? getOnce : putOnce);
      const all = [...first, ...second];
      await strike(all, plan);
      // More iterations than there are steps left: whoever can go on has done so.
      await tick(50);
      const { size, tasksWaitingGet, tasksWaitingPut } = queue.statistics();
      assertEquals(size, put - got);
      assert(size === 0 || tasksWaitingGet === 0, "a getter waits though there is an item");
      assert(queue.full() || tasksWaitingPut === 0, "a putter waits though there is room");
      for (const task of all) task.cancel();
      await finish(all);
    },
    { runs: 1000 },
  );
}

property(
  "Queue: items come out in the order in which they went in",
  traffic,
  async ({ maxsize, puts, gets, plan }) => {
    const queue = new Queue<number>(maxsize);
    const [put, got]: [number[], number[]] = [[], []];
    let next = 0;
    class Recorded extends Queue<number> {
      override putNowait(item: number): void {
        super.putNowait(item);
        put.push(item);
      }
      override getNowait(): number {
        const item = super.getNowait();
        got.push(item);
        return item;
      }
    }
    const recorded = new Recorded(maxsize);
    const consumers = startWorkers(gets, async (_list, task) => {
      for (;;) {
        const item = await persist(task, null, async (options) => {
          try {
            return await recorded.get(options);
          } catch (error) {
            if (error instanceof QueueShutDown) return null;
            throw error;
          }
        });
        if (item === null) return;
      }
    });
    const producers = startWorkers(puts, async (list, task) => {
      for (const { before, patience } of list) {
        await linger(task, before);
        const item = next++;
        await persist(task, patience, (options) => recorded.put(item, options));
      }
    });
    await strike([...producers, ...consumers], plan);
    await finish(producers);
    recorded.shutdown();
    await finish(consumers);
    assertEquals(got, put);
    assertEquals(put.length, next);
    assert(queue.empty());
  },
);
