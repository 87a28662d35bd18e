/**
 * A first-in, first-out queue on a ring buffer. `Array.prototype.shift` moves
 * every element once the array leaves the young generation; this does not.
 */
export class Deque<T> {
  #slots: (T | undefined)[] = new Array(16);
  #mask = 15;
  #head = 0;
  #size = 0;

  /** How many elements there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds `value` at the end. */
  push(value: T): void {
    if (this.#size > this.#mask) this.#grow();
    this.#slots[(this.#head + this.#size++) & this.#mask] = value;
  }

  /** Adds `value` at the front. */
  unshift(value: T): void {
    if (this.#size > this.#mask) this.#grow();
    this.#head = (this.#head - 1) & this.#mask;
    this.#slots[this.#head] = value;
    this.#size++;
  }

  /** Takes the first element; `undefined` when there is none. */
  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
    return value;
  }

  /** Takes the last element; `undefined` when there is none. */
  pop(): T | undefined {
    if (this.#size === 0) return undefined;
    const at = (this.#head + --this.#size) & this.#mask;
    const value = this.#slots[at];
    this.#slots[at] = undefined;
    return value;
  }

  /** The first element, left in place. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  /** Takes `value` out, wherever it is; whether it was there. */
  delete(value: T): boolean {
    for (let i = 0; i < this.#size; i++) {
      if (this.#slots[(this.#head + i) & this.#mask] !== value) continue;
      for (let j = i; j < this.#size - 1; j++) {
        this.#slots[(this.#head + j) & this.#mask] = this.#slots[(this.#head + j + 1) & this.#mask];
      }
      this.#slots[(this.#head + --this.#size) & this.#mask] = undefined;
      return true;
    }
    return false;
  }

  /** Forgets every element. */
  clear(): void {
    this.#slots = new Array(16);
    this.#mask = 15;
    this.#head = 0;
    this.#size = 0;
  }

  /** The elements, first to last. */
  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#size; i++) {
      yield this.#slots[(this.#head + i) & this.#mask] as T;
    }
  }

  #grow(): void {
    const slots = new Array<T | undefined>((this.#mask + 1) * 2);
    for (let i = 0; i < this.#size; i++) {
      slots[i] = this.#slots[(this.#head + i) & this.#mask];
    }
    this.#slots = slots;
    this.#mask = slots.length - 1;
    this.#head = 0;
  }
}
