import { AsyncLocalStorage } from "node:async_hooks";
import {
  activeLoop,
  activeTask,
  callBack,
  enterCallback,
  Gate,
  leaveCallback,
  type Scope,
  scope,
} from "../../internal/context.ts";
import type { AbstractEventLoop, AbstractTask } from "../../types.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { untilCollected } from "../support/garbage.ts";

function fakeLoop(running = true): AbstractEventLoop {
  return { isRunning: () => running } as AbstractEventLoop;
}

function fakeTask(done = false): AbstractTask<unknown> {
  return { done: () => done } as AbstractTask<unknown>;
}

Deno.test("Gate lets through in the context of whoever attached, for every storage", async () => {
  const storages = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()] as const;
  const seen: unknown[] = [];
  const gate = storages[0].run("a", () =>
    storages[1].run("b", () => {
      const gate = new Gate();
      gate.passed.then(() => seen.push(...storages.map((storage) => storage.getStore())));
      return gate;
    }));
  storages[0].run("opener", gate.open);
  assertEquals(seen, []);
  await Promise.resolve();
  assertEquals(seen, ["a", "b"]);
});

Deno.test("Gate opens on its own, not another one", async () => {
  const [first, second] = [new Gate(), new Gate()];
  const seen: string[] = [];
  first.passed.then(() => seen.push("first"));
  second.passed.then(() => seen.push("second"));
  second.open();
  await second.passed;
  assertEquals(seen, ["second"]);
});

Deno.test("Gate lets go of what passed through the last one", async () => {
  function pass(): WeakRef<object> {
    const passed = {};
    new Gate<object>().open(passed);
    return new WeakRef(passed);
  }
  const passed = pass();
  await untilCollected(() => passed.deref() === undefined, "what passed");
});

Deno.test("activeLoop() and activeTask() are those of the scope, while they live", () => {
  const loop = fakeLoop();
  const task = fakeTask();
  assertEquals([activeLoop(), activeTask()], [null, null]);
  scope.run({ loop, task }, () => {
    assertStrictEquals(activeLoop(), loop);
    assertStrictEquals(activeTask(), task);
  });
  scope.run({ loop: fakeLoop(false), task: fakeTask(true) }, () => {
    assertEquals([activeLoop(), activeTask()], [null, null]);
  });
});

Deno.test("enterCallback() hides the task that scheduled the callback", () => {
  const [loop, other] = [fakeLoop(), fakeLoop()];
  scope.run({ loop, task: fakeTask() }, () => {
    const outer = enterCallback(other);
    assertStrictEquals(activeLoop(), other);
    assertStrictEquals(activeTask(), null);
    leaveCallback(outer);
    assertStrictEquals(activeLoop(), loop);
  });
});

Deno.test("callBack() gives an async function a scope for what follows its awaits", async () => {
  const task = fakeTask();
  const own: Scope = { loop: fakeLoop(), task: null };
  const call = (callback: (...args: unknown[]) => unknown) =>
    scope.run({ loop: fakeLoop(), task }, () => callBack(own, callback, [1, 2]));
  const seen = await call(async (...args) => {
    await Promise.resolve();
    return [args, activeTask(), activeLoop() === own.loop];
  });
  assertEquals(seen, [[1, 2], null, true]);
  // A plain function does without, at a tenth of the price.
  assertStrictEquals(call(() => activeTask()), task);
});
