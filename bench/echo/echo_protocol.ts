// Echo server of this library, protocol API. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { getRunningLoop, Protocol, run } from "../../mod.ts";
import type { Transport } from "../../types.ts";
import { reportMemory } from "./memory.ts";

class Echo extends Protocol {
  #transport!: Transport;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport.write(data);
  }
}

await run(async () => {
  const server = await getRunningLoop().createServer(() => new Echo(), {
    hostname: "127.0.0.1",
    port: 0,
  });
  console.log(`ready ${(server.sockets[0]!.addr as Deno.NetAddr).port}`);
  reportMemory();
  await server.serveForever();
});
