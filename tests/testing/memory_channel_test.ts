import { memoryChannelPair, runVirtual, type Script } from "../../testing/mod.ts";
import { getRunningLoop } from "../../loop/mod.ts";
import type { ByteChannel } from "../../types.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

const BYTES = new Uint8Array([1, 2, 3, 4, 5, 6, 7]);

/** Reads once; the bytes, or `null` at EOF. */
async function read(channel: ByteChannel, size = 100): Promise<number[] | null> {
  const buffer = new Uint8Array(size);
  const count = await channel.read(buffer);
  return count === null ? null : [...buffer.subarray(0, count)];
}

/** Reads to EOF; what each read gave. */
async function readAll(channel: ByteChannel): Promise<number[][]> {
  const reads: number[][] = [];
  for (let got = await read(channel); got !== null; got = await read(channel)) reads.push(got);
  return reads;
}

async function pair(
  options: Parameters<typeof memoryChannelPair>[1],
  body: (first: ByteChannel, second: ByteChannel) => Promise<void>,
): Promise<void> {
  await runVirtual(async () => await body(...memoryChannelPair(getRunningLoop(), options)), {
    deadlockMs: 1,
  });
}

Deno.test("memoryChannelPair() carries bytes both ways, to EOF", async () => {
  await pair({}, async (first, second) => {
    assertEquals(await first.write(BYTES), 7);
    assertEquals(await second.write(BYTES.subarray(2)), 5);
    assertEquals(await read(second), [...BYTES]);
    assertEquals(await read(first), [3, 4, 5, 6, 7]);
    first.close();
    assertEquals(await read(second), null);
    assertEquals(await read(second), null);
  });
});

Deno.test("memoryChannelPair() copies what is written before write() resolves", async () => {
  await pair({}, async (first, second) => {
    const scratch = BYTES.slice();
    await first.write(scratch);
    scratch.fill(0);
    assertEquals(await read(second), [...BYTES]);
  });
});

Deno.test("memoryChannelPair() delivers pieces of the scripted sizes", async () => {
  const scripts: [Script, number[][]][] = [
    [3, [[1, 2, 3], [4, 5, 6], [7]]],
    [[1, 4], [[1], [2, 3, 4, 5], [6], [7]]],
    [() => 5, [[1, 2, 3, 4, 5], [6, 7]]],
  ];
  for (const [chunkSize, expected] of scripts) {
    await pair({ chunkSize }, async (first, second) => {
      await first.write(BYTES.subarray(0, 2));
      await first.write(BYTES.subarray(2));
      first.close();
      assertEquals(await readAll(second), expected);
    });
  }
});

Deno.test("memoryChannelPair() fills no more than the buffer of the reader", async () => {
  await pair({}, async (first, second) => {
    await first.write(BYTES);
    assertEquals(await read(second, 5), [1, 2, 3, 4, 5]);
    assertEquals(await read(second, 5), [6, 7]);
  });
});

Deno.test("memoryChannelPair() delays by the time of the loop, and keeps the order", async () => {
  await pair({ delayMs: [100, 10] }, async (first, second) => {
    const loop = getRunningLoop();
    await first.write(BYTES.subarray(0, 1));
    await first.write(BYTES.subarray(1, 2));
    assertEquals(loop.time(), 0);
    assertEquals(await read(second), [1]);
    // The second one is 90 ms faster, but does not overtake.
    assertEquals(await read(second), [2]);
    assertEquals(loop.time(), 100);
    first.close();
    assertEquals(await read(second), null);
    assertEquals(loop.time(), 200);
  });
});

Deno.test("memoryChannelPair() holds no more than its capacity, on the way included", async () => {
  await pair({ capacity: 4, delayMs: 10 }, async (first, second) => {
    assertEquals(await first.write(BYTES), 4);
    const rest = first.write(BYTES.subarray(4));
    let done = false;
    rest.then(() => done = true);
    assertEquals(await read(second, 1), [1]);
    assertEquals(await rest, 1);
    assert(done);
    assertEquals(getRunningLoop().time(), 10);
  });
});

Deno.test("memoryChannelPair() half-closes, unless told not to", async () => {
  await pair({}, async (first, second) => {
    await first.write(BYTES);
    await first.closeWrite?.();
    assertEquals(await readAll(second), [[...BYTES]]);
    await second.write(BYTES);
    assertEquals(await read(first), [...BYTES]);
  });
  await pair({ halfClose: false }, (first, second) => {
    assertEquals([first.closeWrite, second.closeWrite], [undefined, undefined]);
    return Promise.resolve();
  });
});

Deno.test("memoryChannelPair() breaks after the bytes of its loss, on both sides", async () => {
  await pair({ fromFirst: { loss: 5 } }, async (first, second) => {
    const pending = assertRejects(() => first.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    await first.write(BYTES);
    assertEquals(await read(second), [1, 2, 3, 4, 5]);
    await pending;
    for (const channel of [first, second]) {
      await assertRejects(() => read(channel), Deno.errors.ConnectionReset, "after 5 bytes");
      await assertRejects(() => channel.write(BYTES), Deno.errors.ConnectionReset);
    }
  });
});

Deno.test("memoryChannelPair() breaks with the error it was given, at once for 0 bytes", async () => {
  const error = new Deno.errors.TimedOut("gone");
  await pair({ loss: { afterBytes: 0, error } }, async (first, second) => {
    assertEquals(await assertRejects(() => read(first)), error);
    assertEquals(await assertRejects(() => second.write(BYTES)), error);
  });
});

Deno.test("memoryChannelPair() loses in silence with the error null", async () => {
  await pair({ fromFirst: { loss: { afterBytes: 2, error: null } } }, async (first, second) => {
    await first.write(BYTES);
    assertEquals(await read(second), [1, 2]);
    let arrived = false;
    read(second).then(() => arrived = true);
    await first.write(BYTES);
    first.close();
    const later = getRunningLoop().createFuture<void>();
    getRunningLoop().callLater(1000, () => later.setResult());
    await later;
    assertEquals(arrived, false);
  });
});

Deno.test("memoryChannelPair() tells the other side of abort(), after what was sent", async () => {
  await pair({ delayMs: 10 }, async (first, second) => {
    await first.write(BYTES);
    first.abort();
    assertEquals(await read(second), [...BYTES]);
    await assertRejects(() => read(second), Deno.errors.ConnectionReset);
    await assertRejects(() => second.write(BYTES), Deno.errors.ConnectionReset);
  });
});

Deno.test("memoryChannelPair() takes what is written to a closed side until that is known", async () => {
  await pair({ delayMs: 10, capacity: 4 }, async (first, second) => {
    assertEquals(await second.write(BYTES), 4);
    const blocked = second.write(BYTES.subarray(4));
    first.close();
    assertEquals(await blocked, 3);
    assertEquals(await read(second), null);
    await assertRejects(() => second.write(BYTES), Deno.errors.BrokenPipe);
  });
});

Deno.test("memoryChannelPair() settles what is pending on the side that closes", async () => {
  for (const end of ["close", "abort"] as const) {
    await pair({ capacity: 1 }, async (first) => {
      await first.write(BYTES);
      const pending = [first.read(new Uint8Array(1)), first.write(BYTES)];
      await first[end]();
      await Promise.allSettled(pending);
    });
  }
});

Deno.test("memoryChannelPair() knows the extra facts of each side only", async () => {
  await pair({ extra: [{ peername: "second" }, { peername: "first" }] }, (first, second) => {
    assertEquals(first.getExtraInfo("peername"), "second");
    assertEquals(second.getExtraInfo("peername"), "first");
    assertEquals(first.getExtraInfo("toString"), undefined);
    return Promise.resolve();
  });
});

Deno.test("memoryChannelPair() refuses numbers that cannot be", async () => {
  await runVirtual(() => {
    const loop = getRunningLoop();
    for (const chunkSize of [0, -1, 1.5, NaN, []]) {
      assertThrows(() => memoryChannelPair(loop, { chunkSize }), RangeError, "chunkSize");
    }
    for (const delayMs of [-1, NaN, Infinity, [0, -1]]) {
      assertThrows(() => memoryChannelPair(loop, { delayMs }), RangeError, "delayMs");
    }
    for (const loss of [-1, 0.5, NaN, { afterBytes: -1 }]) {
      assertThrows(() => memoryChannelPair(loop, { loss }), RangeError, "loss");
    }
    for (const capacity of [0, -1, NaN]) {
      assertThrows(() => memoryChannelPair(loop, { capacity }), RangeError, "capacity");
    }
  });
  await pair({ chunkSize: () => 0 }, async (first, second) => {
    await first.write(BYTES);
    await assertRejects(() => read(second), RangeError, "chunkSize");
  });
});
