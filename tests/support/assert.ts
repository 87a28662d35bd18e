/**
 * The assertions of `@std/assert` with their types.
 *
 * The import map takes `@std/assert` from npm, where it comes without types:
 * every call would be `any`, and `assert(x)` would narrow nothing. The
 * signatures below are those of JSR's `@std/assert` 1.x, so that the map can
 * point there without a change to a test.
 *
 * @module
 */

import * as std from "@std/assert";

/** A constructor, as far as an assertion asks. */
// deno-lint-ignore no-explicit-any
export type Constructor<T> = abstract new (...args: any[]) => T;

interface AssertThrows {
  (fn: () => unknown, message?: string): unknown;
  <E extends Error = Error>(
    fn: () => unknown,
    errorClass: Constructor<E>,
    messageIncludes?: string,
    message?: string,
  ): E;
}

interface AssertRejects {
  (fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
  <E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    errorClass: Constructor<E>,
    messageIncludes?: string,
    message?: string,
  ): Promise<E>;
}

/** What a failed assertion throws. */
export const AssertionError: new (
  message: string,
  options?: ErrorOptions,
) => Error = std.AssertionError;

/** `condition` is truthy. */
export const assert: (
  condition: unknown,
  message?: string,
) => asserts condition = std.assert;

/** `condition` is falsy. */
export const assertFalse: (
  condition: unknown,
  message?: string,
) => asserts condition is false | 0 | "" | null | undefined = std.assertFalse;

/** Deeply equal. */
export const assertEquals: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertEquals;

/** Not deeply equal. */
export const assertNotEquals: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertNotEquals;

/** The same value, as `Object.is` sees it. */
export const assertStrictEquals: <T>(
  actual: unknown,
  expected: T,
  message?: string,
) => asserts actual is T = std.assertStrictEquals;

/** Not the same value, as `Object.is` sees it. */
export const assertNotStrictEquals: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertNotStrictEquals;

/** Within `tolerance`, by default a ten-millionth of `expected`. */
export const assertAlmostEquals: (
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
) => void = std.assertAlmostEquals;

/** `actual > expected`. */
export const assertGreater: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertGreater;

/** `actual >= expected`. */
export const assertGreaterOrEqual: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertGreaterOrEqual;

/** `actual < expected`. */
export const assertLess: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertLess;

/** `actual <= expected`. */
export const assertLessOrEqual: <T>(
  actual: T,
  expected: T,
  message?: string,
) => void = std.assertLessOrEqual;

/** Neither `null` nor `undefined`. */
export const assertExists: <T>(
  actual: T,
  message?: string,
) => asserts actual is NonNullable<T> = std.assertExists;

/** An instance of `type`. */
export const assertInstanceOf: <T>(
  actual: unknown,
  type: Constructor<T>,
  message?: string,
) => asserts actual is T = std.assertInstanceOf;

/** Not an instance of `type`. */
export const assertNotInstanceOf: <A, T>(
  actual: A,
  type: Constructor<T>,
  message?: string,
) => asserts actual is Exclude<A, T> = std.assertNotInstanceOf;

/** An `Error`, of a class, with a text in its message. */
export const assertIsError: <E extends Error = Error>(
  error: unknown,
  errorClass?: Constructor<E>,
  messageMatches?: string | RegExp,
  message?: string,
) => asserts error is E = std.assertIsError;

/** `actual` matches `expected`. */
export const assertMatch: (
  actual: string,
  expected: RegExp,
  message?: string,
) => void = std.assertMatch;

/** `actual` does not match `expected`. */
export const assertNotMatch: (
  actual: string,
  expected: RegExp,
  message?: string,
) => void = std.assertNotMatch;

/** `actual` contains `expected`. */
export const assertStringIncludes: (
  actual: string,
  expected: string,
  message?: string,
) => void = std.assertStringIncludes;

/** `actual` contains every element of `expected`. */
export const assertArrayIncludes: <T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  message?: string,
) => void = std.assertArrayIncludes;

/** `actual` has at least the properties of `expected`. */
export const assertObjectMatch: (
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  message?: string,
) => void = std.assertObjectMatch;

/** `fn()` throws; returns what it threw. */
export const assertThrows: AssertThrows = std.assertThrows;

/** `fn()` returns a promise or future that rejects; resolves to the reason. */
export const assertRejects: AssertRejects = std.assertRejects;

/** Fails. */
export const fail: (message?: string) => never = std.fail;

/** Fails: the code must not come here. */
export const unreachable: (message?: string) => never = std.unreachable;
