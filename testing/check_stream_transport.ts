import type { EventLoop } from "../loop/event_loop.ts";
import { activeLoop } from "../internal/context.ts";
import { newEventLoop } from "../policy/current_loop.ts";
import { run } from "../policy/runner.ts";
import type { AbstractEventLoop } from "../types/loop.ts";
import {
  Bench,
  type BenchOptions,
  type Case,
  NotApplicable,
  type StreamTransportFactory,
} from "./conformance/bench.ts";
import { bufferedCases } from "./conformance/buffered_cases.ts";
import { closingCases } from "./conformance/closing_cases.ts";
import { connectionCases } from "./conformance/connection_cases.ts";
import { errorCases } from "./conformance/error_cases.ts";
import { ConformanceError } from "./conformance/expect.ts";
import { halfCloseCases } from "./conformance/half_close_cases.ts";
import { readingCases } from "./conformance/reading_cases.ts";
import { writingCases } from "./conformance/writing_cases.ts";

export { ConformanceError } from "./conformance/expect.ts";
export type { StreamTransportConnection, StreamTransportFactory } from "./conformance/bench.ts";

/** Cases spend their time waiting, so several may wait together. */
const LOOPS_AT_ONCE = 8;

/** Options of {@linkcode checkStreamTransport} and {@linkcode StreamTransportCase}. */
export interface CheckStreamTransportOptions {
  /** Makes the loop of a case, unless a loop is running. @default {newEventLoop} */
  loopFactory?: () => EventLoop;
  /** Milliseconds of the loop after which what should happen never will. @default {10000} */
  timeoutMs?: number;
  /**
   * Milliseconds of the loop after which what should not happen will not. More
   * than what the transport needs for a way there and back.
   *
   * @default {10}
   */
  settleMs?: number;
}

/** What became of a case: it passed, or does not apply to this transport. */
export type CaseOutcome = "passed" | "not applicable";

/** One thing every stream transport must do. */
export interface StreamTransportCase {
  /** What it must do, in a sentence. */
  readonly name: string;
  /**
   * Tries it with new connections of `factory`; the transport of the first
   * protocol is the one under test.
   *
   * @throws {ConformanceError} if the transport does not do it
   */
  run(
    factory: StreamTransportFactory,
    options?: CheckStreamTransportOptions,
  ): Promise<CaseOutcome>;
}

/** What {@linkcode checkStreamTransport} found. */
export interface StreamTransportReport {
  /** Names of the cases that passed. */
  passed: string[];
  /** Names of the cases that do not apply: those on half-close, where it is not possible. */
  notApplicable: string[];
}

/**
 * All that is checked, case by case, for one test each:
 *
 * ```ts
 * import { memoryTransportPair, streamTransportCases } from "@deno-asyncio/asyncio/testing";
 *
 * for (const { name, run } of streamTransportCases) {
 *   Deno.test(`memory: ${name}`, async () => {
 *     await run(() => memoryTransportPair());
 *   });
 * }
 * ```
 */
export const streamTransportCases: readonly StreamTransportCase[] = [
  ...connectionCases,
  ...readingCases,
  ...writingCases,
  ...closingCases,
  ...halfCloseCases,
  ...errorCases,
  ...bufferedCases,
].map(({ name, body }) => ({
  name,
  run: (factory, options = {}) => runCase(body, factory, options),
}));

/**
 * Checks that a stream transport keeps what asyncio promises of one: order of
 * callbacks, flow control, pausing, half-close, the end exactly once, whatever
 * the protocol does. For transports of your own; those of this library pass.
 *
 * Every case of {@linkcode streamTransportCases} is run twice, for the transport
 * on either side, in the running loop or else each in a loop of its own.
 *
 * ```ts
 * import { checkStreamTransport, memoryTransportPair } from "@deno-asyncio/asyncio/testing";
 *
 * await checkStreamTransport(() => memoryTransportPair({ chunkSize: 1000 }));
 * ```
 *
 * @throws {ConformanceError} if it does not; the message lists what failed, and
 * `cause` holds the errors
 */
export async function checkStreamTransport(
  factory: StreamTransportFactory,
  options: CheckStreamTransportOptions = {},
): Promise<StreamTransportReport> {
  const sides = [["first side", factory], ["second side", mirrored(factory)]] as const;
  const jobs = streamTransportCases.flatMap(({ name, run }) =>
    sides.map(([side, oriented]) => ({
      name: `${name} (${side})`,
      run: () => run(oriented, options),
    }))
  );
  const outcomes: (CaseOutcome | { error: unknown })[] = [];
  let next = 0;
  async function work(): Promise<void> {
    for (let at = next++; at < jobs.length; at = next++) {
      try {
        outcomes[at] = await (jobs[at] as typeof jobs[0]).run();
      } catch (error) {
        outcomes[at] = { error };
      }
    }
  }
  // In a running loop one after the other, since they look at its exception handler.
  const atOnce = activeLoop() === null ? LOOPS_AT_ONCE : 1;
  await Promise.all(Array.from({ length: atOnce }, work));
  return summary(jobs.map(({ name }, at) => [name, outcomes[at] as typeof outcomes[0]]));
}

function summary(results: [string, CaseOutcome | { error: unknown }][]): StreamTransportReport {
  const report: StreamTransportReport = { passed: [], notApplicable: [] };
  const failures: string[] = [];
  const errors: unknown[] = [];
  for (const [name, outcome] of results) {
    if (outcome === "passed") report.passed.push(name);
    else if (outcome === "not applicable") report.notApplicable.push(name);
    else {
      const { error } = outcome;
      failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
      errors.push(error);
    }
  }
  if (failures.length > 0) {
    throw new ConformanceError(
      [`the stream transport fails ${failures.length} cases:`, ...failures].join("\n  "),
      { cause: new AggregateError(errors) },
    );
  }
  return report;
}

/** The same connections, seen from the other side. */
export function mirrored(factory: StreamTransportFactory): StreamTransportFactory {
  return async (first, second) => {
    const connection = await factory(second, first);
    return connection instanceof Array ? [connection[1], connection[0]] : connection;
  };
}

async function runCase(
  body: Case["body"],
  factory: StreamTransportFactory,
  options: CheckStreamTransportOptions,
): Promise<CaseOutcome> {
  const { loopFactory = newEventLoop, timeoutMs = 10_000, settleMs = 10 } = options;
  const running = activeLoop();
  if (running !== null) return await inLoop(running, body, factory, { timeoutMs, settleMs });
  return await run(
    (task) => inLoop(task.getLoop(), body, factory, { timeoutMs, settleMs }),
    { loopFactory },
  );
}

async function inLoop(
  loop: AbstractEventLoop,
  body: Case["body"],
  factory: StreamTransportFactory,
  options: BenchOptions,
): Promise<CaseOutcome> {
  const bench = new Bench(loop, factory, options);
  const handler = loop.getExceptionHandler();
  loop.setExceptionHandler((_loop, context) => void bench.reports.push(context));
  let outcome: CaseOutcome = "passed";
  try {
    try {
      await body(bench);
    } catch (error) {
      if (!(error instanceof NotApplicable)) {
        await bench.finish().catch(() => "the first error tells more");
        throw error;
      }
      outcome = "not applicable";
    }
    await bench.finish();
    return outcome;
  } finally {
    loop.setExceptionHandler(handler);
  }
}
