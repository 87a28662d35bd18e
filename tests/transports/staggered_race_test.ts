import { CancelledError } from "../../errors.ts";
import { getRunningLoop } from "../../loop/mod.ts";
import { internalsOf } from "../../loop/internals.ts";
import { sleep } from "../../tasks/mod.ts";
import { runVirtual } from "../../testing/mod.ts";
import { race } from "../../transports/staggered_race.ts";
import { interleave } from "../../transports/tcp_connect.ts";
import type { AddrInfo } from "../../types.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

/** What happened, and when on the virtual clock. */
type Log = string[];

/** An attempt that takes `ms` and then succeeds with its name, or fails with it. */
function attempt(name: string, ms: number, outcome: "wins" | "fails", log: Log) {
  return async (signal: AbortSignal): Promise<string> => {
    const loop = getRunningLoop();
    log.push(`${name} starts at ${loop.time()}`);
    signal.addEventListener("abort", () => log.push(`${name} aborted at ${loop.time()}`));
    await sleep(ms);
    if (outcome === "fails") throw new Error(`${name} failed`);
    return name;
  };
}

interface Settings {
  delayMs?: number | null;
  signal?: AbortSignal;
}

async function runRace(
  attempts: ((signal: AbortSignal) => Promise<string>)[],
  log: Log,
  { delayMs = null, signal }: Settings = {},
): Promise<[string | undefined, string[], number]> {
  const loop = internalsOf(getRunningLoop());
  const { winner, errors } = await race(loop, attempts, {
    delayMs,
    signal,
    discard: (late) => void log.push(`${late} discarded at ${loop.time()}`),
  });
  return [winner, errors.map(({ message }) => message), loop.time()];
}

function starts(log: Log): Log {
  return log.filter((line) => line.includes("starts"));
}

Deno.test("race() takes the first that succeeds and starts no other", async () => {
  const log: Log = [];
  assertEquals(
    await runVirtual(() =>
      runRace([attempt("a", 100, "wins", log), attempt("b", 1, "wins", log)], log)
    ),
    ["a", [], 100],
  );
  assertEquals(starts(log), ["a starts at 0"]);
});

Deno.test("race() without a delay starts the next when the one before has failed", async () => {
  const log: Log = [];
  assertEquals(
    await runVirtual(() =>
      runRace([
        attempt("a", 1000, "fails", log),
        attempt("b", 500, "fails", log),
        attempt("c", 10, "wins", log),
      ], log)
    ),
    ["c", ["a failed", "b failed"], 1510],
  );
  assertEquals(starts(log), ["a starts at 0", "b starts at 1000", "c starts at 1500"]);
});

Deno.test("race() starts the next after the delay, and the quicker one wins", async () => {
  const log: Log = [];
  assertEquals(
    await runVirtual(async () => {
      const result = await runRace(
        [
          attempt("a", 1000, "wins", log),
          attempt("b", 200, "wins", log),
          attempt("c", 1000, "wins", log),
        ],
        log,
        { delayMs: 250 },
      );
      await sleep(5000);
      return result;
    }),
    ["b", [], 450],
  );
  assertEquals(log, [
    "a starts at 0",
    "b starts at 250",
    "a aborted at 450",
    "b aborted at 450",
    // It did not listen to its signal.
    "a discarded at 1000",
  ]);
});

Deno.test("race() does not wait for the delay once the last one started has failed", async () => {
  const log: Log = [];
  assertEquals(
    await runVirtual(() =>
      runRace(
        [
          attempt("a", 30, "fails", log),
          attempt("b", 1000, "wins", log),
          attempt("c", 10, "wins", log),
        ],
        log,
        { delayMs: 250 },
      )
    ),
    ["c", ["a failed"], 290],
  );
  assertEquals(starts(log), ["a starts at 0", "b starts at 30", "c starts at 280"]);
});

Deno.test("race() does not hurry because an earlier one fails (RFC 8305)", async () => {
  const log: Log = [];
  await runVirtual(() =>
    runRace(
      [
        attempt("a", 150, "fails", log),
        attempt("b", 1000, "wins", log),
        attempt("c", 1000, "wins", log),
      ],
      log,
      { delayMs: 100 },
    )
  );
  assertEquals(starts(log), ["a starts at 0", "b starts at 100", "c starts at 200"]);
});

Deno.test("race() with a delay of 0 starts all, an iteration apart", async () => {
  const log: Log = [];
  const attempts = ["a", "b", "c"].map((name) => attempt(name, 10, "wins", log));
  const [winner] = await runVirtual(() => runRace(attempts, log, { delayMs: 0 }));
  assertEquals([winner, starts(log).length], ["a", 3]);
});

Deno.test("race() gives the errors in the order of the attempts", async () => {
  const log: Log = [];
  assertEquals(
    await runVirtual(() =>
      runRace(
        [
          attempt("slow", 900, "fails", log),
          attempt("quick", 10, "fails", log),
          attempt("middle", 50, "fails", log),
        ],
        log,
        { delayMs: 100 },
      )
    ),
    [undefined, ["slow failed", "quick failed", "middle failed"], 900],
  );
});

Deno.test("race() without attempts has neither winner nor errors", async () => {
  assertEquals(await runVirtual(() => runRace([], [])), [undefined, [], 0]);
});

Deno.test("race() that is cancelled aborts its attempts and starts no more", async () => {
  const log: Log = [];
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const task = loop.createTask(() =>
      runRace(
        [attempt("a", 1000, "wins", log), attempt("b", 1000, "wins", log)],
        log,
        { delayMs: 300 },
      )
    );
    await sleep(100);
    task.cancel();
    await assertRejects(() => task, CancelledError);
    await sleep(5000);
  });
  assertEquals(log, ["a starts at 0", "a aborted at 100"]);
});

Deno.test("race() rejects with the reason of its signal, and discards what comes late", async () => {
  const log: Log = [];
  await runVirtual(async () => {
    const controller = new AbortController();
    getRunningLoop().callLater(400, () => controller.abort(new Error("enough")));
    await assertRejects(
      () =>
        runRace([attempt("a", 1000, "wins", log), attempt("b", 1000, "wins", log)], log, {
          delayMs: 300,
          signal: controller.signal,
        }),
      Error,
      "enough",
    );
    await sleep(5000);
  });
  assertEquals(log, [
    "a starts at 0",
    "b starts at 300",
    "a aborted at 400",
    "b aborted at 400",
    "a discarded at 1000",
    "b discarded at 1300",
  ]);
});

Deno.test("race() with an aborted signal starts nothing", async () => {
  const log: Log = [];
  await assertRejects(
    () =>
      runVirtual(() =>
        runRace([attempt("a", 1, "wins", log)], log, {
          signal: AbortSignal.abort(new Error("no")),
        })
      ),
    Error,
    "no",
  );
  assertEquals(log, []);
});

Deno.test("race() discards a winner nobody waits for any more", async () => {
  const log: Log = [];
  await runVirtual(async () => {
    const loop = getRunningLoop();
    const won = Promise.withResolvers<string>();
    const task = loop.createTask(() => runRace([() => won.promise], log));
    await sleep(10);
    won.resolve("winner");
    // The winner wakes the race in the next iteration; cancelled in this one it never gets there.
    await won.promise;
    await Promise.resolve();
    task.cancel();
    await assertRejects(() => task, CancelledError);
  });
  assertEquals(log, ["winner discarded at 10"]);
});

// --- interleave

function infos(...hosts: string[]): AddrInfo[] {
  return hosts.map((hostname) => ({
    family: hostname.includes(":") ? "ipv6" as const : "ipv4" as const,
    type: "stream" as const,
    proto: 6,
    canonname: "",
    sockaddr: { hostname, port: 1 },
  }));
}

function mixed(count: number, ...hosts: string[]): string[] {
  return interleave(infos(...hosts), count).map(({ sockaddr }) => sockaddr.hostname);
}

Deno.test("interleave() alternates families, the first one's first", () => {
  const hosts = ["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"];
  assertEquals(mixed(1, ...hosts), ["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]);
  assertEquals(mixed(2, ...hosts), ["::1", "::2", "1.1.1.1", "::3", "2.2.2.2"]);
  assertEquals(mixed(9, ...hosts), ["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]);
  assertEquals(mixed(1, "1.1.1.1", "::1", "::2"), ["1.1.1.1", "::1", "::2"]);
});

Deno.test("interleave() of 0, and of one family, changes nothing", () => {
  const hosts = ["::1", "::2", "1.1.1.1"];
  assertEquals(mixed(0, ...hosts), hosts);
  assertEquals(mixed(1, "1.1.1.1", "2.2.2.2"), ["1.1.1.1", "2.2.2.2"]);
  assertEquals(mixed(1), []);
});
