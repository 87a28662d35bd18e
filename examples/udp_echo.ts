#!/usr/bin/env -S deno run --allow-net
// deno-lint-ignore-file no-console
/**
 * Sends back every UDP packet, until Ctrl-C.
 *
 *   deno run --allow-net examples/udp_echo.ts [port] [hostname]
 *   printf hello | nc -u -w1 127.0.0.1 8888
 */
import { type DatagramEndpoint, KeyboardInterrupt, openDatagramEndpoint, run } from "../mod.ts";

const [port = "8888", hostname = "127.0.0.1"] = Deno.args;

async function serve(endpoint: DatagramEndpoint): Promise<void> {
  for await (const [data, sender] of endpoint) {
    endpoint.send(data, sender);
    // A flood must not pile up answers: what comes meanwhile waits in the queue, or is dropped.
    await endpoint.drain();
  }
}

let endpoint: DatagramEndpoint | null = null;
try {
  await run(async () => {
    endpoint = await openDatagramEndpoint({
      localAddr: { hostname, port: Number(port) },
      // A client that is gone is no reason to stop.
      onError: (error) => console.error(error.message),
    });
    const { addr } = endpoint;
    if (addr.transport === "udp") console.log(`serving on ${addr.hostname}:${addr.port}`);
    await serve(endpoint);
  });
} catch (error) {
  if (!(error instanceof KeyboardInterrupt)) throw error;
  console.log(`interrupted, closed; ${(endpoint as DatagramEndpoint | null)?.dropped} dropped`);
}
