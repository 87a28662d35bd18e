import { CancelledError, RuntimeError } from "../../errors.ts";
import { abortable } from "../../loop/abortable.ts";
import { internalsOf } from "../../loop/internals.ts";
import { getRunningLoop } from "../../loop/running.ts";
import { SoleWait } from "../../loop/sole_wait.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { createTask } from "../../tasks/mod.ts";
import { sleep } from "../../tasks/sleep.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { loopTest } from "../sync/support.ts";

function soleWait(): SoleWait {
  return new SoleWait(internalsOf(getRunningLoop()));
}

loopTest(
  "SoleWait.wait() resolves, an iteration after setResult(), to what there is then",
  async () => {
    const wait = soleWait();
    let stock = 1;
    const task = createTask(() => wait.wait(() => stock));
    await sleep(0);
    wait.setResult();
    assertEquals([wait.done(), task.done()], [true, false]);
    stock = 2;
    assertStrictEquals(await task, 2);
  },
);

loopTest("SoleWait.wait() waits on, for the same task, while there is not enough", async () => {
  const loop = internalsOf(getRunningLoop());
  const waits: Next[] = [];
  class Next extends SoleWait {
    constructor() {
      super(loop);
      waits.push(this);
    }
    protected override again(): SoleWait {
      return new Next();
    }
  }
  let stock = 0;
  const task = createTask(() => new Next().wait(() => stock >= 3 ? stock : null));
  for (let wakeUps = 1; wakeUps <= 3; wakeUps++) {
    await sleep(0);
    assertStrictEquals(waits.length, wakeUps);
    stock++;
    waits.at(-1)!.setResult();
  }
  assertStrictEquals(await task, 3);

  stock = 0;
  const cancelled = createTask(() => new Next().wait(() => stock > 1 ? stock : null));
  await sleep(0);
  stock = 1;
  waits.at(-1)!.setResult();
  await sleep(0);
  cancelled.cancel("enough");
  assertStrictEquals((await assertRejects(() => cancelled, CancelledError)).message, "enough");
  assertStrictEquals(waits.at(-1)!.cancelled(), true);
});

loopTest("SoleWait.wait() rejects with what `finish` throws", async () => {
  const wait = soleWait();
  const task = createTask(() =>
    wait.wait(() => {
      throw new RangeError("too much");
    })
  );
  await sleep(0);
  wait.setResult();
  await assertRejects(() => task, RangeError, "too much");
});

loopTest("SoleWait.wait() is cancelled with its task, also once the result is there", async () => {
  for (const cameFirst of [false, true]) {
    const wait = soleWait();
    const task = createTask(() => wait.wait(() => "result"));
    await sleep(0);
    if (cameFirst) wait.setResult();
    task.cancel("stop");
    assertStrictEquals((await assertRejects(() => task, CancelledError)).message, "stop");
    assertStrictEquals(wait.cancelled(), !cameFirst);
  }
});

loopTest(
  "SoleWait.wait() rejects with the reason of an abort, before the wait or in it",
  async () => {
    const reason = new Error("no longer");
    for (const abortFirst of [true, false]) {
      const controller = new AbortController();
      if (abortFirst) controller.abort(reason);
      const task = createTask(() => abortable(soleWait(), controller.signal).wait(() => 1));
      await sleep(0);
      if (!abortFirst) controller.abort(reason);
      assertStrictEquals(await assertRejects(() => task, Error), reason);
    }
  },
);

Deno.test("SoleWait.wait() refuses a task of another loop, is cancelled, and listens to no signal", async () => {
  await using other = newEventLoop();
  await using loop = newEventLoop();
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    Reflect.apply(addEventListener, signal, args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    Reflect.apply(removeEventListener, signal, args);
  };
  const wait = abortable(new SoleWait(internalsOf(other)), signal);
  assertStrictEquals(listeners, 1);
  const task = loop.runUntilComplete(async () => await wait.wait(() => 1));
  await assertRejects(() => task, RuntimeError, "attached to a different loop");
  assertEquals([wait.cancelled(), listeners], [true, 0]);
});

Deno.test("SoleWait tells of an error that its task will never see, since the loop closed", async () => {
  const loop = newEventLoop();
  const told: string[] = [];
  loop.setExceptionHandler((_loop, { message, exception }) =>
    void told.push(`${message}: ${exception}`)
  );
  const wait = new SoleWait(internalsOf(loop));
  loop.createTask(() => wait.wait(() => 1));
  await loop.runUntilComplete(async () => await sleep(0));
  wait.setException(new Error("lost"));
  loop.close();
  assertEquals(told.filter((line) => !line.startsWith("Task was destroyed")), [
    "Future exception was never retrieved: <Future failed>: Error: lost",
  ]);
});
