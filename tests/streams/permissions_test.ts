import { assertEquals } from "../support/assert.ts";
import { runDeno } from "../support/process.ts";

Deno.test("streams over memory need no permission; connecting and listening need --allow-net", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import { openConnection, run, startServer, StreamReader, createTlsContext } from "./mod.ts";
    await run(async () => {
      const reader = new StreamReader();
      reader.feedData(new TextEncoder().encode("line\\n"));
      console.log((await reader.readline()).length);
      const tls = createTlsContext();
      for (
        const attempt of [
          () => openConnection({ hostname: "127.0.0.1", port: 9 }),
          () => openConnection({ hostname: "127.0.0.1", port: 9, tls }),
          () => openConnection({ hostname: "localhost", port: 9, tls }),
          () => startServer(() => {}, { hostname: "127.0.0.1" }),
        ]
      ) {
        try {
          await attempt();
        } catch (error) {
          console.log(error.name, /--allow-net/.test(error.message));
        }
      }
    });
  `);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.trim().split("\n"), [
    "5",
    ...Array.from({ length: 4 }, () => "NotCapable true"),
  ]);
});

Deno.test("a permission for one host and port is enough to connect to it over TLS", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const accepted = listener.accept();
  const { stdout, stderr } = await runDeno(
    `
    import { openConnection, run } from "./mod.ts";
    await run(async () => {
      try {
        await openConnection({
          hostname: "127.0.0.1",
          port: ${port},
          tls: true,
          tlsHandshakeTimeoutMs: 1,
        });
      } catch (error) {
        console.log(error.name);
      }
    });
  `,
    { flags: [`--allow-net=127.0.0.1:${port}`] },
  );
  (await accepted).close();
  listener.close();
  assertEquals([stdout.trim(), stderr], ["TimeoutError", ""]);
});
