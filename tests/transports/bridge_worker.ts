/** The other Worker of the tests of bridges: exposes its loop on its own scope, or on the port it is sent. */
import {
  connectLoop,
  exposeLoop,
  getRunningLoop,
  type LoopPort,
  run,
  sleep,
  transfer,
} from "../../mod.ts";

async function serve(port: LoopPort): Promise<void> {
  await run(async () => {
    const loop = getRunningLoop();
    const end = loop.createFuture<void>();
    const back = connectLoop(port);
    let log: string[] = [];
    exposeLoop(loop, port, {
      add: (a: number, b: number) => a + b,
      later: async (value: unknown) => await sleep(1, value),
      fail(text: string) {
        throw new Deno.errors.NotFound(text, { cause: new TypeError("inner") });
      },
      async hang() {
        log.push("hangs");
        try {
          await sleep(Infinity);
        } catch (error) {
          log.push(`${(error as Error).name}: ${(error as Error).message}`);
          throw error;
        }
      },
      cancelItself: async () => {
        setTimeout(() => void task.cancel("had enough"));
        const task = loop.createTask(() => sleep(Infinity));
        await task;
      },
      countdown: async (n: number): Promise<number> =>
        n === 0 ? 0 : 1 + await back.call<number>("countdown", n - 1),
      size: (bytes: Uint8Array) => bytes.length,
      bytes: (length: number) => transfer(new Uint8Array(length)),
      fn: () => () => 1,
      note: (text: string) => void log.push(text),
      takeLog: () => log.splice(0),
      closeLoop: () => void end.setResult(),
    });
    await end;
    log = [];
  });
}

addEventListener("message", (event) => {
  const { data } = event as MessageEvent;
  if (data instanceof MessagePort) serve(data);
});
serve(globalThis);
