import { RuntimeError } from "../errors.ts";
import { abortable } from "../loop/abortable.ts";
import { Future } from "../loop/future.ts";
import { type LoopInternals, type LoopResource, resources } from "../loop/internals.ts";

/** Options of {@linkcode operate}. */
export interface OperateOptions<T> {
  /** The caller's signal. */
  signal?: AbortSignal | undefined;
  /** Gives back what comes when nobody wants it any more. */
  discard?: (late: T) => void;
}

/**
 * Waits for an operation of the platform so that cancelling the task, or
 * aborting the caller's signal, ends the wait at once. The operation is told by
 * its own signal; what it makes all the same is given to `discard`, so that a
 * connection that is made too late is not leaked. Closing the loop ends it, too:
 * nobody is left to wait then.
 */
export async function operate<T>(
  loop: LoopInternals,
  start: (signal: AbortSignal) => Promise<T>,
  options: OperateOptions<T> = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  const controller = new AbortController();
  const future = new Future<T>({ loop });
  let released = false;
  const resource: LoopResource = {
    release() {
      released = true;
      controller.abort(new RuntimeError("Event loop is closed"));
    },
  };
  loop[resources].add(resource);
  start(controller.signal).then(
    (value) => released || future.done() ? options.discard?.(value) : future.setResult(value),
    // Once the wait has ended a failure is the answer to the abort.
    (error) => void (released || future.done() || future.setException(error)),
  );
  try {
    return await abortable(future, options.signal);
  } catch (error) {
    controller.abort(error);
    // Cancelled in the very iteration in which the operation succeeded: the value is ours to give back.
    if (future.done() && !future.cancelled() && future.exception() === null) {
      options.discard?.(future.result());
    }
    throw error;
  } finally {
    loop[resources].delete(resource);
  }
}
