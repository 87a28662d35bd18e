/**
 * The conformance suite over everything that TLS can be.
 *
 * @module
 */

import { type EventLoop, getRunningLoop } from "../../loop/mod.ts";
import { internalsOf, type LoopInternals } from "../../loop/internals.ts";
import { Protocol } from "../../protocols/mod.ts";
import { streamTransportCases, type StreamTransportFactory } from "../../testing/mod.ts";
import { mirrored } from "../../testing/check_stream_transport.ts";
import { halfCloseCases } from "../../testing/conformance/half_close_cases.ts";
import { ConnChannel } from "../../transports/conn_channel.ts";
import { establish } from "../../transports/establish.ts";
import type { AnyStreamProtocol, ByteChannel, TlsContext, Transport } from "../../types.ts";
import { assertEquals } from "../support/assert.ts";
import { clientContext, handshakeOver, serverContext } from "./tls_support.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 };

/** TLS over TCP, by the loop's own methods. */
function overTcp(tls: TlsContext, trusting: TlsContext): StreamTransportFactory {
  return async (client, server) => {
    const loop = getRunningLoop() as EventLoop;
    const listening = await loop.createServer(() => server, { ...LOCAL, tls });
    const { port } = listening.sockets[0]?.addr as Deno.NetAddr;
    await loop.createConnection(() => client, {
      hostname: "127.0.0.1",
      port,
      tls: trusting,
      serverHostname: "localhost",
    });
    return listening;
  };
}

const overUnix: StreamTransportFactory = async (client, server) => {
  const loop = getRunningLoop() as EventLoop;
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const listening = await loop.createUnixServer(() => server, { path, tls: serverContext() });
  await loop.createUnixConnection(() => client, {
    path,
    tls: clientContext(),
    serverHostname: "localhost",
  });
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await listening[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
};

/** Two connected TCP sockets. */
async function connectedPair(): Promise<[Deno.Conn, Deno.Conn]> {
  const listener = Deno.listen(LOCAL);
  const [client, server] = await Promise.all([
    Deno.connect({ ...LOCAL, port: listener.addr.port }),
    listener.accept(),
  ]);
  listener.close();
  return [client, server];
}

const inTls: StreamTransportFactory = async (client, server) => {
  const loop = internalsOf(getRunningLoop());
  const conns = await connectedPair();
  const outer = await handshakeOver([new ConnChannel(conns[0]), new ConnChannel(conns[1])]);
  const inner = await handshakeOver(outer);
  await Promise.all([begin(loop, client, inner[0]), begin(loop, server, inner[1])]);
};

function begin(loop: LoopInternals, protocol: AnyStreamProtocol, channel: ByteChannel) {
  return establish(loop, () => protocol, channel);
}

/** Both ends begin in plaintext and are upgraded. */
const upgraded: StreamTransportFactory = async (client, server) => {
  const loop = getRunningLoop() as EventLoop;
  const conns = await connectedPair();
  const [[clientBelow], [serverBelow]] = await Promise.all([
    loop.createConnection(() => new Protocol(), { sock: conns[0] }),
    loop.connectAcceptedSocket(() => new Protocol(), conns[1]),
  ]);
  const transports = await Promise.all([
    loop.startTls(clientBelow, client, clientContext(), { serverHostname: "localhost" }),
    loop.startTls(serverBelow, server, serverContext(), { serverSide: true }),
  ]);
  // startTls() takes it that the protocol has heard of the connection: let it.
  for (const [at, protocol] of [client, server].entries()) {
    loop.callSoon(() => protocol.connectionMade?.(transports[at] as Transport));
  }
};

/** What may not apply to media that cannot end one direction alone. */
const HALF_CLOSE = new Set(
  halfCloseCases.map(({ name }) => name).filter((name) => !/cannot half-close/.test(name)),
);

/** Cases spend their time waiting: so many wait together. */
const AT_ONCE = 16;

function conformance(
  kind: string,
  factory: StreamTransportFactory,
  options: { except?: RegExp } = {},
): void {
  Deno.test(`a stream transport over ${kind} passes streamTransportCases`, async () => {
    const failures: string[] = [];
    const jobs = streamTransportCases.filter(({ name }) => !options.except?.test(name))
      .flatMap((one) => [{ ...one, factory }, { ...one, factory: mirrored(factory) }]);
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let job; (job = jobs.pop()) !== undefined;) {
        const { name, run, factory } = job;
        try {
          const outcome = await run(factory);
          if (outcome !== "passed" && !HALF_CLOSE.has(name)) failures.push(`${name}: ${outcome}`);
        } catch (error) {
          failures.push(`${name}: ${error}`);
        }
      }
    }));
    assertEquals(failures, []);
  });
}

conformance("TLS 1.3", overTcp(serverContext(), clientContext()));
conformance(
  "TLS 1.2",
  overTcp(serverContext({ maxVersion: "TLSv1.2" }), clientContext({ maxVersion: "TLSv1.2" })),
);
if (Deno.build.os !== "windows") conformance("TLS over a unix socket", overUnix);
conformance("TLS in TLS", inTls);
// connectionMade() was called by the transport below, so its cases say nothing here.
conformance("what startTls() made", upgraded, {
  except: /connectionMade\(\) (that throws|entered)/,
});
