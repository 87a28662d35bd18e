import fc from "fast-check";
import { Lock } from "../../sync/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { linger, patience, persist, property, runWorkers, strikes } from "./support.ts";

const worker = fc.array(
  fc.record({ before: fc.nat(3), hold: fc.nat(3), patience, manual: fc.boolean() }),
  { minLength: 1, maxLength: 4 },
);

property(
  "Lock: no wake-up is lost, and nobody is inside with another",
  fc.record({ workers: fc.array(worker, { minLength: 1, maxLength: 6 }), plan: strikes }),
  async ({ workers, plan }) => {
    const lock = new Lock();
    let inside = 0;
    let done = 0;
    await runWorkers(workers, plan, async (rounds, task) => {
      for (const { before, hold, patience, manual } of rounds) {
        await linger(task, before);
        const permit = await persist(task, patience, (options) => lock.acquire(options));
        assertEquals(++inside, 1);
        assert(lock.locked());
        await linger(task, hold);
        inside--;
        if (manual) lock.release();
        permit[Symbol.dispose]();
        done++;
      }
    });
    assertEquals(done, workers.flat().length);
    assertEquals(lock.statistics(), { locked: false, owner: null, tasksWaiting: 0 });
  },
);
