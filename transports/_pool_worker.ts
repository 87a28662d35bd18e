import { AsyncLocalStorage } from "node:async_hooks";
import { RuntimeError, TimeoutError } from "../errors.ts";
import { nodeModule, type NodeModules } from "../internal/node.ts";
import { failWith } from "../loop/abortable.ts";
import type { Future } from "../loop/future.ts";
import { decodeError } from "./_error_codec.ts";
import type { JobFunction } from "./_job_function.ts";
import { type WorkerAnswer, type WorkerOrder, workerSource } from "./_worker_main.ts";

/** Runs a function in no async context: a Worker outlives whoever made it start, and tells of others. */
const nowhere = AsyncLocalStorage.snapshot();

/** What Node calls it (https://nodejs.org/api/errors.html). */
const OUT_OF_MEMORY = "ERR_WORKER_OUT_OF_MEMORY";

type NodeWorker = InstanceType<NodeModules["node:worker_threads"]["Worker"]>;

/** What Deno adds to a port. */
interface Unreferable {
  unref(): void;
}

/** The arguments of a job, and what is moved with them. */
export interface Parcel {
  /** The arguments. */
  readonly args: readonly unknown[];
  /** What of them is moved and not copied. */
  readonly moved: readonly Transferable[];
}

/** A call that waits for a Worker, or is in one. */
export interface Job {
  /** What is called. */
  readonly fn: JobFunction;
  /** Who waits for it. */
  readonly future: Future<unknown>;
  /** Where it is. */
  state: "waiting" | "running" | "over";
  /** What it is called with; `null` once it was sent, or is not wanted any more. */
  parcel: Parcel | null;
}

/** What a pool hears of a Worker. */
export interface WorkerListener {
  /** It can take a job. */
  onFree(): void;
  /** It has ended. `error` tells why, unless it was told to or its job has the blame. */
  onGone(error: unknown): void;
}

/**
 * One Worker of a pool and the job in it.
 *
 * States: `starting -> free <-> busy`, and from each of them `-> gone`.
 *
 * It is a Worker of `node:worker_threads`, though a web Worker starts in half
 * the time (20 ms for 40): on Deno 2.9 a web Worker keeps the process alive as
 * long as it exists, even terminated while it is in a synchronous loop, and
 * tells neither the error that ended it nor that it ended. This one can be
 * unreferenced, and tells both.
 */
export class PoolWorker {
  /** The job it works on. */
  job: Job | null = null;
  readonly #worker: NodeWorker;
  readonly #port: MessagePort;
  readonly #listener: WorkerListener;
  #started = false;
  #gone = false;
  #failure: unknown = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts it. */
  constructor(listener: WorkerListener) {
    this.#listener = listener;
    // Before the channel: on a port that was made earlier, and has an onmessage,
    // unref() has no effect (Deno 2.9).
    const { Worker } = nodeModule("node:worker_threads");
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = nowhere(() => this.#start(Worker, port2));
  }

  #start(Worker: NodeModules["node:worker_threads"]["Worker"], port: MessagePort): NodeWorker {
    const { SHARE_ENV } = nodeModule("node:worker_threads");
    const worker = new Worker(workerSource(), {
      eval: true,
      name: "asyncio",
      // Its type is that of some symbol. A copy of the environment would need a permission.
      env: SHARE_ENV as never,
      // The limit it would have anyway; but one that is not named ends the process when it is reached.
      resourceLimits: { maxOldGenerationSizeMb: heapLimit() },
      workerData: port,
      transferList: [port as never],
    });
    worker.on("error", (error: Error & { code?: string }) => {
      this.#failure = error.code === OUT_OF_MEMORY ? outOfMemory(error) : error;
    });
    worker.on("exit", (code: number) => {
      this.#end(this.#failure ?? new RuntimeError(`it ended with exit code ${code}`));
    });
    worker.unref();
    // Its own port would do, but looks at each element of each array: 200 ms a MiB.
    this.#port.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => this.#onAnswer(data);
    this.#port.onmessageerror = ({ data }) => this.terminate(data);
    (this.#port as Partial<Unreferable>).unref?.();
    return worker;
  }

  /** Whether it could take jobs by now. */
  get isStarted(): boolean {
    return this.#started;
  }

  /** Whether nobody wants what its job brings. */
  get isAbandoned(): boolean {
    return this.job !== null && this.job.future.done();
  }

  /**
   * Gives it a job. One that takes longer than `timeoutMs` fails, and this Worker ends.
   *
   * @throws {DOMException} if the arguments cannot be cloned; nothing has happened then
   */
  run(job: Job, timeoutMs: number | null): void {
    const { args, moved } = job.parcel as Parcel;
    const order: WorkerOrder = { ...job.fn, args };
    this.#port.postMessage(order, moved as Transferable[]);
    job.parcel = null;
    job.state = "running";
    this.job = job;
    if (timeoutMs === null) return;
    this.#timer = setTimeout(() => this.#onTimeout(timeoutMs), timeoutMs);
    Deno.unrefTimer(this.#timer);
  }

  /** Whether it keeps the process alive while it exists. */
  keepAlive(on: boolean): void {
    if (on) this.#worker.ref();
    else this.#worker.unref();
  }

  /**
   * Ends it; a job in it does not end well. A thread in a synchronous loop runs
   * on: Deno stops it at its next turn only. It counts as gone all the same, and
   * does not keep the process alive.
   */
  terminate(why: unknown = null): void {
    if (this.#gone) return;
    this.#end(why);
    this.#worker.terminate();
  }

  #onAnswer(answer: WorkerAnswer): void {
    if (this.#gone) return;
    if ("outOfMemory" in answer) return this.terminate(outOfMemory());
    if ("crash" in answer) return this.terminate(decodeError(answer.crash));
    if ("value" in answer) {
      const future = this.#takeJob().future;
      if (!future.done()) future.setResult(answer.value);
    } else if ("error" in answer) {
      this.#fail(this.#takeJob(), decodeError(answer.error));
    }
    this.#started = true;
    this.#listener.onFree();
  }

  #onTimeout(timeoutMs: number): void {
    const { fn, future } = this.job as Job;
    if (!future.done()) {
      future.setException(
        new TimeoutError(
          `${fn.label} did not finish within ${timeoutMs} ms (jobTimeoutMs); its Worker was given up`,
        ),
      );
    }
    this.terminate();
  }

  /** It is gone, or as good as gone. */
  #end(why: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#port.close();
    const job = this.job === null ? null : this.#takeJob();
    if (job !== null && !job.future.done()) {
      const reason = why instanceof Error ? why.message : String(why);
      job.future.setException(
        new RuntimeError(`The Worker that ran ${job.fn.label} crashed: ${reason}`, { cause: why }),
      );
      this.#listener.onGone(null);
    } else this.#listener.onGone(why);
  }

  #takeJob(): Job {
    const job = this.job as Job;
    this.job = null;
    job.state = "over";
    clearTimeout(this.#timer);
    return job;
  }

  #fail(job: Job, error: unknown): void {
    if (!job.future.done()) return failWith(job.future, error);
    job.future.getLoop().callExceptionHandler({
      message: `${job.fn.label} failed in its Worker after its future was done`,
      exception: error,
      future: job.future,
    });
  }
}

/** Of a Worker, in MiB: that of the program. */
function heapLimit(): number {
  return Math.floor(nodeModule("node:v8").getHeapStatistics().heap_size_limit / 2 ** 20);
}

function outOfMemory(cause?: Error): RuntimeError {
  return new RuntimeError(
    `it ran out of memory, of which a Worker has ${heapLimit()} MiB (--v8-flags=--max-old-space-size)`,
    cause === undefined ? {} : { cause },
  );
}
