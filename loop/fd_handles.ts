import type { FdWatcher } from "../types/io.ts";
import { type LoopInternals, scheduler } from "./internals.ts";
import { WatchHandle } from "./watch_handle.ts";

type Direction = "Reader" | "Writer";

/** The callbacks of a loop on file descriptors. */
export class FdHandles {
  readonly #handles = {
    Reader: new Map<number, WatchHandle>(),
    Writer: new Map<number, WatchHandle>(),
  };

  /** Watches, in place of what was watched before. */
  add(
    direction: Direction,
    watcher: FdWatcher,
    loop: LoopInternals,
    fd: number | { fileno(): number },
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ): void {
    const number = fdOf(fd, `add${direction}`);
    if (typeof callback !== "function") {
      throw new TypeError(
        `Cannot call add${direction}(): expected a function as callback, got ${typeof callback}`,
      );
    }
    const handle = new WatchHandle(loop[scheduler], callback, args);
    watcher[`add${direction}`](loop, number, () => handle.notify());
    this.#handles[direction].get(number)?.cancel();
    this.#handles[direction].set(number, handle);
  }

  /** Stops; whether there was something to stop. */
  remove(
    direction: Direction,
    watcher: FdWatcher,
    loop: LoopInternals,
    fd: number | { fileno(): number },
  ): boolean {
    const number = fdOf(fd, `remove${direction}`);
    const handle = this.#handles[direction].get(number);
    if (handle === undefined) return false;
    this.#handles[direction].delete(number);
    handle.cancel();
    return watcher[`remove${direction}`](loop, number);
  }

  /** The loop closed: nothing runs any more. */
  clear(): void {
    for (const handles of Object.values(this.#handles)) {
      for (const handle of handles.values()) handle.cancel();
      handles.clear();
    }
  }
}

function fdOf(fd: number | { fileno(): number }, what: string): number {
  const number = typeof fd === "number" ? fd : fd?.fileno?.();
  if (typeof number !== "number" || !Number.isInteger(number)) {
    throw new TypeError(
      `Cannot call ${what}(): expected a file descriptor or something with fileno(), got ${fd}`,
    );
  }
  if (number < 0) {
    throw new RangeError(
      `Cannot call ${what}(): invalid file descriptor ${number}`,
    );
  }
  return number;
}
