import { ByteBuffer } from "../../streams/byte_buffer.ts";
import { indexOfByte } from "../../streams/index_of_byte.ts";
import { assertEquals } from "../support/assert.ts";
import { bytes, text } from "./support.ts";

const MIB = 1024 * 1024;

/** Counts the bytes that `act` copies. */
function copiedBy(act: () => void): number {
  const { set } = Uint8Array.prototype;
  let copied = 0;
  Uint8Array.prototype.set = function (source: ArrayLike<number>, at?: number): void {
    copied += source.length;
    set.call(this, source, at);
  };
  try {
    act();
  } finally {
    Uint8Array.prototype.set = set;
  }
  return copied;
}

/** A number from 0 to `below`, the same in each run. */
function makeRandom(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}

Deno.test("ByteBuffer does what a string would, whatever the pieces", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = makeRandom(seed);
    const buffer = new ByteBuffer();
    let model = "";
    for (let step = 0; step < 60; step++) {
      const count = random(12);
      const separator = "a".repeat(random(3)) + "b".repeat(1 + random(2));
      switch (random(6)) {
        case 0:
        case 1: {
          const piece = Array.from({ length: 1 + count }, () => "abc"[random(3)]).join("");
          buffer.push(bytes(piece));
          model += piece;
          break;
        }
        case 2: {
          assertEquals(text(buffer.take(count)), model.slice(0, count));
          model = model.slice(count);
          break;
        }
        case 3: {
          buffer.drop(count);
          model = model.slice(count);
          break;
        }
        case 4: {
          const offset = random(model.length + 1);
          assertEquals(
            buffer.indexOf(bytes(separator), offset),
            model.indexOf(separator, offset),
            `${separator} in ${model} from ${offset}`,
          );
          break;
        }
        case 5: {
          if (random(4) > 0) break;
          const piece = "c".repeat(count);
          buffer.unshift(bytes(piece));
          model = piece + model;
          break;
        }
      }
      assertEquals(buffer.size, model.length);
    }
    assertEquals(text(buffer.take(Infinity)), model);
  }
});

Deno.test("ByteBuffer.take() copies nothing that lies in one piece", () => {
  const piece = bytes("one two");
  const buffer = new ByteBuffer();
  buffer.push(piece);
  const first = buffer.take(4);
  assertEquals(first.buffer, piece.buffer);
  assertEquals([text(first), text(buffer.take(10))], ["one ", "two"]);
});

Deno.test("ByteBuffer.take() of several pieces holds no more memory than it returns", () => {
  const buffer = new ByteBuffer();
  for (let i = 0; i < 10; i++) buffer.push(bytes("0123456789"));
  assertEquals(buffer.take(95).buffer.byteLength, 95);
  assertEquals(text(buffer.take(95)), "56789");
});

Deno.test("ByteBuffer.clear() forgets pieces that were never looked at", () => {
  const buffer = new ByteBuffer();
  for (const piece of ["a", "b", "c"]) buffer.push(bytes(piece));
  buffer.clear();
  assertEquals([buffer.size, buffer.take(1).length], [0, 0]);
  buffer.push(bytes("d"));
  assertEquals(text(buffer.take(9)), "d");
});

Deno.test("ByteBuffer.indexOf() over 100 MiB of lines copies each byte once at most, whatever the pieces", () => {
  const line = bytes(`${"x".repeat(98)}\n`);
  const newline = bytes("\n");
  for (const pieceSize of [7919, 65536, 262144]) {
    const size = 100 * MIB;
    const lines = Math.ceil(pieceSize / line.length) + 1;
    const source = new Uint8Array(lines * line.length);
    for (let i = 0; i < lines; i++) source.set(line, i * line.length);
    const buffer = new ByteBuffer();
    let found = 0;
    const copied = copiedBy(() => {
      for (let fed = 0; fed < size; fed += pieceSize) {
        const from = fed % line.length;
        buffer.push(source.subarray(from, from + pieceSize));
        for (let at; (at = buffer.indexOf(newline, 0)) >= 0; found++) buffer.take(at + 1);
      }
    });
    assertEquals(found, Math.floor(Math.ceil(size / pieceSize) * pieceSize / line.length));
    assertEquals(copied <= 1.1 * size, true, `copied ${copied} bytes of ${size}`);
  }
});

Deno.test("ByteBuffer.indexOf() of a line that comes byte by byte copies each byte a few times at most", () => {
  const buffer = new ByteBuffer();
  const size = 256 * 1024;
  let offset = 0;
  const copied = copiedBy(() => {
    for (let i = 0; i < size; i++) {
      buffer.push(new Uint8Array([120]));
      buffer.indexOf(new Uint8Array([10]), offset);
      offset = buffer.size;
    }
  });
  assertEquals(copied <= 4 * size, true, `copied ${copied} bytes of ${size}`);
});

Deno.test("ByteBuffer.indexOf() looks at no byte twice but for the start of a separator", () => {
  for (const separator of ["b", "ab", "aab"]) {
    const buffer = new ByteBuffer();
    const pieces = Array.from({ length: 8 }, () => bytes("x".repeat(50)));
    let offset = 0;
    for (const piece of pieces) {
      buffer.push(piece);
      assertEquals(buffer.indexOf(bytes(separator), offset), -1);
      offset = buffer.size - separator.length + 1;
      // Whoever looks again, from the first piece on, finds one.
      piece.set(bytes(separator), piece.length - 2 * separator.length);
    }
    buffer.push(bytes(separator));
    assertEquals(buffer.indexOf(bytes(separator), offset), 400);
  }
});

Deno.test("indexOfByte() finds each byte in each piece at each place, and nothing beside it", () => {
  const block = new Uint8Array(300).fill(1);
  for (const byte of [0, 10, 127, 128, 254, 255]) {
    for (let offset = 0; offset < 5; offset++) {
      for (let length = 0; length < 80; length++) {
        const piece = block.subarray(offset, offset + length);
        // Right before and right behind the piece, where it must not be found.
        block.fill(1).fill(byte, 0, offset).fill(byte, offset + length);
        assertEquals(indexOfByte(piece, byte, 0, length), -1);
        for (let at = 0; at < length; at++) {
          piece[at] = byte;
          for (const start of [0, at >> 1, at]) {
            assertEquals(indexOfByte(piece, byte, start, length), at);
          }
          assertEquals(indexOfByte(piece, byte, at + 1, length), -1);
          assertEquals(indexOfByte(piece, byte, 0, at), -1);
          piece[at] = byte ^ 0x81;
        }
      }
    }
  }
});
