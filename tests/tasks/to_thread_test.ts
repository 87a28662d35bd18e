import { CancelledError, RuntimeError } from "../../errors.ts";
import { sleep, toThread, waitFor } from "../../tasks/mod.ts";
import { workerFunction } from "../../transports/worker_function.ts";
import { inLoop } from "../transports/tcp_support.ts";
import type * as jobs from "../transports/worker_jobs.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { until } from "../support/poll.ts";

const jobsUrl = import.meta.resolve("../transports/worker_jobs.ts");

Deno.test("toThread() resolves to what the function returns in another thread", async () => {
  await inLoop(async () => {
    assertEquals(await toThread((a: string, b: number) => a.repeat(b), "ab", 2), "abab");
    assertEquals(await toThread(async () => await Promise.resolve(1)), 1);
    assertEquals(await toThread(workerFunction<typeof jobs.add>(jobsUrl, "add"), 1, 2), 3);
  });
});

Deno.test("toThread() rejects with what the function throws", async () => {
  await inLoop(async () => {
    await assertRejects(
      () =>
        toThread(() => {
          throw new RangeError("inside");
        }),
      RangeError,
      "inside",
    );
    const outside = 1;
    await assertRejects(() => toThread(() => outside), TypeError, '"outside"');
  });
});

Deno.test("toThread() leaves the loop alone while the function blocks its thread", async () => {
  await inLoop(async (loop) => {
    const memory = new Int32Array(new SharedArrayBuffer(4));
    const blocked = toThread((memory: Int32Array) => {
      // Blocked until the loop has ticked ten times: a loop that waits for it would never tick.
      while (Atomics.load(memory, 0) < 10) Atomics.wait(memory, 0, Atomics.load(memory, 0), 100);
      return Atomics.load(memory, 0);
    }, memory);
    const ticking = loop.createTask(async () => {
      while (true) {
        await sleep(1);
        Atomics.add(memory, 0, 1);
        Atomics.notify(memory, 0);
      }
    });
    assert(await blocked >= 10);
    ticking.cancel();
  });
});

Deno.test("toThread() is cancelled with the task that awaits it", async () => {
  await inLoop(async (loop) => {
    const memory = new Int32Array(new SharedArrayBuffer(4));
    const task = loop.createTask(async () => {
      await toThread((memory: Int32Array) => {
        Atomics.store(memory, 0, 1);
        return new Promise<void>(() => {});
      }, memory);
    });
    await until(() => Atomics.load(memory, 0) === 1);
    task.cancel();
    await assertRejects(() => task, CancelledError);
    await assertRejects(() => waitFor(toThread(() => new Promise<void>(() => {})), 20));
  });
});

Deno.test("toThread() needs a running loop and a function", async () => {
  assertThrows(() => toThread(() => 1), RuntimeError, "no event loop is running");
  await inLoop(async () => {
    assertThrows(() => toThread("code" as never), TypeError, "expected a function");
    await Promise.resolve();
  });
});
