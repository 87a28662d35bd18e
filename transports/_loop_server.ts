import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError, RuntimeError } from "../errors.ts";
import { type Future, whenDone } from "../loop/future.ts";
import { type LoopInternals, type LoopResource, resources } from "../loop/internals.ts";
import {
  type BridgeAnswer,
  type BridgeListener,
  type BridgeRequest,
  type CallRequest,
  listen,
  type LoopPort,
  send,
} from "./_bridge_port.ts";
import { encodeError } from "./_error_codec.ts";
import { transfersOf } from "./transfer.ts";

/** Functions that another Worker may call, by name. */
// deno-lint-ignore no-explicit-any
export type LoopFunctions = Readonly<Record<string, (...args: any[]) => unknown>>;

/** What another Worker started here. */
interface Call {
  readonly from: number;
  cancel(message?: string): unknown;
}

/** The ports that lead to an exposed loop. */
const exposed: WeakSet<object> = new WeakSet();

/** The side of a bridge whose loop is called. */
export class LoopServer implements LoopResource, BridgeListener<BridgeRequest> {
  readonly #loop: LoopInternals;
  readonly #port: LoopPort;
  readonly #functions: LoopFunctions;
  /** By connection and call. */
  readonly #calls = new Map<string, Call>();
  /** What is called runs in the async context of who exposed it: a message comes from nowhere. */
  readonly #inContext = AsyncLocalStorage.snapshot();
  readonly #stopListening: () => void;
  #closed = false;

  /** Begins to listen. */
  constructor(loop: LoopInternals, port: LoopPort, functions: LoopFunctions) {
    if (loop.isClosed()) {
      throw new RuntimeError("Cannot call exposeLoop(): Event loop is closed");
    }
    if (exposed.has(port)) {
      throw new RuntimeError("Cannot call exposeLoop(): the port leads to an exposed loop already");
    }
    this.#loop = loop;
    this.#port = port;
    this.#functions = functions;
    this.#stopListening = listen(port, this);
    exposed.add(port);
    loop[resources].add(this);
    send(port, { kind: "ready" });
  }

  /** Takes no more calls, and cancels those that were taken. Idempotent. */
  close(): void {
    for (const call of this.#calls.values()) call.cancel();
    this.#loop[resources].delete(this);
    this.release();
  }

  /** The loop closes. */
  release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#calls.clear();
    exposed.delete(this.#port);
    this.#stopListening();
    send(this.#port, { kind: "gone" });
  }

  onMessage(request: BridgeRequest): void {
    switch (request.kind) {
      case "hello":
        return send(this.#port, { kind: "ready" });
      case "bye":
        return this.#cancelAll((call) => call.from === request.from);
      case "cancel":
        return void this.#calls.get(keyOf(request))?.cancel(request.message);
      case "call":
        return this.#inContext(() => this.#call(request));
      case "soon":
        return this.#inContext(() => this.#callSoon(request));
    }
  }

  onEnd(): void {
    this.#cancelAll(() => true);
  }

  #cancelAll(matches: (call: Call) => boolean): void {
    for (const call of [...this.#calls.values()]) if (matches(call)) call.cancel();
  }

  #call(request: CallRequest): void {
    const { from, id, name, args } = request;
    let task: Future<unknown>;
    try {
      const fn = this.#find(name);
      task = this.#loop.createTask(() => fn(...args), {
        name: `${name}() for another Worker`,
      }) as unknown as Future<unknown>;
    } catch (error) {
      return this.#answer({ kind: "error", to: from, id, error: encodeError(error) });
    }
    const key = keyOf(request);
    let isWanted = true;
    this.#calls.set(key, {
      from,
      cancel(message) {
        isWanted = false;
        task.cancel(message);
      },
    });
    task[whenDone](() => {
      this.#calls.delete(key);
      if (task.cancelled()) {
        return this.#answer({ kind: "cancelled", to: from, id, message: messageOf(task) });
      }
      const error = task.exception();
      if (error === null) return this.#succeed(from, id, name, task.result());
      this.#answer({ kind: "error", to: from, id, error: encodeError(error) });
      if (isWanted) return;
      this.#loop.callExceptionHandler({
        message: `${name}() failed after the Worker that called it had cancelled it`,
        exception: error,
        future: task,
      });
    });
  }

  #callSoon(request: CallRequest): void {
    const { from, name, args } = request;
    const key = keyOf(request);
    try {
      const fn = this.#find(name);
      const handle = this.#loop.callSoonThreadsafe(() => {
        this.#calls.delete(key);
        return fn(...args);
      });
      this.#calls.set(key, {
        from,
        cancel: () => {
          this.#calls.delete(key);
          handle.cancel();
        },
      });
    } catch (exception) {
      this.#loop.callExceptionHandler({
        message: `Another Worker's callSoonThreadsafe of ${name}() failed`,
        exception,
      });
    }
  }

  #succeed(to: number, id: number, name: string, value: unknown): void {
    try {
      this.#answer({ kind: "value", to, id, value }, transfersOf([value]));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const text = `Cannot send the result of ${name}() to the Worker that called it: ${why}`;
      const failure = new DOMException(text, "DataCloneError");
      this.#answer({ kind: "error", to, id, error: encodeError(failure) });
    }
  }

  #answer(answer: BridgeAnswer, transfer: readonly Transferable[] = []): void {
    if (!this.#closed) send(this.#port, answer, transfer);
  }

  #find(name: string): (...args: readonly unknown[]) => unknown {
    if (Object.hasOwn(this.#functions, name)) {
      return (...args) => (this.#functions[name] as (...args: unknown[]) => unknown)(...args);
    }
    const names = Object.keys(this.#functions).join(", ") || "none";
    throw new TypeError(
      `Cannot call ${name}(): the loop exposes no such function; there are: ${names}`,
    );
  }
}

/** What a task was cancelled with, from outside or by its own code. */
function messageOf(task: Future<unknown>): string | undefined {
  try {
    task.result();
  } catch (error) {
    if (error instanceof CancelledError && error.message !== "") return error.message;
  }
  return undefined;
}

function keyOf({ from, id }: { from: number; id: number }): string {
  return `${from}/${id}`;
}
