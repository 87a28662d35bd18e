const NETWORK_ERRORS = [
  Deno.errors.ConnectionReset,
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionRefused,
  Deno.errors.TimedOut,
  Deno.errors.UnexpectedEof,
  Deno.errors.NotConnected,
];

/** Whether `error` is a failure of the network, not of the program: nothing to report unasked. */
export function isPlatformError(error: unknown): boolean {
  return NETWORK_ERRORS.some((kind) => error instanceof kind) ||
    typeof (error as { code?: unknown } | null)?.code === "string";
}

/**
 * `error` with a message that begins with what was attempted. The class stays,
 * so that callers can tell failures apart; the original is the `cause`.
 */
export function explain(error: unknown, attempt: string): Error {
  if (!(error instanceof Error)) return new Error(`${attempt}: ${error}`, { cause: error });
  const kind = error.constructor as new (message: string, options: ErrorOptions) => Error;
  const explained = new kind(`${attempt}: ${error.message}`, { cause: error });
  const code = (error as { code?: unknown }).code;
  if (code !== undefined) Object.assign(explained, { code });
  return explained;
}

/** Error codes of node's network modules, and the class Deno uses for the same thing. */
const BY_CODE: Record<string, new (message: string, options?: ErrorOptions) => Error> = {
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  ECONNRESET: Deno.errors.ConnectionReset,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  EPIPE: Deno.errors.BrokenPipe,
  ENOTCONN: Deno.errors.NotConnected,
  ETIMEDOUT: Deno.errors.TimedOut,
  EACCES: Deno.errors.PermissionDenied,
  EPERM: Deno.errors.PermissionDenied,
  ENOENT: Deno.errors.NotFound,
  ENOTFOUND: Deno.errors.NotFound,
  EAI_AGAIN: Deno.errors.NotFound,
  EINTR: Deno.errors.Interrupted,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
};

/** `error` of a node module as the error Deno itself would have thrown. */
export function fromNode(error: unknown): Error {
  const code = (error as { code?: unknown } | null)?.code;
  const kind = typeof code === "string" ? BY_CODE[code] : undefined;
  if (kind === undefined || error instanceof kind) {
    return error instanceof Error ? error : new Error(String(error), { cause: error });
  }
  return Object.assign(new kind((error as Error).message, { cause: error }), { code });
}
