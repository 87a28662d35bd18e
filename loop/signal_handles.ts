import { RuntimeError } from "../errors.ts";
import type { Scheduler } from "./scheduler.ts";
import { WatchHandle } from "./watch_handle.ts";

const UNCATCHABLE: ReadonlySet<string> = new Set(["SIGKILL", "SIGSTOP"]);
/** Raised by the program's own faults; the platform keeps them for itself. */
const RESERVED: ReadonlySet<string> = new Set(["SIGSEGV", "SIGILL", "SIGFPE"]);

/** The callbacks of a loop on signals of the process. */
export class SignalHandles {
  readonly #watched = new Map<
    Deno.Signal,
    { handle: WatchHandle; stop: () => void }
  >();

  /** Watches, in place of what was watched before. */
  add(
    scheduler: Scheduler,
    watch: (signal: Deno.Signal, deliver: () => void) => () => void,
    signal: Deno.Signal,
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ): void {
    if (typeof callback !== "function") {
      throw new TypeError(
        `Cannot add a handler for ${signal}: expected a function as callback, got ${typeof callback}`,
      );
    }
    if (UNCATCHABLE.has(signal)) {
      throw new RuntimeError(
        `Cannot add a handler for ${signal}: it cannot be caught`,
      );
    }
    if (RESERVED.has(signal)) {
      throw new RuntimeError(
        `Cannot add a handler for ${signal}: the platform keeps it for itself`,
      );
    }
    const handle = new WatchHandle(scheduler, callback, args);
    let stop: () => void;
    try {
      stop = watch(signal, () => handle.notify());
    } catch (cause) {
      throw new RangeError(
        `Cannot add a handler for ${Deno.inspect(signal)}: there is no such signal here`,
        { cause },
      );
    }
    this.remove(signal);
    this.#watched.set(signal, { handle, stop });
  }

  /** Stops; whether there was something to stop. */
  remove(signal: Deno.Signal): boolean {
    const watched = this.#watched.get(signal);
    if (watched === undefined) return false;
    this.#watched.delete(signal);
    watched.handle.cancel();
    watched.stop();
    return true;
  }

  /** Stops all. */
  clear(): void {
    for (const signal of [...this.#watched.keys()]) this.remove(signal);
  }
}
