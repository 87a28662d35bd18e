import { schedulerOf } from "../../loop/internals.ts";
import { EventLoop } from "../../loop/mod.ts";
import { assert, assertEquals, assertLess } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { Bench } from "./bench.ts";

/** Ends a loop that starves the platform, so that the test fails instead of hanging. */
const ENOUGH = 5_000_000;

/** `count` echoes over a real socket, on promises of the platform, nothing of the loop. */
async function echo(count: number): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  using _client = client;
  using _server = server;
  const buffer = new Uint8Array(16);
  for (let i = 0; i < count; i++) {
    await client.write(new Uint8Array([i]));
    const read = await server.read(buffer);
    await server.write(buffer.subarray(0, read ?? 0));
    await client.read(buffer);
  }
}

/** Busy for one millisecond, as a slow callback. */
function work(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}

for (
  const [what, schedule] of Object.entries({
    callbacks: (loop: EventLoop, again: () => void) => loop.callSoon(again),
    timers: (loop: EventLoop, again: () => void) => loop.callLater(0, again),
  })
) {
  Deno.test(`${what} that reschedule themselves for ever leave sockets their turn`, async () => {
    await using loop = new EventLoop();
    let [calls, done] = [0, false];
    function again(): void {
      if (++calls === ENOUGH || done) loop.stop();
      schedule(loop, again);
    }
    schedule(loop, again);
    const [ended] = await Promise.all([
      echo(20).then(() => {
        done = true;
        return calls;
      }),
      loop.runForever(),
    ]);
    assertLess(ended, ENOUGH);
  });
}

Deno.test("tasks that spin on zero sleeps leave sockets their turn", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  let [steps, done] = [0, false];
  async function spin(): Promise<void> {
    while (!done && steps < ENOUGH) {
      steps++;
      await bench.pause();
    }
  }
  const [, ended] = await Promise.all([
    loop.runUntilComplete(async () => {
      for (const task of [1, 2, 3].map(() => loop.createTask(spin))) await task;
    }),
    echo(20).then(() => {
      done = true;
      return steps;
    }),
  ]);
  assertLess(ended, ENOUGH);
});

Deno.test("slow callbacks leave sockets a poll every few of them", async () => {
  await using loop = new EventLoop();
  let [calls, done] = [0, false];
  function again(): void {
    work();
    if (++calls === 10_000 || done) loop.stop();
    loop.callSoon(again);
  }
  const run = loop.runForever();
  loop.callSoon(again);
  const trips = 15;
  const ended = await echo(trips).then(() => {
    done = true;
    return calls;
  });
  await run;
  // Two polls a trip, of 5 ms each, make 10 callbacks of 1 ms. At every 61st turn
  // of the platform, when it polls by itself, it would be 122.
  assertLess(ended, 45 * trips);
});

Deno.test("a busy loop leaves timers of the platform their turn", async () => {
  await using loop = new EventLoop();
  let [calls, fired] = [0, false];
  function again(): void {
    if (++calls === ENOUGH || fired) loop.stop();
    loop.callSoon(again);
  }
  loop.callSoon(again);
  const timer = setTimeout(() => fired = true, 1);
  await loop.runForever();
  clearTimeout(timer);
  assert(fired);
});

Deno.test("a busy loop serves its own timers in the iteration in which they are due", async () => {
  await using bench = new Bench();
  const { loop, clock } = bench;
  const late: number[] = [];
  function again(): void {
    clock.time++;
    loop.callSoon(again);
  }
  loop.callSoon(again);
  for (const ms of [10, 20, 35]) {
    const due = loop.time() + ms;
    loop.callAt(due, () => void late.push(clock.time - due));
  }
  loop.callLater(50, () => loop.stop());
  await loop.runForever();
  // The callback before it in its own iteration has moved the clock by one.
  assertEquals(late, [1, 1, 1]);
});

/** Time that passes only when told so, for what measures its own slices. */
class FakeTime implements Disposable {
  #now = performance.now();

  constructor() {
    performance.now = () => this.#now;
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  [Symbol.dispose](): void {
    delete (performance as { now?: () => number }).now;
  }
}

/**
 * How many callbacks of 1 ms a loop runs before each of the first `turns` turns
 * of the platform, after `fast` callbacks that take no time at all.
 */
async function callsBeforeTurns(
  bench: Bench,
  time: FakeTime,
  { turns, fast }: { turns: number; fast: number },
): Promise<number[]> {
  const { loop } = bench;
  const before: number[] = [];
  let calls = -fast;
  function turn(): void {
    before.push(calls);
    calls = 0;
    if (before.length < turns) setImmediate(turn);
    else loop.stop();
  }
  function again(): void {
    if (calls === 0 && before.length === 0) setImmediate(turn);
    if (++calls === 1000) loop.stop();
    if (calls > 0) time.pass(1);
    loop.callSoon(again);
  }
  loop.callSoon(again);
  await until(() => !loop.isRunning());
  return before;
}

function countDown(loop: EventLoop, left: number): void {
  if (left > 0) loop.callSoon(countDown, loop, left - 1);
}

Deno.test("the platform has a turn within 6 ms of slow callbacks after a sleep", async () => {
  // The number of fast callbacks before the sleep decides where the loop is between two looks at the clock.
  for (let fast = 1000; fast < 1016; fast++) {
    await using bench = new Bench();
    using time = new FakeTime();
    const { loop, clock } = bench;
    const run = loop.runForever();
    countDown(loop, fast);
    await until(() => clock.sleeps.length > 0);
    const [first, ...others] = await callsBeforeTurns(bench, time, { turns: 10, fast: 0 });
    await run;
    assertLess(first as number, 7);
    // From then on each callback is followed by turns in a row until one must have polled for I/O.
    assertLess(Math.max(...others), 7);
  }
});

Deno.test("the platform has a turn within 10 ms when fast callbacks become slow", async () => {
  for (let fast = 1000; fast < 1016; fast++) {
    await using bench = new Bench();
    using time = new FakeTime();
    const run = bench.loop.runForever();
    const [first] = await callsBeforeTurns(bench, time, { turns: 2, fast });
    await run;
    assertLess(first as number, 10);
  }
});

Deno.test("I/O that comes in the platform's turn goes before timers that were due by then", async () => {
  // CPython polls, then collects timers.
  await using bench = new Bench();
  using time = new FakeTime();
  const { loop, clock } = bench;
  const engine = schedulerOf(loop);
  const seen: string[] = [];
  function again(left: number): void {
    time.pass(1);
    loop.callSoon(again, left - 1);
    // By now every callback is followed by a turn.
    if (left !== 0) return;
    loop.callLater(5, () => {
      seen.push("timer");
      loop.stop();
    });
    clock.time += 10;
    setImmediate(() => void engine.ioTurn()?.then(() => seen.push("I/O")));
  }
  loop.callSoon(again, 20);
  await loop.runForever();
  assertEquals(seen, ["I/O", "timer"]);
});
