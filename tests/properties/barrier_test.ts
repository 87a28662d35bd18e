import fc from "fast-check";
import { Barrier } from "../../sync/mod.ts";
import { BrokenBarrierError } from "../../errors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { tick } from "../sync/support.ts";
import {
  finish,
  linger,
  patience,
  property,
  startWorkers,
  strike,
  strikes,
  tryOnce,
} from "./support.ts";

const worker = fc.array(fc.record({ before: fc.nat(3), patience }), { minLength: 1, maxLength: 4 });
const blow = fc.record({ at: fc.nat(12), kind: fc.constantFrom("reset", "abort") });

/** Checks that those who pass together have different indexes. */
class Indexes {
  readonly #barrier: Barrier;
  readonly #seen = new Set<number>();

  constructor(barrier: Barrier) {
    this.#barrier = barrier;
  }

  /** Somebody passed with `index`. */
  passed(index: number): void {
    assert(Number.isInteger(index) && index >= 0 && index < this.#barrier.parties, `${index}`);
    assert(!this.#seen.has(index), `index ${index} was given twice`);
    this.#seen.add(index);
    this.left();
  }

  /** Somebody left the barrier, one way or the other; the last one ends the group. */
  left(): void {
    if (String(this.#barrier).includes(" 0/")) this.#seen.clear();
  }
}

property(
  "Barrier: no wake-up is lost, and those who pass together have different indexes",
  fc.record({
    parties: fc.integer({ min: 1, max: 4 }),
    workers: fc.array(worker, { minLength: 1, maxLength: 6 }),
    plan: strikes,
    blows: fc.array(blow, { maxLength: 2 }),
  }),
  async ({ parties, workers, plan, blows }) => {
    const barrier = new Barrier(parties);
    const indexes = new Indexes(barrier);
    async function pass(options: { signal?: AbortSignal }): Promise<void> {
      try {
        indexes.passed(await barrier.wait(options));
      } catch (error) {
        indexes.left();
        throw error;
      }
    }
    const tasks = startWorkers(workers, async (rounds, task) => {
      for (const { before, patience } of rounds) {
        await linger(task, before);
        try {
          await tryOnce(task, patience, pass);
        } catch (error) {
          if (!(error instanceof BrokenBarrierError)) throw error;
        }
      }
    });
    const striking = startWorkers([0], () => strike(tasks, plan));
    const blowing = startWorkers(blows, async ({ at, kind }, task) => {
      await linger(task, at);
      await (kind === "reset" ? barrier.reset() : barrier.abort());
    });
    await finish(striking);
    await finish(blowing);
    await barrier.reset();

    // Who still waits lacks others: bring them. Everybody who waits then passes.
    const rounds = workers.flat().length;
    for (let i = 0; i <= 10 * rounds && tasks.some((task) => !task.done()); i++) {
      const missing = barrier.nWaiting === 0 ? 0 : parties - barrier.nWaiting;
      // With patience, since one of those who wait may leave just now.
      const fillers = Array.from({ length: missing });
      await finish(startWorkers(fillers, async (_, task) => void await tryOnce(task, 10, pass)));
      await tick();
    }
    assert(tasks.every((task) => task.done()), `somebody is left at ${barrier}`);
    await finish(tasks);
    assertEquals(barrier.statistics(), { parties, tasksWaiting: 0, broken: false });
    assertEquals(String(barrier), `<Barrier filling 0/${parties}>`);
  },
);
