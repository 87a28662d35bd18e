import { type ItemStore, Queue } from "./queue.ts";

class Stack<T> implements ItemStore<T> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    return this.#items.pop();
  }
}

/**
 * A {@linkcode Queue} that gives the item first that was put last.
 *
 * ```ts
 * import { LifoQueue } from "@deno-asyncio/asyncio/queues";
 *
 * const queue = new LifoQueue<number>();
 * queue.putNowait(1);
 * queue.putNowait(2);
 * console.log(await queue.get()); // 2
 * ```
 */
export class LifoQueue<T> extends Queue<T> {
  /** Makes an empty queue for up to `maxsize` items; see {@linkcode Queue}. */
  constructor(maxsize = 0) {
    super(maxsize, new Stack());
  }
}
