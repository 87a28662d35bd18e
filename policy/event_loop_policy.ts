import { RuntimeError } from "../errors.ts";
import { EventLoop } from "../loop/event_loop.ts";
import { DenoIo } from "../transports/deno_io.ts";

/**
 * Says what the current event loop is and how a new one is made: a policy is
 * how a program swaps the loop everywhere at once. Python deprecates policies
 * (3.14) in favour of the `loopFactory` of `run()`; prefer that in new code.
 *
 * ```ts
 * import { DefaultEventLoopPolicy, setEventLoopPolicy, VirtualTimeLoop } from "@deno-asyncio/asyncio";
 *
 * class VirtualPolicy extends DefaultEventLoopPolicy {
 *   override newEventLoop() {
 *     return new VirtualTimeLoop();
 *   }
 * }
 * setEventLoopPolicy(new VirtualPolicy()); // run() takes no time from now on
 * setEventLoopPolicy(null);
 * ```
 */
export abstract class AbstractEventLoopPolicy {
  /** The current loop; never creates one. */
  abstract getEventLoop(): EventLoop;
  /** Makes `loop` the current one; `null` for none. */
  abstract setEventLoop(loop: EventLoop | null): void;
  /** A new loop; it does not become the current one. */
  abstract newEventLoop(): EventLoop;
}

/** The loop of this library on the I/O of Deno. */
export class DefaultEventLoopPolicy extends AbstractEventLoopPolicy {
  #loop: EventLoop | null = null;

  /**
   * The loop given to `setEventLoop`.
   *
   * @throws {RuntimeError} if there is none
   */
  override getEventLoop(): EventLoop {
    if (this.#loop === null) {
      throw new RuntimeError(
        "Cannot get the event loop: There is no current event loop; use run() or setEventLoop()",
      );
    }
    return this.#loop;
  }

  /**
   * Makes `loop` the current one; `null` for none.
   *
   * @throws {TypeError} if it is not a loop
   */
  override setEventLoop(loop: EventLoop | null): void {
    if (
      loop !== null && (typeof loop !== "object" || typeof loop.runUntilComplete !== "function")
    ) {
      throw new TypeError(
        `Cannot set the event loop: expected a loop or null, got ${Deno.inspect(loop)}`,
      );
    }
    this.#loop = loop;
  }

  /** A new loop; it does not become the current one. */
  override newEventLoop(): EventLoop {
    return new EventLoop({ io: new DenoIo() });
  }
}

let policy: AbstractEventLoopPolicy | null = null;

/** The current policy; the default one unless another was set. */
export function getEventLoopPolicy(): AbstractEventLoopPolicy {
  policy ??= new DefaultEventLoopPolicy();
  return policy;
}

/**
 * Makes `newPolicy` the current one; `null` restores the default.
 *
 * @throws {TypeError} if it is not a policy
 */
export function setEventLoopPolicy(newPolicy: AbstractEventLoopPolicy | null): void {
  if (newPolicy !== null && typeof newPolicy?.newEventLoop !== "function") {
    throw new TypeError(
      `Cannot set the event loop policy: expected a policy or null, got ${Deno.inspect(newPolicy)}`,
    );
  }
  policy = newPolicy;
}
