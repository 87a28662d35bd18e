import { WriteQueue } from "../../transports/write_queue.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { numbers } from "../internal/numbers.ts";

Deno.test("WriteQueue hands out what was pushed, in order, in writes and portions of any size", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const below = numbers(seed);
    const random = () => below(1_000_000) / 1_000_000;
    const queue = new WriteQueue();
    const pushed: number[] = [];
    const taken: number[] = [];
    const scratch = new Uint8Array(200_000);
    for (let step = 0; step < 400; step++) {
      if (random() < 0.5 && pushed.length < 1_000_000) {
        const data = scratch.subarray(0, 1 + Math.floor(random() ** 6 * 200_000));
        data.forEach((_, at) => data[at] = pushed.length + at);
        queue.push(data);
        for (const byte of data) pushed.push(byte);
        // The array is the caller's again.
        data.fill(255);
      } else if (queue.sending) {
        const { piece } = queue;
        const count = random() < 0.5 ? piece.length : 1 + Math.floor(random() * piece.length);
        for (const byte of piece.subarray(0, count)) taken.push(byte);
        const more = queue.sent(count);
        assertEquals(more, queue.sending);
      }
      assertEquals(queue.size, pushed.length - taken.length);
      assertEquals(queue.sending, queue.size > 0);
    }
    assert(taken.every((byte, at) => byte === pushed[at]));
  }
});

Deno.test("WriteQueue leaves the piece alone that the platform reads, whatever is pushed or cleared", () => {
  const queue = new WriteQueue();
  queue.push(new Uint8Array(100).fill(1));
  const { piece } = queue;
  for (let i = 0; i < 100; i++) queue.push(new Uint8Array(100).fill(2));
  queue.clear();
  assertEquals([queue.size, queue.sending], [0, false]);
  const other = new WriteQueue();
  for (let i = 0; i < 100; i++) other.push(new Uint8Array(100).fill(3));
  assertEquals(piece, new Uint8Array(100).fill(1));
});

Deno.test("WriteQueue joins small writes that wait, and takes little memory for one", () => {
  const queue = new WriteQueue();
  queue.push(new Uint8Array(10));
  queue.push(new Uint8Array(10).fill(7));
  assert(queue.sent(10));
  assertEquals(queue.piece, new Uint8Array(10).fill(7));
  assert(queue.piece.buffer.byteLength <= 4096);
  const small = new Uint8Array(100);
  for (let i = 0; i < 5000; i++) queue.push(small);
  let pieces = 0;
  for (let more = true; more; pieces++) more = queue.sent(queue.piece.length);
  assert(pieces < 5000 * 100 / 32_768, `${pieces} pieces`);
});
