// UDP echo server of this library, protocol API; with `await`, its datagram endpoint. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import {
  DatagramProtocol,
  type DatagramTransport,
  getRunningLoop,
  openDatagramEndpoint,
  run,
} from "../../mod.ts";

class Echo extends DatagramProtocol {
  #transport!: DatagramTransport;

  override connectionMade(transport: DatagramTransport): void {
    this.#transport = transport;
  }

  override datagramReceived(data: Uint8Array, addr: Deno.Addr): void {
    this.#transport.sendto(data, addr);
  }
}

const localAddr = { hostname: "127.0.0.1", port: 0 };

await run(async () => {
  if (Deno.args[0] === "await") {
    const endpoint = await openDatagramEndpoint({ localAddr });
    console.log(`ready ${(endpoint.addr as Deno.NetAddr).port}`);
    for await (const [data, addr] of endpoint) endpoint.send(data, addr);
  } else {
    const loop = getRunningLoop();
    const [transport] = await loop.createDatagramEndpoint(() => new Echo(), { localAddr });
    console.log(`ready ${(transport.getExtraInfo("sockname") as Deno.NetAddr).port}`);
    await loop.createFuture<void>();
  }
});
