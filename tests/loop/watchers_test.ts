import { RuntimeError } from "../../errors.ts";
import { EventLoop } from "../../loop/mod.ts";
import type { FdWatcher } from "../../types.ts";
import { assertEquals, assertStrictEquals, assertThrows } from "../support/assert.ts";
import { Bench } from "./bench.ts";

/** What was asked of the I/O, and ways to make it call back. */
class FakeIo {
  readonly log: string[] = [];
  readonly ready = new Map<string, () => void>();
  readonly signals = new Map<string, () => void>();
  readonly fds: FdWatcher = {
    addReader: (_loop, fd, ready) => this.#add(`reader ${fd}`, ready),
    addWriter: (_loop, fd, ready) => this.#add(`writer ${fd}`, ready),
    removeReader: (_loop, fd) => this.#remove(`reader ${fd}`),
    removeWriter: (_loop, fd) => this.#remove(`writer ${fd}`),
    suspend: () => Promise.resolve(),
    resume: () => {},
    closeLoop: () => Promise.resolve(),
  };

  watchSignal(signal: Deno.Signal, deliver: () => void): () => void {
    if (!signal.startsWith("SIG")) throw new TypeError(`Invalid signal: ${signal}`);
    this.log.push(`watch ${signal}`);
    this.signals.set(signal, deliver);
    return () => void this.log.push(`unwatch ${signal}`);
  }

  #add(what: string, ready: () => void): void {
    if (what.endsWith(" 99")) throw new Deno.errors.BadResource("no such fd");
    this.log.push(`add ${what}`);
    this.ready.set(what, ready);
  }

  #remove(what: string): boolean {
    this.log.push(`remove ${what}`);
    return this.ready.delete(what);
  }
}

function benchWithIo(): { bench: Bench; io: FakeIo; loop: EventLoop } {
  const io = new FakeIo();
  const bench = new Bench((clock) => new EventLoop({ clock, io }));
  return { bench, io, loop: bench.loop };
}

Deno.test("addReader() and addWriter() call back with the arguments, as often as it is ready", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const seen: unknown[] = [];
  loop.addReader(5, (...args: unknown[]) => void seen.push(["read", ...args]), 1, "two");
  loop.addWriter({ fileno: () => 6 }, () => void seen.push(["write"]));
  for (const what of ["reader 5", "writer 6", "reader 5"]) {
    io.ready.get(what)?.();
    await bench.turn();
  }
  assertEquals(seen, [["read", 1, "two"], ["write"], ["read", 1, "two"]]);
  assertEquals(io.log, ["add reader 5", "add writer 6"]);
});

Deno.test("addReader() again replaces the callback, also one that is due", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const seen: string[] = [];
  loop.addReader(5, () => void seen.push("first"));
  io.ready.get("reader 5")?.();
  loop.addReader(5, () => void seen.push("second"));
  io.ready.get("reader 5")?.();
  await bench.turn();
  assertEquals(seen, ["second"]);
});

Deno.test("removeReader() says whether there was one, and recalls what is due", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const seen: string[] = [];
  loop.addReader(5, () => void seen.push("never"));
  loop.addWriter(5, () => void seen.push("writer"));
  io.ready.get("reader 5")?.();
  io.ready.get("writer 5")?.();
  assertEquals([loop.removeReader(5), loop.removeReader(5), loop.removeWriter(6)], [
    true,
    false,
    false,
  ]);
  await bench.turn();
  assertEquals(seen, ["writer"]);
});

Deno.test("addReader() and addWriter() refuse bad input before they change anything", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const seen: string[] = [];
  const nothing = () => {};
  loop.addReader(5, () => void seen.push("still there"));
  for (const fd of ["5", undefined, null, {}, 1.5, NaN, { fileno: () => "5" }]) {
    assertThrows(
      () => loop.addReader(fd as number, nothing),
      TypeError,
      "Cannot call addReader(): expected a file descriptor",
    );
  }
  assertThrows(() => loop.addWriter(-1, nothing), RangeError, "addWriter(): invalid");
  assertThrows(
    () => loop.addReader(5, undefined as unknown as () => void),
    TypeError,
    "Cannot call addReader(): expected a function as callback, got undefined",
  );
  assertThrows(() => loop.addReader(99, nothing), Deno.errors.BadResource);
  assertEquals(io.log, ["add reader 5"]);
  io.ready.get("reader 5")?.();
  await bench.turn();
  assertEquals(seen, ["still there"]);
});

Deno.test("a loop without I/O names the call that it does not offer", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const nothing = () => {};
  const calls: [string, () => unknown][] = [
    ["addReader", () => loop.addReader(0, nothing)],
    ["removeReader", () => loop.removeReader(0)],
    ["addWriter", () => loop.addWriter(0, nothing)],
    ["removeWriter", () => loop.removeWriter(0)],
    ["addSignalHandler", () => loop.addSignalHandler("SIGHUP", nothing)],
  ];
  for (const [name, call] of calls) {
    const error = assertThrows(call, Deno.errors.NotSupported);
    assertEquals(
      error.message,
      `Cannot call ${name}(): the I/O of this event loop does not offer it`,
    );
  }
});

Deno.test("addSignalHandler() calls back in the loop, and replaces the one before", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const seen: unknown[] = [];
  loop.addSignalHandler("SIGHUP", () => void seen.push("first"));
  const first = io.signals.get("SIGHUP");
  loop.addSignalHandler("SIGHUP", (...args: unknown[]) => void seen.push(args), "second", 2);
  first?.();
  io.signals.get("SIGHUP")?.();
  assertEquals(seen, []);
  await bench.turn();
  assertEquals(seen, [["second", 2]]);
  assertEquals(io.log, ["watch SIGHUP", "watch SIGHUP", "unwatch SIGHUP"]);
  assertEquals([loop.removeSignalHandler("SIGHUP"), loop.removeSignalHandler("SIGHUP")], [
    true,
    false,
  ]);
});

Deno.test("addSignalHandler() wakes a loop that sleeps", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  loop.addSignalHandler("SIGTERM", () => loop.stop());
  const run = loop.runForever();
  setTimeout(() => io.signals.get("SIGTERM")?.(), 0);
  await run;
});

Deno.test("addSignalHandler() refuses signals that do not exist or cannot be caught", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const nothing = () => {};
  for (const signal of ["SIGKILL", "SIGSTOP", "SIGSEGV", "SIGILL", "SIGFPE"] as const) {
    assertThrows(() => loop.addSignalHandler(signal, nothing), RuntimeError, signal);
  }
  const error = assertThrows(
    () => loop.addSignalHandler("nonsense" as Deno.Signal, nothing),
    RangeError,
    `Cannot add a handler for "nonsense"`,
  );
  assertStrictEquals((error.cause as Error).name, "TypeError");
  assertThrows(
    () => loop.addSignalHandler("SIGHUP", 1 as unknown as () => void),
    TypeError,
    "expected a function as callback, got number",
  );
  assertEquals(io.log, []);
});

Deno.test("close() stops watching signals and file descriptors", async () => {
  const { bench, io, loop } = benchWithIo();
  await using _bench = bench;
  const seen: string[] = [];
  loop.addSignalHandler("SIGHUP", () => void seen.push("never"));
  loop.addReader(5, () => void seen.push("never"));
  loop.close();
  io.ready.get("reader 5")?.();
  io.signals.get("SIGHUP")?.();
  assertEquals([seen, io.log], [[], ["watch SIGHUP", "add reader 5", "unwatch SIGHUP"]]);
});
