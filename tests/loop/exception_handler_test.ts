// deno-lint-ignore-file no-console
import { KeyboardInterrupt } from "../../errors.ts";
import { formatContext } from "../../loop/exception_handler.ts";
import { schedulerOf } from "../../loop/internals.ts";
import { EventLoop, getRunningLoop } from "../../loop/mod.ts";
import type { Clock, ExceptionContext } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { Bench } from "./bench.ts";

/** What is written to the console's error stream meanwhile. */
class Console implements Disposable {
  readonly lines: string[] = [];
  readonly #original = console.error;

  constructor() {
    console.error = (...args: unknown[]) => void this.lines.push(args.map(String).join(" "));
  }

  [Symbol.dispose](): void {
    console.error = this.#original;
  }
}

function boom(): never {
  throw new Error("boom");
}

Deno.test("an error in a callback is reported with the handle, and the loop goes on", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const soon = loop.callSoon(boom);
  const later = loop.callLater(0, boom);
  loop.callSoon(() => void seen.push("next"));
  await bench.turn(2);
  assertEquals(seen, ["next"]);
  const reports = bench.takeReports();
  assertEquals(reports.map(({ message }) => message), [
    "Exception in callback <Handle boom()>",
    "Exception in callback <TimerHandle boom()>",
  ]);
  assertEquals(reports.map(({ handle }) => handle), [soon, later]);
  assert(reports.every(({ exception }) => (exception as Error).message === "boom"));
  assert(reports.every((report) => !("sourceTraceback" in report)), "only in debug mode");
});

Deno.test("an error in an async callback is reported too", async () => {
  await using bench = new Bench();
  const handle = bench.loop.callSoon(async () => {
    await bench.pause();
    boom();
  });
  await bench.turn(2);
  const [report] = bench.takeReports();
  assertEquals([report?.handle, (report?.exception as Error).message], [handle, "boom"]);
});

Deno.test("an error in a call of the library itself is reported", async () => {
  await using bench = new Bench();
  schedulerOf(bench.loop).callSoon(boom, undefined);
  await bench.turn();
  assertEquals(bench.takeMessages(), ["Exception in callback <library call boom()>"]);
});

Deno.test("the handler is called with loop and context, inside the running loop", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: unknown[] = [];
  const handler = (of: unknown, context: ExceptionContext) => {
    seen.push(of === loop, context.message, getRunningLoop() === loop);
  };
  loop.setExceptionHandler(handler);
  assertStrictEquals(loop.getExceptionHandler(), handler);
  loop.callSoon(() => loop.callExceptionHandler({ message: "mine" }));
  loop.callSoon(boom);
  await bench.turn();
  assertEquals(seen, [true, "mine", true, true, "Exception in callback <Handle boom()>", true]);
});

Deno.test("setExceptionHandler(null) brings the default back, which writes to the console", async () => {
  using output = new Console();
  await using loop = new EventLoop();
  loop.setExceptionHandler(() => {});
  loop.setExceptionHandler(null);
  assertStrictEquals(loop.getExceptionHandler(), null);
  loop.callExceptionHandler({ message: "told", exception: new Error("boom"), more: "facts" });
  assertStrictEquals(output.lines.length, 1);
  assert(/^told\nmore: .*facts.*\nError: boom\n/.test(output.lines[0] as string), output.lines[0]);
});

Deno.test("setExceptionHandler() refuses what cannot be called", async () => {
  await using loop = new EventLoop();
  assertThrows(
    () => loop.setExceptionHandler("handler" as unknown as null),
    TypeError,
    "Cannot set the exception handler: expected a function or null, got string",
  );
});

Deno.test("a handler that fails is reported to the default one, with what it was told", async () => {
  // CPython test_base_events.py test_set_exc_handler_broken
  const told: ExceptionContext[] = [];
  class Loop extends EventLoop {
    override defaultExceptionHandler(context: ExceptionContext): void {
      told.push(context);
    }
  }
  await using bench = new Bench((clock: Clock) => new Loop({ clock }));
  const failure = new Error("broken handler");
  bench.loop.setExceptionHandler(() => {
    throw failure;
  });
  bench.loop.callSoon(boom);
  let next = false;
  bench.loop.callSoon(() => next = true);
  await bench.turn();
  assertEquals(
    told.map(({ message, exception, context }) => [
      message,
      exception === failure,
      (context as ExceptionContext).message,
    ]),
    [["Unhandled error in exception handler", true, "Exception in callback <Handle boom()>"]],
  );
  assertStrictEquals(next, true);
});

Deno.test("a default handler that fails is reported to the console, and the loop goes on", async () => {
  // CPython test_base_events.py test_default_exc_handler_broken
  using output = new Console();
  class Loop extends EventLoop {
    override defaultExceptionHandler(): void {
      throw new Error("broken default");
    }
  }
  await using loop = new Loop();
  loop.callSoon(boom);
  assertStrictEquals(await loop.runUntilComplete(() => "goes on"), "goes on");
  assertStrictEquals(output.lines.length, 1);
  assertStringIncludes(output.lines[0] as string, "Exception in default exception handler");
  assertStringIncludes(output.lines[0] as string, "broken default");
});

Deno.test("formatContext() writes the facts by name, then the error; and never fails on a fact", () => {
  const text = formatContext({
    message: "what happened",
    zebra: 1,
    sourceTraceback: "    at made (file:///x.ts:1:1)",
    apple: { deep: { deeper: { deepest: 1 } } },
    exception: new RangeError("far"),
  });
  const lines = text.split("\n");
  assertEquals(lines.slice(0, 5), [
    "what happened",
    "apple: { deep: { deeper: [Object] } }",
    "Object created at (most recent call first):",
    "    at made (file:///x.ts:1:1)",
    "zebra: 1",
  ]);
  assertStringIncludes(lines[5] as string, "RangeError: far");
});

Deno.test("KeyboardInterrupt in a callback ends the run at once; the rest stays for the next one", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  const interrupt = new KeyboardInterrupt("enough");
  loop.callSoon(() => void seen.push("first"));
  loop.callSoon(() => {
    throw interrupt;
  });
  loop.callSoon(() => void seen.push("third"));
  assertStrictEquals(await assertRejects(() => loop.runForever()), interrupt);
  assertEquals([seen, loop.isRunning()], [["first"], false]);
  await bench.turn();
  assertEquals(seen, ["first", "third"]);
});

Deno.test("KeyboardInterrupt ends the run from wherever it is thrown", async () => {
  const interrupt = new KeyboardInterrupt("enough");
  function fail(): never {
    throw interrupt;
  }
  const ways: ((bench: Bench) => unknown)[] = [
    ({ loop }) => loop.callLater(1, fail),
    ({ loop }) => loop.callSoon(() => Promise.reject(interrupt)),
    (bench) =>
      bench.loop.callSoon(async () => {
        await bench.pause();
        fail();
      }),
    ({ loop }) => {
      const future = loop.createFuture<void>();
      future.addDoneCallback(fail);
      future.setResult();
    },
    ({ loop }) => schedulerOf(loop).callSoon(fail, undefined),
    ({ loop }) => schedulerOf(loop).callAt(loop.time() + 1, fail, undefined),
    ({ loop }) => {
      loop.setExceptionHandler(fail);
      loop.callSoon(boom);
    },
    ({ loop }) => {
      loop.setExceptionHandler(fail);
      schedulerOf(loop).callSoon(boom, undefined);
    },
    // The platform settles something while the loop sleeps.
    ({ loop }) =>
      loop.callSoon(async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        fail();
      }),
  ];
  for (const way of ways) {
    await using bench = new Bench();
    way(bench);
    const error = await assertRejects(() => bench.loop.runForever());
    assertStrictEquals(error, interrupt, way.toString());
    assertStrictEquals(bench.loop.isRunning(), false);
    bench.takeReports();
  }
});

Deno.test("KeyboardInterrupt out of a task ends the run, and is the outcome of the task", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const interrupt = new KeyboardInterrupt("enough");
  const task = loop.createTask(async () => {
    await bench.pause();
    throw interrupt;
  });
  const other = loop.createTask(async () => await bench.sleep(50));
  const error = await assertRejects(() => loop.runUntilComplete(other));
  assertStrictEquals(error, interrupt);
  assertStrictEquals(task.exception(), interrupt);
  await loop.runUntilComplete(other);
});

Deno.test("KeyboardInterrupt out of the main function has been received by its caller", async () => {
  await using bench = new Bench();
  await assertRejects(
    () =>
      bench.loop.runUntilComplete(() => {
        throw new KeyboardInterrupt("enough");
      }),
    KeyboardInterrupt,
  );
  bench.loop.close();
  assertEquals(bench.takeMessages(), []);
});
