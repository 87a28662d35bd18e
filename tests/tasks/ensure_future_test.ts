import { RuntimeError } from "../../errors.ts";
import { Future, Task } from "../../loop/mod.ts";
import { allTasks, ensureFuture, sleep } from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertNotInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { Boom, iterationsOf, loopTest } from "./support.ts";

loopTest("ensureFuture() leaves a future, starts a function, wraps a promise", async (loop) => {
  const future = loop.createFuture<number>();
  assertStrictEquals(ensureFuture(future), future);
  assertStrictEquals(ensureFuture(future, { loop }), future);
  const task = ensureFuture(() => 2);
  assertInstanceOf(task, Task);
  const wrapped = ensureFuture(Promise.resolve(3));
  assertInstanceOf(wrapped, Future);
  assertNotInstanceOf(wrapped, Task);
  future.setResult(1);
  assertEquals([await future, await task, await wrapped], [1, 2, 3]);
  const failing = ensureFuture(Promise.reject(new Boom("later")));
  await assertRejects(() => failing, Boom, "later");
});

loopTest("ensureFuture() takes anything with a then()", async () => {
  const thenable = { then: (resolve: (value: string) => void) => resolve("then") };
  assertEquals(await ensureFuture(thenable as PromiseLike<string>), "then");
  assertEquals(await iterationsOf(ensureFuture(sleep(0))), 1);
});

Deno.test("ensureFuture() takes the loop it is given, where none runs", async () => {
  const loop = new VirtualTimeLoop();
  const other = new VirtualTimeLoop();
  assertThrows(() => ensureFuture(() => 1), RuntimeError, "no event loop is running");
  const task = ensureFuture(() => 1, { loop });
  assertStrictEquals(task.getLoop(), loop);
  assertStrictEquals(ensureFuture(task), task);
  assertThrows(() => ensureFuture(task, { loop: other }), RangeError, "different loop");
  assertEquals(await loop.runUntilComplete(task), 1);
  loop.close();
  other.close();
});

loopTest("ensureFuture() refuses what cannot be awaited", async () => {
  for (const wrong of [null, undefined, 5, "x", {}, []]) {
    assertThrows(() => ensureFuture(wrong as unknown as () => void), TypeError, "Cannot await");
  }
  assertEquals(allTasks().size, 1);
  await sleep(0);
});
