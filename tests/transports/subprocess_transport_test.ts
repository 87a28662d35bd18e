import { AsyncLocalStorage } from "node:async_hooks";
import { CancelledError } from "../../errors.ts";
import type { EventLoop } from "../../loop/mod.ts";
import { internalsOf } from "../../loop/internals.ts";
import { newEventLoop } from "../../policy/mod.ts";
import { createTask } from "../../tasks/mod.ts";
import { ChildTransport } from "../../transports/subprocess_transport.ts";
import type { ReadTransport, SubprocessTransport, WriteTransport } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { until } from "../support/poll.ts";
import {
  assertGrammar,
  bytes,
  ChildRecorder,
  holdings,
  inLoop,
  isRunning,
  leavesNothing,
  startShell,
} from "../subprocess/support.ts";

/** Resolves after an iteration of the loop. */
async function iteration(loop: EventLoop): Promise<void> {
  const next = loop.createFuture<void>();
  loop.callSoon(() => next.setResult());
  await next;
}

function stdinOf(transport: SubprocessTransport): WriteTransport {
  return transport.getPipeTransport(0) as WriteTransport;
}

function stdoutOf(transport: SubprocessTransport): ReadTransport {
  return transport.getPipeTransport(1) as ReadTransport;
}

Deno.test("subprocessExec() calls connectionMade before it resolves, then passes on the pipes and the end", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const [transport, child] = await loop.subprocessExec(
        () => new ChildRecorder(loop),
        "sh",
        ["-c", "cat; echo error >&2; exit $1", "name", "3"],
      );
      assertEquals(child.events, ["made"]);
      assertStrictEquals(child.transport, transport);
      stdinOf(transport).write(bytes("input"));
      stdinOf(transport).writeEof();
      assertEquals(await child.lost, null);
      assertGrammar(child.events, [0, 1, 2]);
      assertEquals(child.output, { 1: "input", 2: "error\n" });
      assertEquals(transport.getReturncode(), 3);
      assertEquals([transport.isClosing(), transport.getProtocol()], [true, null]);
    })
  );
});

Deno.test("SubprocessTransport tells of the child and its pipes", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(loop, "echo $$; cat", { stderr: "null" });
    const { transport } = child;
    assert(isRunning(transport.getPid()));
    assertEquals(transport.getReturncode(), null);
    assertEquals(
      [transport.getPipeTransport(2), transport.getPipeTransport(3)],
      [null, null],
    );
    assertEquals(transport.getExtraInfo("subprocess")?.pid, transport.getPid());
    assertEquals(transport.getExtraInfo("peername", "none"), "none");
    assertStrictEquals(transport.getProtocol(), child);
    assertEquals(String(transport), `<SubprocessTransport pid=${transport.getPid()} running>`);
    stdinOf(transport).close();
    await child.lost;
    assertEquals(child.output[1], `${transport.getPid()}\n`);
    assertGrammar(child.events, [0, 1]);
  });
});

Deno.test("SubprocessTransport delivers nothing that connectionMade pauses, until it is resumed", async () => {
  await inLoop(async (loop) => {
    class Paused extends ChildRecorder {
      override connectionMade(transport: SubprocessTransport): void {
        super.connectionMade(transport);
        stdoutOf(transport).pauseReading();
      }
    }
    const [transport, child] = await loop.subprocessShell(() => new Paused(loop), "echo output");
    await child.exited;
    // stdin goes with the process, stderr ends with it; stdout is there, unread.
    await until(() => child.events.includes("end 2") && child.events.includes("end 0"));
    assertEquals(child.output[1], "");
    assert(!child.lost.done());
    stdoutOf(transport).resumeReading();
    await child.lost;
    assertEquals(child.output[1], "output\n");
    assertGrammar(child.events, [0, 1, 2]);
  });
});

Deno.test("SubprocessTransport keeps the writer of stdin within its water marks", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(loop, "exec cat");
    const { transport } = child;
    stdoutOf(transport).pauseReading();
    stdinOf(transport).write(new Uint8Array(1 << 20));
    assertEquals(child.events, ["made", "pause"]);
    stdoutOf(transport).resumeReading();
    await until(() => child.events.includes("resume"));
    stdinOf(transport).writeEof();
    await child.lost;
    assertEquals(child.output[1]?.length, 1 << 20);
    assertEquals(child.events.filter((event) => /pause|resume/.test(event)), ["pause", "resume"]);
  });
});

Deno.test("SubprocessTransport tells of a child that closes its stdin by a broken pipe, once", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(loop, "exec <&-; echo closed; exec sleep 1000");
    await until(() => child.output[1] === "closed\n");
    const stdin = stdinOf(child.transport);
    stdin.write(bytes("nobody reads this"));
    await until(() => child.events.includes("end 0 BrokenPipe"));
    stdin.write(bytes("nor this"));
    child.transport.close();
    await child.lost;
    assertGrammar(child.events, [0, 1, 2]);
  });
});

Deno.test("SubprocessTransport does not wait for a grandchild to tell of the exit, only for connectionLost", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(loop, "sleep 1000 & echo $!", { detached: true });
    assertEquals(await child.exited, 0);
    await until(() => child.output[1] !== "");
    const grandchild = Number(child.output[1]);
    assert(isRunning(grandchild));
    assert(!child.events.includes("end 1") && !child.lost.done());
    // The group outlives its leader.
    child.transport.kill({ group: true });
    await child.lost;
    assertGrammar(child.events, [0, 1, 2]);
    await until(() => !isRunning(grandchild));
  });
});

Deno.test("SubprocessTransport.close() lets go of pipes that a grandchild holds", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const child = await startShell(loop, "sleep 1000 & echo $!");
      await child.exited;
      await until(() => child.output[1] !== "");
      child.transport.close();
      await child.lost;
      assertGrammar(child.events, [0, 1, 2]);
      Deno.kill(Number(child.output[1]), "SIGKILL");
    })
  );
});

Deno.test("close() kills a running child and tells everything, once", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const child = await startShell(loop, "exec sleep 1000");
      const { transport } = child;
      // More than the pipe holds: a write that is under way must not hold it up.
      stdinOf(transport).write(new Uint8Array(1 << 20));
      transport.close();
      transport.close();
      assert(transport.isClosing());
      assertEquals(child.events, ["made", "pause"]);
      assertEquals(await child.lost, null);
      assertEquals(transport.getReturncode(), -9);
      assertGrammar(child.events.filter((event) => event !== "pause"), [0, 1, 2]);
    })
  );
});

Deno.test("close() reports a child that may not be killed, and goes on when it ends", async () => {
  await inLoop(async (loop, reports) => {
    const ending = Promise.withResolvers<{ returncode: number }>();
    const child = new ChildRecorder(loop);
    const transport = new ChildTransport({
      loop: internalsOf(loop),
      started: {
        child: {
          pid: 7,
          kill: () => {
            throw new Deno.errors.PermissionDenied("EPERM: Operation not permitted");
          },
        } as unknown as Deno.ChildProcess,
        ending: ending.promise,
      },
      piped: [],
      detached: false,
      protocol: child,
    });
    const opened = loop.createFuture<void>();
    transport.open(() => opened.setResult());
    await opened;
    transport.close();
    assertEquals(reports, ["Cannot kill <SubprocessTransport pid=7 running>"]);
    assertThrows(() => transport.kill(), Deno.errors.PermissionDenied, 'Cannot send "SIGKILL"');
    ending.resolve({ returncode: 0 });
    await child.lost;
    assertEquals(child.events, ["made", "exited", "lost"]);
  }, { reports: true });
});

Deno.test("SubprocessTransport reports an end that the platform cannot tell, as 255", async () => {
  await inLoop(async (loop, reports) => {
    const error = new Error("no such child");
    const protocol = new ChildRecorder(loop);
    const transport = new ChildTransport({
      loop: internalsOf(loop),
      started: { child: { pid: 7 } as Deno.ChildProcess, ending: Promise.resolve({ error }) },
      piped: [],
      detached: false,
      protocol,
    });
    transport.open(() => {});
    await protocol.lost;
    assertEquals(await protocol.exited, 255);
    assertEquals(reports, ["Cannot learn how <SubprocessTransport pid=7 running> ended"]);
  }, { reports: true });
});

Deno.test("close() does not wait for a grandchild to read what was written to stdin", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const child = await startShell(loop, "sleep 1000 <&0 & echo $!; wait");
      await until(() => child.output[1] !== "");
      stdinOf(child.transport).write(new Uint8Array(1 << 20));
      child.transport.close();
      assertEquals(await child.lost, null);
      Deno.kill(Number(child.output[1]), "SIGKILL");
    })
  );
});

Deno.test("closing the loop kills what it has started, and closes the pipes", async () => {
  await leavesNothing(async () => {
    const loop = newEventLoop();
    const child = await loop.runUntilComplete(() => startShell(loop, "exec sleep 1000"));
    stdinOf(child.transport).write(new Uint8Array(1 << 20));
    loop.close();
    await until(() => !isRunning(child.transport.getPid()));
    assertEquals(child.events, ["made", "pause"]);
  });
});

for (const stderr of ["piped", "stdout"] as const) {
  Deno.test(`subprocessExec() with stderr ${stderr} kills what it started when it is cancelled or aborted`, async () => {
    await leavesNothing(() =>
      inLoop(async (loop) => {
        const start = (signal: AbortSignal, made = () => {}) =>
          createTask(() =>
            loop.subprocessExec(() => ({ connectionMade: made }), "sleep", ["1000"], {
              stderr,
              signal,
            })
          );
        const controller = new AbortController();
        const cancelled = start(controller.signal);
        // The child runs; for stdout it is still the shell.
        await iteration(loop);
        cancelled.cancel();
        await assertRejects(() => cancelled, CancelledError);
        // Not only killed: gone.
        assertEquals(holdings().children, 0);

        const aborted = start(controller.signal, () => controller.abort(new Error("enough")));
        await assertRejects(() => aborted, Error, "enough");
        assertEquals(holdings().children, 0);
        await assertRejects(() => start(controller.signal), Error, "enough");
        const late = new AbortController();
        const abortingFactory = () => {
          late.abort(new Error("at the last moment"));
          return {};
        };
        await assertRejects(
          () =>
            loop.subprocessExec(abortingFactory, "sleep", ["1000"], {
              stderr,
              signal: late.signal,
            }),
          Error,
          "at the last moment",
        );
        assertEquals(holdings().children, 0);
      })
    );
  });
}

Deno.test("subprocessExec() with stderr stdout leaves nothing when the loop closes while it starts", async () => {
  await leavesNothing(async () => {
    const loop = newEventLoop();
    const reports: string[] = [];
    loop.setExceptionHandler((_loop, { message }) => void reports.push(message));
    await loop.runUntilComplete(async () => {
      createTask(() => startShell(loop, "exec sleep 1000", { stderr: "stdout" }), {
        name: "start",
      });
      await iteration(loop);
    });
    loop.close();
    assertEquals(reports.length, 1);
    assert(reports[0]?.includes("Task was destroyed but it is pending"));
  });
});

Deno.test("subprocessExec() starts nothing when the factory fails", async () => {
  await leavesNothing(() =>
    inLoop(async (loop) => {
      const failing = () => {
        throw new Error("no protocol");
      };
      await assertRejects(
        () => loop.subprocessExec(failing, "sleep", ["1000"]),
        Error,
        "no protocol",
      );
      const empty = (() => null) as unknown as () => ChildRecorder;
      await assertRejects(
        () => loop.subprocessExec(empty, "sleep", ["1000"]),
        TypeError,
        "protocol",
      );
      const none = undefined as unknown as () => ChildRecorder;
      await assertRejects(
        () => loop.subprocessExec(none, "sleep", ["1000"]),
        TypeError,
        "function",
      );
    })
  );
});

Deno.test("SubprocessTransport calls its protocol in the context of who started the child", async () => {
  const store = new AsyncLocalStorage<string>();
  await inLoop(async (loop) => {
    const seen = new Map<string, unknown>();
    const lost = loop.createFuture<void>();
    const note = (name: string) => void seen.set(name, store.getStore());
    const protocol = {
      connectionMade: (transport: SubprocessTransport) => {
        note("connectionMade");
        // What it enters here is in force in all that follows.
        store.enterWith("made");
        stdinOf(transport).setWriteBufferLimits({ high: 0 });
      },
      pauseWriting: () => note("pauseWriting"),
      resumeWriting: () => note("resumeWriting"),
      pipeDataReceived: () => note("pipeDataReceived"),
      pipeConnectionLost: () => note("pipeConnectionLost"),
      processExited: () => note("processExited"),
      connectionLost: () => {
        note("connectionLost");
        lost.setResult();
      },
    };
    const [transport] = await store.run(
      "mine",
      () => loop.subprocessExec(() => protocol, "cat"),
    );
    stdinOf(transport).write(bytes("data"));
    await until(() => seen.has("resumeWriting"));
    stdinOf(transport).writeEof();
    await lost;
    assertEquals(seen.get("connectionMade"), "mine");
    seen.delete("connectionMade");
    assertEquals(seen.size, 6);
    assertEquals([...new Set(seen.values())], ["made"]);
  });
});

Deno.test("SubprocessTransport reports callbacks that throw, and goes on", async () => {
  await inLoop(async (loop, reports) => {
    class Failing extends ChildRecorder {
      override connectionMade(transport: SubprocessTransport): void {
        super.connectionMade(transport);
        throw new Error("made");
      }
      override pipeDataReceived(fd: number, data: Uint8Array): void {
        super.pipeDataReceived(fd, data);
        throw new Error("data");
      }
      override pipeConnectionLost(fd: number, error: Error | null): void {
        super.pipeConnectionLost(fd, error);
        throw new Error("end");
      }
      override processExited(): void {
        super.processExited();
        throw new Error("exited");
      }
    }
    const [, child] = await loop.subprocessShell(() => new Failing(loop), "echo 1", {
      stdin: "null",
      stderr: "null",
    });
    await child.lost;
    assertGrammar(child.events, [1]);
    assertEquals(reports.toSorted(), [
      "protocol.connectionMade() failed",
      "protocol.pipeConnectionLost() failed",
      "protocol.pipeDataReceived() failed",
      "protocol.processExited() failed",
    ]);
  }, { reports: true });
});

Deno.test("SubprocessTransport.setProtocol() makes another protocol hear the rest", async () => {
  await inLoop(async (loop) => {
    const first = await startShell(loop, "read line; echo $line");
    const second = new ChildRecorder(loop);
    second.transport = first.transport;
    first.transport.setProtocol(second);
    stdinOf(first.transport).write(bytes("for the second\n"));
    await second.lost;
    assertEquals(first.events, ["made"]);
    assertEquals(second.output[1], "for the second\n");
  });
});
