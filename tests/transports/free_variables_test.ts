import { encodeError } from "../../transports/_error_codec.ts";
import { freeVariables } from "../../transports/_free_variables.ts";
import { buffersOf } from "../../transports/transfer.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

/** An expression, and the names that it uses and does not define. */
const cases: [source: string, free: string[]][] = [
  // Uses and keys.
  ["() => a + b.c.d", ["a", "b"]],
  ["() => a?.b?.[c]?.(d)", ["a", "c", "d"]],
  ["() => ({ a: b, c, 'd': e, [f]: g, 1: h, ...i })", ["b", "c", "e", "f", "g", "h", "i"]],
  ["() => ({ get a() { return b }, set a(c) { d = c }, async *e() { yield f } })", ["b", "d", "f"]],
  ["() => ({ get: a, set: b, async, static: c })", ["a", "b", "async", "c"]],
  ["() => typeof a === 'b' ? void c : delete d.e", ["a", "c", "d"]],
  ["() => [a, , ...b, { c }]", ["a", "b", "c"]],
  ["() => new A(b).c`d${e}f${`${g}`}`", ["A", "b", "e", "g"]],
  ["() => a in b && c instanceof D", ["a", "b", "c", "D"]],
  ["() => import('node:fs')", []],
  ["() => null ?? true ?? false ?? 1n ?? 0x1f ?? 1.5e-3 ?? .5 ?? 1_000", []],
  // What a slash means.
  ["() => { if (a) /b/.test(c); return d / e / f }", ["a", "c", "d", "e", "f"]],
  ["() => { let g; return 1 / g; } ", []],
  ["(a) => { const b = a++ / 2; return /[/\\]}]c/u.exec(b) }", []],
  // Parameters and patterns.
  ["(a, { b, c: d = e, ...f }, [g, , h = i], ...j) => [a, b, c, d, f, g, h, j]", ["e", "i", "c"]],
  ["a => a", []],
  ["async a => await b", ["b"]],
  ["async (a) => { for await (const b of a) c(b) }", ["c"]],
  ["() => async(a)", ["async", "a"]],
  ["(a = () => b, b = 1) => a", []],
  ["() => { ({ a, b: c.d } = e); [f, g = h] = i }", ["a", "c", "e", "f", "g", "h", "i"]],
  // Declarations and scopes.
  ["() => { { let a; const b = 1; var c } return [a, b, c] }", ["a", "b"]],
  ["() => { f(); function f() { return g } { function h() {} } }", ["g"]],
  ["function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }", []],
  ["() => { const f = function g() { return g }; return g }", ["g"]],
  ["() => { for (let i = 0, n = a; i < n; i++) b(i); return i }", ["a", "b", "i"]],
  ["() => { for (const k in a) b[k]; for (c of d) e }", ["a", "b", "c", "d", "e"]],
  ["() => { try { a() } catch ({ message }) { b(message) } finally { c } try {} catch {} }", [
    "a",
    "b",
    "c",
  ]],
  ["() => { label: for (;;) { if (a) continue label; else break label } }", ["a"]],
  ["(a) => { switch (a) { case b: let c = 1; return c; default: return c } }", ["b"]],
  ["() => { do a(); while (b) var c = d\nreturn\ne }", ["a", "b", "d", "e"]],
  ["() => { if (a) return; else throw b }", ["a", "b"]],
  ["async () => { using a = b; await using c = d; return [a, c] }", ["b", "d"]],
  ["function* () { const a = yield; yield* b; yield c }", ["b", "c"]],
  // Classes.
  [
    "() => { class A extends B { #c = d; static e = f; [g]() { return A } static { h() } get #i() { return #c in this } } return new A }",
    ["B", "d", "f", "g", "h"],
  ],
  ["() => class { a = this.b; static async *c() { super.d } }", []],
  // What comes from around a function.
  ["() => this.a", ["this"]],
  ["function () { return () => this.a + arguments.length }", []],
  ["() => arguments", ["arguments"]],
  ["() => import.meta.url", ["import.meta"]],
  ["() => new.target", ["new.target"]],
  ["({ a() { return super.b } })", ["super"]],
  // Writing.
  ["() => { a = 1; b += 2; c++; --d }", ["a", "b", "c", "d"]],
  ["(a) => { a\n++b\nlet c\n[d].e\n(f) }", ["b", "d", "f"]],
  ["() => /* a */ 'b // c' // d\n+ \\u0061b", ["\\u0061b"]],
];

for (const [source, free] of cases) {
  Deno.test(`freeVariables() finds ${free.join(", ") || "none"} in ${source}`, () => {
    assertEquals(freeVariables(source).toSorted(), free.toSorted());
  });
}

Deno.test("freeVariables() says that it does not know a piece of grammar", () => {
  assertThrows(() => freeVariables("() => a ~> b"), SyntaxError);
  assertThrows(() => freeVariables("() => { a"), SyntaxError);
});

Deno.test("what is sent to a Worker as source uses nothing but globals", () => {
  for (const fn of [encodeError, buffersOf]) {
    const free = freeVariables(`(${fn})`);
    assertEquals(free.filter((name) => !(name in globalThis)), [], fn.name);
  }
});
