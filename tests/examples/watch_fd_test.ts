import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { ROOT, runDeno } from "../support/process.ts";

const EXAMPLE = new URL("examples/watch_fd.ts", ROOT);

Deno.test("watch_fd.ts prints what asyncio's example does, with the permission it names", async () => {
  const { code, stdout, stderr } = await runDeno(EXAMPLE, { flags: ["--allow-ffi"] });
  assertEquals([code, stdout, stderr], [0, "Received: abc\n", ""]);
});

Deno.test("watch_fd.ts says which flag is missing", async () => {
  const { code, stderr } = await runDeno(EXAMPLE);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "NotCapable: Cannot call socketpair()");
  assertStringIncludes(stderr, "run again with the --allow-ffi flag");
});
