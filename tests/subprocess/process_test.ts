import { CancelledError, RuntimeError, TimeoutError } from "../../errors.ts";
import {
  createSubprocessExec,
  createSubprocessShell,
  DEVNULL,
  PIPE,
  Process,
  STDOUT,
} from "../../subprocess/mod.ts";
import { createTask, timeout } from "../../tasks/mod.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { runDeno } from "../support/process.ts";
import { bytes, inLoop, isRunning, leavesNothing, text } from "./support.ts";

/** A number of bytes that no pipe and no buffer holds. */
const HUGE = 16 * 1024 * 1024;

Deno.test("createSubprocessExec() gives streams for what is piped", async () => {
  await leavesNothing(() =>
    inLoop(async () => {
      const child = await createSubprocessExec("cat", [], {
        stdin: PIPE,
        stdout: PIPE,
        stderr: DEVNULL,
      });
      assertInstanceOf(child, Process);
      assert(isRunning(child.pid));
      assertEquals([child.stderr, child.returncode], [null, null]);
      assertEquals(String(child), `<Process pid=${child.pid} running>`);
      child.stdin!.write(bytes("one\ntwo\nthree"));
      await child.stdin!.drain();
      assertEquals(text(await child.stdout!.readline()), "one\n");
      child.stdin!.close();
      const rest: (string | null)[] = [];
      for await (const line of child.stdout!) rest.push(text(line));
      assertEquals(rest, ["two\n", "three"]);
      assertEquals(await child.wait(), 0);
      assertEquals([child.returncode, String(child)], [
        0,
        `<Process pid=${child.pid} returncode=0>`,
      ]);
      await child.stdin!.waitClosed();
    })
  );
});

Deno.test("createSubprocessExec() lets the child use our streams where nothing is said", async () => {
  const { stdout, stderr } = await runDeno(
    `
    import { createSubprocessShell, run } from "./mod.ts";
    await run(async () => {
      const child = await createSubprocessShell("echo out; echo err >&2");
      console.log(child.stdin, child.stdout, child.stderr, await child.wait());
    });
  `,
    { flags: ["--allow-run=/bin/sh"] },
  );
  assertEquals([stdout, stderr], ["out\nnull null null 0\n", "err\n"]);
});

Deno.test("createSubprocessShell() runs a command line, with stderr merged into stdout", async () => {
  await inLoop(async () => {
    const child = await createSubprocessShell("echo 1 | cat; echo 2 >&2; echo 3; exit 9", {
      stdout: PIPE,
      stderr: STDOUT,
    });
    assertEquals((await child.communicate()).map(text), ["1\n2\n3\n", null]);
    assertEquals(child.returncode, 9);
  });
});

Deno.test("createSubprocessExec() refuses a bad limit and a missing loop, and starts nothing", async () => {
  await assertRejects(() => createSubprocessExec("true"), RuntimeError, "no event loop is running");
  await leavesNothing(() =>
    inLoop(async () => {
      const start = () => createSubprocessExec("sleep", ["1000"], { stdout: PIPE, limit: 0 });
      await assertRejects(start, RangeError, "limit must be positive");
    })
  );
});

Deno.test("createSubprocessExec() gives its readers the limit", async () => {
  await inLoop(async () => {
    const child = await createSubprocessShell("echo 12345678; echo 9", { stdout: PIPE, limit: 4 });
    await assertRejects(() => child.stdout!.readline(), RangeError, "more than 4 bytes");
    assertEquals(text(await child.stdout!.readline()), "9\n");
    await child.wait();
  });
});

Deno.test("Process.wait() resolves at the end of the process, whoever holds its pipes", async () => {
  await leavesNothing(() =>
    inLoop(async () => {
      await using child = await createSubprocessShell("sleep 1000 & echo $!; exit 3", {
        stdout: PIPE,
      });
      const waits = await Promise.all([child.wait(), child.wait()]);
      assertEquals([...waits, await child.wait()], [3, 3, 3]);
      Deno.kill(Number(text(await child.stdout!.readline())), "SIGKILL");
    })
  );
});

Deno.test("Process.wait() that is cancelled or aborted leaves the process alone", async () => {
  await inLoop(async (loop) => {
    const child = await createSubprocessExec("sleep", ["1000"]);
    const waiting = createTask(() => child.wait());
    const controller = new AbortController();
    const aborted = createTask(() => child.wait({ signal: controller.signal }));
    const patient = createTask(() => child.wait());
    loop.callSoon(() => {
      waiting.cancel();
      controller.abort(new Error("enough"));
    });
    await assertRejects(() => waiting, CancelledError);
    await assertRejects(() => aborted, Error, "enough");
    await assertRejects(() => timeout(1, () => child.wait()), TimeoutError);
    assert(isRunning(child.pid));
    child.kill();
    assertEquals(await patient, -9);
  });
});

Deno.test("Process keeps what was written before the end for later reads", async () => {
  await inLoop(async () => {
    const child = await createSubprocessShell("echo early", { stdout: PIPE });
    await child.wait();
    assertEquals(text(await child.stdout!.read()), "early\n");
  });
});

Deno.test("Process.sendSignal(), terminate() and kill() signal it, until it has ended", async () => {
  await inLoop(async () => {
    const signalled: [(child: Process) => void, number][] = [
      [(child) => child.sendSignal("SIGINT"), -2],
      [(child) => child.terminate(), -15],
      [(child) => child.kill(), -9],
      [(child) => child.kill({ group: true }), -9],
    ];
    for (const [send, returncode] of signalled) {
      const child = await createSubprocessExec("sleep", ["1000"], { detached: true });
      send(child);
      assertEquals(await child.wait(), returncode);
      const again = () => child.sendSignal("SIGINT");
      assertThrows(again, Deno.errors.NotFound, `pid=${child.pid} returncode=${returncode}`);
    }
  });
});

Deno.test("Process is killed, and its pipes are closed, at the end of its scope", async () => {
  await leavesNothing(() =>
    inLoop(async () => {
      let child: Process;
      let grandchild: number;
      {
        // The grandchild holds all pipes, and reads nothing of what we write.
        await using scoped = await createSubprocessShell("sleep 1000 <&0 & echo $!; wait", {
          stdin: PIPE,
          stdout: PIPE,
        });
        child = scoped;
        child.stdin!.write(new Uint8Array(HUGE));
        grandchild = Number(text(await child.stdout!.readline()));
      }
      assertEquals(child.returncode, -9);
      Deno.kill(grandchild, "SIGKILL");
      {
        // The process has ended; what was written waits for its grandchild to read it.
        await using over = await createSubprocessShell("sleep 1000 <&0 & echo $!", {
          stdin: PIPE,
          stdout: PIPE,
        });
        over.stdin!.write(new Uint8Array(HUGE));
        grandchild = Number(text(await over.stdout!.readline()));
        await over.wait();
      }
      Deno.kill(grandchild, "SIGKILL");
    })
  );
});

Deno.test("Process.communicate() gives huge input and takes huge output at the same time", async () => {
  await leavesNothing(() =>
    inLoop(async () => {
      const input = new Uint8Array(HUGE).map((_, at) => at % 251);
      const child = await createSubprocessShell("tee /dev/stderr", {
        stdin: PIPE,
        stdout: PIPE,
        stderr: PIPE,
      });
      const [stdout, stderr] = await child.communicate(input);
      const same = (data: Uint8Array | null) => data?.every((byte, at) => byte === input[at]);
      assertEquals([stdout?.length, stderr?.length], [HUGE, HUGE]);
      assert(same(stdout) && same(stderr));
      assertEquals(child.returncode, 0);
    })
  );
});

Deno.test("Process.communicate() gives null for what is no pipe, and empty for what is silent", async () => {
  await inLoop(async () => {
    const silent = await createSubprocessExec("true", [], { stdin: PIPE, stdout: PIPE });
    assertEquals(await silent.communicate(), [new Uint8Array(0), null]);
    const none = await createSubprocessExec("true");
    assertEquals(await none.communicate(), [null, null]);
    const talkative = await createSubprocessExec("echo", ["once"], { stdout: PIPE });
    assertEquals((await talkative.communicate()).map(text), ["once\n", null]);
    assertEquals((await talkative.communicate()).map(text), ["", null]);
  });
});

for (
  const [command, output] of [
    ["exit 3", ""],
    ["head -c 5; exit 3", "xxxxx"],
    ["exec <&-; echo closed; exit 3", "closed\n"],
  ] as const
) {
  Deno.test(`Process.communicate() does not mind that "${command}" does not want all input`, async () => {
    await leavesNothing(() =>
      inLoop(async () => {
        const child = await createSubprocessShell(command, { stdin: PIPE, stdout: PIPE });
        const [stdout] = await child.communicate(new Uint8Array(HUGE).fill(120));
        assertEquals([text(stdout), child.returncode], [output, 3]);
      })
    );
  });
}

Deno.test("Process.communicate() that is cancelled leaves the process alone, and can be continued", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const child = await createSubprocessShell("head -c 3; echo; cat >/dev/null; echo end", {
        stdin: PIPE,
        stdout: PIPE,
        stderr: PIPE,
      });
      const input = new Uint8Array(HUGE).fill(120);
      const cancelled = createTask(() => child.communicate(input));
      loop.callSoon(() => loop.callSoon(() => cancelled.cancel()));
      await assertRejects(() => cancelled, CancelledError);
      assert(isRunning(child.pid));

      const controller = new AbortController();
      const aborted = createTask(() => child.communicate(null, { signal: controller.signal }));
      loop.callSoon(() => loop.callSoon(() => controller.abort(new Error("enough"))));
      await assertRejects(() => aborted, Error, "enough");
      assert(isRunning(child.pid));

      await assertRejects(
        () => child.communicate(input),
        RuntimeError,
        "continue it without input",
      );
      const outputs = await child.communicate();
      assertEquals(outputs.map(text), ["xxx\nend\n", ""]);
      assertEquals(child.returncode, 0);
    })
  );
});

Deno.test("Process.communicate() after a timeout and kill() gives all there was, and closes the pipes", async () => {
  await leavesNothing(() =>
    inLoop(async () => {
      const slow = await createSubprocessShell("echo so far; exec sleep 1000", {
        stdin: PIPE,
        stdout: PIPE,
      });
      // It has said what it had to say.
      await until(() => Deno.readTextFileSync(`/proc/${slow.pid}/comm`) === "sleep\n");
      await assertRejects(
        () => timeout(20, () => slow.communicate(new Uint8Array(HUGE))),
        TimeoutError,
      );
      assertEquals(slow.returncode, null);
      slow.kill();
      assertEquals((await slow.communicate()).map(text), ["so far\n", null]);
      assertEquals(slow.returncode, -9);
    })
  );
});

Deno.test("Process.communicate() refuses bad input, and changes nothing", async () => {
  await inLoop(async () => {
    const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
    await assertRejects(
      () => child.communicate("text" as unknown as Uint8Array),
      TypeError,
      "expected a Uint8Array",
    );
    assertEquals((await child.communicate(bytes("fine"))).map(text), ["fine", null]);
    const deaf = await createSubprocessExec("true");
    await assertRejects(() => deaf.communicate(bytes("x")), RangeError, "stdin is no pipe");
    await deaf.wait();
  });
});

Deno.test("Process.stdin.drain() waits for a child that does not read, and fails when it ends", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const child = await createSubprocessExec("sleep", ["1000"], { stdin: PIPE });
      child.stdin!.write(new Uint8Array(HUGE));
      const draining = createTask(() => child.stdin!.drain());
      await assertRejects(() => timeout(10, () => child.stdin!.drain()), TimeoutError);
      assert(!draining.done());
      child.kill();
      await assertRejects(() => draining, Deno.errors.BrokenPipe);
      await until(() => child.returncode !== null);
      await assertRejects(() => child.stdin!.drain(), Deno.errors.ConnectionReset);
      await assertRejects(() => child.stdin!.waitClosed(), Deno.errors.BrokenPipe);
      assert(loop.isRunning());
    })
  );
});
