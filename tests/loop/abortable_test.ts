import { CancelledError } from "../../errors.ts";
import { abortable, failWith } from "../../loop/abortable.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { Bench } from "./bench.ts";

/** A signal that counts who listens to it. */
class CountingSignal {
  readonly controller = new AbortController();
  listeners = 0;

  get signal(): AbortSignal {
    const { signal } = this.controller;
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      this.listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      this.listeners--;
      removeEventListener.apply(signal, args);
    };
    return signal;
  }
}

Deno.test("abortable() without a signal is the future itself", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  assertStrictEquals(abortable(future, undefined), future);
});

Deno.test("abortable() ends the wait with the reason of the signal, whatever it is", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const reasons = [new Error("gone"), "text", new CancelledError("like a cancel")];
  for (const reason of reasons) {
    const controller = new AbortController();
    const future = loop.createFuture<void>();
    loop.callLater(5, () => controller.abort(reason));
    const outcome = await loop.runUntilComplete(async () => {
      try {
        await abortable(future, controller.signal);
      } catch (error) {
        return error;
      }
    });
    assertStrictEquals(outcome, reason);
  }
});

Deno.test("abortable() with a signal that is aborted already fails the future at once", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const reason = new Error("gone");
  abortable(future, AbortSignal.abort(reason));
  assertStrictEquals(future.exception(), reason);
});

Deno.test("an abort after the future is done comes too late", async () => {
  await using bench = new Bench();
  const controller = new AbortController();
  const future = bench.loop.createFuture<string>();
  const task = bench.loop.createTask(async () => await abortable(future, controller.signal));
  await bench.turn();
  future.setResult("handed over");
  controller.abort();
  assertStrictEquals(await bench.loop.runUntilComplete(task), "handed over");
});

Deno.test("abortable() stops listening when the wait is over, however it ends", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const ends: ((future: ReturnType<typeof loop.createFuture<void>>) => void)[] = [
    (future) => future.setResult(),
    (future) => future.setException(new Error("failed")),
    (future) => void future.cancel(),
  ];
  for (const end of ends) {
    const counting = new CountingSignal();
    const future = loop.createFuture<void>();
    const task = loop.createTask(async () => await abortable(future, counting.signal));
    await bench.turn();
    assertStrictEquals(counting.listeners, 1);
    end(future);
    await bench.turn(2);
    assertEquals([task.done(), counting.listeners], [true, 0]);
    if (!task.cancelled()) task.exception();
  }
});

Deno.test("cancelling a task that waits with a signal cancels the future, not by the signal", async () => {
  await using bench = new Bench();
  const { signal } = new AbortController();
  const future = bench.loop.createFuture<void>();
  const task = bench.loop.createTask(async () => await abortable(future, signal));
  await bench.turn();
  task.cancel("by the task");
  await assertRejects(() => bench.loop.runUntilComplete(task), CancelledError, "by the task");
  assertStrictEquals(signal.aborted, false);
});

Deno.test("failWith() leaves a done future alone", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  future.setResult(1);
  failWith(future, new Error("late"));
  assertStrictEquals(future.result(), 1);
});
