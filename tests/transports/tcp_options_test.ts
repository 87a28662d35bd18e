import { Protocol } from "../../protocols/mod.ts";
import type { Transport } from "../../types.ts";
import { assertEquals } from "../support/assert.ts";
import { inLoop, portOf, Recorder } from "./tcp_support.ts";

const LOCAL = { hostname: "127.0.0.1" };

/** Writes down what is set on a connection, and sets it. */
function noteSettings(conn: Deno.TcpConn, settings: string[]): Deno.TcpConn {
  for (const name of ["setNoDelay", "setKeepAlive"] as const) {
    const set = conn[name].bind(conn);
    conn[name] = (on = true) => {
      settings.push(`${name}(${on})`);
      set(on);
    };
  }
  return conn;
}

/** A listener whose connections tell what is set on them. */
function telling(listener: Deno.TcpListener, settings: string[]): Deno.TcpListener {
  const accept = listener.accept.bind(listener);
  listener.accept = async () => noteSettings(await accept(), settings);
  return listener;
}

/** Replaces a function of `Deno` until it is disposed. */
function replace<K extends "connect" | "listen">(name: K, other: (typeof Deno)[K]): Disposable {
  const original = Deno[name];
  Deno[name] = other;
  return { [Symbol.dispose]: () => void (Deno[name] = original) };
}

Deno.test("connections send at once (TCP_NODELAY), and probe when keepAlive is set", async () => {
  await inLoop(async (loop) => {
    for (const keepAlive of [false, true]) {
      const accepted: string[] = [];
      const sock = telling(Deno.listen({ ...LOCAL, port: 0 }), accepted);
      const server = await loop.createServer(() => new Protocol(), { sock, keepAlive });
      const connected: string[] = [];
      const connect = Deno.connect;
      using _ = replace(
        "connect",
        (async (options: Deno.ConnectOptions) =>
          noteSettings(await connect(options), connected)) as typeof Deno.connect,
      );
      const client = new Recorder(loop);
      await loop.createConnection(() => client, { ...LOCAL, port: portOf(server) });
      client.transport.close();
      await client.lost;
      await server[Symbol.asyncDispose]();
      assertEquals(connected, ["setNoDelay(true)"]);
      assertEquals(accepted, ["setNoDelay(true)", ...(keepAlive ? ["setKeepAlive(true)"] : [])]);
    }
  });
});

Deno.test("createServer() listens with the backlog it is given, or 100", async () => {
  await inLoop(async (loop) => {
    const asked: unknown[] = [];
    const listen = Deno.listen;
    using _ = replace(
      "listen",
      ((options: Deno.TcpListenOptions) => {
        asked.push((options as { tcpBacklog?: number }).tcpBacklog);
        return listen(options);
      }) as typeof Deno.listen,
    );
    for (const more of [{}, { backlog: 7 }]) {
      const server = await loop.createServer(() => new Protocol(), { ...LOCAL, ...more });
      await server[Symbol.asyncDispose]();
    }
    assertEquals(asked, [100, 7]);
  });
});

Deno.test("createServer() listens on all interfaces when none is named", async () => {
  await inLoop(async (loop) => {
    for (const hostname of [undefined, null, ""]) {
      const hosts: string[] = [];
      const server = await loop.createServer(() => ({
        connectionMade(transport: Transport) {
          hosts.push((transport.getExtraInfo("sockname") as Deno.NetAddr).hostname);
          transport.close();
        },
      }), { hostname: hostname as string });
      for (const to of ["127.0.0.1", "127.0.0.2"]) {
        const client = new Recorder(loop);
        await loop.createConnection(() => client, { hostname: to, port: portOf(server) });
        await client.lost;
      }
      await server[Symbol.asyncDispose]();
      assertEquals(hosts.map((host) => host.replace("::ffff:", "")), ["127.0.0.1", "127.0.0.2"]);
    }
  });
});
