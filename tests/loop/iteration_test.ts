import { schedulerOf } from "../../loop/internals.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { Bench } from "./bench.ts";

Deno.test("callSoon() calls back in the order of the calls, never at once", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  for (const what of ["a", "b", "c"]) loop.callSoon(mark, what);
  assertEquals(trace, []);
  await bench.turn();
  assertEquals(trace, [["a", 1], ["b", 1], ["c", 1]]);
});

Deno.test("callSoon() passes its arguments on", async () => {
  await using bench = new Bench();
  const seen: unknown[] = [];
  bench.loop.callSoon((...args: unknown[]) => seen.push(args), 1, "two", null);
  bench.loop.callSoonThreadsafe((...args: unknown[]) => seen.push(args), undefined);
  bench.loop.callLater(0, (...args: unknown[]) => seen.push(args), true);
  await bench.turn();
  assertEquals(seen, [[1, "two", null], [undefined], [true]]);
});

Deno.test("callSoon() calls once, however many iterations follow", async () => {
  await using bench = new Bench();
  let calls = 0;
  bench.loop.callSoon(() => calls++);
  await bench.turn(3);
  assertStrictEquals(calls, 1);
});

Deno.test("an iteration runs what was ready when it began, and no more", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  loop.callSoon(() => {
    mark("first");
    loop.callSoon(mark, "from first");
    loop.callLater(0, mark, "timer from first");
  });
  loop.callSoon(() => {
    mark("second");
    loop.callSoon(mark, "from second");
  });
  await bench.turn();
  assertEquals(trace, [["first", 1], ["second", 1]]);
  await bench.turn();
  assertEquals(trace.slice(2), [["from first", 2], ["from second", 2], ["timer from first", 2]]);
});

Deno.test("a callback chain takes one iteration per link", async () => {
  await using bench = new Bench();
  const { trace, mark } = bench.tracer();
  function link(n: number): void {
    mark(`link ${n}`);
    if (n < 4) bench.loop.callSoon(link, n + 1);
    else bench.loop.stop();
  }
  bench.loop.callSoon(link, 1);
  await bench.loop.runForever();
  assertEquals(trace, [["link 1", 1], ["link 2", 2], ["link 3", 3], ["link 4", 4]]);
});

Deno.test("Handle.cancel() keeps an earlier callback's batch mate from running", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const first = loop.callSoon(() => {
    seen.push("first");
    second.cancel();
    second.cancel();
  });
  const second = loop.callSoon(() => void seen.push("second"));
  loop.callSoon(() => void seen.push("third"));
  assertStrictEquals(second.cancelled(), false);
  await bench.turn();
  assertEquals(seen, ["first", "third"]);
  assertEquals([first.cancelled(), second.cancelled()], [false, true]);
});

Deno.test("Handle.cancel() after the call has no effect", async () => {
  await using bench = new Bench();
  let calls = 0;
  const handle = bench.loop.callSoon(() => calls++);
  await bench.turn();
  handle.cancel();
  await bench.turn();
  assertEquals([calls, handle.cancelled()], [1, true]);
});

Deno.test("a callback may cancel itself while it runs", async () => {
  await using bench = new Bench();
  const seen: string[] = [];
  const handle = bench.loop.callSoon(() => {
    handle.cancel();
    seen.push("ran");
  });
  await bench.turn(2);
  assertEquals(seen, ["ran"]);
});

Deno.test("three callSoon() with stop() in the first and the second cancelled run as one batch", async () => {
  // uvloop test_base.py test_call_soon_1
  await using bench = new Bench();
  const { loop } = bench;
  const calls: number[] = [];
  loop.callSoon((n: number) => {
    loop.stop();
    calls.push(n);
  }, 10);
  loop.callSoon((n: number) => void calls.push(n), 1);
  loop.callSoon((n: number) => void calls.push(n), 2).cancel();
  await loop.runForever();
  assertEquals(calls, [10, 1]);
});

Deno.test("an iteration orders I/O, which came while callbacks ran, before timers due", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const engine = schedulerOf(loop);
  loop.callSoon(() => {
    loop.callLater(5, () => void seen.push("timer"));
    loop.callSoon(() => void seen.push("ready before"));
    // As a read that finishes while the loop is busy.
    engine.ioTurn()?.then(() => seen.push("I/O"));
    bench.clock.time += 10;
  });
  await bench.turn(2);
  assertEquals(seen, ["ready before", "I/O", "timer"]);
});

Deno.test("ioTurn() is at once while the loop sleeps, and keeps callbacks in order afterwards", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const engine = schedulerOf(loop);
  const seen: string[] = [];
  assertStrictEquals(engine.ioTurn() === null, false, "not while it does not run");
  const run = loop.runForever();
  await new Promise((resolve) => setTimeout(resolve, 0));
  // Two operations of the platform end in one poll.
  for (const name of ["first", "second"]) {
    assertStrictEquals(engine.ioTurn(), null);
    seen.push(`I/O ${name}`);
    loop.callSoon(() => void seen.push(`from ${name}`));
  }
  loop.callSoon(() => {
    assertStrictEquals(engine.ioTurn() === null, false, "not while callbacks run");
    loop.stop();
  });
  await run;
  assertEquals(seen, ["I/O first", "I/O second", "from first", "from second"]);
});

Deno.test("an async callback's first step ends before the next callback begins", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  loop.callSoon(async () => {
    seen.push("a");
    for (let i = 0; i < 5; i++) await Promise.resolve();
    seen.push("a after its microtasks");
  });
  loop.callSoon(() => void seen.push("b"));
  await bench.turn();
  assertEquals(seen, ["a", "a after its microtasks", "b"]);
});

Deno.test("the step of a task ends before the next callback begins", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  loop.createTask(async () => {
    seen.push("step");
    for (let i = 0; i < 5; i++) await Promise.resolve();
    seen.push("end of the step");
  });
  loop.callSoon(() => void seen.push("callback"));
  await bench.turn();
  assertEquals(seen, ["step", "end of the step", "callback"]);
});
