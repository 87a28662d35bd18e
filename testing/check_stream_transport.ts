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
export type { StreamTransportFactory } from "./conformance/bench.ts";

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
 *     await run((first, second) => memoryTransportPair({ protocols: [first, second] }));
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
 * await checkStreamTransport((first, second) =>
 *   memoryTransportPair({ protocols: [first, second], chunkSize: 1000 })
 * );
 * ```
 *
 * @throws {ConformanceError} if it does not; the message lists what failed, and
 * `cause` holds the errors
 */
export async function checkStreamTransport(
  factory: StreamTransportFactory,
  options: CheckStreamTransportOptions = {},
): Promise<StreamTransportReport> {
  const report: StreamTransportReport = { passed: [], notApplicable: [] };
  const failures: string[] = [];
  const errors: unknown[] = [];
  const sides = [["first side", factory], ["second side", mirrored(factory)]] as const;
  for (const { name, run } of streamTransportCases) {
    for (const [side, oriented] of sides) {
      try {
        const outcome = await run(oriented, options);
        report[outcome === "passed" ? "passed" : "notApplicable"].push(`${name} (${side})`);
      } catch (error) {
        failures.push(`${name} (${side}): ${error instanceof Error ? error.message : error}`);
        errors.push(error);
      }
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
    const [one, other] = await factory(second, first);
    return [other, one];
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
