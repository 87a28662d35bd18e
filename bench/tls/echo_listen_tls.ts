// TLS echo server of bare `Deno.listenTls`: echo_listen_tls.ts FOLDER_OF_CERTIFICATE. Prints `ready PORT`.
// deno-lint-ignore-file no-console
const [folder] = Deno.args;
const listener = Deno.listenTls({
  hostname: "127.0.0.1",
  port: 0,
  cert: await Deno.readTextFile(`${folder}/server.pem`),
  key: await Deno.readTextFile(`${folder}/server.key`),
});
console.log(`ready ${listener.addr.port}`);

async function echo(conn: Deno.TlsConn): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      for (let rest = buffer.subarray(0, n); rest.length > 0;) {
        rest = rest.subarray(await conn.write(rest));
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) {
      if (!(error instanceof Deno.errors.UnexpectedEof)) throw error;
    }
  } finally {
    conn.close();
  }
}

for await (const conn of listener) void echo(conn);
