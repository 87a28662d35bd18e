import { CancelledError } from "../../errors.ts";
import { assertEquals, assertStrictEquals, assertThrows } from "../support/assert.ts";
import { Bench } from "./bench.ts";

type Generator = AsyncGenerator<unknown, void, unknown>;

Deno.test("shutdownAsyncgens() closes all registered generators at the same time", async () => {
  // uvloop test_base.py test_shutdown_asyncgens_01
  await using bench = new Bench();
  const { loop, clock } = bench;
  const seen: string[] = [];
  async function* numbers(name: string): Generator {
    try {
      for (let i = 0;; i++) yield i;
    } finally {
      await bench.sleep(10);
      seen.push(name);
    }
  }
  const generators = ["a", "b"].map(numbers);
  for (const generator of generators) {
    loop.registerAsyncgen(generator);
    await generator.next();
  }
  await loop.runUntilComplete(() => loop.shutdownAsyncgens());
  assertEquals([seen, clock.time], [["a", "b"], 1010]);
  assertEquals(await generators[0]?.next(), { done: true, value: undefined });
  await loop.runUntilComplete(() => loop.shutdownAsyncgens());
});

Deno.test("shutdownAsyncgens() reports a generator that fails, and closes the others", async () => {
  // uvloop test_base.py test_shutdown_asyncgens_02
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const error = new Error("boom");
  async function* failing(thrown: Error): Generator {
    try {
      yield 1;
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw thrown;
    }
  }
  async function* good(): Generator {
    try {
      yield 1;
    } finally {
      seen.push("closed");
    }
  }
  const generators = [failing(error), failing(new CancelledError()), good()];
  for (const generator of generators) {
    loop.registerAsyncgen(generator);
    await generator.next();
  }
  await loop.runUntilComplete(() => loop.shutdownAsyncgens());
  assertEquals(seen, ["closed"]);
  const reports = bench.takeReports();
  assertEquals(reports.length, 1);
  assertStrictEquals(reports[0]?.exception, error);
  assertStrictEquals(reports[0]?.asyncgen, generators[0]);
});

Deno.test("registerAsyncgen() refuses what is no async generator", async () => {
  await using bench = new Bench();
  for (const bad of [undefined, null, 1, {}, async function* () {}]) {
    assertThrows(
      () => bench.loop.registerAsyncgen(bad as unknown as Generator),
      TypeError,
      "expected an async generator",
    );
  }
});
