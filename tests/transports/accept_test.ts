import { getRunningLoop } from "../../loop/mod.ts";
import { internalsOf, type LoopInternals } from "../../loop/internals.ts";
import { sleep } from "../../tasks/mod.ts";
import { memoryChannelPair } from "../../testing/memory_channel.ts";
import { runVirtual } from "../../testing/mod.ts";
import { type Acceptor, Server } from "../../transports/server.ts";
import type { ByteChannel, Transport } from "../../types.ts";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";

/** A listening socket that does as it is told, and writes down when it was asked. */
class ScriptedAcceptor implements Acceptor {
  readonly addr: Deno.Addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  readonly asked: number[] = [];
  readonly #loop: LoopInternals;
  readonly #answers: (Error | ByteChannel)[];
  #closed = Promise.withResolvers<null>();

  constructor(loop: LoopInternals, answers: (Error | ByteChannel)[]) {
    this.#loop = loop;
    this.#answers = answers;
  }

  accept(): Promise<ByteChannel | null> {
    this.asked.push(this.#loop.time());
    const answer = this.#answers.shift();
    if (answer === undefined) return this.#closed.promise;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }

  close(): void {
    this.#closed.resolve(null);
  }
}

interface Course {
  asked: number[];
  made: number[];
  reports: [number, string, unknown][];
}

/** Lets a server accept what `answers` says, for some seconds of virtual time. */
function course(answers: (channel: ByteChannel) => (Error | ByteChannel)[]): Promise<Course> {
  return runVirtual(async () => {
    const loop = internalsOf(getRunningLoop());
    const [made, reports]: [number[], Course["reports"]] = [[], []];
    loop.setExceptionHandler((_loop, { message, exception }) =>
      void reports.push([loop.time(), message, exception])
    );
    const [channel] = memoryChannelPair(loop);
    const acceptor = new ScriptedAcceptor(loop, answers(channel));
    const factory = () => ({
      connectionMade(transport: Transport) {
        made.push(loop.time());
        transport.close();
      },
    });
    const server = new Server({ loop, factory, acceptors: [acceptor] });
    await server.startServing();
    await sleep(5500);
    server.close();
    await server.waitClosed();
    await sleep(2000);
    return { asked: acceptor.asked, made, reports };
  });
}

Deno.test("a server out of file descriptors asks once a second, tells each time, and goes on", async () => {
  // CPython 3.14 goes on with the backlog at once, and tries again for each of it (gh-151615).
  const error = new Error("Too many open files (os error 24)");
  const { asked, made, reports } = await course((channel) => [error, error, error, channel]);
  assertEquals(asked, [0, 1000, 2000, 3000, 3000]);
  assertEquals(made, [3000]);
  const message = "Cannot accept a connection, trying again in 1000 ms";
  assertEquals(reports.map(([at, text]) => [at, text]), [[0, message], [1000, message], [
    2000,
    message,
  ]]);
  for (const [, , exception] of reports) assertStrictEquals(exception, error);
});

Deno.test("a server goes on at once, and says nothing, when a client left before it was accepted", async () => {
  const left = new Deno.errors.ConnectionAborted("Software caused connection abort");
  const { asked, made, reports } = await course((channel) => [left, left, channel]);
  assertEquals([asked, made, reports], [[0, 0, 0, 0], [0], []]);
});

Deno.test("a server that is closed while it rests accepts no more", async () => {
  const error = new Error("Too many open files (os error 24)");
  const { asked, made } = await course((channel) => [...Array(6).fill(error), channel]);
  assertEquals([asked, made], [[0, 1000, 2000, 3000, 4000, 5000], []]);
});
