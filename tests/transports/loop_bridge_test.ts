import { AsyncLocalStorage } from "node:async_hooks";
import { MessageChannel as NodeChannel, Worker as NodeWorker } from "node:worker_threads";
import { CancelledError, RuntimeError, TimeoutError } from "../../errors.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { currentTask, sleep, waitFor } from "../../tasks/mod.ts";
import {
  connectLoop,
  exposeLoop,
  type LoopConnection,
  type LoopFunctions,
} from "../../transports/loop_bridge.ts";
import { transfer } from "../../transports/transfer.ts";
import type { EventLoop } from "../../loop/event_loop.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { runDeno } from "../support/process.ts";
import { inLoop } from "./tcp_support.ts";

const workerUrl = import.meta.resolve("./bridge_worker.ts");

/** Runs `main` with a connection to a loop in another Worker. */
async function withWorker(
  main: (there: LoopConnection, worker: Worker) => Promise<void>,
): Promise<void> {
  const worker = new Worker(workerUrl, { type: "module" });
  try {
    await inLoop(async () => {
      using there = connectLoop(worker);
      await main(there, worker);
    });
  } finally {
    worker.terminate();
  }
}

/** Runs `main` with both ends in one loop. */
async function within(
  functions: LoopFunctions,
  main: (there: LoopConnection, loop: EventLoop, reports: string[]) => Promise<void>,
  options: { reports?: boolean } = {},
): Promise<void> {
  const { port1, port2 } = new NodeChannel();
  try {
    await inLoop(async (loop, reports) => {
      using _here = exposeLoop(loop, port1, functions);
      using there = connectLoop(port2);
      await main(there, loop, reports);
    }, options);
  } finally {
    port1.close();
    port2.close();
  }
}

Deno.test("connectLoop().call() runs a function as a task of the other Worker's loop", async () => {
  await withWorker(async (there) => {
    assertEquals(await there.call("add", 1, 2), 3);
    assertEquals(await there.call("later", { deep: [1n] }), { deep: [1n] });
    const both = await Promise.all([there.call("later", "a"), there.call("add", 3, 4)]);
    assertEquals(both, ["a", 7]);
  });
});

Deno.test("connectLoop().call() fails as the function did: class, message, cause, stack", async () => {
  await withWorker(async (there) => {
    const error = await assertRejects(
      () => there.call("fail", "gone"),
      Deno.errors.NotFound,
      "gone",
    );
    assertInstanceOf(error.cause, TypeError);
    assert(error.stack?.includes("bridge_worker.ts"));
    await assertRejects(
      () => there.call("nothing"),
      TypeError,
      "the loop exposes no such function; there are: add",
    );
    await assertRejects(() => there.call("toString"), TypeError, "no such function");
    await assertRejects(() => there.call("fn"), DOMException, "Cannot send the result of fn()");
    await assertRejects(() => there.call("add", () => 1), DOMException, "could not be cloned");
    assertEquals(await there.call("add", 1, 1), 2);
  });
});

Deno.test("cancelling a call cancels the task of the other Worker", async () => {
  await withWorker(async (there) => {
    const call = there.call("hang");
    await until(async () => (await there.call<string[]>("takeLog")).includes("hangs"));
    assert(call.cancel("not needed"));
    await assertRejects(() => call, CancelledError, "not needed");
    await until(async () => {
      return (await there.call<string[]>("takeLog")).includes("CancelledError: not needed");
    });
    // By a deadline, and by the cancellation of the task that waits.
    await assertRejects(() => waitFor(there.call("hang"), 1), TimeoutError);
    await until(async () => {
      return (await there.call<string[]>("takeLog")).some((line) => line.startsWith("Cancelled"));
    });
  });
});

Deno.test("a task that is cancelled in the other Worker cancels the call", async () => {
  await withWorker(async (there) => {
    const call = there.call("cancelItself");
    await assertRejects(() => call, CancelledError, "had enough");
    assert(call.cancelled());
  });
});

Deno.test("two loops call each other on one port", async () => {
  const worker = new Worker(workerUrl, { type: "module" });
  try {
    await inLoop(async (loop) => {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(port2, [port2]);
      using there = connectLoop(port1);
      using _here = exposeLoop(loop, port1, {
        countdown: async (n: number): Promise<number> =>
          n === 0 ? 0 : 1 + await there.call<number>("countdown", n - 1),
      });
      assertEquals(await there.call("countdown", 9), 9);
      port1.close();
    });
  } finally {
    worker.terminate();
  }
});

Deno.test("callSoonThreadsafe() schedules callbacks in the other loop, in order with calls", async () => {
  await withWorker(async (there) => {
    for (let i = 0; i < 100; i++) there.callSoonThreadsafe("note", `${i}`);
    assertEquals(
      await there.call("takeLog"),
      Array.from({ length: 100 }, (_, i) => `${i}`),
    );
  });
});

Deno.test("a Worker of node:worker_threads is a port too, and its end fails what is pending", async () => {
  const worker = new NodeWorker(new URL(workerUrl));
  await inLoop(async () => {
    const { port1, port2 } = new NodeChannel();
    worker.postMessage(port2, [port2]);
    using overPort = connectLoop(port1);
    using there = connectLoop(worker);
    const pending = [there, overPort].map((connection) => connection.call("hang"));
    assertEquals(await Promise.all([there, overPort].map((c) => c.call("add", 1, 2))), [3, 3]);
    worker.terminate();
    for (const call of pending) {
      await assertRejects(
        () => call,
        RuntimeError,
        "The call of hang() was not answered: the Worker at the other end has ended",
      );
    }
    assertThrows(() => there.call("add", 1, 2), RuntimeError, "has ended");
    port1.close();
  });
});

Deno.test("a Worker that an error ends fails what is pending", async () => {
  await withWorker(async (there, worker) => {
    const call = there.call("hang");
    // A real one would be printed as well.
    worker.dispatchEvent(new ErrorEvent("error", { cancelable: true }));
    await assertRejects(() => call, RuntimeError, "has ended");
  });
});

Deno.test("calls wait until the other side exposes its loop, with the arguments of the time of the call", async () => {
  const { port1, port2 } = new MessageChannel();
  await inLoop(async (loop) => {
    using there = connectLoop(port2);
    const bytes = new Uint8Array([1, 2]);
    const moved = new Uint8Array([3]);
    const calls = [there.call("sum", bytes), there.call("sum", transfer(moved))];
    const given = there.call("sum", new Uint8Array([100]));
    bytes.fill(0);
    given.cancel();
    assertEquals(moved.length, 0);
    await sleep(1);
    const sums: number[] = [];
    using _here = exposeLoop(loop, port1, {
      sum(bytes: Uint8Array) {
        sums.push(bytes.reduce((a, b) => a + b, 0));
        return sums.at(-1);
      },
    });
    assertEquals(await Promise.all(calls), [3, 3]);
    assertEquals(sums, [3, 3], "the cancelled one never ran");
  });
  port1.close();
  port2.close();
});

Deno.test("transfer() moves arguments and results of calls", async () => {
  await withWorker(async (there) => {
    const bytes = new Uint8Array(1000);
    assertEquals(await there.call("size", transfer(bytes)), 1000);
    assertEquals(bytes.length, 0);
    assertEquals((await there.call<Uint8Array>("bytes", 50)).length, 50);
  });
});

Deno.test("exposed functions run as tasks and callbacks of the loop, in the context of who exposed them", async () => {
  const storage = new AsyncLocalStorage<string>();
  await storage.run("outer", () =>
    within({
      task: () => [currentTask()?.getName(), storage.getStore()],
      callback: () => void seen.push(currentTask(), storage.getStore()),
    }, async (there) => {
      assertEquals(await storage.run("inner", () => there.call("task")), [
        "task() for another Worker",
        "outer",
      ]);
      storage.run("inner", () => there.callSoonThreadsafe("callback"));
      await until(() => seen.length > 0);
      assertEquals(seen, [null, "outer"]);
    }));
});
const seen: unknown[] = [];

Deno.test("callSoonThreadsafe() gives a handle that takes it back, and reports what fails", async () => {
  const ran: string[] = [];
  await within({
    note: (text: string) => void ran.push(text),
    fail() {
      throw new Error("in the callback");
    },
  }, async (there, _loop, reports) => {
    await there.call("note", "first");
    const handle = there.callSoonThreadsafe("note", "never");
    handle.cancel();
    handle.cancel();
    assert(handle.cancelled());
    there.callSoonThreadsafe("fail");
    there.callSoonThreadsafe("nothing");
    await there.call("note", "last");
    assertEquals(ran, ["first", "last"]);
    await until(() => reports.length === 2);
    assert(reports.some((text) => text.includes("callSoonThreadsafe of nothing() failed")));
  }, { reports: true });
});

Deno.test("a function that fails after its call was cancelled is reported", async () => {
  await within({
    async stubborn() {
      try {
        await sleep(Infinity);
      } catch {
        throw new Error("while giving up");
      }
    },
  }, async (there, _loop, reports) => {
    const call = there.call("stubborn");
    await sleep(5);
    call.cancel();
    await until(() => reports.length > 0);
    assertEquals(reports, [
      "stubborn() failed after the Worker that called it had cancelled it",
    ]);
  }, { reports: true });
});

Deno.test("closing an exposure cancels its tasks and fails the calls", async () => {
  const { port1, port2 } = new MessageChannel();
  const log: string[] = [];
  await inLoop(async (loop) => {
    const exposure = exposeLoop(loop, port1, {
      async hang() {
        try {
          await sleep(Infinity);
        } finally {
          log.push("ended");
        }
      },
    });
    assertThrows(() => exposeLoop(loop, port1, {}), RuntimeError, "exposed loop already");
    using there = connectLoop(port2);
    const call = there.call("hang");
    await sleep(5);
    exposure.close();
    exposure.close();
    await assertRejects(() => call, RuntimeError, "the loop at the other end is closed");
    assertEquals(log, ["ended"]);
    assertThrows(() => there.call("hang"), RuntimeError, "Cannot call hang()");
    assertThrows(() => there.callSoonThreadsafe("hang"), RuntimeError, "is closed");
    // Another loop takes over.
    using _again = exposeLoop(loop, port1, { hang: () => "back" });
    await until(() => there.call("hang"));
    assertEquals(await there.call("hang"), "back");
  });
  port1.close();
  port2.close();
});

Deno.test("closing a connection cancels its calls, here and there", async () => {
  const log: string[] = [];
  await within({
    async hang(name: string) {
      try {
        await sleep(Infinity);
      } finally {
        log.push(name);
      }
    },
  }, async (there, loop) => {
    const call = there.call("hang", "one");
    await sleep(5);
    there.close();
    there.close();
    await assertRejects(() => call, CancelledError);
    await until(() => log.length > 0);
    assertEquals(log, ["one"]);
    assertThrows(() => there.call("hang"), RuntimeError, "the connection is closed");
    assert(!loop.isClosed());
  });
});

Deno.test("an exposed loop that closes tells the other side", async () => {
  await withWorker(async (there) => {
    const call = there.call("hang");
    there.callSoonThreadsafe("closeLoop");
    const error = await call.catch((error) => error);
    // Its tasks are cancelled before it closes.
    assert(error instanceof CancelledError || error instanceof RuntimeError, String(error));
    await until(() => {
      try {
        there.call("add", 1, 2).cancel();
        return false;
      } catch (error) {
        return error instanceof RuntimeError;
      }
    });
  });
});

Deno.test("call() is of the running loop, and what no loop waits for any more is cancelled", async () => {
  const { port1, port2 } = new NodeChannel();
  const home = newEventLoop();
  const log: string[] = [];
  exposeLoop(home, port1, {
    async hang() {
      log.push("hangs");
      try {
        await sleep(Infinity);
      } finally {
        log.push("ended");
      }
    },
  });
  const there = connectLoop(port2);
  assertThrows(() => there.call("hang"), RuntimeError, "no event loop is running");
  const serving = home.runForever();
  const caller = newEventLoop();
  caller.setExceptionHandler(() => {});
  await caller.runUntilComplete(async () => {
    caller.createTask(() => there.call("hang"));
    await until(() => log.includes("hangs"));
  });
  caller.close();
  await until(() => log.includes("ended"));
  home.stop();
  await serving;
  home.close();
  there.close();
  port1.close();
  port2.close();
});

Deno.test("exposeLoop() and connectLoop() refuse what they cannot use", () => {
  const loop = newEventLoop();
  const { port1, port2 } = new MessageChannel();
  assertThrows(() => exposeLoop(loop, {} as MessagePort, {}), TypeError, "expected a MessagePort");
  assertThrows(() => connectLoop(null as unknown as MessagePort), TypeError, "MessagePort");
  assertThrows(
    () => exposeLoop(loop, port1, { a: 1 } as unknown as LoopFunctions),
    TypeError,
    "a should be a function",
  );
  assertThrows(() => exposeLoop({} as EventLoop, port1, {}), TypeError, "EventLoop");
  loop.close();
  assertThrows(() => exposeLoop(loop, port1, {}), RuntimeError, "closed");
  port1.close();
  port2.close();
});

Deno.test("an exposed loop and a connection do not keep the process alive", async () => {
  for (const load of ["", 'import "node:worker_threads";']) {
    const { code, stdout, stderr } = await runDeno(`
    ${load}
    import { connectLoop, exposeLoop, newEventLoop } from "./mod.ts";
    const { port1, port2 } = new MessageChannel();
    const loop = newEventLoop();
    exposeLoop(loop, port1, { add: (a, b) => a + b });
    const there = connectLoop(port2);
    console.log(await loop.runUntilComplete(() => there.call("add", 1, 2)));
  `);
    assertEquals([code, stdout, stderr], [0, "3\n", ""]);
  }
});
