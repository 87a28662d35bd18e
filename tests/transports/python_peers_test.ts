import { Protocol } from "../../protocols/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { startPython } from "../support/python.ts";
import { Echo, inLoop, portOf } from "./tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1" };
const MESSAGES = 10_000;

peerTest(
  "createServer() answers 10 000 messages of CPython's asyncio client",
  ["python3"],
  async () => {
    await inLoop(async (loop) => {
      const server = await loop.createServer(() => new Echo(), LOCAL);
      await using client = startPython(
        `
      import asyncio, sys
      class Client(asyncio.Protocol):
          def __init__(self, done): self.done, self.sent, self.buffer = done, 0, b""
          def connection_made(self, transport): self.transport = transport; self.send()
          def send(self):
              self.message = b"message %d from CPython" % self.sent
              self.transport.write(self.message)
          def data_received(self, data):
              self.buffer += data
              if len(self.buffer) < len(self.message): return
              assert self.buffer == self.message, self.buffer
              self.buffer = b""
              self.sent += 1
              if self.sent < ${MESSAGES}: self.send()
              else: self.transport.close()
          def connection_lost(self, error): self.done.set_result(error)
      async def main():
          loop = asyncio.get_running_loop()
          done = loop.create_future()
          _, client = await loop.create_connection(lambda: Client(done), "127.0.0.1", int(sys.argv[1]))
          print(await done, client.sent)
      asyncio.run(main())
      `,
        { args: [String(portOf(server))] },
      );
      const { stdout, stderr, code } = await client.communicate();
      assertEquals({ stdout: stdout.trim(), stderr, code }, {
        stdout: `None ${MESSAGES}`,
        stderr: "",
        code: 0,
      });
      server.close();
      await server.waitClosed();
    });
  },
);

peerTest(
  "createConnection() exchanges 10 000 messages with CPython's asyncio server",
  ["python3"],
  async () => {
    await using server = startPython(`
    import asyncio
    class Echo(asyncio.Protocol):
        def connection_made(self, transport): self.transport = transport
        def data_received(self, data): self.transport.write(data)
        def connection_lost(self, error): print("lost", error, flush=True); loop.stop()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Echo, "127.0.0.1", 0))
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    loop.run_forever()
  `);
    const port = Number(await server.waitReady());
    await inLoop(async (loop) => {
      const done = loop.createFuture<Error | null>();
      const encoder = new TextEncoder();
      const decoder = new TextDecoder();
      let sent = 0;
      let wrong = 0;
      let answer = "";
      let message = "";
      const client = new Protocol();
      const [transport] = await loop.createConnection(() => client, { ...LOCAL, port });
      const send = () => transport.write(encoder.encode(message = `message ${sent} from Deno`));
      client.dataReceived = (data) => {
        answer += decoder.decode(data, { stream: true });
        if (answer.length < message.length) return;
        if (answer !== message) wrong++;
        answer = "";
        if (++sent < MESSAGES) send();
        else transport.close();
      };
      client.connectionLost = (error) => done.setResult(error);
      send();
      assertEquals([await done, sent, wrong], [null, MESSAGES, 0]);
    });
    const { stdout } = await server.communicate();
    assertEquals(stdout.trim(), "lost None");
  },
);
