// Scheduling micro-benchmarks of this library: micro.ts [NAME_PART]. Prints `name<TAB>ns per operation`.
// The twin of micro.py: the same work, the same counts, each preceded by a tenth of it as warm-up.
// deno-lint-ignore-file no-console
import {
  createTask,
  gather,
  getRunningLoop,
  Lock,
  Queue,
  run,
  sleep,
  StreamReader,
  timeout,
} from "../mod.ts";

const N = 300_000;
const only = Deno.args[0] ?? "";

async function measure(
  name: string,
  count: number,
  work: (count: number) => Promise<void>,
): Promise<void> {
  if (!name.includes(only)) return;
  await work(count / 10);
  const started = performance.now();
  await work(count);
  const ns = (performance.now() - started) * 1e6 / count;
  console.log(`${name}\t${ns.toFixed(1)}`);
}

async function callSoonChain(count: number): Promise<void> {
  const loop = getRunningLoop();
  const done = loop.createFuture<void>();
  let left = count;
  function step(): void {
    if (--left === 0) done.setResult(undefined);
    else loop.callSoon(step);
  }
  loop.callSoon(step);
  await done;
}

async function callSoonBurst(count: number): Promise<void> {
  const loop = getRunningLoop();
  const done = loop.createFuture<void>();
  let left = count;
  function step(): void {
    if (--left === 0) done.setResult(undefined);
  }
  for (let i = 0; i < count; i++) loop.callSoon(step);
  await done;
}

async function sleepZero(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

async function futureRoundTrip(count: number): Promise<void> {
  const loop = getRunningLoop();
  for (let i = 0; i < count; i++) {
    const future = loop.createFuture<number>();
    loop.callSoon(() => future.setResult(1));
    await future;
  }
}

async function createAndAwait(count: number): Promise<void> {
  async function nothing(): Promise<void> {}
  for (let i = 0; i < count; i++) await createTask(nothing);
}

async function gatherTenThousand(count: number): Promise<void> {
  async function one(): Promise<number> {
    await sleep(0);
    return 1;
  }
  for (let i = 0; i < count / 10_000; i++) {
    await gather(...Array.from({ length: 10_000 }, () => one));
  }
}

// deno-lint-ignore require-await
async function callLaterCancel(count: number): Promise<void> {
  const loop = getRunningLoop();
  function never(): void {}
  const handles = Array.from(
    { length: count },
    (_, k) => loop.callLater(100_000 + k, never),
  );
  for (const handle of handles) handle.cancel();
}

async function queue(count: number): Promise<void> {
  const items = new Queue<number>(100);
  async function produce(): Promise<void> {
    for (let k = 0; k < count; k++) await items.put(k);
  }
  async function consume(): Promise<void> {
    for (let k = 0; k < count; k++) await items.get();
  }
  await gather(produce, consume);
}

async function lockContended(count: number): Promise<void> {
  const lock = new Lock();
  async function worker(): Promise<void> {
    for (let i = 0; i < count / 10; i++) {
      using _held = await lock.acquire();
      await sleep(0);
    }
  }
  await gather(...Array.from({ length: 10 }, () => worker));
}

async function timeoutSleep(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await timeout(10_000, async () => {
      await sleep(0);
    });
  }
}

async function readline(count: number): Promise<void> {
  const reader = new StreamReader({ limit: 2 ** 20 });
  const lines = new TextEncoder().encode(`${"x".repeat(79)}\n`.repeat(500));
  for (let i = 0; i < count / 500; i++) {
    reader.feedData(lines);
    for (let k = 0; k < 500; k++) await reader.readline();
  }
}

await run(async () => {
  await measure("callSoon chain", N, callSoonChain);
  await measure("callSoon burst", N, callSoonBurst);
  await measure("sleep(0)", N, sleepZero);
  await measure("future round trip", N, futureRoundTrip);
  await measure("createTask + await", 100_000, createAndAwait);
  await measure("gather 10k, per task", 100_000, gatherTenThousand);
  await measure("callLater + cancel", 100_000, callLaterCancel);
  await measure("queue put + get", N, queue);
  await measure("lock, contended", 100_000, lockContended);
  await measure("timeout + sleep(0)", 50_000, timeoutSleep);
  await measure("readline, 80 bytes", 100_000, readline);
});
