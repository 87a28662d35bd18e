import { assertEquals, assertMatch } from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { ROOT, runDeno, startDeno } from "../support/process.ts";
import { runPython, startPython } from "../support/python.ts";

const example = (name: string) => new URL(`examples/${name}.ts`, ROOT);
const flags = ["--allow-net=127.0.0.1"];

Deno.test("quickstart.ts shows each of its points and exits 0 with the permission it names", async () => {
  const { code, stdout, stderr } = await runDeno(example("quickstart"), { flags });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const lines = stdout.trim().split("\n");
  assertEquals(lines.map((line) => line.split(".")[0]), ["1", "2", "3", "4", "5", "6", "7"]);
  assertMatch(lines[1] as string, /TICK TACK TOCK/);
  assertMatch(
    lines[2] as string,
    /paused again and again and never held more than (6[4-9]|[78]\d) KiB/,
  );
});

peerTest("echo_server.ts echoes to CPython and closes on SIGINT", ["python3"], async () => {
  await using server = await startDeno(example("echo_server"), { flags, args: ["0"] });
  const port = (await server.readLine())?.split(":").at(-1) as string;
  const { stdout } = await runPython(
    `
    import socket, sys
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as peer:
        peer.sendall(b"x" * 1000000)
        peer.shutdown(socket.SHUT_WR)
        total = 0
        while data := peer.recv(65536): total += len(data)
        print(total)
    `,
    { args: [port] },
  );
  assertEquals(stdout.trim(), "1000000");
  server.kill("SIGINT");
  const result = await server.wait();
  assertEquals([result.code, result.stdout.trim()], [0, "interrupted, closed"]);
});

peerTest("echo_client.ts talks to CPython's asyncio server", ["python3"], async () => {
  await using server = startPython(`
    import asyncio
    async def echo(reader, writer):
        writer.write(await reader.read())
        await writer.drain()
        writer.close()
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        print("ready", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()
    asyncio.run(main())
  `);
  const port = await server.waitReady();
  const { stdout, code } = await runDeno(example("echo_client"), {
    flags,
    args: [String(port), "127.0.0.1", "across"],
  });
  assertEquals({ stdout: stdout.trim(), code }, { stdout: "across", code: 0 });
});
