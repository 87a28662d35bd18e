import type { StreamingProtocol } from "../types/protocols.ts";
import type { Transport } from "../types/transports.ts";

/** What a writer needs of the protocol of its stream. */
export interface StreamFlow extends StreamingProtocol {
  /** Whether this side accepted the connection. */
  readonly isServer: boolean;
  /** Waits until writing is possible. */
  drain(signal: AbortSignal | undefined): Promise<void>;
  /** Waits until the connection is lost. */
  waitClosed(signal: AbortSignal | undefined): Promise<void>;
  /** Another transport takes over. */
  replaceTransport(transport: Transport): void;
}
