import type { DatagramTransport } from "../../types.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { peerTest } from "../support/peers.ts";
import { until } from "../support/poll.ts";
import { runDeno } from "../support/process.ts";
import { startPython } from "../support/python.ts";
import { DatagramEcho, LOCAL, openDatagrams } from "./datagram_support.ts";
import { inLoop } from "./tcp_support.ts";

// --- permissions

const PROGRAM = `
  import { newEventLoop } from "./policy/mod.ts";
  const loop = newEventLoop();
  const tell = (error) => console.log(error.name + ": " + error.message);
  await loop.runUntilComplete(async () => {
    const done = loop.createFuture();
    let left = 2;
    const protocol = { errorReceived(error) { tell(error); if (--left === 0) done.setResult(); } };
    const [hostname, port] = (Deno.args[0] ?? "127.0.0.1:0").split(":");
    try {
      const [transport] = await loop.createDatagramEndpoint(() => protocol, {
        localAddr: { hostname, port: Number(port) },
      });
      transport.sendto(new Uint8Array(1), { hostname: "127.0.0.1", port: 9 });
      transport.sendto(new Uint8Array(1), { hostname: "localhost", port: 9 });
      await done;
      transport.close();
    } catch (error) {
      tell(error);
    }
    for (const options of [{ family: "unix" }, { family: "ipv4", reusePort: true }]) {
      try {
        (await loop.createDatagramEndpoint(() => ({}), options))[0].close();
      } catch (error) {
        tell(error);
      }
    }
  });
  loop.close();
`;

Deno.test("datagrams without a permission are refused by name, and nothing is uncaught", async () => {
  const none = await runDeno(PROGRAM);
  assertEquals([none.code, none.stderr], [0, ""]);
  assertEquals(none.stdout.trim().split("\n"), [
    'NotCapable: Cannot bind 127.0.0.1:0: Requires net access to "127.0.0.1:0", run again with the --allow-net flag',
    "NotCapable: Cannot call createDatagramEndpoint() with a unix address: Cannot call new Socket(): it needs libc through FFI, run again with the --allow-ffi flag",
    'NotCapable: Cannot bind 0.0.0.0:0: Requires net access to "0.0.0.0:0", run again with the --allow-net flag',
  ]);

  const flags = ["--allow-net=127.0.0.1:0,localhost,0.0.0.0:0"];
  const some = await runDeno(PROGRAM, { flags });
  assertEquals([some.code, some.stderr], [0, ""]);
  const [byNumber, byName, , shared] = some.stdout.trim().split("\n");
  assertEquals(
    byNumber,
    'NotCapable: Cannot send a datagram of 1 bytes to 127.0.0.1:9: Requires net access to "127.0.0.1:9", run again with the --allow-net flag',
  );
  assertStringIncludes(
    byName ?? "",
    "NotCapable: Cannot send a datagram of 1 bytes to localhost:9",
  );
  assertStringIncludes(shared ?? "", "createDatagramEndpoint() with reusePort");
  assertStringIncludes(shared ?? "", "--allow-ffi");
});

Deno.test("createDatagramEndpoint() takes a Deno.DatagramConn", async () => {
  const { stdout, stderr } = await runDeno(
    `
    import { newEventLoop } from "./policy/mod.ts";
    const loop = newEventLoop();
    await loop.runUntilComplete(async () => {
      const sock = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      const done = loop.createFuture();
      const protocol = {
        datagramReceived(data, addr) {
          console.log(new TextDecoder().decode(data), addr.hostname, addr.port === sock.addr.port);
          transport.close();
        },
        connectionLost: (error) => done.setResult(error),
      };
      const [transport] = await loop.createDatagramEndpoint(() => protocol, { sock });
      transport.sendto(new TextEncoder().encode("to myself"), sock.addr);
      console.log(await done, transport.getExtraInfo("socket") === sock);
    });
    loop.close();
  `,
    { flags: ["--unstable-net", "--allow-net"] },
  );
  assertEquals([stdout, stderr], ["to myself 127.0.0.1 true\nnull true\n", ""]);
});

// --- peers

peerTest(
  "an echo endpoint answers CPython's asyncio, packets of every size",
  ["python3"],
  async () => {
    await inLoop(async (loop) => {
      const server = await openDatagrams(loop, { localAddr: LOCAL }, new DatagramEcho());
      await using python = startPython(
        `
      import asyncio, sys
      SIZES = [0, 1, 2, 100, 1400, 1500, 9000, 65507] * 50
      class Client(asyncio.DatagramProtocol):
          def __init__(self, done): self.done, self.at = done, 0
          def connection_made(self, transport): self.transport = transport; self.send()
          def send(self):
              self.message = bytes([self.at % 256]) * SIZES[self.at]
              self.transport.sendto(self.message)
          def datagram_received(self, data, addr):
              assert data == self.message, (len(data), len(self.message))
              self.at += 1
              if self.at == len(SIZES): self.transport.close()
              else: self.send()
          def error_received(self, error): print(error, file=sys.stderr)
          def connection_lost(self, error): self.done.set_result(error)
      async def main():
          loop = asyncio.get_running_loop()
          done = loop.create_future()
          # CPython before 3.13 does not send empty packets.
          if sys.version_info < (3, 13): SIZES[:] = [size for size in SIZES if size > 0]
          await loop.create_datagram_endpoint(lambda: Client(done), remote_addr=("127.0.0.1", int(sys.argv[1])))
          print(await done)
      asyncio.run(main())
      `,
        { args: [String(server.addr.port)] },
      );
      const { stdout, stderr } = await python.communicate();
      assertEquals([stdout.trim(), stderr], ["None", ""]);
    });
  },
);

peerTest("a connected endpoint talks to CPython's asyncio, 2000 packets", ["python3"], async () => {
  await using python = startPython(`
    import asyncio
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport): self.transport = transport
        def datagram_received(self, data, addr): self.transport.sendto(data, addr)
    async def main():
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        print("ready", transport.get_extra_info("sockname")[1], flush=True)
        await asyncio.get_running_loop().create_future()
    asyncio.run(main())
  `);
  const port = Number(await python.waitReady());
  await inLoop(async (loop) => {
    let transport: DatagramTransport | null = null;
    let received = 0;
    const done = loop.createFuture<void>();
    const send = () => transport?.sendto(new TextEncoder().encode(`packet ${received}`));
    [transport] = await loop.createDatagramEndpoint(() => ({
      datagramReceived(data: Uint8Array): void {
        assertEquals(new TextDecoder().decode(data), `packet ${received}`);
        if (++received === 2000) done.setResult();
        else send();
      },
    }), { remoteAddr: { hostname: "127.0.0.1", port } });
    send();
    await done;
  });
});

peerTest("endpoints talk to socat in both directions", ["socat"], async () => {
  await inLoop(async (loop) => {
    const server = await openDatagrams(loop, { localAddr: LOCAL }, new DatagramEcho());
    await using client = Child.start("socat", [
      "-t",
      "10",
      "-T",
      "10",
      "-",
      `UDP4:127.0.0.1:${server.addr.port}`,
    ]);
    await client.writeLine("from socat");
    assertEquals(await client.readLine(), "from socat");

    // socat takes a fixed port only; the one a closed endpoint had is free.
    const { port } = (await openDatagrams(loop)).addr;
    const probe = await openDatagrams(loop);
    probe.transport.close();
    await probe.lost.promise;
    const target = { hostname: "127.0.0.1", port: probe.addr.port };
    assert(port !== target.port);
    // A packet is the end of input for the child that serves it; without -t socat gives cat half a
    // second to answer.
    await using echo = Child.start("socat", [
      "-t",
      "10",
      "-d",
      "-d",
      `UDP4-RECVFROM:${target.port},bind=127.0.0.1,fork`,
      "EXEC:cat",
    ]);
    await until(() => echo.stderr.includes("receiving on"));
    const asker = await openDatagrams(loop, { localAddr: LOCAL, remoteAddr: target });
    asker.send("to socat");
    await until(() => asker.packets.length > 0);
    assertEquals([asker.texts, asker.senders], [["to socat"], [{ transport: "udp", ...target }]]);
  });
});
