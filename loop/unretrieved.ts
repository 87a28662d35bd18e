import type { AbstractFuture, ExceptionContext } from "../types/loop.ts";

/** One error that waits to be looked at. Does not hold the future, so that it can be collected. */
export interface UnretrievedError {
  readonly label: string;
  readonly exception: unknown;
  /** Enters the context in which it failed: that of the task, for the exception handler. */
  readonly enter: (report: () => void) => void;
  readonly future: WeakRef<AbstractFuture<unknown>>;
  readonly sourceTraceback: string | undefined;
}

/**
 * Errors of futures and tasks that nobody looked at yet. Each is reported once:
 * when the collector takes the future, and at the latest when the loop closes,
 * so that none is lost however the collector behaves.
 */
export class UnretrievedErrors {
  readonly #tell: (context: ExceptionContext) => void;
  readonly #waiting = new Set<UnretrievedError>();
  readonly #collected = new FinalizationRegistry<UnretrievedError>((error) => this.#report(error));

  /** Reports by `tell`. */
  constructor(tell: (context: ExceptionContext) => void) {
    this.#tell = tell;
  }

  /** Begins to watch. */
  add(future: AbstractFuture<unknown>, error: UnretrievedError): void {
    this.#waiting.add(error);
    this.#collected.register(future, error, error);
  }

  /** Somebody looked at it. */
  delete(error: UnretrievedError): void {
    this.#waiting.delete(error);
    this.#collected.unregister(error);
  }

  /** Reports all that are left. */
  flush(): void {
    for (const error of [...this.#waiting]) {
      this.#collected.unregister(error);
      this.#report(error);
    }
  }

  #report(error: UnretrievedError): void {
    if (!this.#waiting.delete(error)) return;
    const context: ExceptionContext = {
      message: `${
        error.label.startsWith("<Task") ? "Task" : "Future"
      } exception was never retrieved: ${error.label}`,
      exception: error.exception,
    };
    const future = error.future.deref();
    if (future !== undefined) context.future = future;
    if (error.sourceTraceback !== undefined) {
      context.sourceTraceback = error.sourceTraceback;
    }
    error.enter(() => this.#tell(context));
  }
}
