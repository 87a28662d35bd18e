// deno-lint-ignore-file no-console
import { Child } from "../tests/support/child.ts";
import { denoCommand, pythonCommands } from "./peers.ts";
import { digits, printTable } from "./report.ts";

/** Memory of a server, in bytes. */
interface Memory {
  /** Resident, as the system counts. */
  resident: number;
  /** Heap and external memory, as V8 counts; servers on Deno only. */
  counted: number;
}

/**
 * Opens many connections to each server, lets each echo 1 KiB once, and prints
 * what it costs the server to keep them.
 */
export async function runIdle(options: { connections: number }): Promise<void> {
  const { connections } = options;
  const servers = {
    ours: denoCommand("echo/echo_protocol.ts"),
    "raw deno": denoCommand("echo/echo_raw.ts", "65536"),
    ...pythonCommands("echo/echo_asyncio.py", "proto"),
  };
  const rows: string[][] = [];
  for (const [peer, { program, args }] of Object.entries(servers)) {
    console.error(`idle: ${peer}`);
    await using server = Child.start(program, args);
    const port = Number(await server.waitReady());
    const onDeno = program === Deno.execPath();
    const open: Deno.Conn[] = [];
    try {
      // The first connections pay for code and pools; they are no connection's own.
      await connect(open, port, 100);
      const before = await memory(server, onDeno);
      await connect(open, port, connections);
      const after = await memory(server, onDeno);
      const each = (what: keyof Memory) =>
        digits((after[what] - before[what]) / connections / 1024, 1);
      rows.push([peer, each("counted"), each("resident")]);
    } finally {
      for (const conn of open) conn.close();
    }
  }
  console.log(
    `\n${connections} idle connections: KiB of the server for each\n`,
  );
  printTable(["", "heap + external", "resident"], rows);
}

async function connect(
  open: Deno.Conn[],
  port: number,
  count: number,
): Promise<void> {
  const message = new Uint8Array(1024);
  async function one(): Promise<void> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    open.push(conn);
    await conn.write(message);
    const buffer = new Uint8Array(1024);
    for (let got = 0; got < message.length;) {
      const n = await conn.read(buffer);
      if (n === null) throw new Error("the server closed the connection");
      got += n;
    }
  }
  // Fewer at once than the shortest backlog of a server, 100.
  for (let done = 0; done < count;) {
    const batch = Math.min(50, count - done);
    await Promise.all(Array.from({ length: batch }, one));
    done += batch;
  }
}

async function memory(server: Child, onDeno: boolean): Promise<Memory> {
  let counted = NaN;
  if (onDeno) {
    server.kill("SIGUSR2");
    counted = Number(await server.waitReady("memory"));
  }
  const status = await Deno.readTextFile(`/proc/${server.pid}/status`);
  const resident = Number(status.match(/^VmRSS:\s+(\d+) kB$/m)?.[1]) * 1024;
  return { resident, counted };
}
