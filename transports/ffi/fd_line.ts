import type { AbstractEventLoop } from "../../types/loop.ts";
import { abortable } from "../../loop/abortable.ts";
import { Future } from "../../loop/future.ts";
import { fdWatcher, type LibcFdWatcher, type Listener } from "./watcher.ts";

/** What a call says that has to wait. */
export const AGAIN: unique symbol = Symbol("AGAIN");

type Slot = "readLine" | "writeLine";

/** One waiting call. */
interface Turn {
  future: Future<void> | null;
  error: Error | null;
}

/**
 * The calls that wait for one direction of one fd, first come, first served.
 *
 * Readiness only wakes the first; it makes its system call itself, in the step
 * in which it returns. So nothing is ever taken from the kernel for a call that
 * was cancelled meanwhile: the bytes stay there for the next one (CPython loses
 * an accepted connection here, gh-153761).
 */
class Line implements Listener {
  readonly #turns: Turn[] = [];
  readonly #call: string;
  readonly #retire: () => void;

  /** `retire` takes it out of the way of a new fd of the same number. */
  constructor(call: string, retire: () => void) {
    this.#call = call;
    this.#retire = retire;
  }

  get empty(): boolean {
    return this.#turns.length === 0;
  }

  join(): Turn {
    const turn: Turn = { future: null, error: null };
    this.#turns.push(turn);
    return turn;
  }

  leave(turn: Turn): void {
    this.#turns.splice(this.#turns.indexOf(turn), 1);
  }

  ready(): void {
    const future = this.#turns[0]?.future;
    if (future && !future.done()) future.setResult(undefined);
  }

  closed(): void {
    this.#retire();
    for (const turn of this.#turns) {
      turn.error = new Deno.errors.BadResource(
        `Cannot go on with ${this.#call}: the socket was closed`,
      );
      const { future } = turn;
      if (future && !future.done()) future.setResult(undefined);
    }
  }
}

const lines = new WeakMap<AbstractEventLoop, Map<number, Line>>();

/** What a waiting call does. */
export interface FdCall<T> {
  /** The direction it waits for. */
  slot: Slot;
  /** Its name, for messages. */
  name: string;
  /** Does not try before the fd was ready. @default {false} */
  waitFirst?: boolean;
  /** Whether the end of the fd is announced, as that of a `Socket`. @default {false} */
  announced?: boolean;
  /** Ends the wait when it aborts. */
  signal: AbortSignal | undefined;
  /** Makes the system call; {@linkcode AGAIN} if it would block. What it throws is the caller's. */
  attempt: () => T | typeof AGAIN;
}

/**
 * Repeats `attempt` as often as `fd` is ready, until it is done.
 *
 * Cancellation, also by the signal: takes its place in the line away, and nothing else.
 */
export async function whenReady<T>(
  loop: AbstractEventLoop,
  fd: number,
  call: FdCall<T>,
  watcher: LibcFdWatcher = fdWatcher,
): Promise<T> {
  const { slot, name, waitFirst = false, announced: mayReturn = false, signal, attempt } = call;
  const ofLoop = linesOf(loop);
  const key = fd * 2 + (slot === "readLine" ? 0 : 1);
  let line = ofLoop.get(key);
  if (line === undefined) {
    if (!waitFirst) {
      const result = attempt();
      if (result !== AGAIN) return result;
    }
    line = new Line(`${name}(fd ${fd})`, () => ofLoop.delete(key));
    watcher.addLine(loop, fd, slot, line);
    ofLoop.set(key, line);
  }
  const turn = line.join();
  try {
    while (true) {
      turn.future = new Future<void>({ loop });
      await abortable(turn.future, signal);
      if (turn.error !== null) throw turn.error;
      const result = attempt();
      if (result !== AGAIN) return result;
    }
  } finally {
    line.leave(turn);
    if (line.empty && ofLoop.get(key) === line) {
      ofLoop.delete(key);
      watcher.removeLine(loop, fd, slot, { mayReturn });
    }
  }
}

/** Whether a call of `loop` waits for `fd`. */
export function isWaitedFor(loop: AbstractEventLoop, fd: number): boolean {
  const ofLoop = linesOf(loop);
  return ofLoop.has(fd * 2) || ofLoop.has(fd * 2 + 1);
}

function linesOf(loop: AbstractEventLoop): Map<number, Line> {
  let found = lines.get(loop);
  if (found === undefined) lines.set(loop, found = new Map());
  return found;
}
