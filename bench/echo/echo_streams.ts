// Echo server of this library, streams: echo_streams.ts stream|line. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { run, startServer, type StreamReader, type StreamWriter } from "../../mod.ts";

const limit = 262144;

async function echoChunks(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (let data; (data = await reader.read(limit)).length > 0;) {
    writer.write(data);
    await writer.drain();
  }
  writer.close();
}

async function echoLines(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (let line; (line = await reader.readline()).length > 0;) {
    writer.write(line);
    await writer.drain();
  }
  writer.close();
}

await run(async () => {
  const handler = Deno.args[0] === "stream" ? echoChunks : echoLines;
  const server = await startServer(handler, { hostname: "127.0.0.1", port: 0, limit });
  console.log(`ready ${(server.sockets[0]!.addr as Deno.NetAddr).port}`);
  await server.serveForever();
});
