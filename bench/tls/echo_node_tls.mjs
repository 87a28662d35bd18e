// TLS echo server of node:tls, for Node and for Deno: echo_node_tls.mjs FOLDER_OF_CERTIFICATE. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import { readFileSync } from "node:fs";
import process from "node:process";
import tls from "node:tls";

const folder = process.argv[2];
const server = tls.createServer({
  cert: readFileSync(`${folder}/server.pem`),
  key: readFileSync(`${folder}/server.key`),
  noDelay: true,
}, (socket) => {
  socket.on("data", (data) => socket.write(data));
  socket.on("error", () => socket.destroy());
});
server.listen(0, "127.0.0.1", () => {
  console.log(`ready ${server.address().port}`);
});
