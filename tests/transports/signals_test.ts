import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError, RuntimeError } from "../../errors.ts";
import { EventLoop, getRunningLoop, SignalReceiver } from "../../loop/mod.ts";
import { createTask, timeout } from "../../tasks/mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { startDeno } from "../support/process.ts";
import { inLoop } from "./tcp_support.ts";

const UNCATCHABLE = ["SIGKILL", "SIGSTOP", "SIGSEGV", "SIGILL", "SIGFPE"] as const;

/** A loop whose signals are raised by hand, and which tells what is watched. */
class Signals {
  readonly watched = new Map<Deno.Signal, Set<() => void>>();
  readonly loop = new EventLoop({
    io: {
      watchSignal: (signal, deliver) => {
        if (!signal.startsWith("SIG")) throw new TypeError(`Invalid signal: ${signal}`);
        const listeners = this.watched.get(signal) ?? new Set();
        this.watched.set(signal, listeners.add(deliver));
        return () => {
          listeners.delete(deliver);
          if (listeners.size === 0) this.watched.delete(signal);
        };
      },
    },
  });

  raise(signal: Deno.Signal): void {
    for (const deliver of this.watched.get(signal) ?? []) deliver();
  }
}

async function withSignals(main: (signals: Signals, loop: EventLoop) => unknown): Promise<void> {
  const signals = new Signals();
  await signals.loop.runUntilComplete(async () => await main(signals, signals.loop));
  signals.loop.close();
  assertEquals(signals.watched.size, 0, "signals are watched after the end");
}

/** Resolves after an iteration of the loop. */
async function iteration(loop: EventLoop): Promise<void> {
  const next = loop.createFuture<void>();
  loop.callSoon(() => next.setResult());
  await next;
}

for (const signal of ["SIGTERM", "SIGHUP", "SIGUSR2", "SIGCHLD", "SIGWINCH"] as const) {
  Deno.test(`addSignalHandler() calls a handler of ${signal} in an iteration of the loop`, async () => {
    await inLoop(async (loop) => {
      const called = loop.createFuture<unknown[]>();
      loop.addSignalHandler(
        signal,
        (...args: unknown[]) => {
          // Throws outside of the loop.
          assertStrictEquals(getRunningLoop(), loop);
          if (!called.done()) called.setResult(args);
        },
        1,
        "two",
      );
      Deno.kill(Deno.pid, signal);
      assertEquals(await called, [1, "two"]);
      assert(loop.removeSignalHandler(signal));
    });
  });
}

Deno.test("addSignalHandler() hears of SIGCHLD when a child ends", async () => {
  await inLoop(async (loop) => {
    const called = loop.createFuture<void>();
    loop.addSignalHandler("SIGCHLD", () => void (called.done() || called.setResult()));
    const child = new Deno.Command("true").spawn();
    await called;
    await child.status;
  });
});

Deno.test("addSignalHandler() waits for the turn of its handler, which hears once of several signals", async () => {
  await withSignals(async (signals, loop) => {
    const order: string[] = [];
    loop.addSignalHandler("SIGHUP", () => order.push("signal"));
    loop.callSoon(() => order.push("earlier"));
    signals.raise("SIGHUP");
    signals.raise("SIGHUP");
    loop.callSoon(() => order.push("later"));
    assertEquals(order, []);
    await iteration(loop);
    assertEquals(order, ["earlier", "signal", "later"]);
    signals.raise("SIGHUP");
    await iteration(loop);
    assertEquals(order.length, 4);
  });
});

Deno.test("addSignalHandler() calls in the context of its caller, every time", async () => {
  const store = new AsyncLocalStorage<string>();
  await withSignals(async (signals, loop) => {
    const seen: unknown[] = [];
    store.run("mine", () => loop.addSignalHandler("SIGHUP", () => seen.push(store.getStore())));
    for (const _ of [1, 2]) {
      signals.raise("SIGHUP");
      await iteration(loop);
    }
    assertEquals(seen, ["mine", "mine"]);
  });
});

Deno.test("addSignalHandler() reports a handler that throws or rejects, and keeps it", async () => {
  await withSignals(async (signals, loop) => {
    const reports: unknown[] = [];
    loop.setExceptionHandler((_loop, { exception }) => void reports.push(exception));
    const errors = [new Error("thrown"), new Error("rejected")] as const;
    let calls = 0;
    loop.addSignalHandler("SIGHUP", () => {
      calls++;
      throw errors[0];
    });
    loop.addSignalHandler("SIGTERM", () => Promise.reject(errors[1]));
    for (const _ of [1, 2]) {
      signals.raise("SIGHUP");
      await iteration(loop);
    }
    signals.raise("SIGTERM");
    await iteration(loop);
    await iteration(loop);
    assertEquals([calls, reports], [2, [errors[0], errors[0], errors[1]]]);
  });
});

Deno.test("addSignalHandler() replaces the handler before", async () => {
  await withSignals(async (signals, loop) => {
    const called: string[] = [];
    loop.addSignalHandler("SIGHUP", () => called.push("first"));
    signals.raise("SIGHUP");
    loop.addSignalHandler("SIGHUP", () => called.push("second"));
    assertEquals(signals.watched.get("SIGHUP")?.size, 1);
    signals.raise("SIGHUP");
    await iteration(loop);
    assertEquals(called, ["second"]);
  });
});

Deno.test("addSignalHandler() refuses what cannot be caught, unknown names and bad callbacks", async () => {
  await inLoop(async (loop) => {
    const add = (signal: unknown, callback: unknown = () => {}) =>
      loop.addSignalHandler(signal as Deno.Signal, callback as () => void);
    for (const signal of UNCATCHABLE) assertThrows(() => add(signal), RuntimeError, signal);
    for (const signal of ["SIGFOO", "TERM", "sigterm", "", 15, undefined, null, {}]) {
      assertThrows(() => add(signal), RangeError, "there is no such signal");
    }
    add("SIGWINCH");
    assertThrows(() => add("SIGWINCH", "no function"), TypeError, "expected a function");
    // What was there before is not lost by that.
    assert(loop.removeSignalHandler("SIGWINCH"));
    await Promise.resolve();
  });
});

Deno.test("removeSignalHandler() tells whether there was a handler, and refuses unknown names", async () => {
  await withSignals(async (signals, loop) => {
    let calls = 0;
    loop.addSignalHandler("SIGHUP", () => calls++);
    signals.raise("SIGHUP");
    assert(loop.removeSignalHandler("SIGHUP"));
    assert(!loop.removeSignalHandler("SIGHUP"));
    assert(!loop.removeSignalHandler("SIGKILL"));
    assertThrows(() => loop.removeSignalHandler("SIGFOO" as Deno.Signal), RangeError, "SIGFOO");
    await iteration(loop);
    assertEquals([calls, signals.watched.size], [0, 0]);
  });
});

for (const how of ["loop.removeSignalHandler('SIGTERM')", "loop.close()"]) {
  Deno.test(`a signal has its default effect after ${how}`, async () => {
    await using child = await startDeno(`
      import { newEventLoop } from "./policy/mod.ts";
      const loop = newEventLoop();
      const heard = loop.createFuture();
      loop.addSignalHandler("SIGTERM", () => heard.setResult("heard"));
      loop.callSoon(() => console.log("ready"));
      const answer = await loop.runUntilComplete(heard);
      ${how};
      console.log(answer);
      setInterval(() => {}, 1000);
    `);
    await child.waitReady();
    child.kill("SIGTERM");
    assertEquals(await child.readLine(), "heard");
    child.kill("SIGTERM");
    assertEquals((await child.wait()).signal, "SIGTERM");
  });
}

Deno.test("a signal handler does not keep the process alive", async () => {
  await using child = await startDeno(`
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    loop.addSignalHandler("SIGTERM", () => {});
    await loop.runUntilComplete(() => 1);
  `);
  assertEquals((await child.wait()).code, 0);
});

Deno.test("SignalReceiver receives signals of the process", async () => {
  await inLoop(async () => {
    using signals = new SignalReceiver(["SIGHUP", "SIGUSR2"]);
    const seen: Deno.Signal[] = [];
    Deno.kill(Deno.pid, "SIGHUP");
    for await (const signal of signals) {
      seen.push(signal);
      if (signal === "SIGUSR2") break;
      Deno.kill(Deno.pid, "SIGUSR2");
    }
    assertEquals(seen, ["SIGHUP", "SIGUSR2"]);
  });
});

Deno.test("SignalReceiver keeps signals until they are taken, one of a kind, in order", async () => {
  await withSignals(async (signals) => {
    using receiver = new SignalReceiver(["SIGHUP", "SIGTERM", "SIGUSR2"]);
    for (const name of ["SIGTERM", "SIGHUP", "SIGTERM"] as const) signals.raise(name);
    assertEquals([await receiver.receive(), await receiver.receive()], ["SIGTERM", "SIGHUP"]);
    const next = createTask(() => receiver.receive());
    signals.raise("SIGTERM");
    assertEquals(await next, "SIGTERM");
  });
});

Deno.test("SignalReceiver gives each signal to one of those who wait, and to every receiver", async () => {
  await withSignals(async (signals, loop) => {
    using one = new SignalReceiver(["SIGHUP"]);
    using other = new SignalReceiver(["SIGHUP"]);
    const first = createTask(() => one.receive());
    const second = createTask(() => one.receive());
    await iteration(loop);
    signals.raise("SIGHUP");
    assertEquals([await first, await other.receive()], ["SIGHUP", "SIGHUP"]);
    assert(!second.done());
    signals.raise("SIGHUP");
    assertEquals(await second, "SIGHUP");
  });
});

Deno.test("SignalReceiver takes the place of the handler while it is open", async () => {
  await withSignals(async (signals, loop) => {
    const called: string[] = [];
    loop.addSignalHandler("SIGHUP", () => called.push("before"));
    {
      using one = new SignalReceiver(["SIGHUP"]);
      {
        using _two = new SignalReceiver(["SIGHUP"]);
        signals.raise("SIGHUP");
      }
      signals.raise("SIGHUP");
      loop.addSignalHandler("SIGHUP", () => called.push("after"));
      signals.raise("SIGHUP");
      assertEquals(await one.receive(), "SIGHUP");
      await iteration(loop);
    }
    assertEquals(called, []);
    signals.raise("SIGHUP");
    await iteration(loop);
    assertEquals(called, ["after"]);
  });
});

Deno.test("SignalReceiver.receive() loses no signal when a wait for it is given up", async () => {
  await withSignals(async (signals, loop) => {
    using receiver = new SignalReceiver(["SIGHUP"]);
    const cancelled = createTask(() => receiver.receive());
    const waiting = createTask(() => receiver.receive());
    await iteration(loop);
    // It is woken, and cancelled before it can take what woke it.
    signals.raise("SIGHUP");
    cancelled.cancel();
    await assertRejects(() => cancelled, CancelledError);
    assertEquals(await timeout(10_000, async () => await waiting), "SIGHUP");

    const controller = new AbortController();
    const aborted = createTask(() => receiver.receive({ signal: controller.signal }));
    await iteration(loop);
    const reason = new Error("enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => aborted), reason);
    await assertRejects(() => receiver.receive({ signal: controller.signal }), Error, "enough");
    signals.raise("SIGHUP");
    assertEquals(await timeout(10_000, () => receiver.receive()), "SIGHUP");
  });
});

Deno.test("SignalReceiver.close() ends those who wait, and watches no more", async () => {
  await withSignals(async (signals, loop) => {
    const receiver = new SignalReceiver(["SIGHUP", "SIGTERM"]);
    const waiting = createTask(() => receiver.receive());
    const iterating = createTask(async () => {
      for await (const signal of receiver) throw new Error(signal);
      return "ended";
    });
    await iteration(loop);
    receiver.close();
    receiver.close();
    assertEquals(signals.watched.size, 0);
    await assertRejects(() => waiting, RuntimeError, "SignalReceiver is closed");
    await assertRejects(() => receiver.receive(), RuntimeError, "SignalReceiver is closed");
    assertEquals(await iterating, "ended");
  });
});

Deno.test("SignalReceiver is closed with its loop", async () => {
  // withSignals() looks at what is watched after the loop was closed.
  await withSignals((signals) => {
    new SignalReceiver(["SIGHUP"]);
    assertEquals(signals.watched.size, 1);
  });
});

Deno.test("SignalReceiver refuses bad signals, and watches none of the good ones then", async () => {
  await withSignals((signals, loop) => {
    assertThrows(() => new SignalReceiver(["SIGHUP", "SIGKILL"]), RuntimeError, "SIGKILL");
    const unknown = "foo" as Deno.Signal;
    assertThrows(() => new SignalReceiver(["SIGHUP", unknown]), RangeError, "foo");
    assertThrows(() => new SignalReceiver([]), RangeError, "no signal is named");
    assertEquals(signals.watched.size, 0);
    using _receiver = new SignalReceiver(["SIGHUP"], { loop });
  });
  assertThrows(() => new SignalReceiver(["SIGHUP"]), RuntimeError, "no event loop is running");
  const closed = new Signals().loop;
  closed.close();
  assertThrows(() => new SignalReceiver(["SIGHUP"], { loop: closed }), RuntimeError, "closed");
});

Deno.test("SignalReceiver for SIGINT keeps run() from interrupting main, until it is closed", async () => {
  await using child = await startDeno(`
    import { run, SignalReceiver, sleep } from "./mod.ts";
    await run(async () => {
      {
        using signals = new SignalReceiver(["SIGINT"]);
        console.log("ready");
        console.log(await signals.receive());
      }
      console.log("open to interrupts");
      await sleep(1e9);
    }).catch((error) => console.log(error.name));
  `);
  await child.waitReady();
  child.kill("SIGINT");
  assertEquals(await child.readLine(), "SIGINT");
  assertEquals(await child.readLine(), "open to interrupts");
  child.kill("SIGINT");
  assertEquals((await child.wait()).stdout, "KeyboardInterrupt\n");
});
