import { CancelledError, InvalidStateError } from "../../errors.ts";
import { forget, whenDone } from "../../loop/future.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { Bench } from "./bench.ts";

Deno.test("a new Future is pending, and refuses to tell an outcome", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  assertEquals([future.done(), future.cancelled()], [false, false]);
  assertThrows(() => future.result(), InvalidStateError, "<Future pending>");
  assertThrows(() => future.exception(), InvalidStateError, "<Future pending>");
  assertStrictEquals(future.getLoop() as unknown, bench.loop);
});

Deno.test("Future.setResult() ends it once", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  future.setResult(42);
  assertEquals([future.done(), future.cancelled()], [true, false]);
  assertEquals([future.result(), future.exception()], [42, null]);
  assertThrows(() => future.setResult(43), InvalidStateError, "it is done");
  assertThrows(() => future.setException(new Error("x")), InvalidStateError, "it is done");
  assertStrictEquals(future.cancel(), false);
  assertStrictEquals(future.result(), 42);
});

Deno.test("Future.setException() ends it with an error, or an instance of a class", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  const error = new RangeError("far");
  future.setException(error);
  assertEquals([future.done(), future.cancelled()], [true, false]);
  assertStrictEquals(future.exception(), error);
  assertStrictEquals(assertThrows(() => future.result()), error);
  assertThrows(() => future.setResult(1), InvalidStateError);
  const other = bench.loop.createFuture<number>();
  other.setException(RangeError);
  assertInstanceOf(other.exception(), RangeError);
  // Whatever JavaScript can throw can be an outcome.
  const odd = bench.loop.createFuture<number>();
  odd.setException("text");
  assertStrictEquals(odd.exception(), "text");
});

Deno.test("Future.setException() refuses what is no error, and changes nothing", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  for (const nothing of [undefined, null]) {
    assertThrows(() => future.setException(nothing), TypeError, `got ${nothing}`);
  }
  assertStrictEquals(future.done(), false);
});

Deno.test("Future.cancel() ends it with CancelledError and the message", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  assertStrictEquals(future.cancel("enough"), true);
  assertEquals([future.done(), future.cancelled()], [true, true]);
  assertThrows(() => future.result(), CancelledError, "enough");
  assertThrows(() => future.exception(), CancelledError, "enough");
  assertStrictEquals(future.cancel("more"), false);
  assertThrows(() => future.setResult(1), InvalidStateError);
});

Deno.test("Future.addDoneCallback() calls back in the iteration after, in order, with the future", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const future = loop.createFuture<number>();
  for (const name of ["a", "b", "c"]) {
    future.addDoneCallback((done) => mark(`${name} ${done === future} ${done.result()}`));
  }
  loop.callSoon(() => {
    mark("set");
    future.setResult(1);
  });
  loop.callSoon(mark, "batch mate");
  await bench.turn(2);
  assertEquals(trace, [
    ["set", 1],
    ["batch mate", 1],
    ["a true 1", 2],
    ["b true 1", 2],
    ["c true 1", 2],
  ]);
});

Deno.test("Future.addDoneCallback() on a done future calls back in the next iteration", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  future.setResult(1);
  const { trace, mark } = bench.tracer();
  future.addDoneCallback(() => mark("called"));
  assertEquals(trace, []);
  await bench.turn();
  assertEquals(trace, [["called", 1]]);
});

Deno.test("Future.addDoneCallback() calls a function as often as it was added, whatever the outcome", async () => {
  await using bench = new Bench();
  const [failed, cancelled] = [bench.loop.createFuture(), bench.loop.createFuture()];
  const seen: unknown[] = [];
  const callback = (future: unknown) => void seen.push(future);
  failed.addDoneCallback(callback);
  failed.addDoneCallback(callback);
  cancelled.addDoneCallback(callback);
  failed.setException(new Error("boom"));
  cancelled.cancel();
  await bench.turn();
  assertEquals(seen, [failed, failed, cancelled]);
  failed.exception();
});

Deno.test("Future.addDoneCallback() refuses what cannot be called", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture();
  assertThrows(
    () => future.addDoneCallback("callback" as unknown as () => void),
    TypeError,
    "Cannot add a done callback to <Future pending>: expected a function, got string",
  );
});

Deno.test("Future.removeDoneCallback() takes a callback away, and counts", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const seen: string[] = [];
  const [first, second] = [() => void seen.push("first"), () => void seen.push("second")];
  for (const callback of [first, second, first]) future.addDoneCallback(callback);
  assertStrictEquals(future.removeDoneCallback(first), 2);
  assertStrictEquals(future.removeDoneCallback(first), 0);
  future.setResult();
  await bench.turn();
  assertEquals(seen, ["second"]);
});

Deno.test("Future.removeDoneCallback() cannot recall what is scheduled", async () => {
  // CPython test_futures.py test_callbacks_remove_first_and_second_callback and its kin
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const seen: string[] = [];
  const second = () => void seen.push("second");
  future.addDoneCallback(() => {
    seen.push(`removed ${future.removeDoneCallback(second)}`);
  });
  future.addDoneCallback(second);
  future.setResult();
  assertStrictEquals(future.removeDoneCallback(second), 0);
  await bench.turn();
  assertEquals(seen, ["removed 0", "second"]);
});

Deno.test("a done callback that fails is reported, and the others run", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const seen: string[] = [];
  const error = new Error("boom");
  future.addDoneCallback(() => {
    throw error;
  });
  future.addDoneCallback(() => void seen.push("second"));
  future.setResult();
  await bench.turn();
  assertEquals(seen, ["second"]);
  const [report] = bench.takeReports();
  assertStrictEquals(report?.exception, error);
  assertStringIncludes(report?.message ?? "", "Exception in callback");
});

Deno.test("whenDone and forget: an entry that has not run is taken back, scheduled or not", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  const seen: number[] = [];
  const early = future[whenDone](() => seen.push(1));
  const late = future[whenDone](() => seen.push(2));
  future[whenDone]((done) => seen.push(done.result()));
  future[forget](early);
  future.setResult(3);
  future[forget](late);
  await bench.turn();
  assertEquals(seen, [3]);
});

Deno.test("Future.toString() tells the outcome on one short line", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const make = (end: (future: ReturnType<typeof loop.createFuture<unknown>>) => void) => {
    const future = loop.createFuture<unknown>();
    end(future);
    return future;
  };
  const failed = make((future) => future.setException(new RangeError("far\naway")));
  assertEquals(`${make(() => {})}`, "<Future pending>");
  assertEquals(`${make((future) => future.cancel())}`, "<Future cancelled>");
  assertEquals(`${make((future) => future.setResult("text"))}`, `<Future finished result="text">`);
  assertEquals(`${failed}`, `<Future finished exception=RangeError("far\\naway")>`);
  const long = `${make((future) => future.setResult({ text: "x".repeat(1000) }))}`;
  assertEquals([long.length < 200, long.includes("\n")], [true, false]);
  assertEquals(Deno.inspect(failed), `${failed}`);
  failed.exception();
});
