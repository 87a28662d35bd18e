import type { EventLoop } from "../../loop/mod.ts";
import type {
  AbstractServer,
  CreateConnectionOptions,
  CreateServerOptions,
  ExceptionContext,
  TlsContext,
} from "../../types.ts";
import { assertEquals } from "../support/assert.ts";
import { until } from "../support/poll.ts";
import { inLoop, portOf, Recorder } from "./tcp_support.ts";
import { clientContext, serverContext } from "./tls_support.ts";

/** An address of our own. */
export const LOCAL = { hostname: "127.0.0.1", port: 0 } as const;

/** How many sockets this process has open; 0 where that cannot be counted. */
export function openSockets(): number {
  if (Deno.build.os !== "linux") return 0;
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) count++;
    } catch (error) {
      // The one that read the directory.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return count;
}

/** Runs `main` in a loop, and fails if a socket is left over afterwards. */
export async function leakFree(
  main: (loop: EventLoop, reports: ExceptionContext[]) => Promise<void>,
): Promise<void> {
  const before = openSockets();
  await inLoop(async (loop) => {
    const reports: ExceptionContext[] = [];
    loop.setExceptionHandler((_loop, context) => void reports.push(context));
    await main(loop, reports);
    // Before the loop closes what is left.
    await until(() => openSockets() <= before, { what: "every socket to be closed" });
  });
}

/** A TLS server for the tests of one connection, with the protocols it made. */
export async function tlsServer(
  loop: EventLoop,
  options: CreateServerOptions = {},
): Promise<AbstractServer & { readonly port: number; readonly made: Recorder[] }> {
  const made: Recorder[] = [];
  const server = await loop.createServer(() => {
    const protocol = new Recorder(loop);
    made.push(protocol);
    return protocol;
  }, { ...LOCAL, tls: serverContext(), ...options });
  return Object.assign(server, { port: portOf(server), made });
}

/** What a TLS client of such a server asks for. */
export function asClient(
  port: number,
  tls: TlsContext = clientContext(),
  options: CreateConnectionOptions = {},
): CreateConnectionOptions {
  return { hostname: "127.0.0.1", port, tls, serverHostname: "localhost", ...options };
}

/** Closes a server and waits for the end of its connections. */
export async function shutDown(server: AbstractServer): Promise<void> {
  server.close();
  await server.waitClosed();
}

/** `connectionMade` came first and once, `connectionLost` last and once. */
export function assertOneLife(protocol: Recorder): void {
  const { events } = protocol;
  assertEquals([events[0], events.filter((event) => event === "made").length], ["made", 1]);
  const lost = events.filter((event) => event.startsWith("lost"));
  assertEquals([lost.length, events.at(-1)], [1, lost[0]]);
}
