import type { EncodedError } from "./_error_codec.ts";

/**
 * A way to another Worker: a `MessagePort`, a `Worker`, in a Worker its global
 * scope, or a Worker or port of `node:worker_threads`.
 */
export type LoopPort =
  | {
    /** Sends a message to the other side. */
    // deno-lint-ignore no-explicit-any
    postMessage(message: any, transfer: any[]): void;
  }
  | typeof globalThis;

/** A function to call over there, as a task or as a callback. */
export interface CallRequest<K extends "call" | "soon" = "call" | "soon"> {
  readonly kind: K;
  readonly from: number;
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What is asked of an exposed loop. `from` names a connection, `id` a call of it. */
export type BridgeRequest =
  | { readonly kind: "hello" | "bye"; readonly from: number }
  | CallRequest<"call">
  | CallRequest<"soon">
  | {
    readonly kind: "cancel";
    readonly from: number;
    readonly id: number;
    readonly message: string | undefined;
  };

/** What an exposed loop answers. */
export type BridgeAnswer =
  | { readonly kind: "ready" | "gone" }
  | { readonly kind: "value"; readonly to: number; readonly id: number; readonly value: unknown }
  | {
    readonly kind: "error";
    readonly to: number;
    readonly id: number;
    readonly error: EncodedError;
  }
  | {
    readonly kind: "cancelled";
    readonly to: number;
    readonly id: number;
    readonly message: string | undefined;
  };

type BridgeMessage = BridgeRequest | BridgeAnswer;

/** Marks our messages: a Worker may use the same way for its own. */
const TAG = "asyncio.loop";

/** What listens at a port. */
export interface BridgeListener<M> {
  /** A message came. It may be for somebody else. */
  onMessage(message: M): void;
  /** The other side has ended, as far as the platform tells. */
  onEnd(): void;
}

type Stop = () => void;

interface WebSource extends EventTarget {
  start?(): void;
  ref?(): void;
  unref?(): void;
}

interface NodeSource {
  on(event: string, listener: (data: unknown) => void): void;
  off(event: string, listener: (data: unknown) => void): void;
}

/** Refuses what is no port. */
export function checkPort(what: string, port: LoopPort): void {
  const candidate = port as Partial<WebSource & NodeSource & { postMessage: unknown }> | null;
  const listens = typeof candidate?.addEventListener === "function" ||
    typeof candidate?.on === "function";
  if (listens && typeof candidate.postMessage === "function") return;
  throw new TypeError(
    `Cannot call ${what}(): expected a MessagePort or a Worker, got ${Deno.inspect(port)}`,
  );
}

/** Sends a message of ours. */
export function send(
  port: LoopPort,
  message: BridgeMessage,
  transfer: readonly Transferable[] = [],
): void {
  (port as MessagePort).postMessage({ [TAG]: message }, transfer as Transferable[]);
}

/** Listens for messages of ours; returns how to stop. */
export function listen<M extends BridgeMessage>(
  port: LoopPort,
  listener: BridgeListener<M>,
): Stop {
  function take(data: unknown): void {
    if (typeof data !== "object" || data === null || !Object.hasOwn(data, TAG)) return;
    listener.onMessage((data as { [TAG]: M })[TAG]);
  }
  const end = () => listener.onEnd();
  return "addEventListener" in port
    ? listenWeb(port as unknown as WebSource, take, end)
    : listenNode(port as unknown as NodeSource, take, end);
}

function listenWeb(source: WebSource, take: (data: unknown) => void, end: () => void): Stop {
  const isPort = (source as object) instanceof MessagePort;
  function onMessage(event: Event): void {
    take((event as MessageEvent).data);
    if (isPort) setImmediate(unreference, source);
  }
  // A Worker tells that an error has ended it, and no more. A port tells that the other
  // one is closed, if it was made after node:worker_threads was loaded (Deno 2.9).
  const ending = isPort ? "close" : source instanceof Worker ? "error" : null;
  source.addEventListener("message", onMessage);
  if (ending !== null) source.addEventListener(ending, end);
  if (isPort) {
    source.start?.();
    unreference(source);
  }
  return () => {
    source.removeEventListener("message", onMessage);
    if (ending !== null) source.removeEventListener(ending, end);
  };
}

/**
 * A loop that runs keeps the process alive; that another may call is no reason.
 * Again after each message: Deno 2.9 references a port by itself when it begins
 * to wait for the next one, a turn later, and does not know that it did.
 */
function unreference(port: WebSource): void {
  port.ref?.();
  port.unref?.();
}

function listenNode(source: NodeSource, take: (data: unknown) => void, end: () => void): Stop {
  source.on("message", take);
  for (const event of ["exit", "close"]) source.on(event, end);
  return () => {
    source.off("message", take);
    for (const event of ["exit", "close"]) source.off(event, end);
  };
}
