import { activeTask } from "../internal/context.ts";
import type { AbstractTask } from "../types/loop.ts";

/** Takes a permit back. */
export const takeBack: unique symbol = Symbol("takeBack");

/** What gives permits out. */
export interface PermitGiver {
  /** A permit was disposed, for the first time. */
  [takeBack](permit: Permit): void;
}

/**
 * What `acquire()` resolves to: with `using` it is given back at the end of the
 * block, whether the block returns or throws. It is given back once, however
 * often it is disposed. Whoever calls `release()` instead can forget it.
 *
 * ```ts
 * import { Lock } from "@deno-asyncio/asyncio/sync";
 *
 * const lock = new Lock();
 * {
 *   using _held = await lock.acquire();
 *   console.log(lock.locked()); // true
 * }
 * console.log(lock.locked()); // false
 * ```
 */
export class Permit implements Disposable {
  readonly #giver: PermitGiver;
  #disposed = false;
  /** The task it was given to; `null` outside of a task. */
  readonly task: AbstractTask<unknown> | null = activeTask();

  /** Made by `acquire()`. */
  constructor(giver: PermitGiver) {
    this.#giver = giver;
  }

  /** Whether it was disposed. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Gives it back, the first time. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#giver[takeBack](this);
  }
}
