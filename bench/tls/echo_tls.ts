// TLS echo server of this library, protocol API: echo_tls.ts FOLDER_OF_CERTIFICATE. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { createTlsContext, getRunningLoop, Protocol, run } from "../../mod.ts";
import type { Transport } from "../../types.ts";

const [folder] = Deno.args;

class Echo extends Protocol {
  #transport!: Transport;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport.write(data);
  }
}

const tls = createTlsContext({
  cert: await Deno.readTextFile(`${folder}/server.pem`),
  key: await Deno.readTextFile(`${folder}/server.key`),
});
await run(async () => {
  const server = await getRunningLoop().createServer(() => new Echo(), {
    hostname: "127.0.0.1",
    port: 0,
    tls,
  });
  console.log(`ready ${(server.sockets[0]!.addr as Deno.NetAddr).port}`);
  await server.serveForever();
});
