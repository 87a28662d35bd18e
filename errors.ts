/**
 * The exceptions of asyncio, under their own names (CPython
 * `Lib/asyncio/exceptions.py`, `queues.py`).
 *
 * ```ts
 * import { CancelledError } from "@deno-asyncio/asyncio";
 *
 * try {
 *   throw new CancelledError("shutting down");
 * } catch (error) {
 *   if (!(error instanceof CancelledError)) throw error;
 * }
 * ```
 *
 * @module
 */

/**
 * The operation was cancelled. In Python this derives from `BaseException`, so
 * that `except Exception` lets it pass; JavaScript has no such layer, so **a
 * `catch` that does not expect it must rethrow it**. Debug mode reports a task
 * that swallowed a cancellation.
 */
export class CancelledError extends Error {
  /** The name of the class. */
  override readonly name: string = "CancelledError";
  /** Creates the error; `message` is what was given to `cancel()`. */
  constructor(message?: string, options?: ErrorOptions) {
    super(message ?? "", options);
  }
}

/** The future or task is not in a state that allows the call. */
export class InvalidStateError extends Error {
  /** The name of the class. */
  override readonly name: string = "InvalidStateError";
}

/**
 * A deadline passed before the work was done.
 *
 * ```ts
 * import { run, sleep, TimeoutError, waitFor } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   try {
 *     await waitFor(sleep(1000), 5);
 *   } catch (error) {
 *     console.log(error instanceof TimeoutError); // true
 *   }
 * });
 * ```
 */
export class TimeoutError extends Error {
  /** The name of the class. */
  override readonly name: string = "TimeoutError";
}

/**
 * The end of the stream came before the requested number of bytes.
 *
 * ```ts
 * import { IncompleteReadError, StreamReader, runVirtual } from "@deno-asyncio/asyncio";
 *
 * await runVirtual(async () => {
 *   const reader = new StreamReader();
 *   reader.feedData(new Uint8Array([1, 2]));
 *   reader.feedEof();
 *   try {
 *     await reader.readexactly(5);
 *   } catch (error) {
 *     if (!(error instanceof IncompleteReadError)) throw error;
 *     console.log(error.partial, error.expected); // the two bytes, and 5
 *   }
 * });
 * ```
 */
export class IncompleteReadError extends Error {
  /** The name of the class. */
  override readonly name: string = "IncompleteReadError";
  /** The bytes that did arrive. */
  readonly partial: Uint8Array;
  /** How many bytes were asked for; `null` when reading up to a separator. */
  readonly expected: number | null;
  /** Creates the error from what arrived and what was asked for. */
  constructor(partial: Uint8Array, expected: number | null) {
    const wanted = expected === null ? "undefined" : String(expected);
    super(
      `${partial.length} bytes read on a total of ${wanted} expected bytes`,
    );
    this.partial = partial;
    this.expected = expected;
  }
}

/** The separator was not found within the buffer limit of the stream. */
export class LimitOverrunError extends Error {
  /** The name of the class. */
  override readonly name: string = "LimitOverrunError";
  /** How many bytes at the start of the buffer may be consumed safely. */
  readonly consumed: number;
  /** Creates the error; `consumed` counts bytes from the start of the buffer. */
  constructor(message: string, consumed: number) {
    super(message);
    this.consumed = consumed;
  }
}

/** A call that the state of the program forbids (Python's `RuntimeError`). */
export class RuntimeError extends Error {
  /** The name of the class. */
  override readonly name: string = "RuntimeError";
}

/** The barrier was reset or aborted while tasks waited at it. */
export class BrokenBarrierError extends RuntimeError {
  /** The name of the class. */
  override readonly name: string = "BrokenBarrierError";
}

/** The transport or file cannot use the platform's `sendfile`. */
export class SendfileNotAvailableError extends RuntimeError {
  /** The name of the class. */
  override readonly name: string = "SendfileNotAvailableError";
}

/** `getNowait()` found the queue empty. */
export class QueueEmpty extends Error {
  /** The name of the class. */
  override readonly name: string = "QueueEmpty";
}

/** `putNowait()` found the queue full. */
export class QueueFull extends Error {
  /** The name of the class. */
  override readonly name: string = "QueueFull";
}

/**
 * The queue was shut down.
 *
 * ```ts
 * import { Queue, QueueShutDown } from "@deno-asyncio/asyncio";
 *
 * const queue = new Queue<number>();
 * queue.shutdown();
 * try {
 *   queue.putNowait(1);
 * } catch (error) {
 *   console.log(error instanceof QueueShutDown); // true
 * }
 * ```
 */
export class QueueShutDown extends Error {
  /** The name of the class. */
  override readonly name: string = "QueueShutDown";
}

/** The user interrupted the program (SIGINT). It ends `run()` at once. */
export class KeyboardInterrupt extends Error {
  /** The name of the class. */
  override readonly name: string = "KeyboardInterrupt";
}

/**
 * Several errors at once, as a `TaskGroup` raises them (PEP 654). `errors`
 * holds the members, in the order in which they happened.
 *
 * ```ts
 * import { ExceptionGroup, run, TaskGroup } from "@deno-asyncio/asyncio";
 *
 * await run(async () => {
 *   try {
 *     await TaskGroup.run((group) => {
 *       group.createTask(() => Promise.reject(new RangeError("one")));
 *       group.createTask(() => Promise.reject(new TypeError("two")));
 *     });
 *   } catch (error) {
 *     if (!(error instanceof ExceptionGroup)) throw error;
 *     console.log(error.errors.map(String)); // ["RangeError: one", "TypeError: two"]
 *   }
 * });
 * ```
 */
export class ExceptionGroup extends AggregateError {
  /** The name of the class. */
  override readonly name: string = "ExceptionGroup";
  /** Creates a group; an empty list of errors is refused. */
  constructor(message: string, errors: readonly unknown[]) {
    if (errors.length === 0) {
      throw new RangeError("Cannot create ExceptionGroup: errors is empty");
    }
    const count = `${errors.length} sub-exception${errors.length === 1 ? "" : "s"}`;
    super([...errors], `${message} (${count})`);
  }
}
