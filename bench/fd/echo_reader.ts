// Echo server on `addReader` and `Socket` alone: echo_reader.ts [BUFFER_BYTES]. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { getRunningLoop, run, type Socket } from "../../mod.ts";
import { listenSocket } from "./listen_socket.ts";

const bufferSize = Number(Deno.args[0] ?? 262144);

await run(async () => {
  const loop = getRunningLoop();
  const { listener, port } = listenSocket();
  loop.addReader(listener, () => {
    const [conn] = listener.accept();
    loop.addReader(conn, () => echo(conn));
  });
  console.log(`ready ${port}`);
  await loop.createFuture();

  function echo(conn: Socket): void {
    const data = conn.recv(bufferSize);
    if (data.length > 0) {
      conn.send(data);
      return;
    }
    loop.removeReader(conn);
    conn.close();
  }
});
