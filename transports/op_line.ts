import type { AbstractEventLoop } from "../types/loop.ts";
import { abortable } from "../loop/abortable.ts";
import { Future } from "../loop/future.ts";

/** Something of Deno's whose pending operations keep the process alive, unless told not to. */
export interface Refable {
  /** Operations keep the process alive. */
  ref?(): void;
  /** Operations do not keep the process alive. */
  unref?(): void;
}

/** How an operation ended. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Options of {@linkcode OpLine}. */
export interface OpLineOptions<T> {
  /**
   * What an operation brings belongs to whoever is next when its caller is
   * gone: for reading. Otherwise it is forgotten: for writing.
   */
  keep: boolean;
  /** Frees what was kept for the next caller, when the object is gone and there can be none. */
  discard?: (value: T) => void;
}

/** Frees what lines keep for objects that are gone. */
const orphans = new FinalizationRegistry<() => void>((discard) => discard());

/** A place in the line. */
export class Turn<T> {
  /** What it waits for while it waits. */
  future: Future<void> | null = null;
  readonly #loop: AbstractEventLoop;
  readonly #line: OpLine<T>;
  readonly #signal: AbortSignal | undefined;

  /** Made by `OpLine.join`. */
  constructor(line: OpLine<T>, loop: AbstractEventLoop, signal: AbortSignal | undefined) {
    this.#line = line;
    this.#loop = loop;
    this.#signal = signal;
  }

  /**
   * The outcome of an operation: of one that was abandoned, or of the one that
   * `start` begins once this turn is the first and none is pending.
   *
   * Cancellation, also by the signal: the operation goes on, and its outcome is
   * kept or forgotten as the line has it.
   */
  async next(start: () => Promise<T>): Promise<T> {
    const begin = () => {
      this.#signal?.throwIfAborted();
      return start();
    };
    while (true) {
      const outcome = this.#line.serve(this, begin);
      if (outcome !== null) {
        if ("error" in outcome) throw outcome.error;
        return outcome.value;
      }
      this.future = new Future<void>({ loop: this.#loop });
      await abortable(this.future, this.#signal);
    }
  }

  /** Leaves the line. */
  [Symbol.dispose](): void {
    this.#line.leave(this);
  }
}

/**
 * The callers that want operations of one kind from one object of Deno, first
 * come, first served, one operation at a time.
 *
 * Deno cannot cancel a pending operation. So a call that is cancelled leaves
 * its operation behind; the next call of the kind on the object finds it
 * pending, or finds its outcome, and takes it: no byte and no connection is
 * lost. The hand-over is atomic: an outcome only wakes the first in the line,
 * which takes it in the step in which it goes on.
 */
export class OpLine<T> {
  readonly #object: Refable;
  readonly #options: OpLineOptions<T>;
  readonly #turns: Turn<T>[] = [];
  /** Who began the pending operation. */
  #pending: Turn<T> | null = null;
  #outcome: Outcome<T> | null = null;
  #abandoned = false;

  /** A line for operations of `object`. */
  constructor(object: Refable, options: OpLineOptions<T>) {
    this.#object = object;
    this.#options = options;
  }

  /** Takes the last place, unless `signal` has aborted already; `using` gives it back. */
  join(loop: AbstractEventLoop, signal?: AbortSignal): Turn<T> {
    signal?.throwIfAborted();
    if (this.#abandoned) {
      this.#abandoned = false;
      this.#object.ref?.();
    }
    const turn = new Turn(this, loop, signal);
    this.#turns.push(turn);
    return turn;
  }

  /** Puts back what the first in the line did not want all of. */
  putBack(value: T): void {
    this.#outcome = { value };
  }

  /** The outcome for `turn`, if it is there; else begins what is to be begun. */
  serve(turn: Turn<T>, start: () => Promise<T>): Outcome<T> | null {
    if (this.#turns[0] !== turn) return null;
    const outcome = this.#outcome;
    if (outcome !== null) {
      this.#outcome = null;
      orphans.unregister(this);
      return outcome;
    }
    if (this.#pending === null) {
      // Before it is noted as pending: what throws at once has not begun.
      const operation = start();
      this.#pending = turn;
      operation.then(
        (value) => this.#settle({ value }),
        (error) => this.#settle({ error }),
      );
    }
    return null;
  }

  /** Gives a place back. */
  leave(turn: Turn<T>): void {
    this.#turns.splice(this.#turns.indexOf(turn), 1);
    if (this.#turns.length > 0) {
      this.#wake();
    } else if (this.#pending !== null) {
      // The process need not live on for what nobody waits for.
      this.#abandoned = true;
      this.#object.unref?.();
    }
  }

  #settle(outcome: Outcome<T>): void {
    const starter = this.#pending as Turn<T>;
    this.#pending = null;
    const { keep, discard } = this.#options;
    if (keep || this.#turns[0] === starter) this.#outcome = outcome;
    if (this.#turns.length > 0) {
      this.#wake();
    } else if (keep && discard !== undefined && "value" in outcome) {
      const { value } = outcome;
      orphans.register(this.#object, () => discard(value), this);
    }
  }

  #wake(): void {
    const future = this.#turns[0]?.future;
    if (future && !future.done()) future.setResult(undefined);
  }
}
