import { RuntimeError } from "../../errors.ts";
import { EventLoop } from "../../loop/mod.ts";
import type { AbstractFuture, Executor, ExecutorFunction } from "../../types.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import { Bench } from "./bench.ts";

/** Runs what it gets at once, in the loop. */
class FakeExecutor implements Executor {
  readonly shutdowns: unknown[] = [];
  readonly ended = Promise.withResolvers<void>();
  readonly #loop: EventLoop;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  submit<A extends unknown[], T>(fn: ExecutorFunction<A, T>, ...args: A): AbstractFuture<T> {
    const future = this.#loop.createFuture<T>();
    future.setResult((fn as (...args: A) => T)(...args));
    return future;
  }

  shutdown(options: { wait?: boolean; cancelFutures?: boolean } = {}): Promise<void> {
    this.shutdowns.push(options);
    return options.wait === false ? Promise.resolve() : this.ended.promise;
  }
}

/** A bench whose I/O makes `made` the default executor. */
function benchWithExecutor(): { bench: Bench; made: FakeExecutor[] } {
  const made: FakeExecutor[] = [];
  const bench = new Bench((clock) => {
    const loop: EventLoop = new EventLoop({
      clock,
      io: {
        createExecutor: () => {
          made.push(new FakeExecutor(loop));
          return made[0] as FakeExecutor;
        },
      },
    });
    return loop;
  });
  return { bench, made };
}

const add = (a: number, b: number) => a + b;

Deno.test("runInExecutor() uses the executor it is given", async () => {
  await using bench = new Bench();
  const executor = new FakeExecutor(bench.loop);
  assertStrictEquals(
    await bench.loop.runUntilComplete(bench.loop.runInExecutor(executor, add, 1, 2)),
    3,
  );
});

Deno.test("runInExecutor(null) makes the default executor once, when it is needed", async () => {
  const { bench, made } = benchWithExecutor();
  await using _bench = bench;
  assertEquals(made.length, 0);
  assertStrictEquals(bench.loop.runInExecutor(null, add, 1, 2).result(), 3);
  assertStrictEquals(bench.loop.runInExecutor(null, add, 3, 4).result(), 7);
  assertEquals(made.length, 1);
});

Deno.test("runInExecutor(null) says so when the I/O has no executor", async () => {
  await using bench = new Bench();
  assertThrows(
    () => bench.loop.runInExecutor(null, add, 1, 2),
    Deno.errors.NotSupported,
    "Cannot call runInExecutor()",
  );
});

Deno.test("setDefaultExecutor() is what null stands for, and refuses what is none", async () => {
  const { bench, made } = benchWithExecutor();
  await using _bench = bench;
  const executor = new FakeExecutor(bench.loop);
  bench.loop.setDefaultExecutor(executor);
  assertStrictEquals(bench.loop.runInExecutor(null, add, 1, 2).result(), 3);
  assertEquals(made.length, 0);
  for (const bad of [undefined, null, {}, { submit: add }]) {
    assertThrows(
      () => bench.loop.setDefaultExecutor(bad as unknown as Executor),
      TypeError,
      "submit() and shutdown()",
    );
  }
});

Deno.test("shutdownDefaultExecutor() waits, and after it nothing runs", async () => {
  const { bench, made } = benchWithExecutor();
  await using _bench = bench;
  const { loop } = bench;
  loop.runInExecutor(null, add, 1, 2);
  let over = false;
  const shutdown = loop.shutdownDefaultExecutor().then(() => over = true);
  await nextMacrotask();
  assertStrictEquals(over, false);
  made[0]?.ended.resolve();
  await shutdown;
  assertEquals(made[0]?.shutdowns, [{ wait: true }]);
  assertThrows(() => loop.runInExecutor(null, add, 1, 2), RuntimeError, "shutdown has been called");
  await loop.shutdownDefaultExecutor();
});

Deno.test("shutdownDefaultExecutor() without an executor is over at once", async () => {
  await using bench = new Bench();
  await bench.loop.shutdownDefaultExecutor();
  assertThrows(() => bench.loop.runInExecutor(null, add, 1, 2), RuntimeError);
});

Deno.test("shutdownDefaultExecutor() gives up after its timeout, and says so", async () => {
  const { bench, made } = benchWithExecutor();
  await using _bench = bench;
  bench.loop.runInExecutor(null, add, 1, 2);
  await bench.loop.shutdownDefaultExecutor({ timeoutMs: 1 });
  assertEquals(made[0]?.shutdowns, [{ wait: true }, { wait: false }]);
  const [message] = bench.takeMessages();
  assertStringIncludes(message ?? "", "did not finish joining its workers within 1 ms");
});

Deno.test("shutdownDefaultExecutor() fails when the executor fails to end", async () => {
  const { bench, made } = benchWithExecutor();
  await using _bench = bench;
  bench.loop.runInExecutor(null, add, 1, 2);
  made[0]?.ended.reject(new Error("stuck"));
  await assertRejects(
    () => bench.loop.shutdownDefaultExecutor({ timeoutMs: 60_000 }),
    Error,
    "stuck",
  );
});

Deno.test("close() shuts the executor down without waiting, and reports its failure", async () => {
  const { bench, made } = benchWithExecutor();
  await using _bench = bench;
  bench.loop.runInExecutor(null, add, 1, 2);
  const executor = made[0] as FakeExecutor;
  const shutdown = executor.shutdown.bind(executor);
  executor.shutdown = async (options) => {
    await shutdown(options);
    throw new Error("stuck");
  };
  bench.loop.close();
  assertEquals(executor.shutdowns, [{ wait: false, cancelFutures: true }]);
  await nextMacrotask();
  assertEquals(bench.takeReports().map(({ exception }) => (exception as Error).message), ["stuck"]);
});
