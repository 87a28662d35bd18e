#!/usr/bin/env -S deno run --allow-net --allow-read
// deno-lint-ignore-file no-console
/**
 * An echo server on every core: Workers that each have an event loop and listen
 * on the same port (SO_REUSEPORT: the kernel deals the connections out). They report to
 * the loop of the main program, which counts, and which closes them at Ctrl-C.
 *
 *   deno run --allow-net --allow-read examples/multicore_server.ts [port] [workers]
 *   printf hello | nc 127.0.0.1 8888
 */
import {
  type AbstractServer,
  connectLoop,
  exposeLoop,
  gather,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  Protocol,
  run,
  sleep,
  type Transport,
} from "../mod.ts";

/** What one Worker, or all of them, did. */
interface Counters {
  connections: number;
  bytes: number;
}

/** In a Worker: serves, and tells the main loop of each connection that ends. */
async function serve(): Promise<void> {
  const main = connectLoop(globalThis);
  const { name } = globalThis; // As the main program named this Worker.
  const loop = newEventLoop();
  let server: AbstractServer;

  class Echo extends Protocol {
    #transport!: Transport;
    #bytes = 0;

    override connectionMade(transport: Transport): void {
      this.#transport = transport;
    }

    override dataReceived(data: Uint8Array): void {
      this.#bytes += data.length;
      this.#transport.write(data);
    }

    override pauseWriting(): void {
      this.#transport.pauseReading();
    }

    override resumeWriting(): void {
      this.#transport.resumeReading();
    }

    override connectionLost(): void {
      main.callSoonThreadsafe("count", name, this.#bytes);
    }
  }

  exposeLoop(loop, globalThis, {
    async listen(port: number): Promise<number> {
      server = await loop.createServer(() => new Echo(), {
        hostname: "127.0.0.1",
        port,
        reusePort: true,
      });
      return (server.sockets[0]?.addr as Deno.NetAddr).port;
    },
    async close(): Promise<void> {
      server.close();
      server.closeClients();
      await server.waitClosed();
    },
  });
  await loop.runForever();
}

/** In the main program: starts the Workers, gathers what they count, and closes them. */
async function supervise(port: number, count: number): Promise<void> {
  const loop = getRunningLoop();
  const total = new Map<string, Counters>();
  const workers = Array.from({ length: count }, (_, i) => {
    const worker = new Worker(import.meta.url, { type: "module", name: `worker ${i + 1}` });
    total.set(`worker ${i + 1}`, { connections: 0, bytes: 0 });
    exposeLoop(loop, worker, {
      // Runs in this loop, one at a time: no lock is needed.
      count(name: string, bytes: number): void {
        const counters = total.get(name) as Counters;
        counters.connections++;
        counters.bytes += bytes;
      },
    });
    return { worker, there: connectLoop(worker) };
  });
  try {
    for (const { there } of workers) port = await there.call<number>("listen", port);
    console.log(`${count} workers serve on 127.0.0.1:${port}`);
    await sleep(Infinity);
  } finally {
    // What they told before they answer has arrived when they answer.
    await gather(...workers.map(({ there }) => there.call("close")));
    for (const [name, { connections, bytes }] of total) {
      console.log(`${name}: ${connections} connections, ${bytes} bytes`);
    }
    for (const { worker } of workers) worker.terminate();
  }
}

if ("DedicatedWorkerGlobalScope" in globalThis) {
  await serve();
} else {
  const [port = "8888", count = String(navigator.hardwareConcurrency)] = Deno.args;
  try {
    await run(() => supervise(Number(port), Number(count)));
  } catch (error) {
    if (!(error instanceof KeyboardInterrupt)) throw error;
  }
}
