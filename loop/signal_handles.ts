import { RuntimeError } from "../errors.ts";
import type { Scheduler } from "./scheduler.ts";
import { WatchHandle } from "./watch_handle.ts";

const UNCATCHABLE: ReadonlySet<string> = new Set(["SIGKILL", "SIGSTOP"]);
/** Raised by the program's own faults; the platform keeps them for itself. */
const RESERVED: ReadonlySet<string> = new Set(["SIGSEGV", "SIGILL", "SIGFPE"]);

/** The names a signal may have on one of Deno's systems. */
const NAMES: ReadonlySet<string> = new Set(
  `SIGABRT SIGALRM SIGBREAK SIGBUS SIGCHLD SIGCONT SIGEMT SIGFPE SIGHUP SIGILL SIGINFO SIGINT SIGIO
  SIGKILL SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP
  SIGTSTP SIGTTIN SIGTTOU SIGUNUSED SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ`
    .split(/\s+/),
);

/** Installs `deliver` for a signal of the process; returns how to take it away. */
export type WatchSignal = (signal: Deno.Signal, deliver: () => void) => () => void;

/** Who hears of signals of the process in a loop. */
export class SignalHandles {
  readonly #watched = new Map<
    Deno.Signal,
    { handle: WatchHandle; stop: () => void }
  >();
  /** How many receivers are open for a signal. */
  readonly #receivers = new Map<Deno.Signal, number>();

  /** Watches, in place of what was watched before. */
  add(
    scheduler: Scheduler,
    watch: WatchSignal,
    signal: Deno.Signal,
    callback: (...args: never[]) => unknown,
    args: readonly unknown[],
  ): void {
    if (typeof callback !== "function") {
      throw new TypeError(
        `Cannot add a handler for ${signal}: expected a function as callback, got ${typeof callback}`,
      );
    }
    const handle = new WatchHandle(scheduler, callback, args);
    const stop = watchChecked(watch, signal, "add a handler for", () => {
      if (!this.#receivers.has(signal)) handle.notify();
    });
    this.remove(signal);
    this.#watched.set(signal, { handle, stop });
  }

  /** Stops; whether there was something to stop. */
  remove(signal: Deno.Signal): boolean {
    const watched = this.#watched.get(signal);
    if (watched === undefined) {
      if (NAMES.has(signal)) return false;
      throw noSuchSignal(signal, "remove the handler of");
    }
    this.#watched.delete(signal);
    watched.handle.cancel();
    watched.stop();
    return true;
  }

  /** Calls `deliver` in place of the handler, until the function it returns is called, once. */
  receive(watch: WatchSignal, signal: Deno.Signal, deliver: () => void): () => void {
    const stop = watchChecked(watch, signal, "receive", deliver);
    this.#receivers.set(signal, (this.#receivers.get(signal) ?? 0) + 1);
    return () => {
      stop();
      const left = this.#receivers.get(signal) as number - 1;
      if (left > 0) this.#receivers.set(signal, left);
      else this.#receivers.delete(signal);
    };
  }

  /** Stops all handlers. */
  clear(): void {
    for (const signal of [...this.#watched.keys()]) this.remove(signal);
  }
}

function watchChecked(
  watch: WatchSignal,
  signal: Deno.Signal,
  what: string,
  deliver: () => void,
): () => void {
  if (UNCATCHABLE.has(signal)) {
    throw new RuntimeError(`Cannot ${what} ${signal}: it cannot be caught`);
  }
  if (RESERVED.has(signal)) {
    throw new RuntimeError(`Cannot ${what} ${signal}: the platform keeps it for itself`);
  }
  try {
    return watch(signal, deliver);
  } catch (cause) {
    throw noSuchSignal(signal, what, cause);
  }
}

function noSuchSignal(signal: unknown, what: string, cause?: unknown): RangeError {
  return new RangeError(
    `Cannot ${what} ${Deno.inspect(signal)}: there is no such signal here`,
    { ...(cause !== undefined && { cause }) },
  );
}
