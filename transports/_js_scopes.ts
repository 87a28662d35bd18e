/** Where names are declared. Only in a `function` do `this` and `arguments` mean something of their own. */
interface Scope {
  readonly kind: ScopeKind;
  readonly names: Set<string>;
  readonly outer: Scope | null;
}

/** What made a scope. */
export type ScopeKind = "function" | "arrow" | "class" | "block";

/**
 * Names whose meaning comes from what is around them. In an object `super` has
 * one too, but the object of a function that is a method stays behind.
 */
const BOUND_BY: ReadonlyMap<string, ScopeKind> = new Map([
  ["this", "function"],
  ["arguments", "function"],
  ["new.target", "function"],
  ["super", "class"],
]);

/** The scopes of a program as they are read, and the names that are used in them. */
export class Scopes {
  readonly #references: { readonly name: string; readonly scope: Scope }[] = [];
  #scope: Scope = { kind: "block", names: new Set(), outer: null };

  /** How many uses were noted so far. */
  get mark(): number {
    return this.#references.length;
  }

  /** Forgets the uses noted since `mark`: they were read wrongly. */
  goBack(mark: number): void {
    this.#references.length = mark;
  }

  /** `name` is used here. */
  use(name: string): void {
    this.#references.push({ name, scope: this.#scope });
  }

  /** `name` is declared here; by `var`, in the function around. */
  declare(name: string, isVar = false): void {
    let scope = this.#scope;
    if (isVar) { while (scope.kind === "block" && scope.outer !== null) scope = scope.outer; }
    scope.names.add(name);
  }

  /** Reads `body` in a scope of its own. */
  within(kind: ScopeKind, body: () => void): void {
    const outer = this.#scope;
    this.#scope = { kind, names: new Set(), outer };
    body();
    this.#scope = outer;
  }

  /** The names that are used and nowhere declared. Asked at the end, since a function may be declared after its use. */
  free(): string[] {
    const free = this.#references.filter(({ name, scope }) => !isBound(name, scope));
    return [...new Set(free.map(({ name }) => name))];
  }
}

function isBound(name: string, scope: Scope): boolean {
  const binder = BOUND_BY.get(name);
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    if (binder === undefined ? at.names.has(name) : at.kind === binder) return true;
  }
  return false;
}
