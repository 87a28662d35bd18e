// Echo server of Node's net. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import net from "node:net";

const server = net.createServer({ noDelay: true }, (socket) => {
  socket.on("data", (data) => socket.write(data));
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => {
  console.log(`ready ${server.address().port}`);
});
