import { RuntimeError } from "../errors.ts";
import type { AbstractTask } from "../types/loop.ts";

/** A task that will never go on. */
export interface StuckTask {
  /** The task. */
  readonly task: AbstractTask<unknown>;
  /** The futures it waits for; none if it waits for a native promise. */
  readonly waitsFor: readonly unknown[];
}

/**
 * Nothing is ready to run and no timer is set, so the loop would sleep for
 * ever. `tasks` lists who waits, and for what.
 */
export class DeadlockError extends RuntimeError {
  /** The name of the class. */
  override readonly name: string = "DeadlockError";
  /** The tasks that wait, in the order in which they were made. */
  readonly tasks: readonly StuckTask[];

  /** Creates the error; `timeMs` is the time of the loop. */
  constructor(timeMs: number, tasks: readonly StuckTask[]) {
    super(
      [
        `Deadlock at ${timeMs} ms: nothing is ready to run, no timer is set, and ${counted(tasks)}`,
        ...tasks.map(describe),
      ].join("\n"),
    );
    this.tasks = tasks;
  }
}

function counted(tasks: readonly StuckTask[]): string {
  if (tasks.length === 0) {
    return "no task is left: the loop was asked to wait for a future that nobody completes, or for stop()";
  }
  return `${tasks.length === 1 ? "1 task waits" : `${tasks.length} tasks wait`}:`;
}

function describe({ task, waitsFor }: StuckTask): string {
  const what = waitsFor.length > 0 ? waitsFor.join(" and ") : "a native promise";
  return `  ${task} waits for ${what}`;
}
