import { assertEquals, assertMatch } from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { ROOT, startDeno } from "../support/process.ts";
import { runPython } from "../support/python.ts";

peerTest(
  "multicore_server.ts serves CPython on every core, and gathers the counters in one loop",
  ["python3"],
  async () => {
    await using server = await startDeno(new URL("examples/multicore_server.ts", ROOT), {
      flags: ["--allow-net=127.0.0.1", "--allow-read"],
      args: ["0", "2"],
    });
    const line = await server.readLine();
    assertMatch(line ?? "", /^2 workers serve on 127\.0\.0\.1:\d+$/);
    const { stdout } = await runPython(
      `
      import socket, sys
      total = 0
      for i in range(64):
          with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as peer:
              peer.sendall(b"x" * 1000)
              peer.shutdown(socket.SHUT_WR)
              while data := peer.recv(65536): total += len(data)
      print(total)
      `,
      { args: [line?.split(":").at(-1) as string] },
    );
    assertEquals(stdout.trim(), "64000");
    server.kill("SIGINT");
    const result = await server.wait();
    assertEquals([result.code, result.stderr], [0, ""]);
    const counts = result.stdout.trim().split("\n").map((text) =>
      /^worker \d: (\d+) connections, (\d+) bytes$/.exec(text)?.slice(1).map(Number) ?? []
    );
    assertEquals(counts.length, 2);
    const sum = (at: number) => counts.reduce((total, row) => total + (row[at] ?? NaN), 0);
    assertEquals([sum(0), sum(1)], [64, 64_000]);
  },
);
