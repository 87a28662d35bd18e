import { closeSync, openSync, writeSync } from "node:fs";
import type { EventLoop } from "../../loop/mod.ts";
import type { SubprocessOptions } from "../../types.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { runDeno } from "../support/process.ts";
import { ChildRecorder, inLoop, leavesNothing, startShell, statOf } from "../subprocess/support.ts";

const AS_ROOT = Deno.uid() === 0;
const NOBODY = 65534;

type Refusal = Parameters<typeof assertRejects>[1];

/** Runs a test with a directory of its own, which holds a file that is not executable. */
function withFolder(main: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/data`, "no program\n", { mode: 0o644 });
      await Deno.writeTextFile(`${folder}/program`, '#!/bin/sh\necho "ran $*"\n');
      await Deno.chmod(`${folder}/program`, 0o755);
      await main(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

/** Runs a program to the end of its pipes. */
async function runProgram(
  loop: EventLoop,
  program: string,
  args: readonly string[] = [],
  options: SubprocessOptions = {},
): Promise<ChildRecorder> {
  const [, child] = await loop.subprocessExec(() => new ChildRecorder(loop), program, args, {
    stdin: "null",
    ...options,
  });
  await child.lost;
  return child;
}

async function outputOf(
  loop: EventLoop,
  command: string,
  options: SubprocessOptions = {},
): Promise<string> {
  const child = await startShell(loop, command, { stdin: "null", ...options });
  await child.lost;
  assertEquals([child.output[2], child.transport.getReturncode()], ["", 0]);
  return child.output[1] as string;
}

for (const stderr of ["piped", "stdout"] as const) {
  Deno.test(
    `subprocessExec() with stderr ${stderr} names the program and the directory when it cannot start`,
    withFolder(async (folder) => {
      const { NotFound, NotADirectory, PermissionDenied } = Deno.errors;
      const failures: [string, SubprocessOptions, Refusal, string][] = [
        ["no-such-program", {}, NotFound, 'Cannot run "no-such-program":'],
        ["/no/such/program", {}, NotFound, 'Cannot run "/no/such/program":'],
        ["./missing", { cwd: folder }, NotFound, `Cannot run "./missing" in "${folder}":`],
        ["./data", { cwd: folder }, PermissionDenied, `Cannot run "./data" in "${folder}":`],
        [folder, {}, PermissionDenied, `Cannot run "${folder}":`],
        ["true", { cwd: `${folder}/none` }, NotFound, `Cannot run "true" in "${folder}/none"`],
        ["true", { cwd: `${folder}/data` }, NotADirectory, `in "${folder}/data"`],
        ["program", { env: { PATH: "/" } }, NotFound, 'Cannot run "program":'],
      ];
      await leavesNothing(() =>
        inLoop(async (loop) => {
          for (const [program, options, kind, message] of failures) {
            const start = () => runProgram(loop, program, [], { ...options, stderr });
            await assertRejects(start, kind as typeof NotFound, message);
          }
        })
      );
    }),
  );

  Deno.test(
    `subprocessExec() with stderr ${stderr} finds programs by path, by PATH, and from cwd`,
    withFolder(async (folder) => {
      await inLoop(async (loop) => {
        const starts: [string, SubprocessOptions][] = [
          [`${folder}/program`, {}],
          ["./program", { cwd: folder }],
          ["./program", { cwd: new URL(`file://${folder}/`) }],
          ["program", { env: { PATH: `/nowhere:${folder}` } }],
        ];
        for (const [program, options] of starts) {
          const args = ["a b", "$HOME", "", "-n", "*"];
          const child = await runProgram(loop, program, args, { ...options, stderr });
          assertEquals(child.output[1], `ran ${args.join(" ")}\n`);
        }
      });
    }),
  );

  Deno.test(`subprocessExec() with stderr ${stderr} gives the child its pid, env and cwd`, async () => {
    await inLoop(async (loop) => {
      const child = await runProgram(loop, "sh", ["-c", "echo $$"], { stderr });
      assertEquals(child.output[1], `${child.transport.getPid()}\n`);
      const bare = { clearEnv: true, env: { ONE: "1", TWO: "a=b c" }, stderr };
      const environment = await runProgram(loop, "/usr/bin/env", [], bare);
      assertEquals(environment.output[1]?.trim().split("\n").toSorted(), ["ONE=1", "TWO=a=b c"]);
      const added = await runProgram(loop, "/usr/bin/env", [], { env: { ONE: "1" }, stderr });
      const lines = added.output[1]?.split("\n");
      assert(lines?.includes("ONE=1") && lines.includes(`PATH=${Deno.env.get("PATH")}`));
      assertEquals((await runProgram(loop, "pwd", [], { cwd: "/", stderr })).output[1], "/\n");
    });
  });
}

Deno.test("subprocessExec() merges stderr into stdout in the order of the writes", async () => {
  await inLoop(async (loop) => {
    const child = await startShell(
      loop,
      "i=0; while [ $i -lt 200 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done; exit 4",
      { stderr: "stdout" },
    );
    await child.lost;
    const expected = Array.from({ length: 200 }, (_, i) => `out${i}\nerr${i}\n`).join("");
    assertEquals(child.output, { 1: expected, 2: "" });
    assertEquals(child.transport.getReturncode(), 4);
    assertEquals(child.transport.getPipeTransport(2), null);
    assertEquals(child.events.filter((event) => event.startsWith("end 2")), []);
  });
});

Deno.test(
  "subprocessExec() gives the child file descriptors, and leaves them open",
  withFolder(async (folder) => {
    const input = openSync(`${folder}/data`, "r");
    const output = openSync(`${folder}/log`, "w");
    try {
      await inLoop(async (loop) => {
        const given = { stdin: input, stdout: output, stderr: output };
        const child = await startShell(loop, "cat; echo error >&2", given);
        await child.lost;
        assertEquals(child.events, ["made", "exited", "lost"]);
        const merged = await startShell(loop, "echo one; echo two >&2", {
          stdout: output,
          stderr: "stdout",
        });
        await merged.lost;
        writeSync(output, "ours\n");
        const file = { fileno: () => output };
        const both = await startShell(loop, "echo err >&2; echo out", { stderr: file });
        await both.lost;
        assertEquals(both.output[1], "out\n");
      });
    } finally {
      closeSync(input);
      closeSync(output);
    }
    assertEquals(
      await Deno.readTextFile(`${folder}/log`),
      "no program\nerror\none\ntwo\nours\nerr\n",
    );
  }),
);

Deno.test("subprocessExec() gives the child our standard streams, or none", async () => {
  const { stdout, stderr } = await runDeno(
    `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    async function say(options) {
      const lost = loop.createFuture();
      const protocol = { connectionLost: () => lost.setResult() };
      await loop.subprocessShell(() => protocol, "echo out; echo err >&2", options);
      await lost;
    }
    await loop.runUntilComplete(async () => {
      await say({ stdout: "inherit", stderr: "inherit" });
      await say({ stdout: "null", stderr: "null" });
      await say({ stdout: "null", stderr: "stdout" });
      await say({ stdout: "inherit", stderr: "stdout" });
    });
  `,
    { flags: ["--allow-run=/bin/sh"] },
  );
  assertEquals({ stdout, stderr }, { stdout: "out\nout\nerr\n", stderr: "err\n" });
});

Deno.test("subprocessExec() detaches only who is asked to be", async () => {
  await inLoop(async (loop) => {
    const group = async (detached: boolean) => {
      const [, child] = await loop.subprocessExec(() => new ChildRecorder(loop), "cat", [], {
        detached,
      });
      const found = statOf(child.transport.getPid())!;
      child.transport.close();
      await child.lost;
      return [found.group, found.session, child.transport.getPid()];
    };
    const [ours, session] = [statOf(Deno.pid)!.group, statOf(Deno.pid)!.session];
    assertEquals((await group(false)).slice(0, 2), [ours, session]);
    const [leader, leaderOfSession, pid] = await group(true);
    assertEquals([leader, leaderOfSession], [pid, pid]);
  });
});

Deno.test({
  name: "subprocessExec() runs the child as another user and group",
  ignore: !AS_ROOT,
  fn: withFolder(async (folder) => {
    await inLoop(async (loop) => {
      const other = { uid: NOBODY, gid: NOBODY - 1 };
      assertEquals(await outputOf(loop, "id -u; id -g", other), "65534\n65533\n");
      // What that user may not enter or run.
      await Deno.chmod(folder, 0o700);
      const start = () => runProgram(loop, `${folder}/program`, [], other);
      await assertRejects(start, Deno.errors.PermissionDenied, "as user 65534, group 65533");
    });
  }),
});

Deno.test({
  name: "subprocessExec() to another user is refused by the system",
  ignore: AS_ROOT,
  fn: () =>
    inLoop(async (loop) => {
      const start = () => runProgram(loop, "true", [], { uid: 0 });
      await assertRejects(start, Deno.errors.PermissionDenied, "as user 0");
    }),
});

Deno.test("subprocessExec() refuses bad input before it calls the factory", async () => {
  const bad: [unknown, unknown, unknown, Refusal, string][] = [
    ["", [], {}, RangeError, "name of the program is empty"],
    [7, [], {}, TypeError, "expected a string as program"],
    ["tr\0ue", [], {}, RangeError, "NUL"],
    ["true", "args", {}, TypeError, "expected an array of arguments"],
    ["true", ["a", 7], {}, TypeError, "args[1]"],
    ["true", ["a\0b"], {}, RangeError, "args[0] has a NUL"],
    ["true", [], { stdin: "pipe" }, RangeError, '"piped", "inherit", "null" or a file descriptor'],
    ["true", [], { stdout: "stdout" }, RangeError, "as stdout"],
    ["true", [], { stdout: -1 }, RangeError, "stdout is no file descriptor: -1"],
    ["true", [], { stderr: 1.5 }, RangeError, "stderr is no file descriptor: 1.5"],
    ["true", [], { stderr: {} }, TypeError, "as stderr"],
    ["true", [], { stderr: { fileno: () => -1 } }, RangeError, "stderr is no file descriptor: -1"],
    ["true", [], { cwd: 7 }, TypeError, "expected a string as cwd"],
    ["true", [], { env: "A=1" }, TypeError, "expected an object as env"],
    ["true", [], { env: { A: 1 } }, TypeError, 'env["A"]'],
    ["true", [], { env: { "A=": "1" } }, RangeError, "illegal name"],
    ["true", [], { env: { "": "1" } }, RangeError, "illegal name"],
    ["true", [], { env: { A: "\0" } }, RangeError, "NUL"],
    ["true", [], { uid: "root" }, TypeError, "expected a number as uid"],
    ["true", [], { uid: -1 }, RangeError, "uid must be an integer from 0 to 4294967294"],
    ["true", [], { gid: 2 ** 32 - 1 }, RangeError, "gid must be an integer"],
    ["true", [], { clearEnv: 1 }, TypeError, "clearEnv"],
    ["true", [], { detached: "yes" }, TypeError, "detached"],
  ];
  await inLoop(async (loop) => {
    let made = 0;
    const factory = () => {
      made++;
      return new ChildRecorder(loop);
    };
    for (const [program, args, options, kind, message] of bad) {
      const start = () =>
        loop.subprocessExec(
          factory,
          program as string,
          args as string[],
          options as SubprocessOptions,
        );
      await assertRejects(start, kind as typeof TypeError, message);
    }
    await assertRejects(
      () => loop.subprocessShell(factory, 7 as never),
      TypeError,
      "expected a string",
    );
    assertEquals(made, 0);
    // Only the system knows which descriptors are open.
    const unknown = await assertRejects(() =>
      loop.subprocessExec(factory, "true", [], { stdin: 9999 })
    );
    assertStringIncludes(String(unknown), 'Cannot run "true": Bad file descriptor');
  });
});

Deno.test("subprocessExec() needs --allow-run of the program, and of /bin/sh to merge", async () => {
  const program = `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      for (const [program, options] of [["true", {}], ["true", { stderr: "stdout" }], ["cat", {}]]) {
        try {
          const [transport] = await loop.subprocessExec(() => ({}), program, [], options);
          console.log("runs");
          transport.close();
        } catch (error) {
          console.log(error.name, error.message.slice(0, error.message.indexOf(",")));
        }
      }
    });
    loop.close();
  `;
  const some = await runDeno(program, { flags: ["--allow-run=true"] });
  assertEquals(some.stdout.trim().split("\n"), [
    "runs",
    'NotCapable Cannot run "true" (as /bin/sh',
    'NotCapable Cannot run "cat": Requires run access to "cat"',
  ]);
  const none = await runDeno(program);
  assertEquals(
    none.stdout.split("\n")[0],
    'NotCapable Cannot run "true": Requires run access to "true"',
  );
});
