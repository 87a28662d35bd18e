import { QueueFull, RuntimeError, TimeoutError } from "../../errors.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { gather, sleep } from "../../tasks/mod.ts";
import { WorkerPoolExecutor } from "../../transports/worker_pool_executor.ts";
import type { Executor } from "../../types.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { held, hold, inPool, letGo, shared, whoAmI } from "./executor_support.ts";
import { inLoop } from "./tcp_support.ts";

Deno.test("runInExecutor(null, fn) runs fn in a Worker of the default executor", async () => {
  await inLoop(async (loop) => {
    assertEquals(await loop.runInExecutor(null, (a: number, b: number) => a + b, 1, 2), 3);
    const inWorker = await loop.runInExecutor(null, () => "postMessage" in globalThis);
    assert(inWorker);
    await loop.shutdownDefaultExecutor();
  });
});

Deno.test("runInExecutor() can be called before the loop runs", async () => {
  const loop = newEventLoop();
  await using pool = new WorkerPoolExecutor();
  const future = loop.runInExecutor(pool, () => "early");
  assertEquals(await loop.runUntilComplete(future), "early");
  loop.close();
});

Deno.test("runInExecutor() takes an executor of the user's, and refuses what is no function", async () => {
  await inLoop(async (loop) => {
    const submitted: unknown[][] = [];
    const executor = {
      submit(fn: (...args: unknown[]) => unknown, ...args: unknown[]) {
        submitted.push(args);
        return Promise.resolve(fn(...args));
      },
      shutdown: () => Promise.resolve(),
    } as unknown as Executor;
    assertEquals(await loop.runInExecutor(executor, (n: number) => -n, 1), -1);
    loop.setDefaultExecutor(executor);
    assertEquals(await loop.runInExecutor(null, (n: number) => -n, 2), -2);
    assertEquals(submitted, [[1], [2]]);
    assertThrows(() => loop.runInExecutor(null, 42 as never), TypeError, "expected a function");
    assertThrows(() => loop.setDefaultExecutor({} as Executor), TypeError, "submit()");
  });
});

Deno.test("WorkerPoolExecutor gives each future the result of its own job, whichever ends first", async () => {
  await inPool({}, async (loop, pool) => {
    const gate = shared();
    const ended: string[] = [];
    const first = loop.runInExecutor(pool, hold, gate);
    const second = loop.runInExecutor(pool, () => "second");
    first.addDoneCallback(() => ended.push("first"));
    second.addDoneCallback(() => {
      ended.push("second");
      letGo(gate);
    });
    assertEquals(await gather(first, second), ["let go", "second"]);
    assertEquals(ended, ["second", "first"]);
  });
});

Deno.test("WorkerPoolExecutor runs 10 000 small jobs", async () => {
  await inPool({}, async (loop, pool) => {
    const jobs = Array.from(
      { length: 10_000 },
      (_, i) => loop.runInExecutor(pool, (n: number) => n * 2, i),
    );
    const results = await gather(...jobs) as number[];
    assertEquals(results, Array.from({ length: 10_000 }, (_, i) => i * 2));
  });
});

Deno.test("WorkerPoolExecutor runs 8 jobs for the CPU two at a time, and the timers of the loop go on", async () => {
  await inPool({}, async (loop, pool) => {
    const memory = shared();
    // Each job needs the CPU until another one runs too, and until the loop has ticked: with
    // one Worker, or with a loop that is held up, none would end.
    function work(memory: Int32Array): number {
      const mine = Atomics.add(memory, 0, 1) + 1;
      const running = Atomics.add(memory, 1, 1) + 1;
      const pair = Math.ceil(mine / 2) * 2;
      const tick = Atomics.load(memory, 2);
      const deadline = Date.now() + 20_000;
      while (Atomics.load(memory, 0) < pair || Atomics.load(memory, 2) === tick) {
        if (Date.now() > deadline) throw new Error("nobody came");
      }
      Atomics.sub(memory, 1, 1);
      return running;
    }
    const ticking = loop.createTask(async () => {
      while (true) {
        await sleep(1);
        Atomics.add(memory, 2, 1);
      }
    });
    const running = await gather(
      ...Array.from({ length: 8 }, () => loop.runInExecutor(pool, work, memory)),
    ) as number[];
    ticking.cancel();
    assert(running.every((count) => count <= 2), `more than two ran at once: ${running}`);
    assert(running.includes(2));
  });
});

Deno.test("WorkerPoolExecutor runs functions of every form", async () => {
  await inPool({}, async (loop, pool) => {
    const run = loop.runInExecutor.bind(loop, pool);
    const object = {
      method(n: number) {
        return n + 1;
      },
      async ["computed name"](n: number) {
        return await Promise.resolve(n + 2);
      },
      async(n: number) {
        return n + 3;
      },
    };
    function factorial(n: number): number {
      return n < 2 ? 1 : n * factorial(n - 1);
    }
    assertEquals(await loop.runInExecutor(pool, factorial, 5), 120);
    assertEquals(await run(async () => await Promise.resolve("async")), "async");
    assertEquals(await loop.runInExecutor(pool, object.method, 1), 2);
    assertEquals(await loop.runInExecutor(pool, object["computed name"], 1), 3);
    assertEquals(await loop.runInExecutor(pool, object.async, 1), 4);
    assertEquals(await run(() => [..."ab"].map((c) => `${c}${c.length}`)), ["a1", "b1"]);
    assertEquals(await run(async () => (await import("node:path")).join("a", "b")), "a/b");
    assertEquals(await run(() => undefined), undefined);
    assertEquals(await run(() => [typeof self, typeof Reflect.get(self, "module")]), [
      "object",
      "undefined",
    ]);
    // Strict, as in its module.
    assertEquals(
      await run(function (this: unknown) {
        return this === undefined;
      }),
      true,
    );
  });
});

Deno.test("WorkerPoolExecutor starts a Worker with the first job, and gives it the next one", async () => {
  await inPool({}, async (loop, pool) => {
    const names = new Set<string>();
    for (let i = 0; i < 5; i++) names.add(await loop.runInExecutor(pool, whoAmI));
    assertEquals(names.size, 1);
  });
});

Deno.test("WorkerPoolExecutor refuses a function that uses something from around it, and names it", async () => {
  await inPool({}, async (loop, pool) => {
    const limit = 3;
    const isPrime = (n: number) => n === limit;
    const object = { value: 1, arrow: () => object.value };
    class Base {
      greet() {
        return "hi";
      }
    }
    class Greeter extends Base {
      override greet() {
        return super.greet();
      }
      #secret() {
        return 1;
      }
      secret() {
        return this.#secret;
      }
      later = () => this.greet();
    }
    const greeter = new Greeter();
    const refused: [fn: () => unknown, names: string][] = [
      [() => limit, '"limit"'],
      [() => isPrime(limit), '"isPrime"'],
      [object.arrow, '"object"'],
      [greeter.later, '"this"'],
      [greeter.greet, '"super"'],
      [greeter.secret(), "private"],
      [() => import.meta.url, '"import.meta"'],
      [whoAmI.bind(null), "bound"],
      [Math.random, "native"],
      [Greeter as unknown as () => unknown, "class Greeter"],
    ];
    for (const [fn, names] of refused) {
      const error = await assertRejects(() => loop.runInExecutor(pool, fn), TypeError, names);
      assert(/workerFunction|uses it/.test(error.message), error.message);
    }
    const named = await assertRejects(() => loop.runInExecutor(pool, isPrime, 1), TypeError);
    assertEquals(
      named.message,
      'Cannot run isPrime() in a Worker: it uses "limit" from around it, and a Worker gets the source of the function only. ' +
        'Pass what it needs as arguments, or export it from a module and pass workerFunction(import.meta.url, "isPrime")',
    );
  });
});

Deno.test("WorkerPoolExecutor refuses a function that uses a global variable of the program's own", async () => {
  const home = globalThis as { ofThisTest?: number };
  home.ofThisTest = 1;
  try {
    await inPool({}, async (loop, pool) => {
      await assertRejects(
        () => loop.runInExecutor(pool, new Function("return ofThisTest") as () => number),
        ReferenceError,
        "the global variable ofThisTest",
      );
    });
  } finally {
    delete home.ofThisTest;
  }
});

Deno.test("WorkerPoolExecutor fails a job beyond maxQueueSize with QueueFull", async () => {
  await inPool({ maxWorkers: 1, maxQueueSize: 2 }, async (loop, pool) => {
    const gate = shared();
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const waiting = [1, 2].map((n) => loop.runInExecutor(pool, (n: number) => n, n));
    await assertRejects(
      () => loop.runInExecutor(pool, () => 3),
      QueueFull,
      "2 jobs wait already (maxQueueSize)",
    );
    letGo(gate);
    assertEquals(await gather(...waiting), [1, 2]);
    assertEquals(await running, "let go");
  });
});

Deno.test("WorkerPoolExecutor with maxQueueSize 0 takes as many jobs as it has Workers", async () => {
  await inPool({ maxQueueSize: 0 }, async (loop, pool) => {
    const gate = shared();
    const running = [1, 2].map(() => loop.runInExecutor(pool, hold, gate));
    await assertRejects(() => loop.runInExecutor(pool, () => 3), QueueFull);
    await held(gate, 2);
    await assertRejects(() => loop.runInExecutor(pool, () => 3), QueueFull);
    letGo(gate);
    await gather(...running);
    assertEquals(await loop.runInExecutor(pool, () => 4), 4);
  });
});

Deno.test("WorkerPoolExecutor never starts a job that is cancelled while it waits", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const gate = shared();
    const running = loop.runInExecutor(pool, hold, gate);
    await held(gate);
    const count = (gate: Int32Array) => Atomics.add(gate, 2, 1);
    const waiting = Array.from({ length: 1000 }, () => loop.runInExecutor(pool, count, gate));
    const last = waiting.pop()!;
    for (const future of waiting) assert(future.cancel());
    letGo(gate);
    await last;
    assertEquals(Atomics.load(gate, 2), 1);
    assertEquals(await running, "let go");
  });
});

Deno.test("WorkerPoolExecutor lets a running job go on that is cancelled, and gives its place to others", async () => {
  await inPool({ maxWorkers: 1, reports: true }, async (loop, pool, reports) => {
    const gate = shared();
    const running = loop.runInExecutor(pool, (gate: Int32Array) => {
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 1) === 0) Atomics.wait(gate, 1, 0, 1000);
      Atomics.add(gate, 2, 1);
      throw new Error("too late");
    }, gate);
    await held(gate);
    const next = loop.runInExecutor(pool, () => "next");
    assert(running.cancel());
    assertEquals(await next, "next");
    letGo(gate);
    await until(() => Atomics.load(gate, 2) === 1);
    // Nobody else hears of its error.
    await until(() => reports.length > 0);
    assert(reports[0]?.includes("failed in its Worker after its future was done"), reports[0]);
    assertEquals(await loop.runInExecutor(pool, () => "after"), "after");
  });
});

Deno.test("WorkerPoolExecutor gives up a job that takes longer than jobTimeoutMs, and replaces its Worker", async () => {
  await inPool({ maxWorkers: 1, jobTimeoutMs: 200 }, async (loop, pool) => {
    const gate = shared();
    const stuck = loop.runInExecutor(pool, hold, gate);
    const next = loop.runInExecutor(pool, whoAmI);
    await assertRejects(
      () => stuck,
      TimeoutError,
      "hold() did not finish within 200 ms (jobTimeoutMs); its Worker was given up",
    );
    const name = await next;
    assertEquals(await loop.runInExecutor(pool, whoAmI), name);
    letGo(gate);
  });
});

Deno.test("WorkerPoolExecutor fails the job of a Worker that crashes, and replaces the Worker", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const crashes: [fn: () => unknown, cause: string][] = [
      [() => Deno.exit(7), "exit code 7"],
      [() => {
        setTimeout(() => {
          throw new RangeError("in a timer");
        });
        return new Promise(() => {});
      }, "in a timer"],
      [() => {
        Promise.reject(new TypeError("not handled"));
        return new Promise(() => {});
      }, "not handled"],
      [() => {
        close();
        return new Promise(() => {});
      }, "exit code 0"],
    ];
    for (const [fn, why] of crashes) {
      const error = await assertRejects(() => loop.runInExecutor(pool, fn), RuntimeError, why);
      assert(error.message.startsWith("The Worker that ran"), error.message);
      assert(error.cause instanceof Error);
      assertEquals(await loop.runInExecutor(pool, () => "alive"), "alive");
    }
  });
});

Deno.test("WorkerPoolExecutor reports the crash of a Worker without a job", async () => {
  await inPool({ reports: true }, async (loop, pool, reports) => {
    await loop.runInExecutor(pool, () => {
      setTimeout(() => {
        throw new Error("left behind");
      }, 20);
    });
    await until(() => reports.length > 0);
    assertEquals(reports, ["A Worker of an executor crashed, and no job has the blame"]);
    assertEquals(await loop.runInExecutor(pool, () => "alive"), "alive");
  });
});

Deno.test("WorkerPoolExecutor checks its options", () => {
  for (
    const options of [
      { maxWorkers: 0 },
      { maxWorkers: 1.5 },
      { maxWorkers: "2" as unknown as number },
      { maxQueueSize: -1 },
      { maxQueueSize: NaN },
      { jobTimeoutMs: 0 },
      { jobTimeoutMs: Infinity },
    ]
  ) {
    const name = Object.keys(options)[0] as string;
    assertThrows(() => new WorkerPoolExecutor(options), RangeError, name);
  }
  assertThrows(
    () => new WorkerPoolExecutor({ permissions: "none" }),
    Deno.errors.NotSupported,
    "--unstable-worker-options",
  );
  new WorkerPoolExecutor({ permissions: "inherit", maxQueueSize: Infinity, jobTimeoutMs: null });
});

Deno.test("WorkerPoolExecutor.submit() needs a running loop", () => {
  const pool = new WorkerPoolExecutor();
  assertThrows(() => pool.submit(() => 1), RuntimeError, "no event loop is running");
  assertThrows(() => pool.submit(1 as never), TypeError, "expected a function");
});
