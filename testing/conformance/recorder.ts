import type { BufferedStreamingProtocol, StreamingProtocol } from "../../types/protocols.ts";
import type { Transport } from "../../types/transports.ts";
import { joined } from "./expect.ts";

/** What happens to a protocol. */
export type ProtocolEvent = "made" | "data" | "eof" | "pause" | "resume" | "lost";

/** What a case does in a callback, after it was recorded. */
export interface Hooks {
  /** In `connectionMade`. */
  made?(transport: Transport): void;
  /** In `dataReceived` or `bufferUpdated`. */
  data?(transport: Transport, data: Uint8Array): void;
  /** In `eofReceived`; its answer. */
  eof?(transport: Transport): boolean | void;
  /** In `pauseWriting`. */
  pause?(transport: Transport): void;
  /** In `resumeWriting`. */
  resume?(transport: Transport): void;
  /** In `connectionLost`. */
  lost?(transport: Transport, error: Error | null): void;
  /** A buffer protocol: what `getBuffer` answers. */
  buffer?(sizeHint: number): Uint8Array;
}

/**
 * What a protocol was told, and everything in it that a stream transport may
 * never do. Grammar: `made (data | pause | resume)* eof? (pause | resume)* lost`.
 */
export class Journal {
  /** All events in order. */
  readonly events: ProtocolEvent[] = [];
  /** The arrays that were handed over, as they are now. */
  readonly chunks: Uint8Array[] = [];
  /** Rules that were broken. */
  readonly violations: string[] = [];
  /** The transport that `connectionMade` gave. */
  transport: Transport | null = null;
  /** What `connectionLost` was told. */
  lostWith: Error | null | undefined = undefined;
  #paused = false;
  readonly #counts = new Map<ProtocolEvent, number>();
  readonly #notify: () => void;

  /** `notify` is called after each event. */
  constructor(notify: () => void) {
    this.#notify = notify;
  }

  /** All bytes that arrived. */
  get received(): Uint8Array {
    return joined(this.chunks);
  }

  /** How many bytes arrived. */
  size = 0;

  /** How often something happened. */
  count(event: ProtocolEvent): number {
    return this.#counts.get(event) ?? 0;
  }

  /** Whether it happened. */
  has(event: ProtocolEvent): boolean {
    return this.#counts.has(event);
  }

  /** Adds an event, after checking it. */
  add(event: ProtocolEvent, detail?: unknown): void {
    this.#check(event, detail);
    this.events.push(event);
    this.#counts.set(event, this.count(event) + 1);
    this.#notify();
  }

  /** Adds data that arrived. */
  addData(data: Uint8Array): void {
    this.chunks.push(data);
    this.size += data?.length ?? 0;
    this.add("data", data);
  }

  #check(event: ProtocolEvent, detail: unknown): void {
    if (event === "made") {
      if (this.events.length > 0) this.#broken("connectionMade() was not the first callback");
      return;
    }
    if (this.transport === null) this.#broken(`${event} before connectionMade()`);
    if (this.has("lost")) this.#broken(`${event} after connectionLost()`);
    switch (event) {
      case "data":
        return this.#checkData(detail);
      case "eof":
        if (this.has("eof")) this.#broken("eofReceived() twice");
        if (this.transport?.isReading() === false) {
          this.#broken("eofReceived() while paused or closing");
        }
        return;
      case "pause":
      case "resume":
        return this.#checkFlow(event);
      case "lost":
        if (detail !== null && !(detail instanceof Error)) {
          this.#broken(`connectionLost(${Deno.inspect(detail)}): neither null nor an error`);
        }
        return;
    }
  }

  #checkData(data: unknown): void {
    if (this.has("eof")) this.#broken("data after eofReceived()");
    if (this.transport?.isReading() === false) this.#broken("data while paused or closing");
    if (!(data instanceof Uint8Array)) this.#broken("data that is no Uint8Array");
    else if (data.length === 0) this.#broken("empty data");
  }

  #checkFlow(event: "pause" | "resume"): void {
    const pausing = event === "pause";
    if (this.#paused === pausing) this.#broken(`${event}Writing() twice in a row`);
    this.#paused = pausing;
    const size = this.transport?.getWriteBufferSize() ?? 0;
    const [low, high] = this.transport?.getWriteBufferLimits() ?? [0, 0];
    if (pausing && size <= high) {
      this.#broken(`pauseWriting() with ${size} bytes buffered, not above the mark of ${high}`);
    }
    if (!pausing && size > low) {
      this.#broken(`resumeWriting() with ${size} bytes buffered, above the mark of ${low}`);
    }
  }

  #broken(rule: string): void {
    this.violations.push(`${rule} [${this.events.join(" ")}]`);
  }
}

/** Has a journal. */
export interface Recorder {
  /** What it was told. */
  readonly journal: Journal;
}

abstract class BaseRecorder implements Recorder {
  readonly journal: Journal;
  protected readonly hooks: Hooks;

  constructor(hooks: Hooks, notify: () => void) {
    this.hooks = hooks;
    this.journal = new Journal(notify);
  }

  connectionMade(transport: Transport): void {
    this.journal.transport ??= transport;
    this.journal.add("made");
    this.hooks.made?.(transport);
  }

  eofReceived(): boolean | void {
    this.journal.add("eof");
    return this.hooks.eof?.(this.transport);
  }

  pauseWriting(): void {
    this.journal.add("pause");
    this.hooks.pause?.(this.transport);
  }

  resumeWriting(): void {
    this.journal.add("resume");
    this.hooks.resume?.(this.transport);
  }

  connectionLost(error: Error | null): void {
    this.journal.lostWith ??= error;
    this.journal.add("lost", error);
    this.hooks.lost?.(this.transport, error);
  }

  protected get transport(): Transport {
    return this.journal.transport as Transport;
  }
}

/** Records what a plain protocol is told. */
export class PlainRecorder extends BaseRecorder implements StreamingProtocol {
  dataReceived(data: Uint8Array): void {
    this.journal.addData(data);
    this.hooks.data?.(this.transport, data);
  }
}

/** Records what a buffer protocol is told. */
export class BufferedRecorder extends BaseRecorder implements BufferedStreamingProtocol {
  #buffer: Uint8Array | null = null;

  getBuffer(sizeHint: number): Uint8Array {
    return this.#buffer = this.hooks.buffer?.(sizeHint) ?? new Uint8Array(1024);
  }

  bufferUpdated(nbytes: number): void {
    const buffer = this.#buffer;
    this.#buffer = null;
    if (buffer === null || nbytes > buffer.length) {
      this.journal.violations.push(`bufferUpdated(${nbytes}) without a buffer of that size`);
      return;
    }
    const data = buffer.slice(0, nbytes);
    this.journal.addData(data);
    this.hooks.data?.(this.transport, data);
  }
}
