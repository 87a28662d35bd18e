// Echo server on `sockAccept`, `sockRecv` and `sockSendall` of a `Socket`, a task a connection. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { getRunningLoop, run, type Socket } from "../../mod.ts";
import { listenSocket } from "./listen_socket.ts";

const bufferSize = Number(Deno.args[0] ?? 262144);

await run(async () => {
  const loop = getRunningLoop();
  const { listener, port } = listenSocket();
  console.log(`ready ${port}`);
  const tasks = new Set<unknown>();
  while (true) {
    const [conn] = await loop.sockAccept(listener) as [Socket, Deno.Addr];
    const task = loop.createTask(() => serve(conn));
    tasks.add(task);
    task.addDoneCallback(() => tasks.delete(task));
  }

  async function serve(conn: Socket): Promise<void> {
    using _conn = conn;
    for (let data; (data = await loop.sockRecv(conn, bufferSize)).length > 0;) {
      await loop.sockSendall(conn, data);
    }
  }
});
