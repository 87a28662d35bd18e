// UDP echo server on Deno's own datagram sockets, which need `--unstable-net`. Prints `ready PORT`.
// deno-lint-ignore-file no-console
const conn = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
console.log(`ready ${(conn.addr as Deno.NetAddr).port}`);
const buffer = new Uint8Array(65536);
for (;;) {
  const [data, addr] = await conn.receive(buffer);
  await conn.send(data, addr);
}
