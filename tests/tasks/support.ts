import { VirtualTimeLoop } from "../../testing/mod.ts";
import type { ExceptionContext } from "../../types.ts";

export {
  assertCancelled,
  iterationsOf,
  loopTest,
  tick,
  WatchedController,
} from "../sync/support.ts";

/** An error of the program under test. */
export class Boom extends Error {
  override readonly name = "Boom";
}

/** Runs `main` in a loop of its own, closes it; what the exception handler was told by then. */
export async function reportsOf(
  main: (loop: VirtualTimeLoop) => PromiseLike<unknown> | unknown,
): Promise<ExceptionContext[]> {
  const loop = new VirtualTimeLoop({ deadlockMs: 0 });
  const reports: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => void reports.push(context));
  try {
    await loop.runUntilComplete(() => main(loop));
  } finally {
    loop.close();
  }
  return reports;
}

/** What a promise came to: its value, or its error. */
export async function outcomeOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}
