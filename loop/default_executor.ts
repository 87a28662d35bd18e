import { RuntimeError } from "../errors.ts";
import type { Io } from "../types/io.ts";
import type { Executor, ShutdownDefaultExecutorOptions } from "../types/loop.ts";
import { activeLoop } from "../internal/context.ts";
import { wrapFuture } from "./ensure_future.ts";
import type { LoopInternals } from "./internals.ts";

/** The executor that `runInExecutor(null, ...)` uses: made at the first call, gone with the loop. */
export class DefaultExecutor {
  readonly #loop: LoopInternals;
  #executor: Executor | null = null;
  #shutDown = false;

  /** The default executor of `loop`. */
  constructor(loop: LoopInternals) {
    this.#loop = loop;
  }

  /** The executor, made by `io` if there is none yet. */
  get(io: Io): Executor {
    if (this.#shutDown) {
      throw new RuntimeError(
        "Cannot call runInExecutor(): Executor shutdown has been called",
      );
    }
    if (this.#executor === null) {
      if (io.createExecutor === undefined) {
        throw new Deno.errors.NotSupported(
          "Cannot call runInExecutor(): the I/O of this event loop has no executor",
        );
      }
      this.#executor = io.createExecutor(this.#loop);
    }
    return this.#executor;
  }

  /** Replaces it. */
  set(executor: Executor): void {
    if (
      typeof executor?.submit !== "function" ||
      typeof executor.shutdown !== "function"
    ) {
      throw new TypeError(
        "Cannot set the default executor: expected an object with submit() and shutdown()",
      );
    }
    this.#executor = executor;
  }

  /** Waits for its end, `timeoutMs` at most. */
  async shutdown(options: ShutdownDefaultExecutorOptions): Promise<void> {
    const { timeoutMs = null, signal } = options;
    signal?.throwIfAborted();
    this.#shutDown = true;
    const executor = this.#executor;
    this.#executor = null;
    if (executor === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ended = executor.shutdown({ wait: true });
    const late = timeoutMs === null ? [] : [
      new Promise<"late">((resolve) => timer = setTimeout(resolve, timeoutMs, "late")),
    ];
    let outcome: "late" | void;
    try {
      const first = Promise.race([ended, ...late]);
      // Outside of the loop, which then need not run, there is no task to cancel.
      outcome = activeLoop() === this.#loop
        ? await wrapFuture(first, { loop: this.#loop, signal })
        : await first;
    } finally {
      clearTimeout(timer);
    }
    if (outcome !== "late") return;
    this.#loop.callExceptionHandler({
      message: `The executor did not finish joining its workers within ${timeoutMs} ms`,
    });
    await executor.shutdown({ wait: false });
  }

  /** The loop closes and does not wait. */
  abandon(): void {
    this.#shutDown = true;
    const executor = this.#executor;
    this.#executor = null;
    executor?.shutdown({ wait: false, cancelFutures: true }).catch((
      exception,
    ) =>
      this.#loop.callExceptionHandler({
        message: "The default executor failed to shut down",
        exception,
      })
    );
  }
}
