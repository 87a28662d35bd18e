// Echo server of bare `conn.read` and `conn.write`: echo_raw.ts [BUFFER_BYTES]. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { reportMemory } from "./memory.ts";

const bufferSize = Number(Deno.args[0] ?? 65536);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`ready ${listener.addr.port}`);

reportMemory();

async function echo(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(bufferSize);
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      for (let rest = buffer.subarray(0, n); rest.length > 0;) {
        rest = rest.subarray(await conn.write(rest));
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  } finally {
    conn.close();
  }
}

for await (const conn of listener) void echo(conn);
