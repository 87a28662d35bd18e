import { createHash } from "node:crypto";
import { createSubprocessExec, createSubprocessShell, PIPE } from "../../subprocess/mod.ts";
import { Semaphore } from "../../sync/mod.ts";
import { createTask, gather, sleep } from "../../tasks/mod.ts";
import { assert, assertEquals, assertLess } from "../support/assert.ts";
import { inLoop, leavesNothing } from "./support.ts";

const MIB = 1024 * 1024;

Deno.test("1 GiB through cat and back comes whole to a slow reader, and is never held in memory", async () => {
  const total = 1024 * MIB;
  // Two pipes, cat, the write buffer of stdin and the read buffer of stdout, and a portion on its way to each.
  const mostUnderWay = 2 * MIB;
  await leavesNothing(() =>
    inLoop(async () => {
      const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
      const { stdin, stdout } = child;
      const block = crypto.getRandomValues(new Uint8Array(65536));
      const [sent, received] = [createHash("md5"), createHash("md5")];
      let written = 0;
      let read = 0;
      let underWay = 0;
      const writing = createTask(async () => {
        while (written < total) {
          // Every block is another one.
          new DataView(block.buffer).setUint32(0, written / block.length);
          sent.update(block);
          stdin!.write(block);
          written += block.length;
          underWay = Math.max(underWay, written - read);
          await stdin!.drain();
        }
        stdin!.close();
      });
      const before = Deno.memoryUsage().rss;
      let most = 0;
      for (let pause = 0;;) {
        const data = await stdout!.read(MIB);
        if (data.length === 0) break;
        received.update(data);
        read += data.length;
        if (read < pause) continue;
        // Long enough for the writer to fill all there is, and wait.
        pause = read + 64 * MIB;
        await sleep(20);
        most = Math.max(most, Deno.memoryUsage().rss - before);
      }
      await writing;
      assertEquals([written, read, await child.wait()], [total, total, 0]);
      assertEquals(received.digest("hex"), sent.digest("hex"));
      assertLess(underWay, mostUnderWay);
      // Garbage that was not collected yet is most of this; a twentieth of what went through.
      assertLess(most / MIB, 256);
    })
  );
});

Deno.test("1000 short processes, 50 at a time, all tell their exit codes and leave nothing behind", async () => {
  await leavesNothing(() =>
    inLoop(async () => {
      const room = new Semaphore(50);
      let running = 0;
      let most = 0;
      const codes = await gather(Array.from({ length: 1000 }, (_, i) => async () => {
        using _permit = await room.acquire();
        most = Math.max(most, ++running);
        const child = await createSubprocessShell(`echo ${i}; exit ${i % 256}`, {
          stdin: PIPE,
          stdout: PIPE,
          stderr: PIPE,
        });
        const [stdout] = await child.communicate();
        assertEquals(new TextDecoder().decode(stdout!), `${i}\n`);
        running--;
        return child.returncode;
      }));
      assertEquals(codes, Array.from({ length: 1000 }, (_, i) => i % 256));
      assert(most === 50);
    })
  );
});
