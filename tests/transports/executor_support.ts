import type { EventLoop } from "../../loop/event_loop.ts";
import {
  WorkerPoolExecutor,
  type WorkerPoolExecutorOptions,
} from "../../transports/worker_pool_executor.ts";
import { until } from "../support/poll.ts";
import { inLoop } from "./tcp_support.ts";

/** Runs `main` with a pool of its own, which must have ended when it returns. */
export async function inPool(
  options: WorkerPoolExecutorOptions & { reports?: boolean },
  main: (loop: EventLoop, pool: WorkerPoolExecutor, reports: string[]) => Promise<void>,
): Promise<void> {
  const { reports = false, ...poolOptions } = options;
  await inLoop(async (loop, reported) => {
    await using pool = new WorkerPoolExecutor({ maxWorkers: 2, ...poolOptions });
    await main(loop, pool, reported);
  }, { reports });
}

/** Memory that all Workers share. */
export function shared(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(64));
}

/** A job that tells that it runs, and runs until it is let go. */
export function hold(gate: Int32Array): string {
  Atomics.add(gate, 0, 1);
  while (Atomics.load(gate, 1) === 0) Atomics.wait(gate, 1, 0, 1000);
  return "let go";
}

/** Lets the jobs of {@linkcode hold} go. */
export function letGo(gate: Int32Array): void {
  Atomics.store(gate, 1, 1);
  Atomics.notify(gate, 1);
}

/** Waits until so many jobs are held. */
export async function held(gate: Int32Array, count = 1): Promise<void> {
  await until(() => Atomics.load(gate, 0) >= count, { what: `${count} jobs to run` });
}

/** Names the Worker that runs it. */
export function whoAmI(): string {
  const self = globalThis as unknown as { ownName?: string };
  return self.ownName ??= crypto.randomUUID();
}
