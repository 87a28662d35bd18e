import { AsyncLocalStorage } from "node:async_hooks";
import { KeyboardInterrupt } from "../../errors.ts";
import { Protocol } from "../../protocols/mod.ts";
import { sleep } from "../../tasks/mod.ts";
import { memoryTransportPair, VirtualTimeLoop } from "../../testing/mod.ts";
import type { ExceptionContext, StreamingProtocol, Transport } from "../../types.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "../support/assert.ts";
import { inLoop, portOf, Recorder } from "./tcp_support.ts";

/** Runs `main` with two connected transports, and gives what the loop reported. */
async function reportsOf(
  protocol: StreamingProtocol,
  main: (subject: Transport, peer: Transport) => Promise<void>,
  options: { debug?: boolean } = {},
): Promise<ExceptionContext[]> {
  await using loop = new VirtualTimeLoop();
  const reports: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => void reports.push(context));
  loop.setDebug(options.debug ?? false);
  await loop.runUntilComplete(async () => {
    const [subject, peer] = memoryTransportPair({ protocols: [protocol, {}] });
    await sleep(1);
    await main(subject, peer);
  });
  return reports;
}

Deno.test("a KeyboardInterrupt in a callback of a protocol ends the run, and is no error of the connection", async () => {
  const interrupt = new KeyboardInterrupt("Ctrl-C");
  const stop = () => {
    throw interrupt;
  };
  const protocols: StreamingProtocol[] = [
    { connectionMade: stop },
    { dataReceived: stop },
    { eofReceived: stop },
    { pauseWriting: stop },
    { connectionLost: stop },
  ];
  for (const protocol of protocols) {
    const error = await assertRejects(() =>
      reportsOf(protocol, async (subject, peer) => {
        subject.setWriteBufferLimits({ high: 0 });
        subject.write(new Uint8Array(1));
        peer.write(new Uint8Array(1));
        await sleep(1);
        peer.close();
        await sleep(1);
        subject.abort();
        await sleep(1);
      })
    );
    assertStrictEquals(error, interrupt);
  }
});

Deno.test("an async callback of a protocol that fails is reported, and the connection goes on", async () => {
  const error = new Error("later");
  const received: number[] = [];
  const protocol = {
    async dataReceived(data: Uint8Array) {
      received.push(data.length);
      await Promise.resolve();
      if (received.length === 1) throw error;
    },
  } as unknown as StreamingProtocol;
  const reports = await reportsOf(protocol, async (subject, peer) => {
    peer.write(new Uint8Array(1));
    await sleep(1);
    peer.write(new Uint8Array(2));
    await sleep(1);
    assertEquals(subject.isClosing(), false);
    subject.close();
    await sleep(1);
  });
  assertEquals(received, [1, 2]);
  assertEquals(reports.map(({ message }) => message), ["protocol.dataReceived() failed"]);
  assertStrictEquals(reports[0]?.exception, error);
  assertStrictEquals(reports[0]?.protocol, protocol);
});

Deno.test("an error of the network is no news, except in debug mode", async () => {
  for (const debug of [false, true]) {
    const lost: unknown[] = [];
    const protocol = { connectionLost: (error: Error | null) => void lost.push(error) };
    const reports = await reportsOf(protocol, async (_subject, peer) => {
      peer.abort();
      await sleep(1);
    }, { debug });
    assert(lost[0] instanceof Deno.errors.ConnectionReset);
    assertEquals(
      reports.map(({ message, exception }) => [message, exception]),
      debug ? [["Fatal read error on stream transport", lost[0]]] : [],
    );
  }
});

Deno.test("debug mode tells, once, of a program that goes on writing to a lost connection", async () => {
  for (const debug of [false, true]) {
    const reports = await reportsOf({}, async (subject) => {
      subject.close();
      await sleep(1);
      for (let time = 1; time <= 4; time++) subject.write(new Uint8Array(1));
      await sleep(1);
      // CPython warns from the fifth write on.
      for (let time = 5; time <= 10; time++) subject.write(new Uint8Array(1));
    }, { debug });
    assertEquals(
      reports.map(({ message }) => message),
      debug ? ["Data is written to a transport whose connection is lost"] : [],
    );
  }
});

Deno.test("what the factory of a server enters for one connection is not seen by the next", async () => {
  // CPython 3.14 calls all of them in one context (gh-140947).
  const storage = new AsyncLocalStorage<string>();
  await inLoop(async (loop) => {
    const seen: unknown[] = [];
    const make = () => {
      seen.push(storage.getStore());
      storage.enterWith(`connection ${seen.length}`);
      const protocol = new Protocol();
      protocol.connectionMade = (transport) => {
        seen.push(storage.getStore());
        transport.close();
      };
      return protocol;
    };
    const server = await storage.run(
      "server",
      () => loop.createServer(make, { hostname: "127.0.0.1" }),
    );
    for (let round = 0; round < 2; round++) {
      const client = new Recorder(loop);
      const to = { hostname: "127.0.0.1", port: portOf(server) };
      await loop.createConnection(() => client, to);
      await client.lost;
    }
    await server[Symbol.asyncDispose]();
    assertEquals(seen, ["server", "connection 1", "server", "connection 3"]);
  });
});
