import { transfer } from "../../transports/transfer.ts";
import { workerFunction } from "../../transports/worker_function.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { inPool } from "./executor_support.ts";
import type * as jobs from "./worker_jobs.ts";

const jobsUrl = import.meta.resolve("./worker_jobs.ts");

function sum(data: Uint8Array): number {
  return data.reduce((total, byte) => total + byte, 0);
}

Deno.test("arguments and results are structured clones", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const value = {
      map: new Map([["a", new Set([1n])]]),
      date: new Date(0),
      list: [undefined, null, NaN],
      bytes: new Uint8Array([1, 2]),
    };
    const back = await loop.runInExecutor(pool, (v: typeof value) => ({ ...v, more: 1 }), value);
    assertEquals(back, { ...value, more: 1 });
    assertEquals(value.bytes, new Uint8Array([1, 2]), "copied, not moved");
  });
});

Deno.test("arguments are taken as they are at the call, also when the job has to wait", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const bytes = new Uint8Array([1, 2, 3]);
    const first = loop.runInExecutor(pool, sum, bytes);
    bytes[0] = 10;
    const second = loop.runInExecutor(pool, sum, bytes);
    bytes.fill(0);
    assertEquals([await first, await second], [6, 15]);
    bytes.fill(1);
    const warm = loop.runInExecutor(pool, sum, bytes);
    bytes.fill(0);
    assertEquals(await warm, 3);
  });
});

Deno.test("transfer() moves the buffers of an argument, to a waiting job too", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    for (const state of ["cold", "warm"]) {
      const bytes = new Uint8Array([1, 2, 3]);
      const parts = { a: new Uint8Array(4), b: [1], part: new Uint8Array(8).subarray(2) };
      const both = loop.runInExecutor(
        pool,
        (data: Uint8Array, { a, part }: typeof parts) => [data.length, a.length, part.length],
        transfer(bytes),
        transfer(parts),
      );
      assertEquals([bytes.length, parts.a.length, parts.part.length], [0, 0, 6], state);
      assertEquals(await both, [3, 4, 6]);
    }
  });
});

Deno.test("transfer() with a list moves what cannot be copied", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const { port1, port2 } = new MessageChannel();
    const heard: unknown[] = [];
    port1.onmessage = ({ data }) => heard.push(data);
    await assertRejects(
      () => loop.runInExecutor(pool, (port: MessagePort) => port.close(), port2),
      DOMException,
      "Cannot send the arguments of an anonymous function to a Worker",
    );
    await loop.runInExecutor(
      pool,
      ({ port }: { port: MessagePort }) => port.postMessage("moved"),
      transfer({ port: port2 }, [port2]),
    );
    await until(() => heard.length > 0);
    assertEquals(heard, ["moved"]);
    port1.close();
  });
});

Deno.test("a buffer that a self-contained function returns is moved, the memory of WebAssembly copied", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const [left, bytes] = await loop.runInExecutor(pool, async () => {
      const bytes = new Uint8Array(1000);
      setTimeout(() => (globalThis as { left?: number }).left = bytes.length);
      return await Promise.resolve([0, bytes] as const);
    });
    assertEquals([left, bytes.length], [0, 1000]);
    assertEquals(
      await loop.runInExecutor(pool, async () => {
        const home = globalThis as { left?: number };
        while (home.left === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
        return home.left;
      }),
      0,
    );
    const memory = await loop.runInExecutor(
      pool,
      () => new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer),
    );
    assertEquals(memory.length, 65536);
  });
});

Deno.test("a buffer that a module's function returns is copied, unless it is marked with transfer()", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const table = workerFunction<typeof jobs.ownTable>(jobsUrl, "ownTable");
    for (let i = 0; i < 2; i++) {
      assertEquals(await loop.runInExecutor(pool, table), new Uint8Array(16).fill(7));
    }
    const giveAway = workerFunction<typeof jobs.giveAway>(jobsUrl, "giveAway");
    const { given } = await loop.runInExecutor(pool, giveAway);
    assertEquals(given.length, 32);
    assertEquals(await loop.runInExecutor(pool, workerFunction(jobsUrl, "leftOver")), 0);
  });
});

Deno.test("what cannot be cloned fails the future, and says which function it is", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const identity = (value: unknown) => value;
    for (let i = 0; i < 2; i++) {
      const error = await assertRejects(
        () => loop.runInExecutor(pool, identity, () => 1),
        DOMException,
        "Cannot send the arguments of identity() to a Worker",
      );
      assertEquals(error.name, "DataCloneError");
      const result = await assertRejects(
        () =>
          loop.runInExecutor(pool, function make() {
            return () => 1;
          }),
        DOMException,
        "Cannot send the result of make() back",
      );
      assertEquals(result.name, "DataCloneError");
    }
    assertEquals(await loop.runInExecutor(pool, identity, "alive"), "alive");
  });
});

Deno.test("transfer() returns its argument, and refuses what has no buffer to move", () => {
  const bytes = new Uint8Array(1);
  assert(transfer(bytes) === bytes);
  for (const value of ["text", 1, null, undefined]) {
    assertThrows(() => transfer(value as unknown as object), TypeError, "expected a buffer");
  }
});
