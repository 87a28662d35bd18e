import { EventLoop } from "../../loop/mod.ts";
import { schedulerOf } from "../../loop/internals.ts";
import { assert, assertEquals, assertStrictEquals } from "../support/assert.ts";
import { untilCollected } from "../support/garbage.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import { Bench } from "./bench.ts";

Deno.test("callLater() calls back by deadline, at the deadline", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const start = loop.time();
  const seen: [string, number][] = [];
  for (const ms of [30, 10, 20, 0.5]) {
    loop.callLater(ms, () => void seen.push([`${ms}`, clock.time - start]));
  }
  loop.callLater(40, () => loop.stop());
  await loop.runForever();
  assertEquals(seen, [["0.5", 0.5], ["10", 10], ["20", 20], ["30", 30]]);
});

Deno.test("callLater() with a negative delay runs in the next iteration, by deadline", async () => {
  // CPython test_base_events.py test_call_later_negative_delays
  await using bench = new Bench();
  const { loop, clock } = bench;
  const seen: string[] = [];
  loop.callLater(-1, () => void seen.push("a"));
  loop.callLater(-2, () => void seen.push("b"));
  loop.callLater(-Infinity, () => void seen.push("c"));
  loop.callSoon(() => void seen.push("soon"));
  await bench.turn();
  assertEquals(seen, ["soon", "c", "b", "a"]);
  assertEquals(clock.sleeps, []);
});

Deno.test("callAt() with equal deadlines keeps the order of scheduling", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: number[] = [];
  const when = loop.time() + 5;
  for (let i = 0; i < 50; i++) loop.callAt(when, () => void seen.push(i));
  loop.callAt(when, () => loop.stop());
  await loop.runForever();
  assertEquals(seen, Array.from({ length: 50 }, (_, i) => i));
});

Deno.test("callAt() of a time that has passed runs in the next iteration", async () => {
  await using bench = new Bench();
  let calls = 0;
  bench.loop.callAt(bench.loop.time() - 5000, () => calls++);
  await bench.turn();
  assertStrictEquals(calls, 1);
});

Deno.test("a due timer runs after what is ready, and what it schedules in the iteration after", async () => {
  // CPython test_base_events.py test__run_once_schedule_handle
  await using bench = new Bench();
  const { loop } = bench;
  const { trace, mark } = bench.tracer();
  loop.callLater(0, () => {
    mark("timer");
    loop.callSoon(mark, "from timer");
  });
  loop.callSoon(mark, "ready");
  await bench.turn(2);
  assertEquals(trace, [["ready", 1], ["timer", 1], ["from timer", 2]]);
});

Deno.test("timers that become due while callbacks run wait for the next iteration", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const { trace, mark } = bench.tracer();
  loop.callLater(10, mark, "timer");
  loop.callSoon(() => {
    clock.time += 20;
    mark("slow");
    loop.callSoon(mark, "next");
  });
  loop.callSoon(mark, "batch mate");
  await bench.turn(2);
  assertEquals(trace, [["slow", 1], ["batch mate", 1], ["next", 2], ["timer", 2]]);
});

Deno.test("TimerHandle.cancel() before the time: never called, and the loop does not wait for it", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const seen: string[] = [];
  const far = loop.callLater(5000, () => void seen.push("never"));
  const near = loop.callLater(1, () => void seen.push("never"));
  near.cancel();
  far.cancel();
  loop.callLater(7, () => loop.stop());
  await loop.runForever();
  assertEquals([seen, clock.time, far.cancelled()], [[], 1007, true]);
});

Deno.test("TimerHandle.cancel() by an earlier timer of the same iteration", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  loop.callLater(5, () => {
    seen.push("first");
    second.cancel();
  });
  const second = loop.callLater(5, () => void seen.push("second"));
  loop.callLater(5, () => loop.stop());
  await loop.runForever();
  assertEquals(seen, ["first"]);
});

Deno.test("TimerHandle.when() is the deadline, also after the call and after cancel()", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const when = loop.time() + 25;
  const handle = loop.callLater(25, () => loop.stop());
  const cancelled = loop.callAt(when, () => {});
  cancelled.cancel();
  assertEquals([handle.when(), cancelled.when()], [when, when]);
  await loop.runForever();
  assertEquals([handle.when(), handle.cancelled()], [when, false]);
});

Deno.test("callLater(Infinity) never comes due and does no harm", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  loop.callLater(Infinity, () => {
    throw new Error("never");
  });
  loop.callLater(3, () => loop.stop());
  await loop.runForever();
  assertEquals(clock.time, 1003);
});

Deno.test("more than half of a hundred timers cancelled: the next iteration lets go of them", async () => {
  // CPython test_base_events.py test__run_once_cancelled_event_cleanup
  await using bench = new Bench();
  const { loop } = bench;
  const live = Array.from({ length: 50 }, (_, i) => loop.callLater(100 + i, () => {}));
  function cancelMany(): WeakRef<object>[] {
    const handles = Array.from({ length: 60 }, (_, i) => loop.callLater(200 + i, () => {}));
    for (const handle of handles) handle.cancel();
    return handles.map((handle) => new WeakRef(handle));
  }
  const dropped = cancelMany();
  await bench.turn();
  await untilCollected(() => dropped.every((ref) => ref.deref() === undefined), "the timers");
  assertStrictEquals(schedulerOf(loop).timerCount, live.length);
});

Deno.test("few cancelled timers stay until they come to the head", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const engine = schedulerOf(loop);
  const handles = Array.from({ length: 50 }, (_, i) => loop.callLater(100 + i, () => {}));
  for (const handle of handles) handle.cancel();
  assertStrictEquals(engine.timerCount, 0);
  loop.callLater(1000, () => loop.stop());
  await loop.runForever();
  assertEquals([engine.timerCount, bench.clock.sleeps], [0, [2000]]);
});

Deno.test("timers left over by a compaction run in order, and may be cancelled", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const engine = schedulerOf(loop);
  const seen: number[] = [];
  const handles = Array.from(
    { length: 300 },
    (_, i) => loop.callLater((i * 7) % 300, () => void seen.push((i * 7) % 300)),
  );
  handles.forEach((handle, i) => i % 3 !== 0 && handle.cancel());
  await bench.turn();
  handles[3]?.cancel();
  // Cancelled and dropped: it must not count again.
  handles[1]?.cancel();
  loop.callLater(400, () => loop.stop());
  await loop.runForever();
  const expected = handles.flatMap((_, i) => i % 3 === 0 && i !== 3 ? [(i * 7) % 300] : []);
  assertEquals(seen, expected.toSorted((a, b) => a - b));
  assertStrictEquals(engine.timerCount, 0);
});

Deno.test("callLater() from outside shortens the sleep of a loop", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const run = loop.runForever();
  await until(() => clock.sleeps.length > 0);
  loop.callLater(50, () => loop.stop());
  await run;
  assertEquals(clock.sleeps, [Infinity, 1050]);
});

Deno.test("callLater(0) from outside wakes a sleeping loop without a timer of the platform", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const run = loop.runForever();
  await until(() => clock.sleeps.length > 0);
  loop.callLater(0, () => loop.stop());
  await run;
  assertEquals(clock.sleeps, [Infinity]);
});

Deno.test("callLater() from outside, later than the next timer, leaves the sleep alone", async () => {
  // Not a clock that jumps: this one wakes when told to.
  await using bench = new Bench();
  const { loop, clock } = bench;
  const sleeps: number[] = [];
  clock.sleepUntil = (deadline) => void sleeps.push(deadline);
  const seen: string[] = [];
  loop.callLater(10, () => void seen.push("near"));
  const run = loop.runForever();
  await until(() => sleeps.length > 0);
  loop.callLater(20, () => void seen.push("far"));
  assertEquals(sleeps, [1010]);
  // Woken too early, the loop goes back to sleep.
  loop.callSoon(() => void seen.push("soon"));
  await until(() => sleeps.length > 1);
  assertEquals([seen, sleeps], [["soon"], [1010, 1010]]);
  loop.stop();
  await run;
});

Deno.test("a timer of the library may be taken back, before its time and after", async () => {
  await using bench = new Bench();
  const engine = schedulerOf(bench.loop);
  const seen: string[] = [];
  const timer = (name: string) => engine.callAt(1005, (what: string) => void seen.push(what), name);
  const [kept, cancelled, inTheBatch] = [timer("kept"), timer("never"), timer("never")];
  cancelled.cancel();
  cancelled.cancel();
  assertStrictEquals(engine.timerCount, 2);
  bench.loop.callAt(1004, () => {
    bench.clock.time = 1010;
    bench.loop.callSoon(() => inTheBatch.cancel());
  });
  bench.loop.callAt(1020, () => bench.loop.stop());
  await bench.loop.runForever();
  kept.cancel();
  assertEquals([seen, engine.timerCount], [["kept"], 0]);
});

Deno.test("time() never goes back, and goes on", async () => {
  await using loop = new EventLoop();
  const before = loop.time();
  await nextMacrotask();
  assert(loop.time() > before);
});

Deno.test("tiny delays take few iterations", async () => {
  // CPython test_events.py test_timeout_rounding: no busy spin until the deadline.
  await using loop = new EventLoop();
  const engine = schedulerOf(loop);
  const deadlines: number[] = [];
  await loop.runUntilComplete(async () => {
    for (const ms of [10, 1, 0.1, 0.01, 0.001, 0.0001]) {
      const future = loop.createFuture<void>();
      const timer = loop.callLater(ms, () => future.setResult());
      await future;
      deadlines.push(loop.time() - timer.when());
    }
  });
  assert(engine.iteration <= 20, `${engine.iteration} iterations`);
  assert(deadlines.every((late) => late >= -1e-6), `early: ${deadlines}`);
});
