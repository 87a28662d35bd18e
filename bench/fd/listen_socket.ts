import { IPPROTO_TCP, Socket, TCP_NODELAY } from "../../mod.ts";

/** A listening `Socket` on any port of the loopback; connections inherit its options. */
export function listenSocket(): { listener: Socket; port: number } {
  const listener = new Socket();
  listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, true);
  listener.bind({ hostname: "127.0.0.1", port: 0 });
  listener.listen(512);
  const { port } = listener.getsockname() as Deno.NetAddr;
  return { listener, port };
}
