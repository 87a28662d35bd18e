import { CancelledError } from "../../errors.ts";
import { ensureFuture, wrapFuture } from "../../loop/ensure_future.ts";
import { internalsOf, schedulerOf } from "../../loop/internals.ts";
import { Task } from "../../loop/mod.ts";
import type { AbstractEventLoop, Awaitable } from "../../types.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import { Bench } from "./bench.ts";

Deno.test("ensureFuture() gives a future back as it is", async () => {
  await using bench = new Bench();
  const loop = internalsOf(bench.loop);
  const future = bench.loop.createFuture<number>();
  assertStrictEquals(ensureFuture(future, { loop }), future);
  const task = bench.loop.createTask(() => 1);
  assertStrictEquals(ensureFuture(task, { loop }), task);
  await bench.turn();
});

Deno.test("ensureFuture() starts a function as a task, and wraps a promise or thenable", async () => {
  await using bench = new Bench();
  const loop = internalsOf(bench.loop);
  const task = ensureFuture(() => 1, { loop });
  assertInstanceOf(task, Task);
  const wrapped = ensureFuture(Promise.resolve(2), { loop });
  const thenable = ensureFuture({
    then: (resolve: (value: number) => void) => resolve(3),
  } as PromiseLike<number>, { loop });
  assertEquals(
    await bench.loop.runUntilComplete(async () => [await task, await wrapped, await thenable]),
    [1, 2, 3],
  );
});

Deno.test("ensureFuture() refuses a future of another loop, and what cannot be awaited", async () => {
  await using bench = new Bench();
  await using other = new Bench();
  const loop = internalsOf(bench.loop);
  assertThrows(
    () => ensureFuture(other.loop.createFuture(), { loop }),
    RangeError,
    "Cannot use <Future pending> here: it belongs to a different loop",
  );
  for (const bad of [undefined, null, 1, "text", {}]) {
    assertThrows(
      () => ensureFuture(bad as unknown as Awaitable<unknown>, { loop }),
      TypeError,
      `Cannot await ${Deno.inspect(bad)}`,
    );
  }
});

Deno.test("wrapFuture() has the outcome of the promise", async () => {
  await using bench = new Bench();
  const loop = internalsOf(bench.loop);
  assertStrictEquals(
    await bench.loop.runUntilComplete(wrapFuture(Promise.resolve(1), { loop })),
    1,
  );
  const error = new Error("boom");
  assertStrictEquals(
    await assertRejects(() =>
      bench.loop.runUntilComplete(wrapFuture(Promise.reject(error), { loop }))
    ),
    error,
  );
  const cancelled = wrapFuture(Promise.reject(new CancelledError("why")), { loop });
  await assertRejects(() => bench.loop.runUntilComplete(cancelled), CancelledError, "why");
  assertStrictEquals(cancelled.cancelled(), true);
});

Deno.test("wrapFuture() wakes a loop that sleeps", async () => {
  await using bench = new Bench();
  const { promise, resolve } = Promise.withResolvers<string>();
  const run = bench.loop.runUntilComplete(wrapFuture(promise, { loop: internalsOf(bench.loop) }));
  await nextMacrotask();
  resolve("woken");
  assertStrictEquals(await run, "woken");
});

Deno.test("a cancelled wrapFuture() ignores the promise, and reports its failure unless that is the abort", async () => {
  // CPython test_futures.py test_wrap_future_cancel2: the source is not affected once it is done.
  await using bench = new Bench();
  const loop = internalsOf(bench.loop);
  const sources = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const wrapped = sources.map(({ promise }) => wrapFuture(promise, { loop }));
  for (const future of wrapped) future.cancel();
  sources[0]?.resolve();
  sources[1]?.reject(new DOMException("aborted", "AbortError"));
  sources[2]?.reject(new CancelledError());
  sources[3]?.reject(new Error("real"));
  await nextMacrotask();
  assertEquals(wrapped.map((future) => future.cancelled()), [true, true, true, true]);
  const reports = bench.takeReports();
  assertEquals(reports.map(({ exception }) => (exception as Error).message), ["real"]);
  assertStrictEquals(reports[0]?.future, wrapped[3]);
});

Deno.test("schedulerOf() refuses a loop that is not built on ours", () => {
  assertThrows(
    () => schedulerOf({ toString: () => "<other>" } as unknown as AbstractEventLoop),
    TypeError,
    "Cannot use <other> as an event loop: it does not extend EventLoop",
  );
});
