import { RuntimeError } from "../../errors.ts";
import { gather, sleep } from "../../tasks/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { held, hold, inPool, letGo, shared } from "./executor_support.ts";
import { inLoop } from "./tcp_support.ts";

Deno.test("shutdown() waits for what runs and what waits, and takes no more", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const gate = shared();
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const waiting = loop.runInExecutor(pool, () => "waited");
    const ending = pool.shutdown();
    assertThrows(() => loop.runInExecutor(pool, () => 1), RuntimeError, "shut down");
    let ended = false;
    ending.then(() => ended = true);
    await sleep(1);
    assert(!ended);
    letGo(gate);
    await ending;
    assertEquals([running.result(), waiting.result()], ["let go", "waited"]);
    await pool.shutdown();
  });
});

Deno.test("shutdown() with cancelFutures cancels what waits, and waits for what runs", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const gate = shared();
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const waiting = loop.runInExecutor(pool, () => "never");
    const ending = pool.shutdown({ cancelFutures: true });
    assert(waiting.cancelled());
    letGo(gate);
    await ending;
    assertEquals(running.result(), "let go");
  });
});

Deno.test("shutdown() without wait resolves at once, and the jobs end nevertheless", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const gate = shared();
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const waiting = loop.runInExecutor(pool, () => "waited");
    await pool.shutdown({ wait: false });
    assert(!running.done());
    letGo(gate);
    assertEquals(await gather(running, waiting), ["let go", "waited"]);
  });
});

Deno.test("shutdown() does not wait for a job that was cancelled", async () => {
  const gate = shared();
  await inPool({}, async (loop, pool) => {
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const ending = pool.shutdown();
    running.cancel();
    await ending;
  });
  letGo(gate);
});

Deno.test("shutdown() can be given up", async () => {
  const gate = shared();
  await inPool({}, async (loop, pool) => {
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const ending = loop.createTask(() => pool.shutdown());
    await sleep(0);
    ending.cancel();
    await assertRejects(() => ending);
    letGo(gate);
    assertEquals(await running, "let go");
  });
});

Deno.test("shutdownDefaultExecutor() waits for the jobs, and nothing runs after it", async () => {
  await inLoop(async (loop) => {
    const gate = shared();
    const running = loop.runInExecutor(null, hold, gate);
    await held(gate);
    loop.callSoon(letGo, gate);
    await loop.shutdownDefaultExecutor();
    assertEquals(running.result(), "let go");
    assertThrows(() => loop.runInExecutor(null, () => 1), RuntimeError, "shutdown");
  });
});

Deno.test("shutdownDefaultExecutor() tells of jobs that do not end in time", async () => {
  const gate = shared();
  await inLoop(async (loop, reports) => {
    const running = loop.runInExecutor(null, hold, gate);
    await held(gate);
    await loop.shutdownDefaultExecutor({ timeoutMs: 20 });
    assertEquals(reports, ["The executor did not finish joining its workers within 20 ms"]);
    letGo(gate);
    assertEquals(await running, "let go");
  }, { reports: true });
});
