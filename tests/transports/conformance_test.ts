/**
 * Every stream transport of the library passes the suite it offers to others.
 *
 * @module
 */

import { type EventLoop, getRunningLoop } from "../../loop/mod.ts";
import { checkStreamTransport, type StreamTransportFactory } from "../../testing/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { clientContext, serverContext } from "./tls_support.ts";

const tcp: StreamTransportFactory = async (client, server) => {
  const loop = getRunningLoop() as EventLoop;
  const listening = await loop.createServer(() => server, { hostname: "127.0.0.1", port: 0 });
  const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
  await loop.createConnection(() => client, { hostname: "127.0.0.1", port });
  return listening;
};

const unix: StreamTransportFactory = async (client, server) => {
  const loop = getRunningLoop() as EventLoop;
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const listening = await loop.createUnixServer(() => server, { path });
  await loop.createUnixConnection(() => client, { path });
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await listening[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
};

Deno.test("StreamTransport over TCP passes checkStreamTransport()", async () => {
  await checkStreamTransport(tcp);
});

Deno.test({
  name: "StreamTransport over a unix socket passes checkStreamTransport()",
  ignore: Deno.build.os === "windows",
  fn: async () => void await checkStreamTransport(unix),
});

Deno.test("StreamTransport over TLS passes checkStreamTransport()", async () => {
  const tls = serverContext();
  const trusting = clientContext();
  const report = await checkStreamTransport(async (client, server) => {
    const loop = getRunningLoop() as EventLoop;
    const listening = await loop.createServer(() => server, {
      hostname: "127.0.0.1",
      port: 0,
      tls,
    });
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    await loop.createConnection(() => client, {
      hostname: "127.0.0.1",
      port,
      tls: trusting,
      serverHostname: "localhost",
    });
    return listening;
  });
  assertEquals(report.passed.some((name) => name.startsWith("writeEof()")), false);
});
