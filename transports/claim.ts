import { RuntimeError } from "../errors.ts";
import { fdOwners, type LoopInternals } from "../loop/internals.ts";
import { isWaitedFor } from "./ffi/fd_line.ts";
import type { Socket } from "./ffi/socket.ts";

/**
 * Makes `socket` a transport's alone until it is closed: whatever watched it
 * does so no more, and nobody else can from now on.
 *
 * @throws {RuntimeError} if it belongs to a transport already, or a `sock*` call waits for it
 */
export function claimSocket(loop: LoopInternals, socket: Socket, what: string): void {
  takeFrom(loop, socket.fileno(), what);
  loop[fdOwners].claim(socket);
}

/** The same for an fd that has no `Socket`; the answer gives it up. */
export function claimFd(loop: LoopInternals, fd: number, what: string): () => void {
  takeFrom(loop, fd, what);
  let held = fd;
  loop[fdOwners].claim({ fileno: () => held });
  return () => void (held = -1);
}

function takeFrom(loop: LoopInternals, fd: number, what: string): void {
  loop[fdOwners].check(fd, what);
  if (isWaitedFor(loop, fd)) {
    throw new RuntimeError(`Cannot call ${what}(): a call of the loop waits for fd ${fd}`);
  }
  loop.removeReader(fd);
  loop.removeWriter(fd);
}
