import { assertEquals } from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { ROOT, startDeno } from "../support/process.ts";
import { runPython } from "../support/python.ts";

peerTest("udp_echo.ts echoes to CPython and closes on SIGINT", ["python3"], async () => {
  await using server = await startDeno(new URL("examples/udp_echo.ts", ROOT), {
    flags: ["--allow-net=127.0.0.1"],
    args: ["0"],
  });
  const port = (await server.readLine())?.split(":").at(-1) as string;
  const { stdout, stderr } = await runPython(
    `
    import socket, sys
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect(("127.0.0.1", int(sys.argv[1])))
        peer.settimeout(10)
        for size in (0, 1, 1000, 60000):
            peer.send(b"x" * size)
            print(len(peer.recv(65536)))
    `,
    { args: [port] },
  );
  assertEquals([stdout.trim().split("\n"), stderr], [["0", "1", "1000", "60000"], ""]);
  server.kill("SIGINT");
  const result = await server.wait();
  assertEquals([result.code, result.stdout.trim()], [0, "interrupted, closed; 0 dropped"]);
});
