import { errnoError } from "../../../transports/ffi/errno.ts";
import { errorOf, holdLibc, libc, releaseLibc } from "../../../transports/ffi/libc.ts";
import { platformOf } from "../../../transports/ffi/platform.ts";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "../../support/assert.ts";
import { until } from "../../support/poll.ts";

const CALL = new URL("../../../transports/ffi/socket.ts", import.meta.url).href;
const WATCHER = new URL("../../../transports/ffi/watcher.ts", import.meta.url).href;

async function run(
  flags: readonly string[],
  code: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const source = `data:application/typescript,${encodeURIComponent(code)}`;
  const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // The cached modules are read without permission; a data: URL imports them by --allow-import.
    args: ["run", "--no-prompt", "--no-check", "--quiet", ...flags, source],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code: status, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("platformOf() refuses a machine it does not know, by name", () => {
  for (
    const [os, arch] of [["windows", "x86_64"], ["freebsd", "x86_64"], ["linux", "riscv64"]] as [
      string,
      string,
    ][]
  ) {
    const error = assertThrows(
      () => platformOf({ os, arch }, "new Socket()"),
      Deno.errors.NotSupported,
      `${os} on ${arch}`,
    );
    assert(error.message.includes("new Socket()"));
  }
});

Deno.test("platformOf() knows the layouts of four machines", () => {
  const sizes = ["linux", "darwin"].flatMap((os) =>
    ["x86_64", "aarch64"].map((arch) => platformOf({ os, arch }, "test").epollEventSize)
  );
  assertEquals(sizes, [12, 16, 0, 0]);
});

Deno.test("errnoError() has Deno's class for every errno", () => {
  const e = Deno.errors;
  const expected: [number, number, string, unknown][] = [
    [1, 1, "EPERM", e.PermissionDenied],
    [2, 2, "ENOENT", e.NotFound],
    [4, 4, "EINTR", e.Interrupted],
    [9, 9, "EBADF", e.BadResource],
    [11, 35, "EAGAIN", e.WouldBlock],
    [13, 13, "EACCES", e.PermissionDenied],
    [16, 16, "EBUSY", e.Busy],
    [17, 17, "EEXIST", e.AlreadyExists],
    [20, 20, "ENOTDIR", e.NotADirectory],
    [21, 21, "EISDIR", e.IsADirectory],
    [22, 22, "EINVAL", TypeError],
    [24, 24, "EMFILE", Error],
    [32, 32, "EPIPE", e.BrokenPipe],
    [40, 62, "ELOOP", e.FilesystemLoop],
    [88, 38, "ENOTSOCK", e.BadResource],
    [90, 40, "EMSGSIZE", Error],
    [92, 42, "ENOPROTOOPT", e.NotSupported],
    [93, 43, "EPROTONOSUPPORT", e.NotSupported],
    [97, 47, "EAFNOSUPPORT", e.NotSupported],
    [98, 48, "EADDRINUSE", e.AddrInUse],
    [99, 49, "EADDRNOTAVAIL", e.AddrNotAvailable],
    [101, 51, "ENETUNREACH", e.NetworkUnreachable],
    [103, 53, "ECONNABORTED", e.ConnectionAborted],
    [104, 54, "ECONNRESET", e.ConnectionReset],
    [107, 57, "ENOTCONN", e.NotConnected],
    [110, 60, "ETIMEDOUT", e.TimedOut],
    [111, 61, "ECONNREFUSED", e.ConnectionRefused],
    [113, 65, "EHOSTUNREACH", e.NetworkUnreachable],
    [115, 36, "EINPROGRESS", e.WouldBlock],
  ];
  for (const [linux, darwin, code, type] of expected) {
    for (const [os, errno] of [["linux", linux], ["darwin", darwin]] as const) {
      const error = errnoError(os, errno, "recv(fd 7)", "text of libc");
      assertEquals(error.code, code);
      assertStrictEquals(error.constructor, type, `${code} on ${os}`);
      assertEquals(error.message, `recv(fd 7): text of libc (${code})`);
    }
  }
  assertEquals(errnoError("linux", 999, "x", "y").code, "errno 999");
});

Deno.test("errorOf() takes the text from libc", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const error = errorOf(111, "connect(fd 3, 127.0.0.1:1)");
  assertEquals(
    error.message,
    "connect(fd 3, 127.0.0.1:1): Connection refused (ECONNREFUSED)",
  );
});

Deno.test("libc() is unloaded when nothing holds it", async () => {
  // The resource sanitizer of this test fails where the library stays open.
  const first = holdLibc("test");
  assertStrictEquals(libc("test"), first);
  releaseLibc();
  await until(() => {
    const other = holdLibc("test");
    releaseLibc();
    return other !== first;
  });
});

Deno.test("new Socket() says which call needs which flag", async () => {
  const code = `
    const { Socket, socketpair } = await import(${JSON.stringify(CALL)});
    const { fdWatcher } = await import(${JSON.stringify(WATCHER)});
    for (const call of [
      () => new Socket(),
      () => socketpair(),
      () => fdWatcher.addReader({ isRunning: () => true }, 0, () => {}),
      () => fdWatcher.addWriter({ isRunning: () => true }, 1, () => {}),
    ]) {
      try {
        call();
        console.log("no error");
      } catch (error) {
        console.log(error instanceof Deno.errors.NotCapable, error.message);
      }
    }`;
  const expected = ["new Socket()", "socketpair()", "addReader(fd 0)", "addWriter(fd 1)"]
    .map((call) =>
      `true Cannot call ${call}: it needs libc through FFI, run again with the --allow-ffi flag\n`
    ).join("");
  for (const flags of [["--allow-import"], ["--allow-import", "--deny-ffi"]]) {
    const { stdout, stderr } = await run([...flags, "--allow-read"], code);
    assertEquals(stdout, expected, stderr);
  }
});

Deno.test("new Socket() works with an --allow-ffi of libc's path alone", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const path = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"]
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
  if (path === undefined) return;
  const { stdout, stderr } = await run(
    ["--allow-import", "--allow-read", `--allow-ffi=${path}`],
    `
    const { socketpair } = await import(${JSON.stringify(CALL)});
    const { fdWatcher } = await import(${JSON.stringify(WATCHER)});
    const [a, b] = socketpair();
    const loop = { isRunning: () => true };
    const read = new Promise((resolve) =>
      fdWatcher.addReader(loop, a.fileno(), () => resolve(a.recv(10).length)));
    // Late enough for the watcher to wait in its thread.
    setTimeout(() => b.send(new Uint8Array(3)), 20);
    console.log(await read);
    try { a.recv(1) } catch (error) { console.log(error.code) }
    await fdWatcher.closeLoop(loop);
    a.close();
    b.close();`,
  );
  assertEquals(stdout, "3\nEAGAIN\n", stderr);
});

Deno.test("import of the FFI modules loads no library", async () => {
  const { stdout, stderr } = await run(
    ["--allow-import", "--allow-read"],
    `
    Deno.dlopen = () => { throw new Error("dlopen") };
    await import(${JSON.stringify(CALL)});
    await import(${JSON.stringify(WATCHER)});
    console.log("imported");`,
  );
  assertEquals(stdout, "imported\n", stderr);
});
