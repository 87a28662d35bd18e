import { assert, assertEquals } from "../support/assert.ts";
import { ROOT, runDeno, startDeno } from "../support/process.ts";

const example = new URL("examples/supervisor.ts", ROOT);
const flags = ["--allow-run"];

Deno.test("supervisor.ts prefixes output, stdout and stderr in order, and ends when all have ended well", async () => {
  const { code, stdout, stderr } = await runDeno(example, {
    flags,
    args: ["one=echo 1; echo 2 >&2; echo 3", "two=printf unfinished"],
  });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const lines = stdout.trim().split("\n");
  assertEquals(lines.filter((line) => line.startsWith("one")), [
    "one | 1",
    "one | 2",
    "one | 3",
    "one: ended with 0",
  ]);
  assertEquals(lines.filter((line) => line.startsWith("two")), [
    "two | unfinished",
    "two: ended with 0",
  ]);
});

Deno.test("supervisor.ts starts again what fails, later each time", async () => {
  await using supervisor = await startDeno(example, {
    flags,
    args: ["--backoff=1", "flaky=exit 3"],
  });
  for (const backoffMs of [1, 2, 4, 8, 16]) {
    assertEquals(await supervisor.readLine(), "flaky: ended with 3");
    assertEquals(await supervisor.readLine(), `flaky: starting again in ${backoffMs} ms`);
  }
  supervisor.kill("SIGINT");
  const { code, stdout } = await supervisor.wait();
  assertEquals([code, stdout.trim().split("\n").at(-1)], [0, "all stopped"]);
});

Deno.test("supervisor.ts stops all in order on SIGTERM, and kills what does not stop", async () => {
  await using supervisor = await startDeno(example, {
    flags,
    args: [
      "--grace=300",
      "first=trap 'echo bye; exit 0' TERM; echo up $$; while :; do sleep 0.01; done",
      "stubborn=trap '' TERM; echo up $$; while :; do sleep 0.01; done",
      "last=sleep 1000 & echo up $!; wait",
      "failing=exit 1",
    ],
  });
  const pids: number[] = [];
  while (pids.length < 3) {
    const line = await supervisor.readLine();
    assert(line !== null);
    const pid = /\| up (\d+)$/.exec(line)?.[1];
    if (pid !== undefined) pids.push(Number(pid));
  }
  supervisor.kill("SIGTERM");
  const { code, stdout, stderr } = await supervisor.wait();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  // A shell tells of a `sleep` that the signal ended as well.
  const lines = stdout.trim().split("\n").filter((line) => !/^failing|Terminated$/.test(line));
  assertEquals(lines.slice(lines.indexOf("SIGTERM: stopping")), [
    "SIGTERM: stopping",
    "last: stopping",
    "last: ended with -15",
    "stubborn: stopping",
    "stubborn: does not stop, is killed",
    "stubborn: ended with -9",
    "first: stopping",
    "first | bye",
    "first: ended with 0",
    "all stopped",
  ]);
  for (const pid of pids) {
    // Zombies of a container without an init do not count.
    const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone Z");
    assert(/\) Z |gone/.test(state), `${pid} still runs: ${state}`);
  }
});

Deno.test("supervisor.ts ends when a command cannot be started at all", async () => {
  const { code, stderr } = await runDeno(example, { args: ["one=true"] });
  assertEquals(code, 1);
  assert(stderr.includes('Cannot run "/bin/sh"'), stderr);
});
