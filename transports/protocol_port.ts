import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError, KeyboardInterrupt } from "../errors.ts";
import type { ProtocolCallbacks } from "../types/protocols.ts";
import { enterCallback, leaveCallback, scope } from "../internal/context.ts";
import { type LoopInternals, scheduler } from "../loop/internals.ts";
import { checkProtocol } from "./validate.ts";

/**
 * Where a transport calls its protocol: in the async context of the connection,
 * with errors going to the exception handler. Every kind of transport has one.
 *
 * A connection has a context of its own, made from that of whoever made the
 * connection or the server. Code that runs through {@linkcode start} is in it
 * for free; {@linkcode call} enters it, at about a microsecond, which is for
 * what is rare or caused by the user's own calls.
 */
export class ProtocolPort<P extends ProtocolCallbacks> {
  /** Who is called; `null` after `connectionLost`. */
  protocol: P | null;
  readonly #loop: LoopInternals;
  readonly #transport: unknown;
  #enter: <R>(call: () => R) => R;

  /** Makes a port in a context derived from the caller's, or in that of the connection of `inherited`. */
  constructor(loop: LoopInternals, transport: unknown, protocol: P, inherited?: ProtocolPort<P>) {
    this.#loop = loop;
    this.#transport = transport;
    this.protocol = protocol;
    this.#enter = inherited === undefined
      ? scope.run(loop[scheduler].scope, () => AsyncLocalStorage.snapshot())
      : inherited.#enter;
  }

  /**
   * Makes `protocol` the receiver of all later calls.
   *
   * @throws {TypeError} if it is no object
   */
  replace(protocol: P): void {
    checkProtocol(`call setProtocol() of ${this.#transport}`, protocol);
    this.protocol = protocol;
  }

  /** Starts an async function in the context of the connection. */
  start(life: () => Promise<void>): void {
    this.#enter(life);
  }

  /** The stores that are entered now belong to the connection from now on. */
  adoptContext(): void {
    this.#enter = AsyncLocalStorage.snapshot();
  }

  /** Calls the protocol from outside its context. */
  call(name: string, call: (protocol: P) => unknown): void {
    this.#enter(() => this.callHere(name, call));
  }

  /** Calls the protocol from inside its context. An error is reported and does no more harm. */
  callHere(name: string, call: (protocol: P) => unknown): void {
    this.tryHere(name, call, (error) => this.report(`protocol.${name}() failed`, error));
  }

  /** Calls the protocol from inside its context; its answer, or `undefined` after `failed(error)`. */
  tryHere<R>(
    name: string,
    call: (protocol: P) => R,
    failed: (error: unknown) => void,
  ): R | undefined {
    const protocol = this.protocol;
    if (protocol === null) return undefined;
    const outer = enterCallback(this.#loop);
    try {
      const result = call(protocol);
      if (result instanceof Promise) this.#watch(result, name);
      return result;
    } catch (error) {
      if (error instanceof KeyboardInterrupt) this.#loop[scheduler].escape(error);
      else failed(error);
      return undefined;
    } finally {
      leaveCallback(outer);
    }
  }

  /** Tells the exception handler. */
  report(message: string, exception?: unknown): void {
    this.#loop.callExceptionHandler({
      message,
      ...(exception !== undefined && { exception }),
      transport: this.#transport,
      protocol: this.protocol,
    });
  }

  /** An async callback runs on its own; its error must not be lost. */
  #watch(result: Promise<unknown>, name: string): void {
    this.#loop[scheduler].wantDrain();
    result.catch((error) => {
      if (!(error instanceof CancelledError)) this.report(`protocol.${name}() failed`, error);
    });
  }
}
