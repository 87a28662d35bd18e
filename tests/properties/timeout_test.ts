import fc from "fast-check";
import { CancelledError, TimeoutError } from "../../errors.ts";
import { getRunningLoop, type Task } from "../../loop/mod.ts";
import { sleep, type Timeout, timeout } from "../../tasks/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { property } from "./support.ts";

/** How a level of nested timeouts ended. */
type End = "value" | "timeout" | "cancelled";

interface Course {
  /** From the outermost to the innermost. */
  ends: End[];
  expired: boolean[];
  /** Cancellations from outside that reached the task. */
  cancelled: number;
}

/** Sleeps for `work` ms inside timeouts, the first one outermost, and is cancelled at `cancels`. */
async function run(
  work: number,
  limits: readonly (number | null)[],
  cancels: readonly number[],
): Promise<Course> {
  const course: Course = { ends: [], expired: [], cancelled: 0 };
  async function level(depth: number): Promise<void> {
    const limit = limits[depth];
    if (limit === undefined) return await sleep(work);
    let scope: Timeout | undefined;
    try {
      await timeout(limit, async (t) => {
        scope = t;
        await level(depth + 1);
      });
      course.ends[depth] = "value";
    } catch (error) {
      course.ends[depth] = nameOf(error);
      throw error;
    } finally {
      course.expired[depth] = scope?.expired() ?? false;
    }
  }
  const loop = getRunningLoop();
  const task = loop.createTask(async () => {
    try {
      await level(0);
    } catch (error) {
      nameOf(error);
      if (error instanceof CancelledError) assert(task.cancelling() > 0);
    }
    assertEquals(task.cancelling(), course.cancelled, "a timeout took back what was not its own");
  }) as Task<void>;
  for (const at of cancels) {
    loop.callLater(at, () => {
      if (task.cancel()) course.cancelled++;
    });
  }
  await task;
  await sleep(200);
  return course;
}

function nameOf(error: unknown): End {
  if (error instanceof TimeoutError) return "timeout";
  if (error instanceof CancelledError) return "cancelled";
  throw error;
}

const limit = fc.option(fc.integer({ min: -1, max: 12 }), { nil: null });

property(
  "timeout(): what comes first decides, when no two things come at once",
  fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 6 })
    .chain((times) => fc.record({ times: fc.constant(times), limits: fc.nat(times.length - 1) })),
  async ({ times: [work = 1, ...rest], limits }) => {
    const [deadlines, cancels] = [rest.slice(0, limits), rest.slice(limits)];
    const { ends, expired } = await run(work, deadlines, cancels);
    const firstCancel = Math.min(...cancels);
    const firstDeadline = Math.min(...deadlines);
    const whose = deadlines.indexOf(firstDeadline);
    if (work < firstCancel && work < firstDeadline) {
      assertEquals(ends, deadlines.map(() => "value"));
      assertEquals(expired, deadlines.map(() => false));
    } else if (firstCancel < firstDeadline) {
      assertEquals(ends, deadlines.map(() => "cancelled"));
      assertEquals(expired, deadlines.map(() => false));
    } else {
      // Inside it is a cancellation, from its own level on a TimeoutError.
      assertEquals(ends, deadlines.map((_, i): End => i > whose ? "cancelled" : "timeout"));
      assertEquals(expired, deadlines.map((_, i) => i === whose));
    }
  },
);

property(
  "timeout(): nobody takes the cancellation of another, when everything comes at once",
  fc.record({
    work: fc.nat(12),
    limits: fc.array(limit, { minLength: 1, maxLength: 4 }),
    cancels: fc.array(fc.nat(12), { maxLength: 3 }),
  }),
  async ({ work, limits, cancels }) => {
    const { ends, expired, cancelled } = await run(work, limits, cancels);
    assertEquals(ends.length, limits.length);
    for (const [depth, end] of ends.entries()) {
      const within = ends[depth + 1] ?? "cancelled";
      if (end === "timeout") assert(expired[depth] || within === "timeout", `level ${depth}`);
      if (end === "value") assert(depth === ends.length - 1 || within === "value");
      // A level never swallows what comes from inside.
      if (within === "timeout") assert(end === "timeout");
    }
    if (cancelled === 0) assert(ends[0] !== "cancelled", "nobody cancelled it");
    if (!expired.includes(true)) assert(!ends.includes("timeout"), "no time was over");
  },
);
