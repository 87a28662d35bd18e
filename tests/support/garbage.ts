import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nextMacrotask, until } from "./poll.ts";

let collect: (() => void) | undefined;

/** Collects garbage now: all that was unreachable when the current macrotask began. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** Waits until the collector has taken what `noticed` looks for. */
export async function untilCollected(noticed: () => boolean, what: string): Promise<void> {
  await until(async () => {
    // What a WeakRef was asked for stays alive until the end of the macrotask.
    await nextMacrotask();
    collectGarbage();
    await nextMacrotask();
    return noticed();
  }, { what });
}
