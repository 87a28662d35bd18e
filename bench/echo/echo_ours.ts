// Echo server of this library: echo_ours.ts proto|stream|line. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import {
  getRunningLoop,
  Protocol,
  run,
  startServer,
  type StreamReader,
  type StreamWriter,
} from "../../mod.ts";
import type { Transport } from "../../types.ts";
import { reportMemory } from "./memory.ts";

const LIMIT = 262144;

class Echo extends Protocol {
  #transport!: Transport;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport.write(data);
  }
}

async function echoChunks(
  reader: StreamReader,
  writer: StreamWriter,
): Promise<void> {
  for (let data; (data = await reader.read(LIMIT)).length > 0;) {
    writer.write(data);
    await writer.drain();
  }
  writer.close();
}

async function echoLines(
  reader: StreamReader,
  writer: StreamWriter,
): Promise<void> {
  for (let line; (line = await reader.readline()).length > 0;) {
    writer.write(line);
    await writer.drain();
  }
  writer.close();
}

await run(async () => {
  const [mode] = Deno.args;
  const where = { hostname: "127.0.0.1", port: 0 };
  const server = mode === "proto"
    ? await getRunningLoop().createServer(() => new Echo(), where)
    : await startServer(mode === "stream" ? echoChunks : echoLines, {
      ...where,
      limit: LIMIT,
    });
  console.log(`ready ${(server.sockets[0]!.addr as Deno.NetAddr).port}`);
  reportMemory();
  await server.serveForever();
});
