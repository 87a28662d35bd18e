/**
 * Programs made by chance: the twin of `record/programs.py`, which makes them
 * and says what the statements mean.
 *
 * @module
 */

import {
  Barrier,
  Condition,
  createTask,
  currentTask,
  Event,
  type Future,
  gather,
  Lock,
  Queue,
  type ReturnWhen,
  Semaphore,
  shield,
  sleep,
  type Task,
  TaskGroup,
  timeout,
  wait,
  waitFor,
} from "../../mod.ts";
import { Boom, neutral, type Row, type Trace } from "./harness.ts";

/** The code of a task. */
export interface Body {
  /** Its name in the trace. */
  id: number;
  /** What it does. */
  do: Statement[];
}

/** One statement of a body. */
export type Statement =
  | ["sleep" | "raise" | "spawn" | "cancel" | "join" | "shield", number]
  | ["event" | "set" | "clear" | "get" | "cwait" | "barrier", number]
  | ["put" | "notify", number, number]
  | ["soon" | "later" | "watch" | "future", number]
  | ["settle", number, number]
  | ["shutdown", number, boolean]
  | ["uncancel"]
  | ["wait", number[], ReturnWhen, number | null]
  | ["try", Statement[], boolean]
  | ["finally", Statement[], Statement[]]
  | ["timeout" | "waitfor" | "lock" | "sem", number, Statement[]]
  | ["group", Body[], Statement[]]
  | ["gather", Body[], boolean];

/** A program, and what CPython traced of it. */
export interface RecordedProgram {
  /** What runs first. */
  main: Body;
  /** What `spawn` starts. */
  tasks: Body[];
  /** What CPython traced. */
  trace: Row[];
}

const STEP_MS = 125;

function two<T>(make: () => T): [T, T] {
  return [make(), make()];
}

class Run {
  readonly #live = new Set<Task<unknown>>();
  readonly #t: Trace;
  readonly #bodies: Body[];
  readonly #tasks = new Map<number, Task<void>>();
  readonly #locks = two(() => new Lock());
  readonly #semaphores = two(() => new Semaphore(2));
  readonly #events = two(() => new Event());
  readonly #queues = two(() => new Queue<number>(1));
  readonly #conditions = two(() => new Condition());
  readonly #barriers = two(() => new Barrier(2));
  readonly #futures: Future<string>[];

  constructor(t: Trace, bodies: Body[]) {
    this.#t = t;
    this.#bodies = bodies;
    this.#futures = two(() => t.loop.createFuture<string>());
  }

  /** The tasks that run, in the order in which they came. */
  left(): Task<unknown>[] {
    return [...this.#live].filter((task) => !task.done());
  }

  async body(body: Body): Promise<void> {
    this.#live.add(currentTask()!);
    try {
      await this.#block(body.id, body.do);
    } catch (error) {
      this.#t(body.id, "fails", neutral(error));
      throw error;
    }
    this.#t(body.id, "ends", currentTask()!.cancelling());
  }

  async #block(name: number, statements: Statement[]): Promise<void> {
    for (const statement of statements) {
      this.#t(name, statement[0]);
      const result = await this.#run(name, statement);
      if (result !== undefined) this.#t(name, statement[0], result);
    }
  }

  async #run(name: number, statement: Statement): Promise<unknown> {
    switch (statement[0]) {
      case "sleep":
        await sleep(statement[1] * STEP_MS);
        return statement[1];
      case "raise":
        throw new Boom(String(statement[1]));
      case "spawn": {
        const body = this.#bodies[statement[1]]!;
        const task = createTask(() => this.body(body));
        this.#tasks.set(statement[1], task);
        this.#live.add(task);
        return;
      }
      case "cancel":
        return this.#tasks.get(statement[1])?.cancel();
      case "join": {
        if (!this.#tasks.has(statement[1])) return;
        await this.#tasks.get(statement[1]);
        return "joined";
      }
      case "shield": {
        if (!this.#tasks.has(statement[1])) return;
        await shield(this.#tasks.get(statement[1])!);
        return "passed";
      }
      case "wait": {
        const [, indexes, returnWhen, n] = statement;
        const tasks = indexes.flatMap((index) => this.#tasks.get(index) ?? []);
        if (tasks.length === 0) return;
        const timeoutMs = n === null ? null : n * STEP_MS;
        const { done, pending } = await wait(tasks, { returnWhen, timeoutMs });
        return [done.size, pending.size];
      }
      case "soon":
        this.#t.loop.callSoon(this.#t, name, "callback", statement[1]);
        return;
      case "later":
        this.#t.loop.callLater(statement[1] * STEP_MS, this.#t, name, "timer", statement[1]);
        return;
      case "watch": {
        const index = statement[1];
        this.#tasks.get(index)?.addDoneCallback((task) =>
          this.#t(name, "heard of", index, task.cancelled())
        );
        return;
      }
      case "future": {
        const k = statement[1];
        if (this.#futures[k]!.done()) this.#futures[k] = this.#t.loop.createFuture();
        return await this.#futures[k]!;
      }
      case "settle": {
        const future = this.#futures[statement[1]]!;
        if (future.done()) return "too late";
        if (statement[2] === 0) future.setResult("value");
        else if (statement[2] === 1) future.setException(new Boom("future"));
        else future.cancel();
        return;
      }
      case "shutdown":
        return this.#queues[statement[1]]!.shutdown({ immediate: statement[2] });
      case "try":
        try {
          await this.#block(name, statement[1]);
        } catch (error) {
          this.#t(name, "caught", neutral(error), currentTask()!.cancelling());
          if (statement[2]) throw error;
        }
        return;
      case "finally":
        try {
          await this.#block(name, statement[1]);
        } finally {
          await this.#block(name, statement[2]);
        }
        return;
      case "timeout": {
        const scope = await timeout(statement[1] * STEP_MS, async (scope) => {
          await this.#block(name, statement[2]);
          return scope;
        });
        return scope.expired();
      }
      case "waitfor":
        await waitFor(() => this.#block(name, statement[2]), statement[1] * STEP_MS);
        return "in time";
      case "group":
        await TaskGroup.run(async (group) => {
          for (const body of statement[1]) group.createTask(() => this.body(body));
          await this.#block(name, statement[2]);
        });
        return currentTask()!.cancelling();
      case "gather":
        return await gather(statement[1].map((body) => () => this.body(body)), {
          returnExceptions: statement[2],
        });
      case "lock": {
        const lock = this.#locks[statement[1]]!;
        {
          using _held = await lock.acquire();
          this.#t(name, "locked");
          await this.#block(name, statement[2]);
        }
        return lock.locked();
      }
      case "sem": {
        const semaphore = this.#semaphores[statement[1]]!;
        {
          using _held = await semaphore.acquire();
          this.#t(name, "acquired");
          await this.#block(name, statement[2]);
        }
        return semaphore.locked();
      }
      case "event":
        return await this.#events[statement[1]]!.wait();
      case "set":
        return this.#events[statement[1]]!.set();
      case "clear":
        return this.#events[statement[1]]!.clear();
      case "put":
        await this.#queues[statement[1]]!.put(statement[2]);
        return this.#queues[statement[1]]!.qsize();
      case "get":
        return await this.#queues[statement[1]]!.get();
      case "cwait": {
        const condition = this.#conditions[statement[1]]!;
        using _held = await condition.acquire();
        return await condition.wait();
      }
      case "notify": {
        const condition = this.#conditions[statement[1]]!;
        using _held = await condition.acquire();
        return condition.notify(statement[2]);
      }
      case "barrier":
        await this.#barriers[statement[1]]!.wait();
        return "passed";
      case "uncancel":
        return currentTask()!.uncancel();
    }
  }
}

/** Runs a program, and cancels what does not end by itself. */
export async function runProgram(t: Trace, { main, tasks }: RecordedProgram): Promise<void> {
  t.traceHandler();
  const run = new Run(t, tasks);
  const task = createTask(() => run.body(main));
  await wait([task], { timeoutMs: 10_000 });
  for (let left = run.left(); left.length > 0; left = run.left()) {
    for (const one of left) one.cancel();
    await sleep(8 * STEP_MS);
  }
  t("over");
}
