import fc from "fast-check";
import { BoundedSemaphore, Semaphore } from "../../sync/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  finish,
  linger,
  patience,
  persist,
  property,
  runWorkers,
  startWorkers,
  strike,
  strikes,
} from "./support.ts";

const worker = fc.array(
  fc.record({ before: fc.nat(3), hold: fc.nat(3), patience }),
  { minLength: 1, maxLength: 4 },
);

for (const Kind of [Semaphore, BoundedSemaphore]) {
  property(
    `${Kind.name}: no wake-up and no permit is lost, and none is made`,
    fc.record({
      value: fc.integer({ min: 1, max: 3 }),
      workers: fc.array(worker, { minLength: 1, maxLength: 6 }),
      plan: strikes,
    }),
    async ({ value, workers, plan }) => {
      const semaphore = new Kind(value);
      let inside = 0;
      await runWorkers(workers, plan, async (rounds, task) => {
        for (const { before, hold, patience } of rounds) {
          await linger(task, before);
          using _one = await persist(task, patience, (options) => semaphore.acquire(options));
          assert(++inside <= value);
          await linger(task, hold);
          inside--;
        }
      });
      const { value: left, tasksWaiting } = semaphore.statistics();
      assertEquals([left, tasksWaiting, semaphore.locked()], [value, 0, false]);
    },
  );
}

property(
  "Semaphore: as many get in as permits were released, however they are released",
  fc.record({
    waiting: fc.integer({ min: 1, max: 6 }),
    bursts: fc.array(fc.nat(3), { maxLength: 8 }),
    plan: strikes,
  }),
  async ({ waiting, bursts, plan }) => {
    const semaphore = new Semaphore(0);
    const tasks = startWorkers(
      Array.from({ length: waiting }),
      async (_worker, task) =>
        void await persist(task, null, (options) => semaphore.acquire(options)),
    );
    const releasing = startWorkers([bursts], async (list, task) => {
      for (const count of list) {
        await linger(task, 1);
        for (let i = 0; i < count; i++) semaphore.release();
      }
    });
    await strike(tasks, plan);
    await finish(releasing);
    const released = bursts.reduce((sum, count) => sum + count, 0);
    for (let i = released; i < waiting; i++) semaphore.release();
    await finish(tasks);
    assertEquals(semaphore.statistics().value, Math.max(released, waiting) - waiting);
  },
);
