import { CancelledError } from "../../errors.ts";
import { internalsOf } from "../../loop/internals.ts";
import { EventLoop } from "../../loop/mod.ts";
import { operate } from "../../transports/operation.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";

/** An operation of the platform that ends when the test says so, whatever it was told. */
class Operation {
  readonly #end = Promise.withResolvers<string>();
  signal: AbortSignal | null = null;
  readonly discarded: string[] = [];

  readonly start = (signal: AbortSignal): Promise<string> => {
    this.signal = signal;
    return this.#end.promise;
  };

  readonly discard = (late: string): void => void this.discarded.push(late);

  succeed(): void {
    this.#end.resolve("made");
  }

  fail(error: Error): void {
    this.#end.reject(error);
  }
}

/** Waits for an operation in a task, and lets `meanwhile` loose on both. */
async function course(
  meanwhile: (operation: Operation, cancel: () => void) => void | Promise<void>,
  options: { signal?: AbortSignal } = {},
): Promise<{ operation: Operation; outcome: unknown; reports: string[] }> {
  await using loop = new EventLoop();
  const reports: string[] = [];
  loop.setExceptionHandler((_loop, { message }) => void reports.push(message));
  const operation = new Operation();
  const outcome = await loop.runUntilComplete(async () => {
    const task = loop.createTask(() =>
      operate(internalsOf(loop), operation.start, { discard: operation.discard, ...options })
    );
    await new Promise<void>((resolve) => loop.callSoon(resolve));
    await meanwhile(operation, () => void task.cancel());
    try {
      return await task;
    } catch (error) {
      return error;
    }
  });
  // What comes late comes in a microtask.
  await Promise.resolve();
  return { operation, outcome, reports };
}

Deno.test("operate() gives what the operation made, or its error", async () => {
  const made = await course((operation) => operation.succeed());
  assertEquals([made.outcome, made.operation.discarded, made.reports], ["made", [], []]);
  const error = new Error("not today");
  const failed = await course((operation) => operation.fail(error));
  assertStrictEquals(failed.outcome, error);
});

Deno.test("operate() that is cancelled tells the operation, and gives back what it makes all the same", async () => {
  const { operation, outcome, reports } = await course((operation, cancel) => {
    cancel();
    operation.signal?.addEventListener("abort", () => operation.succeed());
  });
  assertEquals(outcome instanceof CancelledError, true);
  assertEquals(operation.discarded, ["made"]);
  assertEquals(reports, []);
});

Deno.test("operate() that is cancelled hears no more of a failure", async () => {
  const { outcome, reports } = await course((operation, cancel) => {
    cancel();
    operation.signal?.addEventListener("abort", () => operation.fail(new Error("aborted")));
  });
  assertEquals([outcome instanceof CancelledError, reports], [true, []]);
});

Deno.test("operate() that is cancelled in the iteration of its success gives the result back", async () => {
  const { operation, outcome } = await course(async (operation, cancel) => {
    operation.succeed();
    // Known to the loop, not yet to the task.
    await Promise.resolve();
    await Promise.resolve();
    cancel();
  });
  assertEquals(outcome instanceof CancelledError, true);
  assertEquals(operation.discarded, ["made"]);
});

Deno.test("operate() is ended by its signal, with the reason, and gives back what is late", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const { operation, outcome } = await course((operation) => {
    controller.abort(reason);
    operation.succeed();
  }, { signal: controller.signal });
  assertStrictEquals(outcome, reason);
  assertStrictEquals(operation.signal?.reason, reason);
  assertEquals(operation.discarded, ["made"]);
});

Deno.test("operate() with a signal that has aborted starts nothing", async () => {
  const reason = new Error("never mind");
  const { operation, outcome } = await course(() => {}, { signal: AbortSignal.abort(reason) });
  assertEquals([outcome, operation.signal], [reason, null]);
});

Deno.test("closing the loop ends an operation, and gives back what it makes", async () => {
  const loop = new EventLoop();
  const operation = new Operation();
  loop.setExceptionHandler(() => {});
  await assertRejects(() =>
    loop.runUntilComplete(async () => {
      loop.callSoon(() => loop.stop());
      await operate(internalsOf(loop), operation.start, { discard: operation.discard });
    })
  );
  assertEquals(operation.signal?.aborted, false);
  loop.close();
  assertEquals(operation.signal?.aborted, true);
  operation.succeed();
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(operation.discarded, ["made"]);
});
