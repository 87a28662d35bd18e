#!/usr/bin/env -S deno run --allow-net
// deno-lint-ignore-file no-console
/**
 * Sends a message to an echo server and prints what comes back.
 *
 *   deno run --allow-net examples/echo_client.ts [port] [hostname] [message]
 */
import { getRunningLoop, Protocol, run, type Transport } from "../mod.ts";

const [port = "8888", hostname = "127.0.0.1", message = "hello from Deno"] = Deno.args;

await run(async () => {
  const loop = getRunningLoop();
  const echoed = loop.createFuture<string>();
  const text = new TextDecoder();
  let answer = "";

  const client = new Protocol();
  client.connectionMade = (transport) => {
    (transport as Transport).write(new TextEncoder().encode(message));
    (transport as Transport).writeEof();
  };
  client.dataReceived = (data) => void (answer += text.decode(data, { stream: true }));
  client.connectionLost = (error) => error ? echoed.setException(error) : echoed.setResult(answer);

  await loop.createConnection(() => client, { hostname, port: Number(port) });
  console.log(await echoed);
});
