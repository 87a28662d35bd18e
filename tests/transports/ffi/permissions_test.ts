import { assertEquals } from "../../support/assert.ts";
import { text } from "./support.ts";

const url = (path: string) => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);

/** Runs `code` as the body of a task of a loop with sockets and fds. */
async function runMain(flags: readonly string[], code: string): Promise<string> {
  const module = `
    import { EventLoop } from ${url("loop/mod.ts")};
    import { fdWatcher } from ${url("transports/ffi/watcher.ts")};
    import { Socket } from ${url("transports/ffi/socket.ts")};
    import { DefaultSocketCalls } from ${url("transports/socket_calls.ts")};
    const loop = new EventLoop({ io: { fds: fdWatcher, sockets: new DefaultSocketCalls() } });
    const bytes = (text: string) => new TextEncoder().encode(text);
    const text = (data: Uint8Array) => new TextDecoder().decode(data);
    await loop.runUntilComplete(async () => { ${code} });
    loop.close();
    console.log("end");`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--no-prompt", "--quiet", "--allow-import", "--allow-read"],
      ...flags,
      `data:application/typescript,${encodeURIComponent(module)}`,
    ],
    stdin: "null",
  }).output();
  return text(stdout) + text(stderr);
}

Deno.test("sock* calls on Deno's own sockets need no --allow-ffi", async () => {
  const output = await runMain(
    ["--allow-net=127.0.0.1"],
    `
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = loop.createTask(() => loop.sockAccept(listener));
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const [server] = await accepting;
    await loop.sockSendall(client, bytes("hello"));
    console.log(text(await loop.sockRecv(server, 10)));
    for (const refused of [
      () => loop.addReader(0, () => {}),
      () => loop.sockRecv({ fileno: () => 0 }, 1),
    ]) {
      try {
        await refused();
      } catch (error) {
        console.log(error.name, error.message.includes("--allow-ffi"));
      }
    }
    // And the rest works as before.
    await loop.sockSendall(server, bytes("bye"));
    console.log(text(await loop.sockRecv(client, 10)));
    for (const closable of [client, server, listener]) closable.close();`,
  );
  assertEquals(output, "hello\nNotCapable true\nNotCapable true\nbye\nend\n");
});

Deno.test("what a cancelled call left pending does not keep the process alive", async () => {
  const output = await runMain(
    ["--allow-net=127.0.0.1"],
    `
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = loop.createTask(() => loop.sockAccept(listener));
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    await accepting;
    for (const call of [() => loop.sockRecv(client, 10), () => loop.sockAccept(listener)]) {
      const task = loop.createTask(call);
      setTimeout(() => task.cancel(), 5);
      try {
        await task;
      } catch (error) {
        console.log(error.name);
      }
    }`,
  );
  assertEquals(output, "CancelledError\nCancelledError\nend\n");
});

Deno.test("sockRecvfrom() and sockSendto() work on what Deno.listenDatagram gives", async () => {
  const output = await runMain(
    ["--allow-net=127.0.0.1", "--unstable-net"],
    `
    const [a, b] = [0, 0].map((port) =>
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }));
    for (let i = 0; i < 2; i++) {
      const cancelled = loop.createTask(() => loop.sockRecvfrom(b, 1));
      setTimeout(() => cancelled.cancel(), 5);
      await cancelled.catch((error) => console.log(error.name));
      await loop.sockSendto(a, bytes("datagram"), b.addr);
      const [data, from] = await loop.sockRecvfrom(b, 100);
      console.log(text(data), from.port === a.addr.port);
    }
    const last = loop.createTask(() => loop.sockRecv(b, 1));
    setTimeout(() => last.cancel(), 5);
    await last.catch(() => {});`,
  );
  assertEquals(output, "CancelledError\ndatagram true\n".repeat(2) + "end\n");
});
