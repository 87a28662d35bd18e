import { getRunningLoop } from "../../loop/mod.ts";
import { iterationOf } from "../../testing/iteration.ts";
import { DeadlockError, VirtualTimeLoop } from "../../testing/mod.ts";
import type { AbstractFuture } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";

const DAY_MS = 86_400_000;

/** Done when the clock of `loop` has gone on by `ms`. */
function after(loop: VirtualTimeLoop, ms: number): AbstractFuture<void> {
  const future = loop.createFuture<void>();
  loop.callLater(ms, () => void (future.done() || future.setResult()));
  return future;
}

Deno.test("VirtualTimeLoop jumps to each deadline in turn", async () => {
  await using loop = new VirtualTimeLoop();
  const times: number[] = [];
  await loop.runUntilComplete(async () => {
    for (const ms of [DAY_MS, 0.25, 1]) loop.callLater(ms, () => times.push(loop.time()));
    await after(loop, 400 * DAY_MS);
    times.push(loop.time());
  });
  assertEquals(times, [0.25, 1, DAY_MS, 400 * DAY_MS]);
});

Deno.test("VirtualTimeLoop.time() stands still while callbacks are ready", async () => {
  await using loop = new VirtualTimeLoop();
  const times: number[] = [];
  let left = 1000;
  function again(): void {
    if (--left > 0) loop.callSoon(again);
    else loop.stop();
    times.push(loop.time());
  }
  loop.callLater(5, () => times.push(-1));
  loop.callSoon(again);
  await loop.runForever();
  assertEquals(new Set(times), new Set([0]));
});

Deno.test("VirtualTimeLoop takes the iterations of CPython", async () => {
  await using loop = new VirtualTimeLoop();
  const rows: [string, number, number][] = [];
  const note = (what: string) => rows.push([what, iterationOf(loop), loop.time()]);
  loop.callSoon(note, "soon");
  loop.callLater(10, note, "ten");
  loop.callLater(10, note, "ten again");
  loop.callLater(20, () => {
    note("twenty");
    loop.callSoon(note, "after twenty");
    loop.callLater(0, note, "due at once");
  });
  loop.callLater(30, () => loop.stop());
  await loop.runForever();
  // As BaseEventLoop does with a selector whose wait moves the clock (tests/parity/record).
  assertEquals(rows, [
    ["soon", 1, 0],
    ["ten", 2, 10],
    ["ten again", 2, 10],
    ["twenty", 3, 20],
    ["after twenty", 4, 20],
    ["due at once", 4, 20],
  ]);
});

Deno.test("VirtualTimeLoop runs again where it stopped", async () => {
  await using loop = new VirtualTimeLoop();
  await loop.runUntilComplete(async () => await after(loop, 10));
  assertEquals(loop.time(), 10);
  await loop.runUntilComplete(async () => await after(loop, 10));
  assertEquals(loop.time(), 20);
});

Deno.test("VirtualTimeLoop is the running loop, and leaves none behind", async () => {
  await using loop = new VirtualTimeLoop();
  const seen = await loop.runUntilComplete(() => getRunningLoop());
  assert(seen === loop);
  assertThrows(() => getRunningLoop());
});

Deno.test("VirtualTimeLoop rejects a deadlock with the tasks and what they wait for", async () => {
  const loop = new VirtualTimeLoop({ deadlockMs: 0 });
  const never = loop.createFuture<void>();
  const reader = loop.createTask(async () => await never, { name: "reader" });
  const error = await assertRejects(
    () => loop.runUntilComplete(async () => await reader),
    DeadlockError,
    "nothing is ready to run",
  );
  assertEquals(error.tasks[0]?.task, reader);
  assertEquals(error.tasks[0]?.waitsFor, [never]);
  assertEquals(error.tasks[1]?.waitsFor, [reader]);
  const [first, second] = error.message.split("\n").slice(1);
  assertStringIncludes(first as string, "name='reader'");
  assertStringIncludes(first as string, `waits for ${never}`);
  assertStringIncludes(second as string, `waits for ${reader}`);

  // The error ends the run, not the loop.
  never.setResult();
  await loop.runUntilComplete(reader);
  await loop.runUntilComplete(async () => await after(loop, 1));
  loop.close();
});

Deno.test("VirtualTimeLoop names the time of a deadlock after the last deadline", async () => {
  const loop = new VirtualTimeLoop({ deadlockMs: 0 });
  loop.callLater(250, () => {});
  await assertRejects(() => loop.runForever(), DeadlockError, "at 250 ms");
  loop.close();
});

Deno.test("VirtualTimeLoop takes a timer that was cancelled for none", async () => {
  const loop = new VirtualTimeLoop({ deadlockMs: 0 });
  loop.callLater(250, () => {}).cancel();
  await assertRejects(() => loop.runForever(), DeadlockError, "at 0 ms");
  loop.close();
});

Deno.test("VirtualTimeLoop calls a wait for ever a deadlock", async () => {
  const loop = new VirtualTimeLoop({ deadlockMs: 0 });
  loop.callLater(Infinity, () => {});
  await assertRejects(() => loop.runForever(), DeadlockError);
  loop.close();
});

Deno.test("VirtualTimeLoop waits in real time for a native promise before it jumps", async () => {
  await using loop = new VirtualTimeLoop();
  const order = await loop.runUntilComplete(async () => {
    const order: string[] = [];
    loop.callLater(1000, () => order.push("timer"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(`promise at ${loop.time()}`);
    await after(loop, 2000);
    return order;
  });
  assertEquals(order, ["promise at 0", "timer"]);
});

Deno.test("VirtualTimeLoop waits for a promise behind a future if it is given graceMs", async () => {
  await using loop = new VirtualTimeLoop({ graceMs: 50 });
  const first = await loop.runUntilComplete(async () => {
    const answer = loop.createFuture<string>();
    setTimeout(() => answer.setResult("promise"), 5);
    loop.callLater(1000, () => answer.done() || answer.setResult("timer"));
    return await answer;
  });
  assertEquals(first, "promise");
});

Deno.test("VirtualTimeLoop jumps over a native promise that outlasts the grace", async () => {
  await using loop = new VirtualTimeLoop({ graceMs: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  loop.callLater(1000, resolve);
  await loop.runUntilComplete(async () => await promise);
  assertEquals(loop.time(), 1000);
});

Deno.test("VirtualTimeLoop waits in real time before it speaks of a deadlock", async () => {
  await using loop = new VirtualTimeLoop({ deadlockMs: 60_000 });
  const result = await loop.runUntilComplete(async () => {
    const answer = loop.createFuture<string>();
    setTimeout(() => answer.setResult("late"), 5);
    return await answer;
  });
  assertEquals(result, "late");
});

Deno.test("VirtualTimeLoop names a native promise as what a task waits for", async () => {
  const loop = new VirtualTimeLoop({ deadlockMs: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const task = loop.createTask(async () => await promise, { name: "outside" });
  await assertRejects(
    () => loop.runUntilComplete(task),
    DeadlockError,
    "name='outside' coro=<anonymous>> waits for a native promise",
  );
  resolve();
  await loop.runUntilComplete(task);
  loop.close();
});

Deno.test("VirtualTimeLoop wakes for what a message brings before it jumps", async () => {
  await using loop = new VirtualTimeLoop();
  const order: string[] = [];
  const { port1, port2 } = new MessageChannel();
  await loop.runUntilComplete(async () => {
    loop.callLater(1000, () => order.push("timer"));
    port2.onmessage = () => void loop.callSoon(() => order.push("message"));
    port1.postMessage(null);
    await after(loop, 1000);
  });
  port1.close();
  port2.close();
  assertEquals(order, ["message", "timer"]);
});

Deno.test("VirtualTimeLoop.advance() makes timers due as a slow callback would", async () => {
  await using loop = new VirtualTimeLoop();
  const times: number[] = [];
  loop.callLater(10, () => times.push(loop.time()));
  loop.callLater(30, () => times.push(loop.time()));
  loop.callSoon(() => loop.advance(25));
  loop.callLater(40, () => loop.stop());
  await loop.runForever();
  assertEquals(times, [25, 30]);
});

Deno.test("VirtualTimeLoop refuses durations that are none", () => {
  for (const ms of [-1, NaN, Infinity]) {
    assertThrows(() => new VirtualTimeLoop({ graceMs: ms }), RangeError, "graceMs");
    assertThrows(() => new VirtualTimeLoop({ deadlockMs: ms }), RangeError, "deadlockMs");
    const loop = new VirtualTimeLoop();
    assertThrows(() => loop.advance(ms), RangeError, "advance");
    assertEquals(loop.time(), 0);
    loop.close();
  }
});

Deno.test("VirtualTimeLoop stops before time jumps", async () => {
  await using loop = new VirtualTimeLoop();
  loop.callLater(10, () => {
    throw new Error("time must not jump");
  });
  loop.callSoon(() => loop.stop());
  await loop.runForever();
  loop.stop();
  await loop.runForever();
  assertEquals(loop.time(), 0);
});

Deno.test("VirtualTimeLoop takes a loop that lets the platform have a turn for no deadlock", async () => {
  // Woken some turns after it fell asleep, the loop is busy for longer than it may be at a time.
  async function wakeAfter(turns: number, callbacks: number): Promise<void> {
    await using loop = new VirtualTimeLoop({ deadlockMs: 0 });
    const done = loop.createFuture<void>();
    function work(left: number): void {
      const start = performance.now();
      while (performance.now() - start < 0.1);
      if (left > 1) loop.callSoon(work, left - 1);
      else loop.callLater(1000, () => done.setResult());
    }
    function wait(left: number): void {
      if (left === 0) loop.callSoon(work, callbacks);
      else setImmediate(wait, left - 1);
    }
    await loop.runUntilComplete(async () => {
      wait(turns);
      await done;
    });
    assertEquals(loop.time(), 1000);
  }
  for (let turns = 1; turns <= 4; turns++) {
    for (let callbacks = 1; callbacks <= 10; callbacks++) await wakeAfter(turns, callbacks);
  }
});
