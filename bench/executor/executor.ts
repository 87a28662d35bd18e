// deno-lint-ignore-file no-console
/** Round trips through this library's executor: `name <tab> microseconds` a line. The others of this folder do the same work. */
import { getRunningLoop, run, WorkerPoolExecutor } from "../../mod.ts";

function double(n: number): number {
  return n * 2;
}

function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

function size(data: Uint8Array): number {
  return data.length;
}

await run(async () => {
  const loop = getRunningLoop();
  await using pool = new WorkerPoolExecutor({ maxWorkers: 2 });

  async function oneByOne(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await loop.runInExecutor(pool, double, i);
  }
  async function atOnce(count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, (_, i) => loop.runInExecutor(pool, double, i)),
    );
  }
  const bytes = new Uint8Array(1024 * 1024);
  async function bulk(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await loop.runInExecutor(pool, size, bytes);
  }

  async function cpu(count: number): Promise<void> {
    for (let i = 0; i < count; i += 8) {
      await Promise.all(
        Array.from({ length: 8 }, () => loop.runInExecutor(pool, fibonacci, 24)),
      );
    }
  }

  async function measure(
    name: string,
    body: (count: number) => Promise<void>,
    count: number,
  ): Promise<void> {
    await body(count);
    const started = performance.now();
    await body(count);
    console.log(`${name}\t${(performance.now() - started) * 1000 / count}`);
  }
  await measure("one after the other", oneByOne, 5000);
  await measure("10 000 at once", atOnce, 10_000);
  await measure("1 MiB argument", bulk, 100);
  await measure("fibonacci(24), 8 at once", cpu, 64);
});
