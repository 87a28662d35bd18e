import type { AbstractEventLoop, ExceptionContext } from "../../../types.ts";
import { until } from "../../support/poll.ts";

/** A loop as far as a watcher needs one: a key, and somebody to complain to. */
export function dummyLoop(): AbstractEventLoop & { errors: ExceptionContext[] } {
  const errors: ExceptionContext[] = [];
  const loop = {
    errors,
    callExceptionHandler: (context: ExceptionContext) => void errors.push(context),
  };
  return loop as unknown as AbstractEventLoop & { errors: ExceptionContext[] };
}

/** How many fds this process has open. */
export function countFds(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** What `call` gives once it no longer throws `WouldBlock`. */
export async function eventually<T>(call: () => T): Promise<T> {
  let result!: T;
  await until(() => {
    result = call();
    return true;
  });
  return result;
}

/** Text to bytes. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Bytes to text. */
export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}
