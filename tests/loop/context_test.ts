import { AsyncLocalStorage } from "node:async_hooks";
import { WatchHandle } from "../../loop/watch_handle.ts";
import { schedulerOf } from "../../loop/internals.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import { Bench } from "./bench.ts";

// Made after the library was loaded, and twice: it must work for storages it has never seen.
const storages = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()] as const;

function within<R>(value: string, fn: () => R): R {
  return storages[0].run(value, () => storages[1].run(`${value}'`, fn));
}

function stores(): (string | undefined)[] {
  return storages.map((storage) => storage.getStore());
}

Deno.test("callSoon(), callLater() and callAt() call back in the async context of the caller", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const note = () => void seen.push(stores());
  within("soon", () => loop.callSoon(note));
  within("threadsafe", () => loop.callSoonThreadsafe(note));
  within("later", () => loop.callLater(1, note));
  within("at", () => loop.callAt(loop.time() + 2, note));
  loop.callLater(3, note);
  loop.callLater(4, () => loop.stop());
  await within("runner", () => loop.runForever());
  assertEquals(seen, [
    ["soon", "soon'"],
    ["threadsafe", "threadsafe'"],
    ["later", "later'"],
    ["at", "at'"],
    [undefined, undefined],
  ]);
});

Deno.test("a callback that schedules another one passes its context on", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  within("first", () =>
    loop.callSoon(() => {
      loop.callSoon(() => void seen.push(stores()));
      within("second", () => loop.callSoon(() => void seen.push(stores())));
    }));
  await bench.turn(2);
  assertEquals(seen, [["first", "first'"], ["second", "second'"]]);
});

Deno.test("addDoneCallback() calls back in the context of the caller, not of who completes", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const seen: unknown[] = [];
  const note = () => void seen.push(stores());
  within("adder", () => future.addDoneCallback(note));
  within("setter", () => future.setResult());
  within("late adder", () => future.addDoneCallback(note));
  await within("runner", () => bench.turn());
  assertEquals(seen, [["adder", "adder'"], ["late adder", "late adder'"]]);
});

Deno.test("a task runs in the context of its maker, after every await", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const future = loop.createFuture<void>();
  const task = within("maker", () =>
    loop.createTask(async () => {
      seen.push(stores());
      await bench.pause();
      seen.push(stores());
      await future;
      seen.push(stores());
      await Promise.resolve();
      seen.push(stores());
    }));
  within("setter", () => loop.callLater(1, () => future.setResult()));
  await within("runner", () => loop.runUntilComplete(task));
  assertEquals(seen, Array.from({ length: 4 }, () => ["maker", "maker'"]));
});

Deno.test("what a task enters is its own", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const worker = (name: string) =>
    loop.createTask(() =>
      within(name, async () => {
        for (let i = 0; i < 2; i++) {
          await bench.pause();
          seen.push(stores()[0]);
        }
      })
    );
  const tasks = [worker("a"), worker("b")];
  for (const task of tasks) await loop.runUntilComplete(task);
  assertEquals(seen, ["a", "b", "a", "b"]);
  assertEquals(stores(), [undefined, undefined]);
});

Deno.test("who wakes a sleeping loop does not lend it its context", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  schedulerOf(loop).callAt(loop.time() + 5, () => void seen.push(stores()), undefined);
  const run = loop.runForever();
  await nextMacrotask();
  within("waker", () => loop.callSoon(() => {}));
  schedulerOf(loop).callAt(loop.time() + 5, () => {
    seen.push(stores());
    loop.stop();
  }, undefined);
  await run;
  assertEquals(seen, [[undefined, undefined], [undefined, undefined]]);
});

Deno.test("WatchHandle calls back in the context of its maker, every time", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const handle = within(
    "maker",
    () =>
      new WatchHandle(schedulerOf(loop), (name: never) => void seen.push([name, ...stores()]), [
        "x",
      ]),
  );
  for (let i = 0; i < 3; i++) {
    within("notifier", () => handle.notify());
    await bench.turn();
  }
  assertEquals(seen, Array.from({ length: 3 }, () => ["x", "maker", "maker'"]));
});

Deno.test("WatchHandle calls once however often it is notified, and never after cancel()", async () => {
  await using bench = new Bench();
  let calls = 0;
  const handle = new WatchHandle(schedulerOf(bench.loop), () => void calls++, []);
  handle.notify();
  handle.notify();
  await bench.turn();
  assertStrictEquals(calls, 1);
  handle.notify();
  handle.cancel();
  handle.notify();
  await bench.turn();
  assertStrictEquals(calls, 1);
});

Deno.test("WatchHandle reports errors, of async callbacks too, and goes on", async () => {
  await using bench = new Bench();
  let calls = 0;
  const handle = new WatchHandle(schedulerOf(bench.loop), () => {
    if (++calls % 2 === 0) return Promise.reject(new Error(`boom ${calls}`));
    throw new Error(`boom ${calls}`);
  }, []);
  for (let i = 0; i < 3; i++) {
    handle.notify();
    await bench.turn();
  }
  assertEquals(
    bench.takeReports().map(({ exception }) => (exception as Error).message),
    ["boom 1", "boom 2", "boom 3"],
  );
});

Deno.test("the exception handler is called in the context of the callback that failed", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  loop.setExceptionHandler(() => void seen.push(stores()));
  within("callback", () =>
    loop.callSoon(() => {
      throw new Error("boom");
    }));
  within("async callback", () => loop.callSoon(() => Promise.reject(new Error("boom"))));
  await within("runner", () => bench.turn());
  assertEquals(seen, [["callback", "callback'"], ["async callback", "async callback'"]]);
});
