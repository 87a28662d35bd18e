// deno-lint-ignore-file no-console
/** The work of executor.ts on Node's piscina, which is found where the first argument says. */
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const folder = process.argv[2];
const { Piscina } = createRequire(`${folder}/package.json`)("piscina");
const filename = `${folder}/jobs.mjs`;
writeFileSync(
  filename,
  `export const double = (n) => n * 2;
export const size = (data) => data.length;
export const fibonacci = (n) => n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
`,
);
const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2 });

async function oneByOne(count) {
  for (let i = 0; i < count; i++) await pool.run(i, { name: "double" });
}
async function atOnce(count) {
  await Promise.all(Array.from({ length: count }, (_, i) => pool.run(i, { name: "double" })));
}
const bytes = new Uint8Array(1024 * 1024);
async function bulk(count) {
  for (let i = 0; i < count; i++) await pool.run(bytes, { name: "size" });
}
async function cpu(count) {
  for (let i = 0; i < count; i += 8) {
    await Promise.all(Array.from({ length: 8 }, () => pool.run(24, { name: "fibonacci" })));
  }
}
async function measure(name, body, count) {
  await body(count);
  const started = performance.now();
  await body(count);
  console.log(`${name}\t${(performance.now() - started) * 1000 / count}`);
}
await measure("one after the other", oneByOne, 5000);
await measure("10 000 at once", atOnce, 10_000);
await measure("1 MiB argument", bulk, 100);
await measure("fibonacci(24), 8 at once", cpu, 64);
await pool.destroy();
