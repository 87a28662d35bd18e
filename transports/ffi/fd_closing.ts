/** What happens to an fd: the kernel forgets it, or it goes on under somebody else's care. */
export type FdEnd = "closing" | "leaving";

type Listener = (fd: number, end: FdEnd) => void;

const listeners = new Set<Listener>();

/** Calls `listener` before a `Socket` closes or gives away its fd, until the returned function is called. */
export function onFdEnding(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/**
 * Says that `fd` is about to be closed, while the kernel still knows it: a
 * watcher must take it out of its epoll first, because a duplicate of the fd
 * elsewhere (a child, a dup) would keep it in there with no way to remove it.
 */
export function announceClosing(fd: number): void {
  for (const listener of listeners) listener(fd, "closing");
}

/** Says that nobody will announce the end of `fd` any more. What watches it goes on. */
export function announceLeaving(fd: number): void {
  for (const listener of listeners) listener(fd, "leaving");
}
