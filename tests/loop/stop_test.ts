import { schedulerOf } from "../../loop/internals.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import { Bench } from "./bench.ts";

Deno.test("stop() lets the batch end; what it scheduled stays for the next run", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  loop.callSoon(() => {
    mark("first");
    loop.stop();
    loop.callSoon(mark, "next run");
  });
  loop.callSoon(mark, "second");
  await loop.runForever();
  assertEquals(trace, [["first", 1], ["second", 1]]);
  assertStrictEquals(loop.isRunning(), false);
  await bench.turn();
  assertEquals(trace.slice(2), [["next run", 2]]);
});

Deno.test("stop() before a run makes it one iteration", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  loop.callSoon(() => {
    mark("one");
    loop.callSoon(mark, "two");
  });
  loop.callLater(-1, mark, "timer that is due");
  loop.callLater(1000, mark, "timer that is not");
  loop.stop();
  await loop.runForever();
  assertEquals(trace, [["one", 1], ["timer that is due", 1]]);
});

Deno.test("stop() before a run does not sleep when there is nothing to do", async () => {
  await using bench = new Bench();
  bench.loop.callLater(1000, () => {});
  bench.loop.stop();
  await bench.loop.runForever();
  assertEquals([bench.clock.time, bench.clock.sleeps], [1000, []]);
});

Deno.test("stop() counts once: a second run is not stopped by it", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  loop.callSoon(() => loop.stop());
  loop.callSoon(() => loop.stop());
  await loop.runForever();
  loop.callLater(5, () => {
    seen.push("second run");
    loop.stop();
  });
  await loop.runForever();
  assertEquals(seen, ["second run"]);
});

Deno.test("stop() wakes a loop that sleeps", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const run = loop.runForever();
  await until(() => clock.sleeps.length > 0);
  assertEquals(clock.sleeps, [Infinity]);
  assertStrictEquals(loop.isRunning(), true);
  loop.stop();
  await run;
  assertStrictEquals(loop.isRunning(), false);
});

Deno.test("stop() of a sleeping loop runs what became ready along with it", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const seen: string[] = [];
  const run = loop.runForever();
  await until(() => clock.sleeps.length > 0);
  loop.callSoon(() => {
    seen.push("ready");
    loop.callSoon(() => void seen.push("next run"));
  });
  loop.stop();
  await run;
  assertEquals(seen, ["ready"]);
});

Deno.test("stop() in a busy loop ends it with that iteration", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  let calls = 0;
  function again(): void {
    if (++calls < 10_000) loop.callSoon(again);
    else {
      loop.callSoon(again);
      loop.stop();
    }
  }
  loop.callSoon(again);
  await loop.runForever();
  assertStrictEquals(calls, 10_000);
});

Deno.test("stop() from outside ends a busy loop after its iteration", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  let [calls, atStop] = [0, 0];
  function again(): void {
    calls++;
    loop.callSoon(again);
  }
  loop.callSoon(again);
  const run = loop.runForever();
  await nextMacrotask();
  atStop = calls;
  loop.stop();
  await run;
  assertStrictEquals(calls, atStop + 1);
});

Deno.test("I/O that is ready beside a stop() is served once in each of two runs", async () => {
  // CPython test_base_events.py test_single_selecter_event_callback_after_stopping
  await using bench = new Bench();
  const { loop } = bench;
  const engine = schedulerOf(loop);
  let served = 0;
  for (const expected of [1, 2]) {
    loop.callSoon(() => {
      engine.ioTurn()?.then(() => {
        served++;
        loop.stop();
      });
    });
    await loop.runForever();
    assertStrictEquals(served, expected);
  }
});
