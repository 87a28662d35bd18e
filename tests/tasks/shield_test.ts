import { CancelledError, RuntimeError } from "../../errors.ts";
import { createTask, shield, sleep } from "../../tasks/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { assertCancelled, Boom, loopTest, reportsOf, tick, WatchedController } from "./support.ts";

loopTest("shield() has the outcome of what it shields", async (loop) => {
  assertEquals(await shield(() => sleep(5, "value")), "value");
  assertEquals(await shield(Promise.resolve("native")), "native");
  await assertRejects(() =>
    shield(() => {
      throw new Boom("error");
    }), Boom);
  const inner = loop.createFuture<void>();
  const outer = shield(inner);
  inner.cancel();
  await assertRejects(() => outer, CancelledError);
  assert(outer.cancelled());
});

loopTest("shield() of a future that is done is that future", async (loop) => {
  const inner = loop.createFuture<number>();
  assertNotStrictEquals(shield(inner), inner);
  inner.setResult(1);
  assertStrictEquals(shield(inner), inner);
  assertEquals(await shield(inner), 1);
});

loopTest("shield() keeps a cancellation from what it shields", async () => {
  const inner = createTask(() => sleep(100, "survives"));
  const task = createTask(() => shield(inner));
  await tick();
  task.cancel("outer");
  const error = await assertRejects(() => task, CancelledError);
  assertEquals([error.message, inner.done()], ["outer", false]);
  assertEquals(await inner, "survives");
});

Deno.test("shield() that was cancelled reports a late error once, and a late result not", async () => {
  for (const fails of [true, false]) {
    const reports = await reportsOf(async () => {
      const inner = createTask(async () => {
        await sleep(10);
        if (fails) throw new Boom("late");
      });
      const [one, two] = [shield(inner), shield(inner)];
      one.cancel();
      await assertRejects(() => one, CancelledError);
      if (fails) await assertRejects(() => two, Boom);
      else await two;
      await tick(3);
      assert(inner.done());
    });
    assertEquals(
      reports.map(({ message, exception }) => [message, String(exception)]),
      fails ? [["Boom exception in shielded future", "Boom: late"]] : [],
    );
  }
});

Deno.test("shield() that was left because of an abort reports a late error once", async () => {
  const aborter = new WatchedController();
  const reports = await reportsOf(async () => {
    const inner = createTask(async () => {
      await sleep(10);
      throw new Boom("late");
    });
    const outer = shield(inner, { signal: aborter.signal });
    const reason = { any: "value" };
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(() => outer), reason);
    assertFalse(inner.done());
    await sleep(20);
    assertEquals(aborter.listeners, 0);
  });
  assertEquals(reports.map(({ message }) => message), ["Boom exception in shielded future"]);
});

Deno.test("shield() reports the error of the very iteration in which it is aborted", async () => {
  const aborter = new AbortController();
  const reports = await reportsOf(async (loop) => {
    const inner = loop.createFuture<void>();
    const outer = shield(inner, { signal: aborter.signal });
    inner.setException(new Boom("same time"));
    aborter.abort(new Error("abort"));
    await assertRejects(() => outer, Error, "abort");
    await tick(3);
  });
  assertEquals(reports.map(({ message }) => message), ["Boom exception in shielded future"]);
});

loopTest("shield() leaves no listener when it ends", async () => {
  const aborter = new WatchedController();
  await shield(() => sleep(1), { signal: aborter.signal });
  const cancelled = shield(() => sleep(1), { signal: aborter.signal });
  cancelled.cancel();
  await assertRejects(() => cancelled, CancelledError);
  await sleep(5);
  assertEquals(aborter.listeners, 0);
});

loopTest("shield() around a task that is cancelled itself is cancelled", async () => {
  const inner = createTask(() => sleep(100));
  const outer = shield(inner);
  await tick();
  inner.cancel();
  await assertRejects(() => outer, CancelledError);
  await assertCancelled(inner);
});

Deno.test("shield() refuses what cannot be awaited, and code outside of a loop", async () => {
  assertThrows(() => shield(() => 1), RuntimeError, "no event loop is running");
  await reportsOf(() => {
    assertThrows(() => shield(5 as unknown as () => void), TypeError, "Cannot await 5");
  });
});
