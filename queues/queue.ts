import { QueueEmpty, QueueFull, QueueShutDown } from "../errors.ts";
import { Deque } from "../internal/deque.ts";
import { LoopBinding, WaitQueue } from "../loop/wait_queue.ts";
import type { AbortableOptions } from "../types/options.ts";

/** Where a queue keeps its items; what makes a queue another kind of queue. */
export interface ItemStore<T> {
  /** How many items there are. */
  readonly size: number;
  /** Adds an item; if it throws, nothing is added. */
  push(item: T): void;
  /** Takes the item that comes next; `undefined` only if there is none. If it throws, nothing is taken. */
  shift(): T | undefined;
}

/** Options of {@linkcode Queue.shutdown}. */
export interface ShutdownOptions {
  /** Drop the items that are there. @default {false} */
  immediate?: boolean;
}

/** What {@linkcode Queue.statistics} tells. */
export interface QueueStatistics {
  /** How many items there are. */
  size: number;
  /** How many there can be; 0 or less: any number. */
  maxsize: number;
  /** How many items were put for which `taskDone()` was not called. */
  unfinished: number;
  /** How many wait to get an item. */
  tasksWaitingGet: number;
  /** How many wait to put an item. */
  tasksWaitingPut: number;
  /** How many wait in `join()`. */
  tasksWaitingJoin: number;
  /** Whether it was shut down. */
  isShutDown: boolean;
}

/** Shared by all: an `await` of it costs a microtask, and making one as much again. */
const DONE: Promise<void> = Promise.resolve();

/**
 * A first-in, first-out queue between the tasks of one loop. Those who wait are
 * served in the order in which they came (CPython `queues.py`).
 *
 * `for await` takes items until the queue is shut down and empty.
 *
 * An item that is itself a future or promise is resolved by `await queue.get()`,
 * as JavaScript always does; `for await` and `getNowait()` give it as it is.
 *
 * ```ts
 * import { Queue } from "@deno-asyncio/asyncio/queues";
 *
 * const queue = new Queue<string>();
 * await queue.put("hello");
 * queue.shutdown();
 * for await (const item of queue) console.log(item); // hello
 * ```
 */
export class Queue<T> implements AsyncIterable<T> {
  readonly #maxsize: number;
  readonly #items: ItemStore<T>;
  readonly #binding: LoopBinding = new LoopBinding(this);
  readonly #getters: WaitQueue = new WaitQueue(this, "get()", this.#binding);
  readonly #putters: WaitQueue = new WaitQueue(this, "put()", this.#binding);
  readonly #joiners: WaitQueue = new WaitQueue(this, "join()", this.#binding);
  #unfinished = 0;
  #isShutDown = false;

  /**
   * Makes an empty queue for up to `maxsize` items; 0 or less: any number.
   *
   * @param store where the items are kept, for subclasses that keep another order
   * @throws {TypeError} if `maxsize` is not a number
   * @throws {RangeError} if `maxsize` is NaN
   */
  constructor(maxsize = 0, store: ItemStore<T> = new Deque<T>()) {
    if (typeof maxsize !== "number") {
      throw new TypeError(
        `Cannot make a ${new.target.name}: expected a number as maxsize, got ${typeof maxsize}`,
      );
    }
    if (Number.isNaN(maxsize)) {
      throw new RangeError(`Cannot make a ${new.target.name}: maxsize is NaN`);
    }
    this.#maxsize = maxsize;
    this.#items = store;
  }

  /** How many items there can be; 0 or less: any number. */
  get maxsize(): number {
    return this.#maxsize;
  }

  /** How many items there are. */
  qsize(): number {
    return this.#items.size;
  }

  /** Whether there is no item. */
  empty(): boolean {
    return this.#items.size === 0;
  }

  /** Whether there is no room. */
  full(): boolean {
    return this.#maxsize > 0 && this.#items.size >= this.#maxsize;
  }

  /**
   * Adds an item, as soon as there is room.
   *
   * Cancellation: the item is not added.
   *
   * @throws {QueueShutDown} if it is or gets shut down
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  put(item: T, options?: AbortableOptions): Promise<void> {
    // Without an async function there is nothing to allocate: half the time.
    if (options !== undefined || this.full()) return this.#putWhenRoom(item, options?.signal);
    try {
      this.putNowait(item);
    } catch (error) {
      return Promise.reject(error);
    }
    return DONE;
  }

  /**
   * Adds an item if there is room.
   *
   * @throws {QueueFull} if there is none
   * @throws {QueueShutDown} if it is shut down
   */
  putNowait(item: T): void {
    if (this.#isShutDown) throw this.#shutDownError("put into");
    if (this.full()) throw new QueueFull(`Cannot put into ${this}: it is full`);
    this.#items.push(item);
    this.#unfinished++;
    this.#getters.wakeNext();
  }

  /**
   * Takes the next item, as soon as there is one. Of an item that is itself a future
   * or promise, `await queue.get()` gives the result: JavaScript unwraps it. Put it in
   * an object, or use {@linkcode getNowait}, to have it as it is.
   *
   * Cancellation: no item is taken.
   *
   * @throws {QueueShutDown} if it is empty, and is or gets shut down
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  async get(options?: AbortableOptions): Promise<T> {
    options?.signal?.throwIfAborted();
    if (this.empty()) await this.#itemComes(options?.signal);
    return this.getNowait();
  }

  /**
   * Takes the next item if there is one.
   *
   * @throws {QueueEmpty} if there is none
   * @throws {QueueShutDown} if there is none and it is shut down
   */
  getNowait(): T {
    if (this.empty()) {
      if (this.#isShutDown) throw this.#shutDownError("get from");
      throw new QueueEmpty(`Cannot get from ${this}: it is empty`);
    }
    const item = this.#items.shift() as T;
    this.#putters.wakeNext();
    return item;
  }

  /**
   * Tells that the work on an item that was taken is done.
   *
   * @throws {RangeError} if it was called for every item already
   */
  taskDone(): void {
    if (this.#unfinished <= 0) {
      throw new RangeError(
        `Cannot call taskDone() of ${this}: it was called for every item that was put`,
      );
    }
    if (--this.#unfinished === 0) this.#joiners.wakeAll();
  }

  /**
   * Waits until `taskDone()` was called for every item that was put.
   *
   * Cancellation: nothing happened.
   *
   * @throws {RuntimeError} if it must wait and no loop is running, or another one than before
   */
  async join(options?: AbortableOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    if (this.#unfinished > 0) await this.#joiners.wait(options?.signal);
  }

  /**
   * Ends it: nothing can be put any more, and what is there can still be taken;
   * after that, or at once with `immediate`, `get()` is refused too. Whoever
   * waits is told. Idempotent.
   *
   * With `immediate` the dropped items count as done; `join()` still waits for
   * `taskDone()` for those taken before.
   */
  shutdown(options?: ShutdownOptions): void {
    this.#isShutDown = true;
    if (options?.immediate) this.#dropItems();
    this.#getters.wakeAll();
    this.#putters.wakeAll();
  }

  /** Its state, for monitoring. */
  statistics(): QueueStatistics {
    return {
      size: this.#items.size,
      maxsize: this.#maxsize,
      unfinished: this.#unfinished,
      tasksWaitingGet: this.#getters.pendingCount,
      tasksWaitingPut: this.#putters.pendingCount,
      tasksWaitingJoin: this.#joiners.pendingCount,
      isShutDown: this.#isShutDown,
    };
  }

  /** Takes items until the queue is shut down and empty. Several loops share the items. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.#next() };
  }

  /** For messages. */
  toString(): string {
    const parts = [`size=${this.#items.size}`, `maxsize=${this.#maxsize}`];
    if (this.#isShutDown) parts.push("shut down");
    return `<${this.constructor.name} ${parts.join(" ")}>`;
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    if (this.empty() && !await this.#itemComes()) return { done: true, value: undefined };
    return { done: false, value: this.getNowait() };
  }

  async #putWhenRoom(item: T, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    // Again and again: who was woken may find that somebody was quicker.
    while (this.full() && !this.#isShutDown) await this.#putters.wait(signal, this.#passRoomOn);
    this.putNowait(item);
  }

  async #itemComes(signal?: AbortSignal): Promise<boolean> {
    while (this.empty() && !this.#isShutDown) await this.#getters.wait(signal, this.#passItemOn);
    return !this.empty();
  }

  readonly #passRoomOn = (granted: boolean): void => {
    if (granted && !this.full()) this.#putters.wakeNext();
  };

  readonly #passItemOn = (granted: boolean): void => {
    if (granted && !this.empty()) this.#getters.wakeNext();
  };

  #dropItems(): void {
    while (!this.empty()) {
      this.#items.shift();
      if (this.#unfinished > 0) this.#unfinished--;
    }
    if (this.#unfinished === 0) this.#joiners.wakeAll();
  }

  #shutDownError(what: string): QueueShutDown {
    return new QueueShutDown(`Cannot ${what} ${this}: it was shut down`);
  }
}
