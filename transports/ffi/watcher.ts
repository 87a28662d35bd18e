import type { FdWatcher } from "../../types/io.ts";
import type { AbstractEventLoop } from "../../types/loop.ts";
import { type FdEnd, onFdEnding } from "./fd_closing.ts";
import { holdLibc, releaseLibc } from "./libc.ts";
import { INVALID, openPoller, type Poller, READABLE, type Watched, WRITABLE } from "./poller.ts";

/** A wait in a thread costs 50 µs of CPU, a turn with a poll 1.6 µs: so many turns are worth a try. */
const LONGEST_SPIN = 32;
/** The loop needs a turn to run what was delivered; a wait before that would end at once. */
const SHORTEST_SPIN = 2;
/** While turns follow each other Deno looks at its own I/O only at every so-manieth. */
const TURNS_PER_DENO_POLL = 61;
/** After this time with slow callbacks in the turns, so many are taken without any, in milliseconds. */
const LONGEST_HOT_MS = 4;
/** How many polls pass between two looks at the clock. */
const POLLS_PER_LOOK = 4;
/** Turns with nothing to watch until epoll and libc are given back. */
const TURNS_UNTIL_RELEASE = 4;

/**
 * Who wants to know of an fd: the callbacks of `addReader` and `addWriter`, and
 * the line of waiting `sock*` calls, which must not displace each other.
 */
export type Slot = "reader" | "writer" | "readLine" | "writeLine";

/** What is called. */
export interface Listener {
  /** The fd is ready. */
  ready(): void;
  /** A `Socket` closes the fd; nothing more will come. */
  closed?(): void;
}

/** The part of a loop that a watcher calls. */
type LoopKey = Pick<AbstractEventLoop, "callExceptionHandler" | "isRunning">;

/** Options of the watcher; the default is right but for tests. */
export interface FdWatcherOptions {
  /** `"poll"` instead of epoll. @default {"best"} */
  poller?: "best" | "poll";
}

/**
 * Watches file descriptors for loops. Requires `--allow-ffi` from the first one on.
 *
 * Callbacks come from a macrotask of their own, once a poll and fd, while the
 * loop runs.
 */
export class LibcFdWatcher implements FdWatcher {
  readonly #watches = new WeakMap<object, LoopWatch>();
  readonly #kind: "best" | "poll";

  /** Makes a watcher; it loads nothing yet. */
  constructor(options: FdWatcherOptions = {}) {
    this.#kind = options.poller ?? "best";
  }

  /**
   * Calls `ready` as often as `fd` is readable, at EOF, or broken. Replaces the one before.
   * Calls `closed` when a `Socket` closes the fd, and nothing any more.
   *
   * @throws {Deno.errors.NotCapable} without `--allow-ffi`
   * @throws {Deno.errors.BadResource} if `fd` is not open
   * @throws {Deno.errors.PermissionDenied} with code EPERM for a regular file (epoll)
   */
  addReader(
    loop: AbstractEventLoop,
    fd: number,
    ready: () => void,
    closed: () => void = () => {},
  ): void {
    this.#of(loop).add(fd, "reader", { ready, closed }, `addReader(fd ${fd})`);
  }

  /** Stops it; whether there was one. */
  removeReader(loop: AbstractEventLoop, fd: number): boolean {
    return this.#watches.get(loop)?.remove(fd, "reader") ?? false;
  }

  /** Calls `ready` as often as `fd` is writable or broken. Throws as {@linkcode addReader}. */
  addWriter(
    loop: AbstractEventLoop,
    fd: number,
    ready: () => void,
    closed: () => void = () => {},
  ): void {
    this.#of(loop).add(fd, "writer", { ready, closed }, `addWriter(fd ${fd})`);
  }

  /** Stops it; whether there was one. */
  removeWriter(loop: AbstractEventLoop, fd: number): boolean {
    return this.#watches.get(loop)?.remove(fd, "writer") ?? false;
  }

  /** As `addReader` and `addWriter`, for the calls that wait in line beside them. */
  addLine(
    loop: AbstractEventLoop,
    fd: number,
    slot: "readLine" | "writeLine",
    listener: Listener,
  ): void {
    this.#of(loop).add(fd, slot, listener, `watch(fd ${fd})`);
  }

  /**
   * Stops it. With `mayReturn` the kernel is told only if the fd gets ready all
   * the same: the next call that waits for it finds it watched, which saves two
   * system calls. For an fd whose end is announced, that of a `Socket`.
   */
  removeLine(
    loop: AbstractEventLoop,
    fd: number,
    slot: "readLine" | "writeLine",
    { mayReturn = false }: { mayReturn?: boolean } = {},
  ): void {
    this.#watches.get(loop)?.remove(fd, slot, mayReturn);
  }

  /**
   * The loop does not run: nothing is polled, and no wait keeps the process
   * alive. What is watched stays so. Resolves when the pending wait has ended.
   */
  async suspend(loop: AbstractEventLoop): Promise<void> {
    await this.#of(loop).suspend();
  }

  /** The loop runs again. */
  resume(loop: AbstractEventLoop): void {
    this.#of(loop).resume();
  }

  /** Forgets all of a loop. Resolves when the pending wait has ended and its fds are closed. */
  async closeLoop(loop: AbstractEventLoop): Promise<void> {
    const watch = this.#watches.get(loop);
    this.#watches.delete(loop);
    await watch?.close();
  }

  #of(loop: LoopKey): LoopWatch {
    let watch = this.#watches.get(loop);
    if (watch === undefined) {
      watch = new LoopWatch(loop, this.#kind);
      this.#watches.set(loop, watch);
    }
    return watch;
  }
}

class Entry implements Watched {
  readonly fd: number;
  armed = 0;
  generation = 0;
  ready = 0;
  reader: Listener | null = null;
  writer: Listener | null = null;
  readLine: Listener | null = null;
  writeLine: Listener | null = null;

  constructor(fd: number) {
    this.fd = fd;
  }

  get wanted(): number {
    return (this.reader !== null || this.readLine !== null ? READABLE : 0) |
      (this.writer !== null || this.writeLine !== null ? WRITABLE : 0);
  }
}

/**
 * The fds of one loop. States of its engine:
 *
 * - `idle`: nothing to watch, or the loop does not run;
 * - `turning`: a `setImmediate` is due, which polls without waiting. As long as
 *   polls find something, and some turns longer, it stays here;
 * - `waiting`: the one pending FFI call. It ends when an fd is ready, when the
 *   last fd is removed, and at suspend and close.
 */
class LoopWatch {
  readonly #loop: LoopKey;
  readonly #kind: "best" | "poll";
  readonly #entries = new Map<number, Entry>();
  /** What nobody watches, but the kernel still does. */
  readonly #idle = new Map<number, Entry>();
  #poller: Poller | null = null;
  #unsubscribe = () => {};
  #running: boolean;

  #state: "idle" | "turning" | "waiting" = "idle";
  #turn: ReturnType<typeof setImmediate> | undefined;
  #waiting: Promise<void> | null = null;

  /** Polls in a row that found nothing. */
  #misses = 0;
  /** How many may do so before a wait. Doubles when a turn finds something late, halves when all were in vain. */
  #spin = SHORTEST_SPIN;
  #polls = 0;
  /** When Deno last had a chance to look at its own I/O. */
  #denoPolled = 0;
  /** Turns to take without polling, for that chance. 60 µs; a wait in a thread may be over before Deno looks. */
  #bareTurns = 0;

  constructor(loop: LoopKey, kind: "best" | "poll") {
    this.#loop = loop;
    this.#kind = kind;
    this.#running = loop.isRunning();
  }

  add(fd: number, slot: Slot, listener: Listener, call: string): void {
    if (!Number.isInteger(fd) || fd < 0) {
      throw new RangeError(`Cannot call ${call}: invalid file descriptor`);
    }
    const poller = this.#poller ??= this.#open(call);
    const entry = this.#entries.get(fd) ?? this.#idle.get(fd) ?? new Entry(fd);
    const before = entry[slot];
    entry[slot] = listener;
    try {
      // Whoever adds anew expects a new start: behind our back the fd may be another one by now.
      if (entry.wanted !== entry.armed || !this.#idle.has(fd)) poller.arm(entry, entry.wanted);
    } catch (error) {
      entry[slot] = before;
      throw error;
    } finally {
      // Also after an error: a poller for nothing is given back in a few turns.
      this.#start();
    }
    this.#idle.delete(fd);
    this.#entries.set(fd, entry);
  }

  remove(fd: number, slot: Slot, mayReturn = false): boolean {
    const entry = this.#entries.get(fd);
    if (entry === undefined || entry[slot] === null) return false;
    entry[slot] = null;
    if (mayReturn && entry.wanted === 0) this.#rest(entry);
    else this.#rearm(entry);
    return true;
  }

  async suspend(): Promise<void> {
    this.#running = false;
    await this.#halt();
    if (!this.#running && this.#entries.size === 0) this.#release();
  }

  resume(): void {
    this.#running = true;
    if (this.#poller !== null) this.#start();
  }

  async close(): Promise<void> {
    this.#running = false;
    for (const entry of this.#entries.values()) {
      entry.reader =
        entry.writer =
        entry.readLine =
        entry.writeLine =
          null;
    }
    this.#entries.clear();
    await this.#halt();
    this.#release();
  }

  #open(call: string): Poller {
    holdLibc(call);
    try {
      const poller = openPoller(this.#kind, call);
      this.#unsubscribe = onFdEnding((fd, end) => this.#end(fd, end));
      return poller;
    } catch (error) {
      releaseLibc();
      throw error;
    }
  }

  #release(): void {
    if (this.#poller === null || this.#waiting !== null) return;
    this.#unsubscribe();
    this.#poller.close();
    this.#poller = null;
    this.#idle.clear();
    releaseLibc();
  }

  #end(fd: number, end: FdEnd): void {
    const entry = this.#idle.get(fd);
    if (entry !== undefined) this.#retire(entry);
    else if (end === "closing") this.#forget(fd);
  }

  #forget(fd: number): void {
    const entry = this.#entries.get(fd);
    if (entry === undefined) return;
    const { reader, writer, readLine, writeLine } = entry;
    entry.reader =
      entry.writer =
      entry.readLine =
      entry.writeLine =
        null;
    this.#rearm(entry);
    for (const listener of [reader, writer, readLine, writeLine]) {
      listener?.closed?.();
    }
  }

  #rearm(entry: Entry): void {
    const { wanted } = entry;
    if (wanted !== 0) {
      this.#poller?.arm(entry, wanted);
      return;
    }
    this.#retire(entry);
    this.#drop(entry);
  }

  /** Nobody watches it for the moment. */
  #rest(entry: Entry): void {
    this.#idle.set(entry.fd, entry);
    this.#drop(entry);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.fd);
    if (this.#entries.size === 0 && this.#waiting !== null) this.#poller?.wake();
  }

  #retire(entry: Entry): void {
    this.#idle.delete(entry.fd);
    this.#poller?.disarm(entry);
  }

  /** Stops turning and waiting. */
  async #halt(): Promise<void> {
    if (this.#state === "turning") {
      clearImmediate(this.#turn);
      this.#state = "idle";
    }
    if (this.#waiting === null) return;
    this.#poller?.wake();
    await this.#waiting;
  }

  #start(): void {
    if (!this.#running || this.#state !== "idle") return;
    this.#misses = this.#bareTurns = 0;
    this.#denoPolled = performance.now();
    this.#nextTurn();
  }

  #nextTurn(): void {
    this.#state = "turning";
    this.#turn = setImmediate(this.#takeTurn);
  }

  readonly #takeTurn = (): void => {
    this.#turn = undefined;
    const poller = this.#poller;
    if (!this.#running || poller === null) {
      this.#state = "idle";
      return;
    }
    if (this.#bareTurns > 0) {
      if (--this.#bareTurns === 0) this.#denoPolled = performance.now();
      return this.#nextTurn();
    }
    try {
      const ready = poller.poll() as readonly Entry[];
      if (ready.length > 0) this.#found(ready);
      else this.#misses++;
    } catch (exception) {
      this.#state = "idle";
      this.#report("Cannot poll the watched file descriptors", exception);
      return;
    }
    // What was called may have stopped or closed the loop, and begun anew.
    if (this.#turn !== undefined) return;
    if (!this.#running) {
      this.#state = "idle";
    } else if (this.#entries.size === 0) {
      if (this.#misses < TURNS_UNTIL_RELEASE) return this.#nextTurn();
      this.#state = "idle";
      this.#release();
    } else if (this.#misses > this.#spin) {
      this.#spin = Math.max(this.#spin >> 1, SHORTEST_SPIN);
      this.#wait(poller);
    } else {
      if (this.#isHotForLong()) this.#bareTurns = TURNS_PER_DENO_POLL;
      this.#nextTurn();
    }
  };

  #found(ready: readonly Entry[]): void {
    if (this.#misses > 0) {
      this.#spin = Math.min(this.#spin * 2, LONGEST_SPIN);
    }
    this.#misses = 0;
    for (const entry of ready) {
      const found = entry.ready;
      if (this.#idle.has(entry.fd)) {
        this.#retire(entry);
        continue;
      }
      // An error or a hang-up concerns whoever is there.
      if ((found & ~WRITABLE) !== 0) {
        this.#call(entry.reader);
        this.#call(entry.readLine);
      }
      if ((found & ~READABLE) !== 0) {
        this.#call(entry.writer);
        this.#call(entry.writeLine);
      }
      if ((found & INVALID) !== 0) this.#forget(entry.fd);
    }
  }

  #call(listener: Listener | null): void {
    if (listener === null) return;
    try {
      listener.ready();
    } catch (exception) {
      this.#report("Cannot deliver the readiness of an fd", exception);
    }
  }

  #isHotForLong(): boolean {
    if (++this.#polls % POLLS_PER_LOOK !== 0) return false;
    return performance.now() - this.#denoPolled > LONGEST_HOT_MS;
  }

  #wait(poller: Poller): void {
    this.#state = "waiting";
    this.#waiting = poller.wait().catch((exception) =>
      this.#report("Cannot wait for the watched file descriptors", exception)
    ).then(() => {
      this.#waiting = null;
      this.#misses = 0;
      this.#denoPolled = performance.now();
      this.#takeTurn();
    });
  }

  #report(message: string, exception: unknown): void {
    this.#loop.callExceptionHandler({ message, exception });
  }
}

/** The watcher of all loops of this isolate. */
export const fdWatcher: LibcFdWatcher = new LibcFdWatcher();
