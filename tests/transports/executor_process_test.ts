import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { runDeno } from "../support/process.ts";

Deno.test("a program whose default executor is idle ends, its loop closed or not", async () => {
  for (const end of ["loop.close();", ""]) {
    const { code, stdout, stderr } = await runDeno(`
      import { newEventLoop } from "./mod.ts";
      const loop = newEventLoop();
      console.log(await loop.runUntilComplete(loop.runInExecutor(null, () => "done")));
      ${end}
    `);
    assertEquals([code, stdout, stderr], [0, "done\n", ""]);
  }
});

Deno.test("a program ends though a job that was cancelled is in an endless loop", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import { run, toThread, waitFor } from "./mod.ts";
    await run(async () => {
      const memory = new Int32Array(new SharedArrayBuffer(4));
      const stuck = toThread((memory) => { Atomics.store(memory, 0, 1); while (true); }, memory);
      while (Atomics.load(memory, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      try {
        await waitFor(stuck, 20);
      } catch (error) {
        console.log(error.name);
      }
      console.log(await toThread(() => "others run"));
    });
    console.log("closed");
  `);
  assertEquals([code, stdout, stderr], [0, "TimeoutError\nothers run\nclosed\n", ""]);
});

Deno.test("closing a loop does not wait for a job in an endless loop", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import { newEventLoop } from "./mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      const memory = new Int32Array(new SharedArrayBuffer(4));
      loop.runInExecutor(null, (memory) => { Atomics.store(memory, 0, 1); while (true); }, memory);
      while (Atomics.load(memory, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      loop.runInExecutor(null, () => { while (true); });
    });
    loop.close();
    console.log("closed");
  `);
  assertEquals([code, stdout, stderr], [0, "closed\n", ""]);
});

Deno.test("shutdown() outside of a loop keeps the process alive until the jobs have ended", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import { newEventLoop, WorkerPoolExecutor } from "./mod.ts";
    const loop = newEventLoop();
    const pool = new WorkerPoolExecutor();
    let job;
    await loop.runUntilComplete(async () => {
      job = loop.runInExecutor(pool, () => new Promise((resolve) => setTimeout(resolve, 50, "end")));
    });
    await pool.shutdown();
    console.log(job.result());
  `);
  assertEquals([code, stdout, stderr], [0, "end\n", ""]);
});

Deno.test("an executor needs no permission for source, and --allow-read for a module", async () => {
  const { code, stdout, stderr } = await runDeno(
    `
    import { run, toThread, workerFunction } from "./mod.ts";
    await run(async () => {
      console.log(await toThread((n) => n + 1, 1));
      try {
        const url = new URL("tests/transports/worker_jobs.ts", "file://" + Deno.args[0]).href;
        await toThread(workerFunction(url, "add"), 1, 2);
      } catch (error) {
        console.log(error.message);
      }
    });
  `,
    { args: [new URL("../../", import.meta.url).pathname] },
  );
  assertEquals([code, stderr], [0, ""]);
  const [sum, refusal] = stdout.split("\n");
  assertEquals(sum, "2");
  assertStringIncludes(refusal ?? "", "--allow-read");
});

Deno.test("importing the library does not load what Workers need, and the first job does", async () => {
  const { code, stdout } = await runDeno(`
    import { run, toThread } from "./mod.ts";
    // What node:worker_threads adds to each channel.
    const isLoaded = () => typeof new MessageChannel().port1.on === "function";
    console.log(isLoaded());
    await run(async () => console.log(await toThread(() => 1), isLoaded()));
  `);
  assertEquals([code, stdout], [0, "false\n1 true\n"]);
});

Deno.test("a job that runs out of memory fails, and nothing else does", async () => {
  const { code, stdout, stderr } = await runDeno(
    `
    import { run, toThread } from "./mod.ts";
    function hoard() {
      const kept = [];
      while (true) kept.push(new Array(100_000).fill(1.5));
    }
    async function hoardLater() {
      await null;
      const kept = [];
      while (true) kept.push(new Array(100_000).fill(1.5));
    }
    async function hoardInTimer() {
      await new Promise((resolve) => setTimeout(() => {
        const kept = [];
        while (true) kept.push(new Array(100_000).fill(1.5));
      }, 1));
    }
    await run(async () => {
      for (const job of [hoard, hoardLater, hoardInTimer]) {
        try {
          await toThread(job);
        } catch (error) {
          console.log(error.name, error.message.replace(/\\d+/, "N"));
        }
        console.log(await toThread(() => "next"));
      }
    });
  `,
    { flags: ["--v8-flags=--max-old-space-size=100"] },
  );
  const lines = ["hoard()", "hoardLater()", "hoardInTimer()"].map((name) =>
    `RuntimeError The Worker that ran ${name} crashed: it ran out of memory, of which a Worker has N MiB ` +
    "(--v8-flags=--max-old-space-size)\nnext\n"
  );
  assertEquals([code, stdout, stderr], [0, lines.join(""), ""]);
});
