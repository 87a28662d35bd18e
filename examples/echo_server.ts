#!/usr/bin/env -S deno run --allow-net
// deno-lint-ignore-file no-console
/**
 * Sends back what it receives, to any number of clients, until Ctrl-C.
 *
 *   deno run --allow-net examples/echo_server.ts [port] [hostname]
 *   printf hello | nc 127.0.0.1 8888
 */
import { getRunningLoop, KeyboardInterrupt, Protocol, run, type Transport } from "../mod.ts";

class Echo extends Protocol {
  #transport!: Transport;

  override connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  override dataReceived(data: Uint8Array): void {
    this.#transport.write(data);
  }

  /** A client that does not read its echo must not fill our memory: stop reading from it. */
  override pauseWriting(): void {
    this.#transport.pauseReading();
  }

  override resumeWriting(): void {
    this.#transport.resumeReading();
  }

  /** The client has sent everything: send the rest of the echo, then close. */
  override eofReceived(): void {}
}

const [port = "8888", hostname = "127.0.0.1"] = Deno.args;

try {
  await run(async () => {
    const server = await getRunningLoop().createServer(() => new Echo(), {
      hostname,
      port: Number(port),
    });
    for (const { addr } of server.sockets) {
      if (addr.transport === "tcp") console.log(`serving on ${addr.hostname}:${addr.port}`);
    }
    await server.serveForever();
  });
} catch (error) {
  if (!(error instanceof KeyboardInterrupt)) throw error;
  console.log("interrupted, closed");
}
