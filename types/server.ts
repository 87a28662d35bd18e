import type { AbstractEventLoop } from "./loop.ts";
import type { AbortableOptions } from "./options.ts";

/** One listening socket of a server. */
export interface ListeningSocket {
  /** The address it listens on. */
  readonly addr: Deno.Addr;
}

/** Listens for connections; made by `createServer` and its relatives. */
export interface AbstractServer extends AsyncDisposable {
  /** Stops listening. Connections that exist go on. Idempotent. */
  close(): void;
  /** Calls `close()` on the transport of every connection. */
  closeClients(): void;
  /** Calls `abort()` on the transport of every connection. */
  abortClients(): void;
  /** The loop of the server. */
  getLoop(): AbstractEventLoop;
  /** Whether it accepts connections. */
  isServing(): boolean;
  /** Starts to accept connections. Idempotent. */
  startServing(): Promise<void>;
  /**
   * Accepts connections until cancelled; then closes the server, waits for
   * its connections and rethrows. `RuntimeError` when closed or called twice.
   */
  serveForever(options?: AbortableOptions): Promise<void>;
  /** Resolves once the server is closed and no connection is left. */
  waitClosed(options?: AbortableOptions): Promise<void>;
  /** The listening sockets; empty once closed. */
  readonly sockets: readonly ListeningSocket[];
}
