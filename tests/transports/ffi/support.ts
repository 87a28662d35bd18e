import type { AbstractEventLoop, ExceptionContext } from "../../../types.ts";
import { EventLoop } from "../../../loop/mod.ts";
import { fdWatcher } from "../../../transports/ffi/watcher.ts";
import { DefaultSocketCalls } from "../../../transports/socket_calls.ts";
import { assertEquals } from "../../support/assert.ts";
import { until } from "../../support/poll.ts";

/** A loop as far as a watcher needs one: a key, and somebody to complain to. */
export function dummyLoop(): AbstractEventLoop & { errors: ExceptionContext[] } {
  const errors: ExceptionContext[] = [];
  const loop = {
    errors,
    isRunning: () => true,
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

/** Runs `main` as a task of a loop that has sockets and fds, and closes the loop. */
export async function withLoop<T>(main: (loop: EventLoop) => Promise<T>): Promise<T> {
  const loop = new EventLoop({ io: { fds: fdWatcher, sockets: new DefaultSocketCalls() } });
  const errors: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => void errors.push(context));
  try {
    return await loop.runUntilComplete(() => main(loop));
  } finally {
    await fdWatcher.closeLoop(loop);
    loop.close();
    assertEquals(errors, []);
  }
}

/** Lets the loop do what it can do at once. */
export async function iterations(loop: EventLoop, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const future = loop.createFuture<void>();
    loop.callSoon(() => future.setResult(undefined));
    await future;
  }
}
