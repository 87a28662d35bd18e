import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError, RuntimeError } from "../../errors.ts";
import { Future } from "../../loop/mod.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "../support/assert.ts";
import { Bench } from "./bench.ts";

Deno.test("awaiting a done Future takes no iteration", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const future = loop.createFuture<number>();
  future.setResult(1);
  await loop.runUntilComplete(async () => {
    loop.callSoon(mark, "callback");
    mark(`got ${await future}`);
    mark(`got ${await future} again`);
    await bench.pause();
  });
  assertEquals(trace, [["got 1", 1], ["got 1 again", 1], ["callback", 2]]);
});

Deno.test("a task wakes up one iteration after its Future is done", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const future = loop.createFuture<string>();
  const task = loop.createTask(async () => mark(await future));
  loop.callSoon(() => {
    loop.callSoon(() => {
      mark("set");
      future.setResult("woken");
    });
    loop.callSoon(mark, "batch mate");
  });
  await loop.runUntilComplete(task);
  assertEquals(trace, [["set", 2], ["batch mate", 2], ["woken", 3]]);
});

Deno.test("waiters and callbacks of a Future go on in the order in which they came", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const future = loop.createFuture<void>();
  const wait = (name: string) =>
    loop.createTask(async () => {
      await future;
      seen.push(name);
    });
  wait("task 1");
  loop.callSoon(() => future.addDoneCallback(() => void seen.push("callback")));
  wait("task 2");
  loop.callSoon(() => loop.callSoon(() => future.setResult()));
  await bench.turn(3);
  assertEquals(seen, ["task 1", "callback", "task 2"]);
});

Deno.test("a yield of one iteration interleaves tasks", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  const worker = (name: string) =>
    loop.createTask(async () => {
      for (let i = 0; i < 3; i++) {
        mark(`${name}${i}`);
        await bench.pause();
      }
    });
  const tasks = [worker("a"), worker("b")];
  for (const task of tasks) await loop.runUntilComplete(task);
  assertEquals(trace, [["a0", 1], ["b0", 1], ["a1", 2], ["b1", 2], ["a2", 3], ["b2", 3]]);
});

Deno.test("awaiting a failed Future throws its error, a cancelled one CancelledError", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const error = new Error("boom");
  const [failed, cancelled] = [loop.createFuture<void>(), loop.createFuture<void>()];
  loop.callLater(1, () => {
    failed.setException(error);
    cancelled.cancel("why");
  });
  await loop.runUntilComplete(async () => {
    // Before and after the fact.
    for (const _when of ["pending", "done"]) {
      assertStrictEquals(await assertRejects(() => failed), error);
      assertEquals((await assertRejects(() => cancelled, CancelledError)).message, "why");
    }
  });
});

Deno.test("Promise.all() and Promise.race() take futures", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const after = async (ms: number, value: string) => {
    await bench.sleep(ms);
    return value;
  };
  await loop.runUntilComplete(async () => {
    const tasks = [3, 1, 2].map((ms) => loop.createTask(() => after(ms, `after ${ms}`)));
    assertEquals(await Promise.race(tasks), "after 1");
    assertEquals(await Promise.all(tasks), ["after 3", "after 1", "after 2"]);
  });
});

Deno.test("awaiting a Future of another loop is refused, and does not hang", async () => {
  await using bench = new Bench();
  await using other = new Bench();
  const future = other.loop.createFuture<void>();
  const error = await bench.loop.runUntilComplete(async () =>
    await assertRejects(() => future, RuntimeError)
  );
  assertEquals(
    error.message.replace(/Task-\d+/, "Task-N"),
    "Cannot await <Future pending> in <Task pending name='Task-N' coro=<anonymous>>: it is attached to a different loop",
  );
  assertStrictEquals(future.done(), false);
  // A done one has nothing to wait for.
  future.setResult();
  await bench.loop.runUntilComplete(async () => await future);
});

Deno.test("code outside of any task may await a Future too", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<number>();
  bench.loop.callLater(5, () => future.setResult(1));
  const [value] = await Promise.all([
    (async () => await future)(),
    bench.loop.runUntilComplete(future),
  ]);
  assertStrictEquals(value, 1);
});

Deno.test("Future.then() by hand gives a Future of the same loop", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const future = loop.createFuture<number>();
  const derived = future.then((value) => value + 1);
  assertInstanceOf(derived, Future);
  assertStrictEquals(derived.getLoop() as unknown, loop);
  loop.callLater(1, () => future.setResult(1));
  assertStrictEquals(await loop.runUntilComplete(derived), 2);
  assertStrictEquals(await loop.runUntilComplete(derived.then()), 2);
});

Deno.test("Future.then() calls the user's callback in its context, also beside one of a promise's own", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const store = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  for (const order of ["resolve", "reject"]) {
    const future = loop.createFuture<number>();
    loop.callLater(1, () => order === "resolve" ? future.setResult(1) : future.setException("no"));
    const outcome = store.run("mine", () =>
      new Promise((resolve, reject) => {
        const derived = order === "resolve"
          ? future.then((value) => resolve([value, store.getStore()]), reject)
          : future.then(resolve, (reason) => resolve([reason, store.getStore()]));
        assertInstanceOf(derived, Future);
      }));
    seen.push(await loop.runUntilComplete(async () => await outcome));
  }
  assertEquals(seen, [[1, "mine"], ["no", "mine"]]);
});

Deno.test("Future.catch() and finally() do what those of a promise do", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const error = new Error("boom");
  const seen: string[] = [];
  const failing = () => {
    const future = loop.createFuture<string>();
    loop.callLater(1, () => future.setException(error));
    return future;
  };
  assertStrictEquals(await loop.runUntilComplete(failing().catch(() => "caught")), "caught");
  const ended = failing().finally(() => void seen.push("finally"));
  assertStrictEquals(await assertRejects(() => loop.runUntilComplete(ended)), error);
  const good = loop.createFuture<string>();
  good.setResult("good");
  assertStrictEquals(
    await loop.runUntilComplete(good.finally(() => void seen.push("again"))),
    "good",
  );
  assertEquals(seen, ["finally", "again"]);
});

Deno.test("what then() makes of a cancelled Future is cancelled", async () => {
  await using bench = new Bench();
  const future = bench.loop.createFuture<void>();
  const derived = future.then(() => "never");
  future.cancel("why");
  const error = await assertRejects(() => bench.loop.runUntilComplete(derived), CancelledError);
  assertEquals([error.message, derived.cancelled()], ["why", true]);
});

Deno.test("a Future returned by an async function is waited for", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const value = await loop.runUntilComplete(async () => {
    await Promise.resolve();
    const future = loop.createFuture<string>();
    loop.callLater(5, () => future.setResult("value"));
    return future;
  });
  assertStrictEquals(value, "value");
});
