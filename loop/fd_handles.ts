import type { FdWatcher } from "../types/io.ts";
import { fdOwners, type LoopInternals, scheduler } from "./internals.ts";
import { WatchHandle } from "./watch_handle.ts";

type Direction = "Reader" | "Writer";

/** A file descriptor, or something that has one. */
type FdSource = number | { fileno(): number };

interface Watched {
  readonly handle: WatchHandle;
  /** What was given: it still names its watch once it is closed and its `fileno()` is -1. */
  readonly source: FdSource;
}

/** The callbacks of a loop on file descriptors. */
export class FdHandles {
  readonly #watched = {
    Reader: new Map<number, Watched>(),
    Writer: new Map<number, Watched>(),
  };

  /** Watches, in place of what was watched before. */
  add(
    direction: Direction,
    watcher: FdWatcher,
    loop: LoopInternals,
    source: FdSource,
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ): void {
    const what = `add${direction}` as const;
    const fd = checkOpen(fdOf(source, what), what);
    if (typeof callback !== "function") {
      throw new TypeError(
        `Cannot call ${what}(): expected a function as callback, got ${typeof callback}`,
      );
    }
    loop[fdOwners].check(fd, what);
    const handle = new WatchHandle(loop[scheduler], callback, args);
    // Closed by the callback of another one that was ready as well: it must not be called then.
    watcher[what](loop, fd, () => handle.notify(), () => handle.cancel());
    this.#watched[direction].get(fd)?.handle.cancel();
    this.#watched[direction].set(fd, { handle, source });
  }

  /** Stops; whether there was something to stop. */
  remove(
    direction: Direction,
    watcher: FdWatcher,
    loop: LoopInternals,
    source: FdSource,
  ): boolean {
    const what = `remove${direction}` as const;
    const watched = this.#watched[direction];
    const given = fdOf(source, what);
    const isClosed = given < 0;
    const fd = checkOpen(isClosed ? this.#fdOfClosed(direction, source) : given, what);
    if (!isClosed) loop[fdOwners].check(fd, what);
    const found = watched.get(fd);
    if (found === undefined) return false;
    watched.delete(fd);
    found.handle.cancel();
    return watcher[what](loop, fd) || isClosed;
  }

  /** Under which number something is watched that is closed by now; as asyncio, which searches as well. */
  #fdOfClosed(direction: Direction, source: FdSource): number {
    for (const [fd, watched] of this.#watched[direction]) {
      if (watched.source === source) return fd;
    }
    return -1;
  }

  /** The loop closed: nothing runs any more. */
  clear(): void {
    for (const watched of Object.values(this.#watched)) {
      for (const { handle } of watched.values()) handle.cancel();
      watched.clear();
    }
  }
}

function fdOf(source: FdSource, what: string): number {
  const fd = typeof source === "number" ? source : source?.fileno?.();
  if (typeof fd === "number" && Number.isInteger(fd)) return fd;
  throw new TypeError(
    `Cannot call ${what}(): expected a file descriptor or something with fileno(), got ${source}`,
  );
}

function checkOpen(fd: number, what: string): number {
  if (fd >= 0) return fd;
  throw new RangeError(`Cannot call ${what}(): invalid file descriptor ${fd}`);
}
