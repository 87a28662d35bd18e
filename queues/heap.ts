/** Negative if `a` goes before `b`, positive if it goes after, 0 if they are equal; as for `Array.sort`. */
export type Comparator<T> = (a: T, b: T) => number;

interface Node<T> {
  readonly value: T;
  readonly seq: number;
}

/**
 * A binary min-heap. Of equal values the first one pushed comes first. A
 * comparator that throws changes nothing.
 */
export class Heap<T> {
  readonly #compare: Comparator<T>;
  readonly #nodes: Node<T>[] = [];
  #seq = 0;

  /** Makes an empty heap in the order of `compare`. */
  constructor(compare: Comparator<T>) {
    this.#compare = compare;
  }

  /** How many values there are. */
  get size(): number {
    return this.#nodes.length;
  }

  /** Adds a value. */
  push(value: T): void {
    const nodes = this.#nodes;
    const node = { value, seq: this.#seq };
    // First all comparisons, which may throw, then the moves.
    const path: number[] = [];
    for (let at = nodes.length; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(node, nodes[parent] as Node<T>)) break;
      path.push(parent);
      at = parent;
    }
    let hole = nodes.length;
    for (const parent of path) {
      nodes[hole] = nodes[parent] as Node<T>;
      hole = parent;
    }
    nodes[hole] = node;
    this.#seq++;
  }

  /** Takes the least value; `undefined` when there is none. */
  shift(): T | undefined {
    const nodes = this.#nodes;
    const first = nodes[0];
    if (first === undefined) return undefined;
    const last = nodes[nodes.length - 1] as Node<T>;
    const path = this.#wayDown(last, nodes.length - 1);
    nodes.pop();
    if (nodes.length === 0) return first.value;
    let hole = 0;
    for (const child of path) {
      nodes[hole] = nodes[child] as Node<T>;
      hole = child;
    }
    nodes[hole] = last;
    return first.value;
  }

  /** The children that move up when `node` sinks from the root, in a heap of `size`. */
  #wayDown(node: Node<T>, size: number): number[] {
    const nodes = this.#nodes;
    const path: number[] = [];
    for (let child = 1; child < size; child = 2 * child + 1) {
      const right = child + 1;
      if (
        right < size && this.#isBefore(nodes[right] as Node<T>, nodes[child] as Node<T>)
      ) child = right;
      if (!this.#isBefore(nodes[child] as Node<T>, node)) break;
      path.push(child);
    }
    return path;
  }

  #isBefore(a: Node<T>, b: Node<T>): boolean {
    const order = this.#compare(a.value, b.value);
    return order < 0 || (order === 0 && a.seq < b.seq);
  }
}

/**
 * The order of Python's `<`: numbers, bigints and dates by value, strings by
 * code unit, arrays by their first elements that differ, so that `[2, "a"]` goes
 * before `[10, "b"]`, which JavaScript's `<` gets wrong.
 *
 * @throws {TypeError} for anything else, and for values of different kinds
 */
export function compareNaturally(a: unknown, b: unknown): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    const shared = Math.min(a.length, b.length);
    for (let i = 0; i < shared; i++) {
      // As Python: equal elements need no order.
      if (Object.is(a[i], b[i])) continue;
      const order = compareNaturally(a[i], b[i]);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  const kind = kindOf(a);
  if (kind === null || kind !== kindOf(b)) {
    throw new TypeError(
      `Cannot order ${Deno.inspect(a)} and ${
        Deno.inspect(b)
      }: expected numbers, strings, dates, or arrays of them; or give a comparator`,
    );
  }
  const [left, right] = [a as number, b as number];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Values of one kind can be compared; `null` with nothing. */
function kindOf(value: unknown): string | null {
  if (typeof value === "bigint") return "number";
  if (value instanceof Date) return "date";
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean"
    ? typeof value
    : null;
}
