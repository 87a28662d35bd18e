/** What the heap orders: by time, and by age where times are equal. */
export interface Timed {
  /** The deadline. */
  readonly deadline: number;
  /** Breaks ties: the order of scheduling. CPython leaves it open; a stable order is allowed and testable. */
  readonly seq: number;
}

function before(a: Timed, b: Timed): boolean {
  return a.deadline < b.deadline ||
    (a.deadline === b.deadline && a.seq < b.seq);
}

/** A binary min-heap of deadlines. */
export class TimerHeap<T extends Timed> {
  #items: T[] = [];

  /** How many there are. */
  get size(): number {
    return this.#items.length;
  }

  /** The earliest, left in place. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds one. */
  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as T;
      if (!before(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  /** Takes the earliest. */
  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) this.#sink(last as T, 0);
    return first;
  }

  /** Keeps only what `keep` accepts; linear. */
  retain(keep: (item: T) => boolean): void {
    const kept = this.#items.filter(keep);
    this.#items = kept;
    for (let at = (kept.length >> 1) - 1; at >= 0; at--) {
      this.#sink(kept[at] as T, at);
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#items = [];
  }

  #sink(item: T, from: number): void {
    const items = this.#items;
    const size = items.length;
    let at = from;
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (
        child + 1 < size && before(items[child + 1] as T, items[child] as T)
      ) child++;
      const below = items[child] as T;
      if (!before(below, item)) break;
      items[at] = below;
      at = child;
    }
    items[at] = item;
  }
}
