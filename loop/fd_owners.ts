import { RuntimeError } from "../errors.ts";

/** What uses a file descriptor, as long as its `fileno()` is that one. */
export interface FdOwner {
  /** The file descriptor; negative once it is closed or given away. */
  fileno(): number;
}

/**
 * The file descriptors that belong to the transports of a loop, as far as they
 * are known: Deno tells nobody those of its own connections. Whoever else would
 * read or watch one takes bytes away from the transport.
 */
export class FdOwners {
  readonly #owners = new Map<number, FdOwner>();

  /** `owner` has its file descriptor for itself, until it closes it. */
  claim(owner: FdOwner): void {
    this.#owners.set(owner.fileno(), owner);
  }

  /**
   * Refuses `what` on the file descriptor of a transport.
   *
   * @throws {RuntimeError} if `fd` is one
   */
  check(fd: number, what: string): void {
    // Of one that is closed by now the number is somebody else's, or nobody's.
    if (this.#owners.get(fd)?.fileno() !== fd) return;
    throw new RuntimeError(`Cannot call ${what}(): File descriptor ${fd} is used by a transport`);
  }
}
