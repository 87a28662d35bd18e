#!/usr/bin/env -S deno run --allow-run
// deno-lint-ignore-file no-console
/**
 * Runs commands side by side and keeps them running, until SIGTERM or Ctrl-C.
 *
 *   deno run --allow-run examples/supervisor.ts [--backoff=500] [--grace=5000] \
 *     "clock=while date; do sleep 1; done" "flaky=sleep 2; echo oops >&2; exit 1"
 *
 * Every line of output, stdout and stderr in the order in which they were
 * written, gets the name of its command. A command that fails is started again,
 * after `backoff` milliseconds at first and twice as many each time. To stop,
 * the commands get SIGTERM one after the other, the last one first; one that
 * does not stop is killed, so that all have ended when `grace` milliseconds are over.
 */
import {
  createSubprocessShell,
  createTask,
  DEVNULL,
  FIRST_COMPLETED,
  getRunningLoop,
  PIPE,
  type Process,
  run,
  SignalReceiver,
  sleep,
  STDOUT,
  type StreamReader,
  type Task,
  TaskGroup,
  timeoutAt,
  TimeoutError,
  wait,
} from "../mod.ts";

const LONGEST_BACKOFF_MS = 30_000;
/** A command that ran so long is not failing all the time. */
const STEADY_MS = 10_000;
const LONGEST_LINE = 1024 * 1024;

/** One command, and the process that runs it at present. */
class Service {
  readonly #name: string;
  readonly #command: string;
  readonly #firstBackoffMs: number;
  #child: Process | null = null;
  #task: Task<void> | null = null;
  #stopping = false;

  constructor(definition: string, firstBackoffMs: number) {
    const at = definition.indexOf("=");
    if (at < 1) throw new RangeError(`expected name=command, got ${definition}`);
    this.#name = definition.slice(0, at);
    this.#command = definition.slice(at + 1);
    this.#firstBackoffMs = firstBackoffMs;
  }

  /** Runs until the command ends well, or `stop()`. */
  start(group: TaskGroup): Task<void> {
    return this.#task = group.createTask(() => this.#keepRunning(), { name: this.#name });
  }

  async #keepRunning(): Promise<void> {
    const loop = getRunningLoop();
    let backoffMs = this.#firstBackoffMs;
    for (;;) {
      const started = loop.time();
      const code = await this.#runOnce();
      this.#say(`ended with ${code}`);
      if (code === 0 || this.#stopping) return;
      if (loop.time() - started >= STEADY_MS) backoffMs = this.#firstBackoffMs;
      this.#say(`starting again in ${backoffMs} ms`);
      await sleep(backoffMs);
      backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS);
    }
  }

  async #runOnce(): Promise<number> {
    await using child = await createSubprocessShell(this.#command, {
      stdin: DEVNULL,
      stdout: PIPE,
      stderr: STDOUT,
      // A process group, so that what the command starts can be stopped with it.
      detached: true,
      limit: LONGEST_LINE,
    });
    this.#child = child;
    const output = createTask(() => this.#show(child.stdout!));
    try {
      return await child.wait();
    } finally {
      this.#child = null;
      signalGroup(child, "SIGKILL");
      // All that was written, and no more can come.
      await output;
    }
  }

  async #show(output: StreamReader): Promise<void> {
    const decoder = new TextDecoder();
    for await (const line of output) this.#say(decoder.decode(line).trimEnd(), " | ");
  }

  /** Asks the command to end, and waits for it until `deadline`; then kills it. */
  async stop(deadline: number): Promise<void> {
    const child = this.#child;
    const task = this.#task;
    if (task === null) return;
    this.#stopping = true;
    if (child === null) {
      // It waits to be started again.
      task.cancel();
    } else {
      this.#say("stopping");
      signalGroup(child, "SIGTERM");
      try {
        await timeoutAt(deadline, () => child.wait());
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
        this.#say("does not stop, is killed");
        signalGroup(child, "SIGKILL");
      }
    }
    await wait([task]);
  }

  #say(text: string, separator = ": "): void {
    console.log(`${this.#name}${separator}${text}`);
  }
}

/** Signals a command and what it has started, unless all of them have ended. */
function signalGroup(child: Process, signal: Deno.Signal): void {
  try {
    child.sendSignal(signal, { group: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

const settings = new Map([["--backoff", 500], ["--grace", 5000]]);
const definitions = Deno.args.filter((arg) => {
  const [name, value] = arg.split("=", 2) as [string, string?];
  if (!settings.has(name)) return true;
  settings.set(name, Number(value));
  return false;
});
if (definitions.length === 0) {
  console.error("usage: supervisor.ts [--backoff=500] [--grace=5000] name=command ...");
  Deno.exit(2);
}
const services = definitions.map((text) => new Service(text, settings.get("--backoff")!));

await run(async () => {
  using signals = new SignalReceiver(["SIGTERM", "SIGINT"]);
  // A command that cannot even be started takes the others down with it.
  await TaskGroup.run(async (group) => {
    const running = services.map((service) => service.start(group));
    const ended = group.createTask(() => wait(running));
    const interrupted = group.createTask(() => signals.receive());
    await wait([ended, interrupted], { returnWhen: FIRST_COMPLETED });
    if (!interrupted.done()) return void interrupted.cancel();
    console.log(`${await interrupted}: stopping`);
    await stopAll(getRunningLoop().time() + settings.get("--grace")!);
    console.log("all stopped");
  });
});

/** One after the other. Nobody gets more than a fair share of the time that is left. */
async function stopAll(deadline: number): Promise<void> {
  const loop = getRunningLoop();
  for (const [at, service] of services.entries().toArray().toReversed()) {
    const leftMs = Math.max(0, deadline - loop.time());
    await service.stop(loop.time() + leftMs / (at + 1));
  }
}
