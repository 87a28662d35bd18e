import type { Socket } from "node:net";
import type { ByteChannel } from "../types/transports.ts";
import { fromNode } from "./platform_error.ts";

/** One end of a pipe. */
export interface PipeEnd {
  /** Which end; both for a socket. */
  direction?: "read" | "write";
  /** What `getExtraInfo("pipe")` answers. */
  pipe?: unknown;
  /** Calls `gone` when the other end is closed, where node:net does not notice; returns how to stop. */
  watch?: ((gone: () => void) => () => void) | undefined;
}

/**
 * A socket of node:net: for what Deno's own connections cannot do, as a local
 * address, an adopted file descriptor, or a reset. Three times slower in bulk
 * (0.35 against 2.1 GB/s over loopback), so it serves only those.
 */
export class NetChannel implements ByteChannel {
  /** `false` for the writing end of a pipe: nothing will come. */
  readonly isReadable: boolean;
  /** Half-closing; not for the reading end of a pipe. */
  readonly closeWrite?: () => Promise<void>;
  readonly #socket: Socket;
  readonly #pipe: unknown;
  readonly #chunks: Uint8Array[] = [];
  #wanted: { buffer: Uint8Array; done: PromiseWithResolvers<number | null> } | null = null;
  #ended = false;
  #error: Error | null = null;
  readonly #unwatch: () => void;

  /** Takes over a socket made with `allowHalfOpen`; for one end of a pipe, with what is known of it. */
  constructor(socket: Socket, end: PipeEnd = {}) {
    this.#socket = socket;
    this.#pipe = end.pipe;
    this.isReadable = end.direction !== "write";
    if (end.direction !== "read") {
      this.closeWrite = () => new Promise((resolve) => socket.end(resolve));
    }
    socket.setNoDelay(true);
    socket.pause();
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      // One portion at a time: the transport asks for the next one.
      socket.pause();
      this.#serve();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#serve();
    });
    socket.on("error", (error) => {
      this.#error = fromNode(error);
      this.#serve();
    });
    const ended = () => {
      this.#ended = true;
      this.#serve();
    };
    socket.on("close", () => {
      // It closes by itself when it fails; the fd may be somebody else's from now on.
      this.#unwatch();
      ended();
    });
    this.#unwatch = end.watch?.(ended) ?? (() => {});
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const done = Promise.withResolvers<number | null>();
    this.#wanted = { buffer, done };
    this.#serve();
    if (this.#wanted !== null && this.isReadable) this.#socket.resume();
    return done.promise;
  }

  #serve(): void {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const chunk = this.#chunks[0];
    if (chunk !== undefined) {
      this.#wanted = null;
      const count = Math.min(chunk.length, wanted.buffer.length);
      wanted.buffer.set(chunk.subarray(0, count));
      if (count < chunk.length) this.#chunks[0] = chunk.subarray(count);
      else this.#chunks.shift();
      wanted.done.resolve(count);
    } else if (this.#error !== null) {
      this.#wanted = null;
      wanted.done.reject(this.#error);
    } else if (this.#ended) {
      this.#wanted = null;
      wanted.done.resolve(null);
    }
  }

  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => error ? reject(fromNode(error)) : resolve(data.length));
    });
  }

  close(): void {
    this.#unwatch();
    this.#socket.destroy();
  }

  abort(): void {
    const socket = this.#socket;
    // Only TCP has resets; a pipe that is asked for one reports an error instead of closing.
    this.#unwatch();
    if (socket.destroyed || socket.remoteAddress === undefined) socket.destroy();
    else socket.resetAndDestroy();
  }

  getExtraInfo(name: string): unknown {
    const socket = this.#socket;
    switch (name) {
      case "socket":
        return socket;
      case "sockname":
        return address(socket.localAddress, socket.localPort);
      case "pipe":
        return this.#pipe;
      case "peername":
        return address(socket.remoteAddress, socket.remotePort);
    }
  }
}

function address(hostname: string | undefined, port: number | undefined): Deno.NetAddr | undefined {
  return hostname === undefined || port === undefined
    ? undefined
    : { transport: "tcp", hostname, port };
}
