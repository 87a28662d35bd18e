import { AsyncLocalStorage } from "node:async_hooks";
import type { Future } from "../../loop/mod.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "../support/assert.ts";
import { untilCollected } from "../support/garbage.ts";
import { Bench } from "./bench.ts";

function fail(): never {
  throw new Error("boom");
}

/** A failed future and a failed task of the loop. */
async function failures(bench: Bench): Promise<Future<unknown>[]> {
  const future = bench.loop.createFuture<unknown>();
  future.setException(new Error("boom"));
  const task = bench.loop.createTask<unknown>(fail, { name: "failing" });
  await bench.turn();
  return [future, task];
}

Deno.test("an error nobody looked at is reported when the loop closes, once", async () => {
  await using bench = new Bench();
  const [future, task] = await failures(bench);
  assertEquals(bench.takeMessages(), []);
  bench.loop.close();
  bench.loop.close();
  const reports = bench.takeReports();
  assertEquals(reports.map(({ message }) => message), [
    `Future exception was never retrieved: <Future finished exception=Error("boom")>`,
    `Task exception was never retrieved: <Task finished name='failing' exception=Error("boom") coro=<fail>>`,
  ]);
  assertEquals(reports.map((report) => report.future), [future, task]);
  assertEquals(reports.map(({ exception }) => (exception as Error).message), ["boom", "boom"]);
});

Deno.test("an error somebody looked at is not reported", async () => {
  // CPython test_futures.py: the five "retrieved" variants of test_tb_logger
  const looks: Record<string, (future: Future<unknown>, bench: Bench) => unknown> = {
    "result()": (future) => assertRejects(async () => await future.result()),
    "exception()": (future) => future.exception(),
    "await outside": (future) => assertRejects(() => future),
    "await in a task": (future, { loop }) =>
      loop.runUntilComplete(async () => await assertRejects(() => future)),
    "runUntilComplete()": (future, { loop }) => assertRejects(() => loop.runUntilComplete(future)),
    "catch()": (future, { loop }) => loop.runUntilComplete(future.catch(() => "caught")),
  };
  for (const look of Object.values(looks)) {
    await using bench = new Bench();
    for (const future of await failures(bench)) await look(future, bench);
    bench.loop.close();
    assertEquals(bench.takeMessages(), [], look.toString());
  }
});

Deno.test("an error a task waits for, or an outcome without one, is not reported", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<void>();
  const waiter = loop.createTask(async () => await assertRejects(() => future));
  loop.callLater(1, () => future.setException(new Error("boom")));
  await loop.runUntilComplete(waiter);
  loop.createFuture<void>().cancel();
  loop.createFuture<number>().setResult(1);
  loop.createTask(async () => await bench.sleep(5)).cancel();
  await bench.turn(2);
  loop.close();
  assertEquals(bench.takeMessages(), []);
});

Deno.test("adding a done callback is not looking", async () => {
  await using bench = new Bench();
  const [future] = await failures(bench);
  future?.addDoneCallback(() => {});
  await bench.turn();
  bench.loop.close();
  assertStrictEquals(bench.takeMessages().length, 2);
});

Deno.test("what then() makes of a failure has to be looked at", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  future.then(() => {});
  future.setException(new Error("boom"));
  await bench.turn();
  await Promise.resolve();
  bench.loop.close();
  // The future itself was looked at, by what was made of it.
  assertStrictEquals(bench.takeMessages().length, 1);
});

Deno.test("an error whose waiter never ran is reported when the loop closes", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<void>();
  loop.createTask(async () => await future, { name: "waiter" });
  await bench.turn();
  loop.callSoon(() => {
    future.setException(new Error("boom"));
    loop.stop();
  });
  await loop.runForever();
  loop.close();
  const [pending, lost] = bench.takeMessages();
  assertStringIncludes(
    pending ?? "",
    "Task was destroyed but it is pending: <Task pending name='waiter'",
  );
  assertStringIncludes(lost ?? "", `Future exception was never retrieved`);
});

Deno.test("the collector's finding a failed future is enough to report it, once", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  loop.callSoon(() => {
    loop.createFuture<void>().setException(new Error("future"));
    loop.createTask(() => {
      throw new Error("task");
    });
  });
  await bench.turn(2);
  await untilCollected(() => bench.reports.length === 2, "two reports");
  const reports = bench.takeReports();
  assertEquals(
    reports.map(({ exception }) => (exception as Error).message).toSorted(),
    ["future", "task"],
  );
  // The future is gone by now.
  assertEquals(reports.map(({ future }) => future), [undefined, undefined]);
  loop.close();
  assertEquals(bench.takeMessages(), []);
});

Deno.test("a failed future that was looked at is collected in silence", async () => {
  await using bench = new Bench();
  function makeGarbage(): WeakRef<object> {
    const future = bench.loop.createFuture<void>();
    future.setException(new Error("boom"));
    future.exception();
    return new WeakRef(future);
  }
  const garbage = makeGarbage();
  await untilCollected(() => garbage.deref() === undefined, "the future");
  assertEquals(bench.takeMessages(), []);
});

Deno.test("the exception handler hears of a failed task in the task's async context", async () => {
  // CPython test_futures2.py test_task_exc_handler_correct_context
  await using bench = new Bench();
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  bench.loop.setExceptionHandler(() => void seen.push(storage.getStore()));
  storage.run("the task's", () => bench.loop.createTask(fail));
  await bench.turn();
  storage.run("the closer's", () => bench.loop.close());
  assertEquals(seen, ["the task's"]);
});
