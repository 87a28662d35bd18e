/**
 * Which of many fds are ready: epoll on Linux, poll elsewhere. Both are
 * level-triggered: an fd is ready again and again until somebody reads it.
 *
 * @module
 */

import { EBADF, EEXIST, EINTR, ENOENT, EPERM, errnoError } from "./errno.ts";
import { errno, errorOf, type Libc, libc, platform, type Pointer } from "./libc.ts";
import type { Platform } from "./platform.ts";
import { closeFd, setCloexec, setNonblocking } from "./raw_socket.ts";

/** There is something to read. The same number in poll and epoll. */
export const READABLE = 0x1;
/** There is room to write. */
export const WRITABLE = 0x4;
/** The fd is not open. Only poll says so; epoll forgets a closed fd. */
export const INVALID = 0x20;

/** One watched fd. */
export interface Watched {
  /** The file descriptor. */
  readonly fd: number;
  /** What to look for; 0 while the poller does not know it. Owned by the poller. */
  armed: number;
  /** Tells apart what bore the same number before. Owned by the poller. */
  generation: number;
  /** What the last poll found: also an error (0x8) or a hang-up (0x10). */
  ready: number;
}

/** Watches fds. */
export interface Poller {
  /** Looks for `events` on it, in place of those before. */
  arm(watched: Watched, events: number): void;
  /** Looks for nothing on it any more. */
  disarm(watched: Watched): void;
  /** Which are ready now; does not wait. The list is valid until the next poll. */
  poll(): readonly Watched[];
  /** Waits, in a thread of its own, until one is ready or `wake` was called. One at a time; then `poll` tells more. */
  wait(): Promise<void>;
  /** Ends the present or next `wait`. */
  wake(): void;
  /** Frees everything; not during a `wait`. */
  close(): void;
}

/** The best poller of this machine, or the one asked for. */
export function openPoller(kind: "best" | "poll", call: string): Poller {
  const lib = libc(call);
  const here = platform(call);
  return kind === "best" && here.os === "linux"
    ? new EpollPoller(lib, here)
    : new PollPoller(lib, here);
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** More than this at once come with the next poll; the kernel takes turns. */
const EVENTS_PER_POLL = 512;

class EpollPoller implements Poller {
  readonly #libc: Libc;
  readonly #here: Platform;
  readonly #known = new Map<number, Watched>();
  readonly #ready: Watched[] = [];
  readonly #waker: Waker;
  readonly #events: DataView<ArrayBuffer>;
  readonly #event: DataView<ArrayBuffer>;
  /**
   * Where the waiting thread puts the one event it waits for. Not JavaScript's
   * memory: that is gone when a Worker is terminated while its thread waits.
   */
  readonly #waitEvent: Pointer;
  #epoll: number;
  #generation = 0;

  constructor(lib: Libc, here: Platform) {
    this.#libc = lib;
    this.#here = here;
    const size = here.epollEventSize;
    this.#events = new DataView(new ArrayBuffer(size * EVENTS_PER_POLL));
    this.#event = new DataView(new ArrayBuffer(size));
    this.#epoll = this.#create();
    try {
      this.#waker = Waker.eventfd(lib, here);
    } catch (error) {
      closeFd(lib, this.#epoll);
      throw error;
    }
    this.#control(EPOLL_CTL_ADD, this.#waker.fd, READABLE, 0);
    this.#waitEvent = lib.malloc(BigInt(size));
  }

  arm(watched: Watched, events: number): void {
    const { fd } = watched;
    const fresh = watched.armed === 0;
    const generation = fresh ? ++this.#generation : watched.generation;
    // The fd may have been closed and opened anew without our knowledge: then
    // the kernel forgot what we know of, or knows what we forgot.
    let result = this.#control(
      fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
      fd,
      events,
      generation,
    );
    if (result === -EEXIST || result === -ENOENT) {
      result = this.#control(
        result === -EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
        fd,
        events,
        generation,
      );
    }
    if (result === -EPERM) {
      throw errnoError(
        this.#here.os,
        EPERM,
        `Cannot watch fd ${fd}`,
        "a regular file or a directory is always ready, use it without waiting",
      );
    }
    if (result < 0) throw errorOf(-result, `Cannot watch fd ${fd}`);
    watched.generation = generation;
    watched.armed = events;
    this.#known.set(fd, watched);
  }

  disarm(watched: Watched): void {
    if (watched.armed === 0) return;
    watched.armed = 0;
    this.#known.delete(watched.fd);
    const result = this.#control(EPOLL_CTL_DEL, watched.fd, 0, 0);
    // Closed before it was removed: the kernel has forgotten it, or will make us rebuild.
    if (result === -EBADF || result === -ENOENT) return;
    if (result < 0) {
      throw errorOf(-result, `Cannot stop watching fd ${watched.fd}`);
    }
  }

  poll(): readonly Watched[] {
    const ready = this.#ready;
    ready.length = 0;
    const events = this.#events;
    const count = this.#libc.epollPoll(this.#epoll, events, EVENTS_PER_POLL, 0);
    if (count < 0) {
      const code = errno();
      if (code === EINTR) return ready;
      throw errorOf(code, `epoll_wait(fd ${this.#epoll})`);
    }
    const size = this.#here.epollEventSize;
    let stale = false;
    for (let at = 0; at < count * size; at += size) {
      const fd = events.getUint32(at + size - 8, true);
      const generation = events.getUint32(at + size - 4, true);
      if (generation === 0) {
        this.#waker.drain();
        continue;
      }
      const watched = this.#known.get(fd);
      if (watched?.generation !== generation) {
        stale = true;
        continue;
      }
      watched.ready = events.getUint32(at, true);
      ready.push(watched);
    }
    if (stale) this.#rebuild();
    return ready;
  }

  async wait(): Promise<void> {
    // What it answers does not matter, not even an error: the poll will tell.
    await this.#libc.epollWait(this.#epoll, this.#waitEvent, 1, -1);
  }

  wake(): void {
    this.#waker.wake();
  }

  close(): void {
    closeFd(this.#libc, this.#epoll);
    this.#waker.close();
    this.#libc.free(this.#waitEvent);
  }

  /**
   * An fd was closed while watched, but a duplicate of it lives on, in a child
   * or by `dup`: epoll goes on to report the old number, and there is no way to
   * remove it but to start anew.
   */
  #rebuild(): void {
    closeFd(this.#libc, this.#epoll);
    this.#epoll = this.#create();
    this.#control(EPOLL_CTL_ADD, this.#waker.fd, READABLE, 0);
    for (const { fd, armed, generation } of this.#known.values()) {
      this.#control(EPOLL_CTL_ADD, fd, armed, generation);
    }
  }

  #create(): number {
    const epoll = this.#libc.epollCreate(this.#here.cloexec);
    if (epoll < 0) throw errorOf(errno(), "epoll_create1()");
    return epoll;
  }

  #control(
    operation: number,
    fd: number,
    events: number,
    generation: number,
  ): number {
    const event = this.#event;
    event.setUint32(0, events, true);
    event.setUint32(event.byteLength - 8, fd, true);
    event.setUint32(event.byteLength - 4, generation, true);
    const result = this.#libc.epollCtl(this.#epoll, operation, fd, event);
    return result < 0 ? -errno() : result;
  }
}

/** For systems without epoll. The kernel looks at all fds each time, so 1000 of them take 100 µs. */
class PollPoller implements Poller {
  readonly #libc: Libc;
  readonly #here: Platform;
  readonly #known = new Map<number, Watched>();
  readonly #ready: Watched[] = [];
  readonly #waker: Waker;
  /** `struct pollfd` as two words: the fd, and events below revents. */
  #fds = new Int32Array(0);
  #order: Watched[] = [];
  #changed = true;
  #waiting = false;

  constructor(lib: Libc, here: Platform) {
    this.#libc = lib;
    this.#here = here;
    this.#waker = Waker.pipe(lib);
  }

  arm(watched: Watched, events: number): void {
    const probe = new Int32Array([watched.fd, events]);
    this.#call(probe);
    if ((probe[1] as number) >>> 16 & INVALID) {
      throw errorOf(EBADF, `Cannot watch fd ${watched.fd}`);
    }
    watched.armed = events;
    this.#known.set(watched.fd, watched);
    this.#change();
  }

  disarm(watched: Watched): void {
    if (watched.armed === 0) return;
    watched.armed = 0;
    this.#known.delete(watched.fd);
    this.#change();
  }

  poll(): readonly Watched[] {
    const ready = this.#ready;
    ready.length = 0;
    const fds = this.#build();
    if (this.#call(fds) === 0) return ready;
    if ((fds[1] as number) >>> 16) this.#waker.drain();
    for (const [i, watched] of this.#order.entries()) {
      watched.ready = (fds[2 * i + 3] as number) >>> 16;
      if (watched.ready !== 0) ready.push(watched);
    }
    return ready;
  }

  async wait(): Promise<void> {
    const fds = this.#build();
    const size = BigInt(fds.byteLength);
    const memory = this.#libc.malloc(size);
    this.#libc.copyIn(memory, fds, size);
    this.#waiting = true;
    try {
      await this.#libc.pollWait(memory, this.#count(fds), -1);
    } finally {
      this.#waiting = false;
      this.#libc.free(memory);
    }
  }

  wake(): void {
    this.#waker.wake();
  }

  close(): void {
    this.#waker.close();
  }

  /** A waiting poll does not see what changes: it has to begin anew. */
  #change(): void {
    this.#changed = true;
    if (this.#waiting) this.wake();
  }

  #build(): Int32Array<ArrayBuffer> {
    if (this.#changed) {
      this.#changed = false;
      this.#order = [...this.#known.values()];
      this.#fds = new Int32Array(2 * this.#order.length + 2);
    }
    const fds = this.#fds;
    fds[0] = this.#waker.fd;
    fds[1] = READABLE;
    for (const [i, { fd, armed }] of this.#order.entries()) {
      fds[2 * i + 2] = fd;
      fds[2 * i + 3] = armed;
    }
    return fds;
  }

  #call(fds: Int32Array<ArrayBuffer>): number {
    const result = this.#libc.poll(fds, this.#count(fds), 0);
    if (result >= 0) return result;
    const code = errno();
    if (code === EINTR) return 0;
    throw errorOf(code, `poll(${fds.length / 2} fds)`);
  }

  #count(fds: Int32Array): number | bigint {
    const count = fds.length / 2;
    return this.#here.nfdsType === "u64" ? BigInt(count) : count;
  }
}

/** An fd that becomes readable on demand. */
class Waker {
  static readonly #one = new Uint8Array(new BigUint64Array([1n]).buffer);
  static readonly #drain = new Uint8Array(64);

  readonly fd: number;
  readonly #libc: Libc;
  readonly #writeFd: number;

  private constructor(lib: Libc, fd: number, writeFd: number) {
    this.#libc = lib;
    this.fd = fd;
    this.#writeFd = writeFd;
  }

  static eventfd(lib: Libc, { nonblock, cloexec }: Platform): Waker {
    const fd = lib.eventfd(0, nonblock | cloexec);
    if (fd < 0) throw errorOf(errno(), "eventfd()");
    return new Waker(lib, fd, fd);
  }

  static pipe(lib: Libc): Waker {
    const fds = new Int32Array(2);
    if (lib.pipe(fds) < 0) throw errorOf(errno(), "pipe()");
    const [fd, writeFd] = fds as unknown as [number, number];
    for (const end of [fd, writeFd]) {
      setNonblocking(end, "pipe()");
      setCloexec(end, "pipe()");
    }
    return new Waker(lib, fd, writeFd);
  }

  /** A full pipe or counter wakes as well, so the answer does not matter. */
  wake(): void {
    this.#libc.write(this.#writeFd, Waker.#one, 8n);
  }

  drain(): void {
    this.#libc.read(this.fd, Waker.#drain, 64n);
  }

  close(): void {
    closeFd(this.#libc, this.fd);
    if (this.#writeFd !== this.fd) closeFd(this.#libc, this.#writeFd);
  }
}
