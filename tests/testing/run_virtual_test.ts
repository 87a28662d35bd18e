import { CancelledError } from "../../errors.ts";
import { getRunningLoop } from "../../loop/mod.ts";
import { taskSet } from "../../loop/internals.ts";
import { DeadlockError, runVirtual, VirtualTimeLoop } from "../../testing/mod.ts";
import type { AbstractTask } from "../../types.ts";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "../support/assert.ts";

Deno.test("runVirtual() resolves to the result of main, at once", async () => {
  const result = await runVirtual(async () => {
    const loop = getRunningLoop();
    assertInstanceOf(loop, VirtualTimeLoop);
    const done = loop.createFuture<string>();
    loop.callLater(86_400_000, () => done.setResult("a day later"));
    return `${await done}: ${loop.time()}`;
  });
  assertEquals(result, "a day later: 86400000");
});

Deno.test("runVirtual() rejects with the error of main", async () => {
  const boom = new Error("boom");
  const error = await assertRejects(() =>
    runVirtual(() => {
      throw boom;
    })
  );
  assertEquals(error, boom);
});

Deno.test("runVirtual() makes main the only task", async () => {
  await runVirtual((self) => {
    const tasks = (getRunningLoop() as unknown as { [taskSet]: Set<AbstractTask<unknown>> })[
      taskSet
    ];
    assertEquals([...tasks], [self as unknown as AbstractTask<unknown>]);
  });
});

Deno.test("runVirtual() cancels what is left, lets it clean up, and closes the loop", async () => {
  const log: unknown[] = [];
  const loop = await runVirtual(async () => {
    const loop = getRunningLoop();
    loop.createTask(async () => {
      try {
        await loop.createFuture<void>();
      } catch (error) {
        log.push(error instanceof CancelledError);
        throw error;
      } finally {
        const cleaned = loop.createFuture<void>();
        loop.callLater(1000, () => cleaned.setResult());
        await cleaned;
        log.push(loop.time());
      }
    });
    await loop.createTask(() => {});
    return loop;
  });
  assertEquals(log, [true, 1000]);
  assert(loop.isClosed());
});

Deno.test("runVirtual() reports what fails while it is cancelled", async () => {
  const boom = new Error("boom");
  const reported: unknown[] = [];
  await runVirtual(async () => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, { exception }) => void reported.push(exception));
    loop.createTask(async () => {
      try {
        await loop.createFuture<void>();
      } catch {
        throw boom;
      }
    });
    await loop.createTask(() => {});
  });
  assertEquals(reported, [boom]);
});

Deno.test("runVirtual() rejects a deadlock, and cancels the tasks that were in it", async () => {
  const log: string[] = [];
  await assertRejects(
    () =>
      runVirtual(async () => {
        try {
          await getRunningLoop().createFuture<void>();
        } finally {
          log.push("cleaned up");
        }
      }, { deadlockMs: 0 }),
    DeadlockError,
  );
  assertEquals(log, ["cleaned up"]);
});

Deno.test("runVirtual() rejects with the first error when tasks cannot be cancelled either", async () => {
  const boom = new Error("boom");
  const reported: string[] = [];
  const error = await assertRejects(() =>
    runVirtual(() => {
      const loop = getRunningLoop();
      loop.setExceptionHandler((_loop, { message }) => void reported.push(message));
      loop.createTask(async () => {
        try {
          await loop.createFuture<void>();
        } finally {
          await loop.createFuture<void>();
        }
      }, { name: "stubborn" });
      const start = loop.createFuture<void>();
      loop.callSoon(() => start.setException(boom));
      return start;
    }, { deadlockMs: 1 })
  );
  assertEquals(error, boom);
  assertEquals(reported.filter((message) => message.includes("stubborn")).length, 1);
});
