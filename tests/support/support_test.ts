import {
  assert,
  assertEquals,
  assertInstanceOf,
  AssertionError,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "./assert.ts";
import { Child } from "./child.ts";
import { findExecutable, judgePeers, peerTest } from "./peers.ts";
import { nextMacrotask, until } from "./poll.ts";
import { runDeno, startDeno } from "./process.ts";
import { dedent, runPython, startPython } from "./python.ts";

Deno.test("assert() narrows, and fails with an AssertionError", () => {
  const value: string | undefined = ["text"].at(0);
  assert(value);
  assertStrictEquals(value.length, 4);
  assertThrows(() => assert(false, "no"), AssertionError, "no");
});

Deno.test("assertThrows() and assertRejects() give the typed error", async () => {
  const thrown = assertThrows(() => {
    throw new RangeError("far");
  }, RangeError);
  const message: string = thrown.message;
  assertEquals(message, "far");
  const reason = await assertRejects(
    () => Promise.reject(new TypeError("shape")),
    TypeError,
    "shape",
  );
  assertInstanceOf(reason, TypeError);
});

Deno.test("until() resolves to the first truthy value", async () => {
  let tries = 0;
  assertEquals(await until(() => ++tries >= 3 && "there"), "there");
  assertEquals(tries, 3);
});

Deno.test("until() waits for asynchronous conditions and through errors", async () => {
  let tries = 0;
  await until(async () => {
    await nextMacrotask();
    if (++tries < 2) throw new Error("not yet");
    return true;
  });
  assertEquals(tries, 2);
});

Deno.test("until() names what it waited for when the time is over", async () => {
  const error = await assertRejects(
    () =>
      until(() => {
        throw new Error("the last word");
      }, { timeoutMs: 0, what: "Godot" }),
    Error,
    "Godot",
  );
  assertInstanceOf(error.cause, Error);
  assertEquals(error.cause.message, "the last word");
});

Deno.test("findExecutable() finds programs by name and by path", () => {
  const sh = findExecutable("sh");
  assert(sh);
  assertEquals(findExecutable(sh), sh);
  assertEquals(findExecutable("no-such-program"), undefined);
  assertEquals(findExecutable("/etc/passwd"), undefined);
});

Deno.test("judgePeers() skips, or fails when peers are required", () => {
  const find = (peer: string) => peer === "here" ? "/bin/here" : undefined;
  const judge = (peers: string[], required: boolean) => judgePeers(peers, { find, required });
  assertEquals(judge(["here"], true), { verdict: "run" });
  assertEquals(judge(["here", "gone"], false), {
    verdict: "skip",
    reason: "not installed: gone",
  });
  assertEquals(judge(["gone"], true).verdict, "fail");
});

Deno.test("Child reads lines, and keeps the rest for the result", async () => {
  await using child = Child.start("sh", [
    "-c",
    "printf 'a\\nb\\nrest'; echo oops >&2; exit 3",
  ]);
  assertEquals(await child.readLine(), "a");
  assertEquals(await child.readLine(), "b");
  const { code, signal, stdout, stderr } = await child.wait();
  assertEquals([code, signal, stdout, stderr], [3, null, "rest", "oops\n"]);
});

Deno.test("Child.readLine() gives an unfinished last line, then null", async () => {
  await using child = Child.start("printf", ["last"]);
  assertEquals(await child.readLine(), "last");
  assertEquals(await child.readLine(), null);
});

Deno.test("Child.communicate() feeds more than the pipes hold", async () => {
  await using child = Child.start("cat", []);
  const input = "x".repeat(1 << 20);
  const { stdout } = await child.communicate(input);
  assertEquals(stdout.length, input.length);
});

Deno.test("Child.communicate() is quiet about a child that does not listen", async () => {
  await using child = Child.start("true", []);
  const { code } = await child.communicate("x".repeat(1 << 20));
  assertEquals(code, 0);
});

Deno.test("Child is killed at the end of its scope", async () => {
  let child: Child;
  {
    await using scoped = Child.start("cat", []);
    child = scoped;
  }
  assertEquals((await child.wait()).signal, "SIGKILL");
});

Deno.test("Child.readLine() kills a child that says nothing, and reports its errors", async () => {
  await using child = Child.start("sh", [
    "-c",
    "echo hint >&2; echo up; exec cat",
  ]);
  assertEquals(await child.readLine(), "up");
  await assertRejects(() => child.readLine({ timeoutMs: 1 }), Error, "hint");
  assertEquals((await child.wait()).signal, "SIGKILL");
});

Deno.test("Child.waitReady() skips to the word, and reports a child that ended", async () => {
  await using good = Child.start("printf", ["noise\\nready 80 x\\n"]);
  assertEquals(await good.waitReady(), "80 x");
  await using bad = Child.start("sh", ["-c", "echo broken >&2; exit 1"]);
  await assertRejects(() => bad.waitReady(), Error, "broken");
});

Deno.test("dedent() takes away shared indentation only", () => {
  assertEquals(dedent("\n    if x:\n      y\n\n  "), "\nif x:\n  y\n\n");
  assertEquals(dedent("a\n  b"), "a\n  b");
});

peerTest("startPython() talks with Python in lines", ["python3"], async () => {
  await using child = startPython(
    `
    import sys
    print("ready", sys.argv[1])
    for line in sys.stdin:
        print(line.strip().upper())
    `,
    { args: ["7"] },
  );
  assertEquals(await child.waitReady(), "7");
  await child.writeLine("hello");
  assertEquals(await child.readLine(), "HELLO");
  assertEquals((await child.wait()).code, 0);
});

peerTest("runPython() gives what Python printed", ["python3"], async () => {
  const { stdout } = await runPython(
    "import sys; print(len(sys.stdin.read()))",
    { stdin: "four" },
  );
  assertEquals(stdout, "4\n");
});

Deno.test("runDeno() runs source from the root of the repository, without permissions", async () => {
  const { code, stdout, stderr } = await runDeno(
    `
    import { CancelledError } from "./errors.ts";
    const text: string = new CancelledError("x").name;
    console.log(text, Deno.args[0]);
    Deno.env.get("HOME");
  `,
    { args: ["argument"] },
  );
  assertEquals(stdout, "CancelledError argument\n");
  assertStringIncludes(stderr, "NotCapable");
  assertEquals(code, 1);
});

Deno.test("runDeno() passes flags, and gives the exit code", async () => {
  const { code, stdout } = await runDeno(
    `console.log(Deno.env.get("ONE")); Deno.exit(4);`,
    { flags: ["--allow-env=ONE"], env: { ONE: "1" } },
  );
  assertEquals([code, stdout], [4, "1\n"]);
});

Deno.test("startDeno() starts a program that waits for a signal", async () => {
  await using child = await startDeno(`
    Deno.addSignalListener("SIGUSR2", () => Deno.exit(5));
    console.log("ready");
    setInterval(() => {}, 1000);
  `);
  await child.waitReady();
  child.kill("SIGUSR2");
  assertEquals((await child.wait()).code, 5);
});
