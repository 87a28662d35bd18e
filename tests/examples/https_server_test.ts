import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { ROOT, startDeno } from "../support/process.ts";
import { clientHandshake, TcpChannel, TLS_FIXTURES, writeAll } from "../transports/tls_support.ts";

/** Starts the example on a port of its own. */
async function startServer(): Promise<{ server: Child; port: string }> {
  const server = await startDeno(new URL("examples/https_server.ts", ROOT), {
    flags: ["--allow-net=127.0.0.1", `--allow-read=${TLS_FIXTURES}`],
    args: [`${TLS_FIXTURES}server.pem`, `${TLS_FIXTURES}server.key`, "0"],
  });
  const port = (await server.readLine())?.split(":").at(-1) as string;
  return { server, port };
}

/** Runs curl on paths of the server; standard input is the body of a request that wants one. */
async function curl(port: string, args: string[], paths: string[], input = "") {
  await using child = Child.start("curl", [
    ...["--silent", "--show-error", "--max-time", "20", "--cacert", `${TLS_FIXTURES}ca.pem`],
    ...["--resolve", `localhost:${port}:127.0.0.1`, ...args],
    ...paths.map((path) => `https://localhost:${port}${path}`),
  ]);
  return await child.communicate(input);
}

peerTest("https_server.ts answers curl, and closes on SIGINT", ["curl"], async (t) => {
  const { server, port } = await startServer();
  await using _ = server;

  await t.step("a page, its head, and a path that is not there", async () => {
    assertEquals((await curl(port, [], ["/"])).stdout, "Hello from asyncio for Deno\n");
    assertMatch((await curl(port, ["--head"], ["/"])).stdout, /^HTTP\/1.1 200 OK\r\n/);
    const { stdout } = await curl(port, ["--write-out", "%{http_code}"], ["/nowhere"]);
    assertEquals(stdout, "There is no /nowhere\n404");
  });

  await t.step("several requests on one connection", async () => {
    const { stdout } = await curl(
      port,
      ["--write-out", "%{num_connects}\n"],
      ["/", "/bytes/0", "/"],
    );
    assertEquals(stdout.match(/^\d$/gm), ["1", "0", "0"]);
  });

  for (
    const [option, version] of [["--tlsv1.3", "TLSv1.3"], ["--tls-max=1.2", "TLSv1.2"]] as const
  ) {
    await t.step(`both versions of TLS, agreed on by ALPN: ${version}`, async () => {
      const { stdout } = await curl(port, option.split("="), ["/tls"]);
      const { tlsVersion, alpnProtocol } = JSON.parse(stdout);
      assertEquals([tlsVersion, alpnProtocol], [version, "http/1.1"]);
    });
  }

  await t.step("a long answer", async () => {
    const { stdout } = await curl(port, [], ["/bytes/10000000"]);
    assertEquals(stdout.length, 10_000_000);
  });

  for (const coding of ["Content-Length", "Transfer-Encoding: chunked"]) {
    await t.step(`a long body there and back: ${coding}`, async () => {
      const body = "0123456789abcde\n".repeat(200_000);
      const args = ["--data-binary", "@-"];
      if (coding.includes(":")) args.push("--header", coding);
      const { stdout } = await curl(port, args, ["/echo"], body);
      assert(stdout === body, `${stdout.length} bytes of ${body.length}`);
    });
  }

  await t.step("an authority curl does not trust", async () => {
    const { code } = await curl(port, ["--cacert", `${TLS_FIXTURES}other_ca.pem`], ["/"]);
    assertEquals(code, 60);
  });

  await t.step("requests that are none", async () => {
    for (
      const [request, status] of [
        ["nonsense\r\n\r\n", "400 Bad Request"],
        ["GET / HTTP/1.1\r\nno colon\r\n\r\n", "400 Bad Request"],
        [`GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, "431 Request Header"],
        ["POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", "400 Bad Request"],
      ]
    ) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      const client = await clientHandshake(new TcpChannel(conn));
      await writeAll(client, request as string);
      const answer = new Uint8Array(100);
      const count = await client.read(answer);
      const text = new TextDecoder().decode(answer.subarray(0, count ?? 0));
      assert(text.startsWith(`HTTP/1.1 ${status}`), text);
      await client.close();
    }
  });

  server.kill("SIGINT");
  const { code, stdout, stderr } = await server.wait();
  // What curl did not trust, and nothing else, was reported.
  assertEquals(stderr.match(/^\w*Error on transport.*$/gm)?.length ?? 0, 1, stderr);
  assertEquals([code, stdout.trim()], [0, "interrupted, closed"]);
});
