import fc from "fast-check";
import { CancelledError, ExceptionGroup } from "../../errors.ts";
import { getRunningLoop, type Task } from "../../loop/mod.ts";
import { TaskGroup } from "../../tasks/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { tick } from "../sync/support.ts";
import { property } from "./support.ts";

/** What a member does: work for so many iterations, then end. */
interface Member {
  work: number;
  /** Fails in the end. */
  fails: boolean;
  /** Iterations it takes to clean up after a cancellation. */
  cleanUp: number;
  /** What it does with a cancellation after that. */
  then: "rethrow" | "return" | "fail";
  eagerStart: boolean;
}

const member: fc.Arbitrary<Member> = fc.record({
  work: fc.nat(8),
  fails: fc.boolean(),
  cleanUp: fc.nat(3),
  then: fc.constantFrom("rethrow", "rethrow", "return", "fail"),
  eagerStart: fc.boolean(),
});

const scene = fc.record({
  members: fc.array(member, { maxLength: 4 }),
  inner: fc.option(fc.array(member, { maxLength: 3 }), { nil: null }),
  body: fc.record({
    work: fc.nat(6),
    then: fc.constantFrom("return", "throw", "cancel", "cancel and throw"),
  }),
  cancelsAt: fc.array(fc.nat(12), { maxLength: 3 }),
});

/** What happened, as far as the group must answer for it. */
class Log {
  readonly started: Task<unknown>[] = [];
  readonly errors = new Set<Error>();

  error(): Error {
    const error = new Error(`boom ${this.errors.size}`);
    this.errors.add(error);
    return error;
  }

  start(group: TaskGroup, member: Member): void {
    const { eagerStart } = member;
    this.started.push(group.createTask(() => this.#run(member), { eagerStart }));
  }

  async #run({ work, fails, cleanUp, then }: Member): Promise<void> {
    try {
      await tick(work);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
      await this.#cleanUp(cleanUp);
      if (then === "rethrow") throw error;
      if (then === "return") return;
      throw this.error();
    }
    if (fails) throw this.error();
  }

  /** Takes its time, cancelled or not. */
  async #cleanUp(iterations: number): Promise<void> {
    for (let i = 0; i < iterations; i++) {
      try {
        await tick();
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
      }
    }
  }
}

/** The errors of a group and of the groups inside, in any order. */
function leaves(error: unknown): Error[] {
  return error instanceof ExceptionGroup ? error.errors.flatMap(leaves) : [error as Error];
}

property(
  "TaskGroup: no member outlives it, every error is in its group, and a cancellation from outside is not lost",
  scene,
  async ({ members, inner, body, cancelsAt }) => {
    const log = new Log();
    let cancelled = 0;
    let sawCancellation = false;
    let outcome: { error: unknown } | null = null;

    async function runGroup(): Promise<void> {
      await TaskGroup.run(async (group) => {
        for (const member of members) {
          // Refused once an eager member has failed.
          if (String(group).includes("entered")) log.start(group, member);
        }
        if (inner !== null) {
          await TaskGroup.run((group) => {
            for (const member of inner) {
              if (String(group).includes("entered")) log.start(group, member);
            }
          });
        }
        await tick(body.work);
        if (body.then.startsWith("cancel")) group.cancel();
        if (body.then.endsWith("throw")) throw log.error();
      });
    }

    const parent: Task<void> = getRunningLoop().createTask(async () => {
      try {
        await runGroup();
      } catch (error) {
        outcome = { error };
        sawCancellation = error instanceof CancelledError;
      }
      const pending = log.started.filter((task) => !task.done());
      assertEquals(pending, [], "a member outlived its group");
      try {
        await tick(2);
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        sawCancellation = true;
      }
      assertEquals(parent.cancelling(), cancelled, "the group took back what was not its own");
      while (parent.uncancel() > 0);
    });
    await tick();
    let now = 0;
    for (const at of cancelsAt.toSorted((a, b) => a - b)) {
      await tick(at - now);
      now = at;
      if (parent.cancel()) cancelled++;
    }
    await parent;

    const { error } = outcome as { error: unknown } | null ?? { error: null };
    if (cancelled > 0) assert(sawCancellation, "the cancellation was lost");
    else assert(!(error instanceof CancelledError), "nobody cancelled it from outside");
    const thrown = error === null || error instanceof CancelledError ? [] : leaves(error);
    assertEquals(new Set(thrown.filter((one) => !(one instanceof CancelledError))), log.errors);
    assertEquals(thrown.length, log.errors.size);
  },
);
