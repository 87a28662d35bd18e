import { RuntimeError } from "../../errors.ts";
import { internalsOf, resources } from "../../loop/internals.ts";
import { EventLoop } from "../../loop/mod.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { nextMacrotask } from "../support/poll.ts";
import { Bench } from "./bench.ts";

Deno.test("close() refuses while the loop runs, then is final and may be repeated", async () => {
  const loop = new EventLoop();
  loop.callSoon(() => {
    assertThrows(() => loop.close(), RuntimeError, "Cannot close a running event loop");
    loop.stop();
  });
  await loop.runForever();
  assertEquals([loop.isRunning(), loop.isClosed()], [false, false]);
  loop.close();
  loop.close();
  assertStrictEquals(loop.isClosed(), true);
});

Deno.test("a closed loop refuses everything by the name of the call", async () => {
  const loop = new EventLoop();
  loop.close();
  const nothing = () => {};
  const calls: [string, () => unknown][] = [
    ["callSoon", () => loop.callSoon(nothing)],
    ["callSoonThreadsafe", () => loop.callSoonThreadsafe(nothing)],
    ["callLater", () => loop.callLater(1, nothing)],
    ["callAt", () => loop.callAt(1, nothing)],
    ["createTask", () => loop.createTask(nothing)],
    ["runForever", () => loop.runForever()],
    ["runUntilComplete", () => loop.runUntilComplete(nothing)],
    ["runInExecutor", () => loop.runInExecutor(null, nothing)],
    ["addReader", () => loop.addReader(0, nothing)],
    ["addSignalHandler", () => loop.addSignalHandler("SIGHUP", nothing)],
    ["createServer", () => loop.createServer(() => ({}), { port: 0 })],
    ["sockRecv", () => loop.sockRecv({} as Deno.Conn, 1)],
  ];
  for (const [name, call] of calls) {
    const error = await assertRejects(async () => await call(), RuntimeError);
    assertStrictEquals(error.message, `Cannot call ${name}(): Event loop is closed`);
  }
  assertEquals([loop.removeReader(0), loop.removeWriter(0)], [false, false]);
});

Deno.test("close() drops what waits, and reports pending tasks by name", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const seen: string[] = [];
  loop.callSoon(() => void seen.push("never"));
  loop.callLater(0, () => void seen.push("never"));
  const waiting = loop.createTask(async () => await bench.sleep(10), { name: "waiter" });
  await bench.turn();
  loop.callSoon(() => void seen.push("never"));
  const unstarted = loop.createTask(() => 1, { name: "unstarted" });
  seen.length = 0;
  loop.close();
  const reports = bench.takeReports();
  assertEquals(reports.map(({ task }) => task), [waiting, unstarted]);
  assertEquals(reports.map(({ message }) => message), [
    "Task was destroyed but it is pending: <Task pending name='waiter' coro=<anonymous> waitFor=<Future>>",
    "Task was destroyed but it is pending: <Task pending name='unstarted' coro=<anonymous>>",
  ]);
  await nextMacrotask();
  assertEquals(seen, []);
});

Deno.test("close() says nothing of the task of a runUntilComplete() that was stopped", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  loop.callSoon(() => loop.stop());
  await assertRejects(
    () => loop.runUntilComplete(async () => await bench.sleep(10)),
    RuntimeError,
    "stopped before Future completed",
  );
  loop.close();
  assertEquals(bench.takeMessages(), []);
});

Deno.test("close() releases every resource, and reports the one that fails", async () => {
  await using bench = new Bench();
  const { loop } = bench;
  const released: string[] = [];
  const error = new Error("stuck");
  const held = internalsOf(loop)[resources];
  held.add({
    release: () => {
      throw error;
    },
  });
  held.add({ release: () => void released.push("second") });
  loop.createTask(() => 1, { name: "left" });
  loop.close();
  assertEquals(released, ["second"]);
  const [first, second] = bench.takeReports();
  assertStrictEquals(first?.exception, error);
  assertStringIncludes(second?.message ?? "", "name='left'");
});

Deno.test("await using closes the loop", async () => {
  let outside: EventLoop;
  {
    await using loop = new EventLoop();
    outside = loop;
    assertStrictEquals(await loop.runUntilComplete(() => 1), 1);
  }
  assertStrictEquals(outside.isClosed(), true);
});
