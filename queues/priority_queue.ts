import { type Comparator, compareNaturally, Heap } from "./heap.ts";
import { Queue } from "./queue.ts";

/**
 * A {@linkcode Queue} that gives the least item first; of equal ones the one
 * that was put first.
 *
 * Without a comparator the items are numbers, strings or dates, or arrays
 * of them that begin with the priority, as asyncio's tuples do. Putting an item
 * that cannot be compared with those already there is a `TypeError`.
 *
 * ```ts
 * import { PriorityQueue } from "@deno-asyncio/asyncio/queues";
 *
 * const queue = new PriorityQueue<[priority: number, job: string]>();
 * queue.putNowait([2, "sweep"]);
 * queue.putNowait([1, "extinguish"]);
 * console.log(await queue.get()); // [1, "extinguish"]
 *
 * const longestFirst = new PriorityQueue<string>(0, (a, b) => b.length - a.length);
 * longestFirst.putNowait("hm");
 * ```
 */
export class PriorityQueue<T> extends Queue<T> {
  /**
   * Makes an empty queue for up to `maxsize` items; 0 or less: any number.
   *
   * @param compare tells the order, as for `Array.sort`
   * @throws {TypeError} if `maxsize` is not a number, or `compare` not a function
   * @throws {RangeError} if `maxsize` is NaN
   */
  constructor(maxsize = 0, compare: Comparator<T> = compareNaturally) {
    if (typeof compare !== "function") {
      throw new TypeError(
        `Cannot make a PriorityQueue: expected a function as comparator, got ${typeof compare}`,
      );
    }
    super(maxsize, new Heap(compare));
  }
}
