/**
 * How a connection holds its reader: weakly, so that a stream that nobody can
 * use any more is noticed and closed, instead of staying open for ever. The
 * writer holds the reader, so who has either has both.
 */
export class Hold<T extends object> {
  /**
   * What is held, strongly, while somebody waits for it: who waits may be
   * reachable through it only.
   */
  pinned: T | null;
  readonly #ref: WeakRef<T>;

  /** Holds `target` strongly until told otherwise. */
  constructor(target: T) {
    this.pinned = target;
    this.#ref = new WeakRef(target);
  }

  /** What is held, unless the collector took it. */
  get(): T | null {
    return this.pinned ?? this.#ref.deref() ?? null;
  }
}

/** Who is told that something is gone. */
export interface Heir {
  /** The collector took it. */
  collected(): void;
}

const heirs = new FinalizationRegistry<Heir>((heir) => heir.collected());

/** Tells `heir`, which must not hold `target`, when the collector has taken that. */
export function watchCollected(target: object, heir: Heir): void {
  heirs.register(target, heir);
}
