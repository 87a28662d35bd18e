import { RuntimeError } from "../errors.ts";
import { failWith } from "../loop/abortable.ts";
import { cancelMessage, Future, whenDone } from "../loop/future.ts";
import {
  internalsOf,
  type LoopInternals,
  type LoopResource,
  resources,
} from "../loop/internals.ts";
import { getRunningLoop } from "../loop/running.ts";
import type { AbstractHandle } from "../types/loop.ts";
import {
  type BridgeAnswer,
  type BridgeListener,
  type BridgeRequest,
  type CallRequest,
  listen,
  type LoopPort,
  send,
} from "./_bridge_port.ts";
import { decodeError } from "./_error_codec.ts";
import { transfersOf } from "./transfer.ts";

/** A call that was not answered yet. */
interface Pending {
  readonly future: Future<unknown>;
  readonly name: string;
}

/** A request that was not sent yet, and what is moved with it. */
interface Letter {
  readonly request: BridgeRequest;
  readonly moved: readonly Transferable[];
}

/** The side of a bridge that calls. */
export class LoopClient implements BridgeListener<BridgeAnswer> {
  readonly #port: LoopPort;
  /** Tells this connection from others on the same port, also of another copy of this library. */
  readonly #from = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  readonly #pending = new Map<number, Pending>();
  /** Loops that wait for answers. */
  readonly #loops = new Map<LoopInternals, LoopResource>();
  readonly #stopListening: () => void;
  #nextId = 0;
  /** What was sent before the other side said that it listens; `null` since then. */
  #outbox: Letter[] | null = [];
  /** Why nothing can be called. */
  #broken: string | null = null;
  #closed = false;

  /** Begins to listen, and asks whether the other side does. */
  constructor(port: LoopPort) {
    this.#port = port;
    this.#stopListening = listen(port, this);
    send(port, { kind: "hello", from: this.#from });
  }

  /** Calls a function of the other side as a task there. */
  call<T>(name: string, args: readonly unknown[]): Future<T> {
    this.#check("call", name);
    const loop = internalsOf(getRunningLoop());
    const future = new Future<T>({ loop });
    const id = this.#nextId++;
    try {
      this.#request({ kind: "call", from: this.#from, id, name, args });
    } catch (error) {
      failWith(future, error);
      return future;
    }
    this.#pending.set(id, { future: future as Future<unknown>, name });
    this.#watch(loop);
    future[whenDone](() => {
      // Answered calls are not pending any more: this one was given up.
      if (this.#pending.delete(id)) this.#cancel(id, future[cancelMessage]);
    });
    return future;
  }

  /** Schedules a function of the other side as a callback there. */
  callSoon(name: string, args: readonly unknown[]): AbstractHandle {
    this.#check("callSoonThreadsafe", name);
    const id = this.#nextId++;
    this.#request({ kind: "soon", from: this.#from, id, name, args });
    let cancelled = false;
    return {
      cancel: () => {
        if (cancelled) return;
        cancelled = true;
        this.#cancel(id, undefined);
      },
      cancelled: () => cancelled,
    };
  }

  /** Cancels what is pending, here and there, and ends the connection; the port stays open. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#outbox = null;
    this.#broken = "the connection is closed";
    send(this.#port, { kind: "bye", from: this.#from });
    for (const [loop, resource] of this.#loops) loop[resources].delete(resource);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { future } of pending) future.cancel();
  }

  onMessage(answer: BridgeAnswer): void {
    switch (answer.kind) {
      case "ready":
        return this.#open();
      case "gone":
        return this.#break("the loop at the other end is closed");
      case "value":
      case "error":
      case "cancelled":
        if (answer.to === this.#from) this.#settle(answer);
    }
  }

  onEnd(): void {
    this.#break("the Worker at the other end has ended");
  }

  #open(): void {
    this.#broken = null;
    const outbox = this.#outbox ?? [];
    this.#outbox = null;
    for (const { request, moved } of outbox) send(this.#port, request, moved);
  }

  #break(why: string): void {
    this.#broken = why;
    this.#outbox = null;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { future, name } of pending) {
      failWith(future, new RuntimeError(`The call of ${name}() was not answered: ${why}`));
    }
  }

  #settle(answer: BridgeAnswer & { kind: "value" | "error" | "cancelled" }): void {
    const found = this.#pending.get(answer.id);
    if (found === undefined) return;
    this.#pending.delete(answer.id);
    const { future } = found;
    if (future.done()) return;
    if (answer.kind === "value") future.setResult(answer.value);
    else if (answer.kind === "error") failWith(future, decodeError(answer.error));
    else future.cancel(answer.message);
  }

  #request(request: CallRequest<"call"> | CallRequest<"soon">): void {
    const transfer = transfersOf(request.args);
    if (this.#outbox === null) return send(this.#port, request, transfer);
    // As the arguments are now; what was to be moved is moved on when it is sent.
    const [args, moved] = structuredClone([request.args, transfer] as const, { transfer });
    this.#outbox.push({ request: { ...request, args }, moved });
  }

  #cancel(id: number, message: string | undefined): void {
    if (this.#closed || this.#broken !== null) return;
    const request = { kind: "cancel", from: this.#from, id, message } as const;
    if (this.#outbox === null) send(this.#port, request);
    else this.#outbox.push({ request, moved: [] });
  }

  /** When a loop closes, nobody waits for what it has called. */
  #watch(loop: LoopInternals): void {
    if (this.#loops.has(loop)) return;
    const resource = {
      release: () => {
        this.#loops.delete(loop);
        for (const [id, { future }] of this.#pending) {
          if (future.getLoop() !== loop) continue;
          this.#pending.delete(id);
          this.#cancel(id, undefined);
        }
      },
    };
    this.#loops.set(loop, resource);
    loop[resources].add(resource);
  }

  #check(what: string, name: string): void {
    if (this.#broken !== null) {
      throw new RuntimeError(`Cannot ${what} ${name}(): ${this.#broken}`);
    }
    if (typeof name !== "string") {
      throw new TypeError(
        `Cannot ${what}: expected the name of a function, got ${Deno.inspect(name)}`,
      );
    }
  }
}
