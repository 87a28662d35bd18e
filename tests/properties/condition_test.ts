import fc from "fast-check";
import { Condition, Lock } from "../../sync/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { tick } from "../sync/support.ts";
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
  tryOnce,
} from "./support.ts";

const side = fc.array(
  fc.record({ before: fc.nat(3), patience }),
  { minLength: 1, maxLength: 5 },
);

/** A bounded buffer as the textbooks have it: one lock, and a condition for each side, which wakes one at a time. */
class Buffer {
  readonly #lock = new Lock();
  readonly #hasRoom = new Condition(this.#lock);
  readonly #hasItem = new Condition(this.#lock);
  readonly #items: number[] = [];
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async put(item: number, options: { signal?: AbortSignal }): Promise<void> {
    using _held = await this.#lock.acquire(options);
    await this.#hasRoom.waitFor(() => this.#items.length < this.#capacity, options);
    assert(this.#lock.locked());
    this.#items.push(item);
    this.#hasItem.notify();
  }

  async get(options: { signal?: AbortSignal }): Promise<number> {
    using _held = await this.#lock.acquire(options);
    await this.#hasItem.waitFor(() => this.#items.length > 0, options);
    assert(this.#lock.locked());
    this.#hasRoom.notify();
    return this.#items.shift() as number;
  }

  assertIdle(): void {
    assertEquals(this.#items, []);
    assertEquals(this.#lock.locked(), false);
    for (const { tasksWaiting, lock } of [this.#hasRoom.statistics(), this.#hasItem.statistics()]) {
      assertEquals([tasksWaiting, lock.tasksWaiting], [0, 0]);
    }
  }
}

property(
  "Condition: no notification is lost, and the lock is held and given back",
  fc.record({
    capacity: fc.integer({ min: 1, max: 2 }),
    moves: fc.array(fc.record({ put: side, getters: fc.nat(2) }), { minLength: 1, maxLength: 3 }),
    get: side,
    plan: strikes,
  }),
  async ({ capacity, moves, get, plan }) => {
    const buffer = new Buffer(capacity);
    const got: number[] = [];
    let item = 0;
    let wanted = 0;
    const producers = moves.map(({ put }) => ({ put, take: 0 }));
    const total = moves.flatMap(({ put }) => put).length;
    // As many consumers as fit, who together take what is produced.
    const consumers = Array.from({ length: 3 }, (_, i) => {
      const take = i === 2 ? total - wanted : Math.floor(total / 3);
      wanted += take;
      return { put: [], take };
    });
    await runWorkers([...producers, ...consumers], plan, async ({ put, take }, task) => {
      for (const { before, patience } of put) {
        await linger(task, before);
        const mine = item++;
        await persist(task, patience, (options) => buffer.put(mine, options));
      }
      for (let i = 0; i < take; i++) {
        const { before, patience } = get[i % get.length] as {
          before: number;
          patience: number | null;
        };
        await linger(task, before);
        got.push(await persist(task, patience, (options) => buffer.get(options)));
      }
    });
    assertEquals(got.toSorted((a, b) => a - b), Array.from({ length: total }, (_, i) => i));
    buffer.assertIdle();
  },
);

property(
  "Condition: whoever gives up and leaves holds the lock meanwhile, and takes no notification along",
  fc.record({
    waiting: fc.integer({ min: 2, max: 6 }),
    notifications: fc.array(
      fc.record({ before: fc.nat(3), n: fc.integer({ min: 1, max: 3 }), held: fc.nat(3) }),
      { minLength: 1, maxLength: 5 },
    ),
    plan: fc.array(fc.record({ at: fc.nat(8), who: fc.nat(5) }), { minLength: 1, maxLength: 6 }),
  }),
  async ({ waiting, notifications, plan }) => {
    const lock = new Lock();
    const condition = new Condition(lock);
    let [notified, woken] = [0, 0];
    const waiters = startWorkers(Array(waiting).fill(null), async (_, task) => {
      using _held = await lock.acquire();
      const done = await tryOnce(task, null, async () => {
        try {
          await condition.wait();
        } finally {
          assert(lock.statistics().owner === task, "wait() has ended without the lock");
        }
      });
      if (done !== null) woken++;
    });
    // Whoever comes later takes no notification of before.
    while (condition.statistics().tasksWaiting < waiting) await tick();
    const [notifier] = startWorkers([0], async (_worker, task) => {
      for (const { before, n, held } of notifications) {
        await linger(task, before);
        using _held = await lock.acquire();
        notified += Math.min(n, condition.statistics().tasksWaiting);
        condition.notify(n);
        await linger(task, held);
      }
    });
    await strike(waiters, plan);
    // More iterations than there are steps left: whoever can go on has done so.
    await tick(100);
    // A spurious wake-up is allowed, a lost one is not while there is somebody to pass it on to.
    const { tasksWaiting } = condition.statistics();
    assert(tasksWaiting === 0 || woken >= notified, `${notified} notified, ${woken} woken`);
    for (const task of waiters) task.cancel();
    await finish([...waiters, ...(notifier === undefined ? [] : [notifier])]);
    assertEquals(lock.locked(), false);
  },
  { runs: 1000 },
);
