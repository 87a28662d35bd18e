import { workerFunction } from "../../transports/worker_function.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { runDeno } from "../support/process.ts";
import { inPool } from "./executor_support.ts";
import type * as jobs from "./worker_jobs.ts";

const jobsUrl = import.meta.resolve("./worker_jobs.ts");

Deno.test("workerFunction() names a function that a Worker imports", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const add = workerFunction<typeof jobs.add>(jobsUrl, "add");
    assertEquals(await loop.runInExecutor(pool, add, 1, 2), 3);
    assertEquals(await loop.runInExecutor(pool, workerFunction(new URL(jobsUrl), "add"), 3, 4), 7);
  });
});

Deno.test("workerFunction()'s module is loaded once, and keeps its state", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    const count = workerFunction<typeof jobs.count>(jobsUrl, "count");
    assertEquals(await loop.runInExecutor(pool, count), 1);
    assertEquals(await loop.runInExecutor(pool, count), 2);
  });
});

Deno.test("workerFunction() can be called here", async () => {
  const add = workerFunction<typeof jobs.add>(jobsUrl, "add");
  assertEquals(await add(1, 2), 3);
  await assertRejects(
    async () => await workerFunction(jobsUrl, "nothing")(),
    TypeError,
    "exports no such function",
  );
});

Deno.test("workerFunction() fails the future if there is no such module or function", async () => {
  await inPool({ maxWorkers: 1 }, async (loop, pool) => {
    for (const name of ["nothing", "constant"]) {
      const error = await assertRejects(
        () => loop.runInExecutor(pool, workerFunction(jobsUrl, name)),
        TypeError,
        `Cannot run ${name}() in a Worker`,
      );
      assert(error.message.includes(jobsUrl));
    }
    await assertRejects(
      () => loop.runInExecutor(pool, workerFunction(import.meta.resolve("./no.ts"), "f")),
      TypeError,
      "no.ts",
    );
    assertEquals(await loop.runInExecutor(pool, workerFunction(jobsUrl, "add"), 1, 2), 3);
  });
});

Deno.test("workerFunction() refuses what names no function of a module", () => {
  assertThrows(() => workerFunction("./jobs.ts", "f"), TypeError, "import.meta.url");
  for (const name of ["", 1, undefined]) {
    assertThrows(() => workerFunction(jobsUrl, name as string), TypeError, "name of an export");
  }
});

Deno.test("workerFunction() of the main module runs behind import.meta.main, and says so otherwise", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const mod = import.meta.resolve("../../mod.ts");
    const program = (start: string) => `
      import { run, toThread, workerFunction } from ${JSON.stringify(mod)};
      export const double = (n: number) => n * 2;
      const main = () => run(async () => {
        try {
          console.log(await toThread(workerFunction(import.meta.url, "double"), 21));
        } catch (error) {
          console.log(error.name, error.message);
          throw error;
        }
      });
      ${start}
    `;
    await Deno.writeTextFile(`${folder}/good.ts`, program("if (import.meta.main) await main();"));
    await Deno.writeTextFile(`${folder}/bad.ts`, program("await main();"));
    const flags = ["--allow-read"];
    const good = await runDeno(new URL(`file://${folder}/good.ts`), { flags });
    assertEquals([good.code, good.stdout, good.stderr], [0, "42\n", ""]);
    const bad = await runDeno(new URL(`file://${folder}/bad.ts`), { flags });
    assertEquals(bad.code, 1);
    assert(bad.stdout.includes('behind "if (import.meta.main)"'), bad.stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
