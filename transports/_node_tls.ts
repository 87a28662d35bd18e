import type * as NodeCrypto from "node:crypto";
import type NodeStream from "node:stream";
import type * as NodeTls from "node:tls";

/**
 * `node:tls`, loaded at the first call: it costs 30 ms, which a program that
 * never speaks TLS must not pay. `process` is taken from the global object
 * because importing `node:process` has its price, too.
 */
export function nodeTls(): typeof NodeTls {
  return globalThis.process.getBuiltinModule("node:tls");
}

/** `node:crypto`, loaded at the first call. */
export function nodeCrypto(): typeof NodeCrypto {
  return globalThis.process.getBuiltinModule("node:crypto");
}

/** `node:stream`, loaded at the first call. */
export function nodeStream(): typeof NodeStream {
  return globalThis.process.getBuiltinModule("node:stream");
}

/** Resolves after everything that `process.nextTick` has been given so far. */
export function afterTicks(): Promise<void> {
  return new Promise((resolve) => globalThis.process.nextTick(resolve));
}

/** A host name in ASCII (RFC 3490), empty where it has no such form. */
export function domainToAscii(name: string): string {
  return globalThis.process.getBuiltinModule("node:url").domainToASCII(name);
}
