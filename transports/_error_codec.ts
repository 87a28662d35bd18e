import * as asyncioErrors from "../errors.ts";

/** An error on its way to another isolate. */
export type EncodedError = EncodedObject | { readonly thrown: unknown };

interface EncodedObject {
  /** Names of its class and of those above it. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: EncodedError | null;
  /** The members of an AggregateError. */
  readonly errors: readonly EncodedError[] | null;
  /** What else it carries, such as `code`, as far as it can be cloned. */
  readonly more: Readonly<Record<string, unknown>>;
}

/**
 * Makes an error fit for `postMessage`, which by itself keeps neither a class of
 * `Deno.errors` or of ours nor properties. Its source is sent to Workers, so it
 * uses nothing but globals and itself.
 */
export function encodeError(error: unknown, depth = 0): EncodedError {
  function canBeCloned(value: unknown): boolean {
    try {
      structuredClone(value);
      return true;
    } catch {
      return false;
    }
  }
  if (!(error instanceof Error)) {
    return { thrown: canBeCloned(error) ? error : String(error) };
  }
  const classes: string[] = [];
  for (let at = Object.getPrototypeOf(error); at !== null; at = Object.getPrototypeOf(at)) {
    if (typeof at.constructor === "function") classes.push(at.constructor.name);
  }
  // A circle of causes, or a very long chain, ends here.
  const isDeep = depth >= 8;
  const hasCause = !isDeep && error.cause !== undefined && error.cause !== null;
  const members = (error as AggregateError).errors;
  const known = new Set(["name", "message", "stack", "cause", "errors"]);
  const more = Object.entries(error).filter(([key, value]) =>
    !known.has(key) && canBeCloned(value)
  );
  return {
    classes,
    name: String(error.name),
    message: String(error.message),
    stack: typeof error.stack === "string" ? error.stack : undefined,
    cause: hasCause ? encodeError(error.cause, depth + 1) : null,
    errors: !isDeep && Array.isArray(members)
      ? members.map((member) => encodeError(member, depth + 1))
      : null,
    more: Object.fromEntries(more),
  };
}

type ErrorClass = new (message?: string) => Error;

/** The nearest class of the error that exists here. */
function classOf(names: readonly string[]): ErrorClass {
  const places = [asyncioErrors, Deno.errors, globalThis] as unknown as Record<string, unknown>[];
  for (const name of names) {
    for (const place of places) {
      if (!Object.hasOwn(place, name)) continue;
      const found = place[name] as ErrorClass;
      const isError = typeof found === "function" &&
        (found === Error || found.prototype instanceof Error);
      if (isError) return found;
    }
  }
  return Error;
}

/**
 * The error again: of the same class if it is one of JavaScript, Deno or this
 * library, else of the nearest of these above it, with name, message, stack,
 * cause and properties as they were.
 */
export function decodeError(encoded: EncodedError): unknown {
  if ("thrown" in encoded) return encoded.thrown;
  const { classes, name, message, stack, cause, errors, more } = encoded;
  const found = classOf(classes);
  if (found === DOMException as unknown) {
    return complete(new DOMException(message, name), { stack });
  }
  // A class of ours may want other arguments than a message: Error builds, the class lends its prototype.
  const error: Error = errors === null
    ? Reflect.construct(Error, [message], found)
    : Reflect.construct(AggregateError, [errors.map(decodeError), message], found);
  if (error.name !== name) complete(error, { name });
  if (cause !== null) complete(error, { cause: decodeError(cause) });
  return Object.assign(complete(error, { stack }), more);
}

/** Sets properties as errors have them: not enumerable. */
function complete<E extends Error>(error: E, properties: Record<string, unknown>): E {
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    Object.defineProperty(error, key, { value, writable: true, configurable: true });
  }
  return error;
}
