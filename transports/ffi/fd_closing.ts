const listeners = new Set<(fd: number) => void>();

/** Calls `listener` before a `Socket` closes its fd, until the returned function is called. */
export function onFdClosing(listener: (fd: number) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/**
 * Says that `fd` is about to be closed, while the kernel still knows it: a
 * watcher must take it out of its epoll first, because a duplicate of the fd
 * elsewhere (a child, a dup) would keep it in there with no way to remove it.
 */
export function announceClosing(fd: number): void {
  for (const listener of listeners) listener(fd);
}
