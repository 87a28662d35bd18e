import { newEventLoop } from "../../policy/mod.ts";
import type { SubprocessTransport } from "../../types.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { nextMacrotask, until } from "../support/poll.ts";
import {
  assertGrammar,
  holdings,
  inLoop,
  isRunning,
  leavesNothing,
  startShell,
  statOf,
} from "../subprocess/support.ts";

for (
  const [command, returncode] of [
    ["exit 0", 0],
    ["exit 1", 1],
    ["exit 143", 143],
    ["exit 255", 255],
    ["kill -HUP $$", -1],
    ["kill -KILL $$", -9],
    ["kill -SEGV $$", -11],
    ["kill -TERM $$", -15],
    // Real-time signals, for which Deno has no names.
    ["kill -34 $$", -34],
    ["kill -64 $$", -64],
  ] as const
) {
  Deno.test({
    name: `SubprocessTransport.getReturncode() is ${returncode} after ${command}`,
    // Deno loses track of a child that was killed by a signal it cannot name.
    sanitizeResources: returncode > -34,
    fn: () =>
      leavesNothing(() =>
        inLoop(async (loop) => {
          const child = await startShell(loop, command);
          await child.lost;
          assertEquals(child.transport.getReturncode(), returncode);
          assertEquals(await child.exited, returncode);
        })
      ),
  });
}

Deno.test({
  name: "SubprocessTransport tells of an end that came before connectionMade",
  sanitizeResources: false,
  fn: async () => {
    const loop = newEventLoop();
    // The loop does not run yet. Deno's own promise rejects, as it has no name for the signal.
    const starting = startShell(loop, "kill -34 $$");
    await until(() => holdings().children === 0);
    const child = await loop.runUntilComplete(starting);
    assertEquals(await loop.runUntilComplete(child.exited), -34);
    await loop.runUntilComplete(child.lost);
    assertGrammar(child.events, [0, 1, 2]);
    loop.close();
  },
});

Deno.test("sendSignal(), terminate() and kill() reach a running process", async () => {
  await inLoop(async (loop) => {
    const signalled: [(transport: SubprocessTransport) => void, number][] = [
      [(transport) => transport.terminate(), -15],
      [(transport) => transport.kill(), -9],
      [(transport) => transport.sendSignal("SIGUSR2"), -12],
    ];
    for (const [send, returncode] of signalled) {
      const child = await startShell(loop, "exec sleep 1000");
      send(child.transport);
      assertEquals(await child.exited, returncode);
      await child.lost;
    }
    const polite = await startShell(
      loop,
      "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done",
    );
    await until(() => polite.output[1] === "ready\n");
    polite.transport.terminate();
    assertEquals(await polite.exited, 7);
    await polite.lost;
  });
});

Deno.test("sendSignal() to a process that has just ended has no effect, and is refused once that is known", async () => {
  const loop = newEventLoop();
  const child = await loop.runUntilComplete(() => startShell(loop, "exec sleep 1000"));
  const { transport } = child;
  transport.kill();
  // A zombie: Deno has not had a turn to hear of it.
  const deadline = performance.now() + 10_000;
  while (statOf(transport.getPid())?.state !== "Z") assert(performance.now() < deadline);
  transport.kill();
  // Now it has; our loop stands still and has not.
  await transport.getExtraInfo("subprocess")?.status;
  await nextMacrotask();
  transport.kill();
  transport.sendSignal("SIGHUP");
  assertEquals(transport.getReturncode(), null);
  assertEquals(await loop.runUntilComplete(child.exited), -9);
  for (const send of [() => transport.kill(), () => transport.terminate()]) {
    assertThrows(send, Deno.errors.NotFound, "it has ended");
  }
  assertThrows(() => transport.sendSignal("SIGHUP"), Deno.errors.NotFound, "SIGHUP");
  await loop.runUntilComplete(child.lost);
  loop.close();
});

Deno.test("sendSignal() refuses unknown names, and a group that is not the child's own", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(loop, "exec sleep 1000");
    const { transport } = child;
    for (const name of ["SIGFOO", "TERM", ""]) {
      assertThrows(() => transport.sendSignal(name as Deno.Signal), RangeError, "no such signal");
    }
    assertThrows(() => transport.kill({ group: true }), RangeError, "without detached");
    assert(isRunning(transport.getPid()));
    transport.close();
    await child.lost;
  });
});

Deno.test("kill() with group ends all of a detached child's group, and is refused when nobody is left", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(loop, "sleep 1000 & echo $!; sleep 1000", { detached: true });
    await until(() => child.output[1] !== "");
    const { transport } = child;
    const { group, session } = statOf(transport.getPid())!;
    assertEquals([group, session], [transport.getPid(), transport.getPid()]);
    transport.terminate({ group: true });
    assertEquals(await child.exited, -15);
    await child.lost;
    await until(() => !isRunning(Number(child.output[1])));

    const alone = await startShell(loop, "exit", { detached: true });
    await alone.lost;
    assertThrows(() => alone.transport.kill({ group: true }), Deno.errors.NotFound, "the group of");
  });
});
