// UDP echo server of node:dgram, for Deno and Node. Prints `ready PORT`.
// deno-lint-ignore-file no-console
import dgram from "node:dgram";

const socket = dgram.createSocket("udp4");
socket.on("message", (data, from) => socket.send(data, from.port, from.address));
socket.bind(0, "127.0.0.1", () => console.log(`ready ${socket.address().port}`));
