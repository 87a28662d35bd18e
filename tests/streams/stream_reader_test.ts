import { IncompleteReadError, LimitOverrunError, RuntimeError } from "../../errors.ts";
import { newEventLoop, setEventLoop } from "../../policy/mod.ts";
import { StreamReader } from "../../streams/mod.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import { bytes, loopTest, readerOf, restOf, start, text, tick } from "./support.ts";

loopTest("StreamReader refuses a limit that is not positive", async () => {
  for (const limit of [0, -1, NaN]) {
    assertThrows(() => new StreamReader({ limit }), RangeError, "limit must be positive");
  }
  assertEquals([new StreamReader().limit, new StreamReader({ limit: 1 }).limit], [65536, 1]);
  await tick();
});

Deno.test("StreamReader takes the current loop where none runs, and refuses where there is none", () => {
  assertThrows(() => new StreamReader(), RuntimeError);
  const loop = newEventLoop();
  setEventLoop(loop);
  try {
    new StreamReader().feedEof();
  } finally {
    setEventLoop(null);
    loop.close();
  }
});

// --- read

loopTest("read() waits for the first bytes, and returns what there is, up to n", async () => {
  const reader = new StreamReader();
  const reading = start(() => reader.read(30));
  await tick(3);
  assertEquals(reading.done(), false);
  reader.feedData(bytes("line1\nline2\n"));
  assertEquals(text(await reading), "line1\nline2\n");
  reader.feedData(bytes("0123456789"));
  assertEquals([text(await reader.read(4)), text(await reader.read(100))], ["0123", "456789"]);
});

loopTest("read(0) returns nothing at once", async () => {
  assertEquals((await new StreamReader().read(0)).length, 0);
});

loopTest("read() returns everything to the end", async () => {
  const reader = readerOf(["chunk1\n"]);
  const reading = start(() => reader.read());
  await tick();
  reader.feedData(bytes("chunk2"));
  await tick(2);
  assertEquals(reading.done(), false);
  reader.feedEof();
  assertEquals(text(await reading), "chunk1\nchunk2");
  assertEquals([(await reader.read()).length, (await reader.read(5)).length], [0, 0]);
});

loopTest("read() heeds no limit", async () => {
  const reader = readerOf(["chunk"], 3);
  assertEquals(text(await reader.read(5)), "chunk");
  reader.feedData(bytes("much more than twice the limit"));
  reader.feedEof();
  assertEquals(text(await reader.read()), "much more than twice the limit");
});

loopTest("read() and readexactly() refuse what is no count, and take nothing", async () => {
  const reader = readerOf(["data"]);
  for (const n of [1.5, NaN, "2" as unknown as number, null as unknown as number]) {
    await assertRejects(() => reader.read(n), RangeError, "integer");
    await assertRejects(() => reader.readexactly(n), RangeError, "integer");
  }
  await assertRejects(() => reader.readexactly(Infinity), RangeError, "integer");
  await assertRejects(() => reader.readexactly(-1), RangeError, "less than zero");
  assertEquals(text(await reader.read(Infinity)), "data");
});

// --- readexactly

loopTest("readexactly() waits for n bytes and leaves the rest", async () => {
  const reader = new StreamReader();
  const reading = start(() => reader.readexactly(10));
  await tick();
  for (const piece of ["0123", "4567"]) reader.feedData(bytes(piece));
  await tick(2);
  assertEquals(reading.done(), false);
  reader.feedData(bytes("89ab"));
  assertEquals(text(await reading), "0123456789");
  assertEquals((await reader.readexactly(0)).length, 0);
  assertEquals(await restOf(reader), "ab");
});

loopTest("readexactly() heeds no limit", async () => {
  const reader = readerOf(["chunk"], 3);
  assertEquals(text(await reader.readexactly(5)), "chunk");
  assertEquals(await restOf(reader), "");
});

loopTest(
  "readexactly() rejects with the partial bytes at an early end, and takes them",
  async () => {
    const reader = new StreamReader();
    const reading = start(() => reader.readexactly(36));
    await tick();
    reader.feedData(bytes("18 bytes are there"));
    reader.feedEof();
    const error = await assertRejects(() => reading, IncompleteReadError);
    assertEquals([text(error.partial), error.expected], ["18 bytes are there", 36]);
    assertEquals(error.message, "18 bytes read on a total of 36 expected bytes");
    assertEquals(await restOf(reader), "");
  },
);

// --- readline

loopTest("readline() waits for the newline, and leaves the rest", async () => {
  const reader = readerOf(["chunk1 "]);
  const reading = start(() => reader.readline());
  await tick();
  for (const piece of ["chunk2 ", "chunk3 ", "\n chunk4"]) reader.feedData(bytes(piece));
  assertEquals(text(await reading), "chunk1 chunk2 chunk3 \n");
  assertEquals(await restOf(reader), " chunk4");
});

loopTest("readline() returns what there is without waiting", async () => {
  const reader = readerOf(["line1\nli", "ne2\nline3\n"]);
  assertEquals(text(await reader.readline()), "line1\n");
  assertEquals(text(await reader.read(7)), "line2\nl");
  assertEquals(text(await reader.readline()), "ine3\n");
});

loopTest("readline() returns the unfinished line at the end, then nothing", async () => {
  const reader = readerOf(["some data"]);
  reader.feedEof();
  assertEquals([text(await reader.readline()), text(await reader.readline())], ["some data", ""]);
});

loopTest("readline() rejects a line over the limit and drops it, if it is complete", async () => {
  const reader = new StreamReader({ limit: 7 });
  const reading = start(() => reader.readline());
  await tick();
  for (const piece of ["chunk1", "chunk2\n", "chunk3\n"]) reader.feedData(bytes(piece));
  const error = await assertRejects(() => reading, RangeError, "is found");
  assertEquals((error.cause as LimitOverrunError).consumed, 12);
  assertEquals(text(await reader.readline()), "chunk3\n");
});

loopTest(
  "readline() rejects a line over the limit and drops what there is, if it goes on",
  async () => {
    const reader = new StreamReader({ limit: 7 });
    const reading = start(() => reader.readline());
    await tick();
    for (const piece of ["chunk1", "chunk2", "chunk3\n"]) reader.feedData(bytes(piece));
    await assertRejects(() => reading, RangeError);
    assertEquals(await restOf(reader), "");
  },
);

loopTest("readline() counts the limit without the newline", async () => {
  const reader = readerOf(["1234567\n"], 7);
  assertEquals(text(await reader.readline()), "1234567\n");
  reader.feedData(bytes("12345678\n"));
  await assertRejects(() => reader.readline(), RangeError, "is found");
  reader.feedData(bytes("12345678"));
  const error = await assertRejects(() => reader.readline(), RangeError, "not found");
  assertEquals((error.cause as LimitOverrunError).consumed, 8);
  assertEquals(await restOf(reader), "");
});

loopTest("for await gives the lines, and ends with the stream", async () => {
  const reader = readerOf(["one\ntw", "o\n\nthree"]);
  reader.feedEof();
  const lines: string[] = [];
  for await (const line of reader) lines.push(text(line));
  assertEquals(lines, ["one\n", "two\n", "\n", "three"]);
});

loopTest("for await that is left goes on where it was", async () => {
  const reader = readerOf(["one\ntwo\n"]);
  for await (const line of reader) {
    assertEquals(text(line), "one\n");
    break;
  }
  assertEquals(await restOf(reader), "two\n");
});

// --- readuntil

loopTest(
  "readuntil() finds a separator that is split across pieces at every position",
  async () => {
    const message = "QWEaaXYaaa\r\n.\r\nrest";
    for (const separator of ["aaa", "\r\n.\r\n", "Q", "aXY", "t"]) {
      const end = message.indexOf(separator) + separator.length;
      // Every way to cut the message in two places, and byte by byte.
      const cuts = [[...message]];
      for (let a = 0; a <= message.length; a++) {
        for (let b = a; b <= message.length; b++) {
          cuts.push([message.slice(0, a), message.slice(a, b), message.slice(b)]);
        }
      }
      for (const pieces of cuts) {
        // Given at once, and given while the read waits.
        const before = readerOf(pieces);
        assertEquals(text(await before.readuntil(separator)), message.slice(0, end));
        assertEquals(await restOf(before), message.slice(end));
        const later = new StreamReader();
        const reading = start(() => later.readuntil(bytes(separator)));
        for (const piece of pieces) {
          await tick();
          later.feedData(bytes(piece));
        }
        assertEquals(text(await reading), message.slice(0, end), JSON.stringify(pieces));
        assertEquals(await restOf(later), message.slice(end));
      }
    }
  },
);

loopTest("readuntil() does not mistake the start of a separator for one", async () => {
  for (
    const pieces of [["XXX", "a", "a", "a"], ["Xaaa"], ["QWEaa", "XYa", "aa"], ["aaXaabaa", "a"]]
  ) {
    const whole = pieces.join("");
    assertEquals(text(await readerOf(pieces).readuntil("aaa")), whole);
  }
});

loopTest("readuntil() takes newline by default", async () => {
  assertEquals(text(await readerOf(["one\ntwo"]).readuntil()), "one\n");
});

loopTest("readuntil() with several separators ends at whichever ends first", async () => {
  const lines = readerOf(["line 1\nline 2\r"]);
  assertEquals(text(await lines.readuntil(["\r", "\n"])), "line 1\n");
  assertEquals(text(await lines.readuntil(["\r", "\n"])), "line 2\r");
  const overlapping = readerOf(["ABCDEFG"]);
  assertEquals(text(await overlapping.readuntil(["DEF", bytes("BCDE")])), "ABCDE");
  assertEquals(await restOf(overlapping), "FG");
});

loopTest("readuntil() with several separators finds each across pieces", async () => {
  const reader = readerOf(["data"]);
  const reading = start(() => reader.readuntil(["A", "long sep"]));
  for (const piece of ["Z", "Aaaa"]) {
    await tick();
    reader.feedData(bytes(piece));
  }
  assertEquals(text(await reading), "dataZA");
  assertEquals(await restOf(reader), "aaa");
  const message = "xxlong sepA";
  for (let cut = 0; cut <= message.length; cut++) {
    const split = readerOf([message.slice(0, cut), message.slice(cut)]);
    assertEquals(text(await split.readuntil(["A", "long sep"])), "xxlong sep");
  }
});

loopTest(
  "readuntil() judges the limit by the shortest of separators that end together",
  async () => {
    const reader = readerOf(["some dataA"], 3);
    const error = await assertRejects(
      () => reader.readuntil(["A", "ome dataA"]),
      LimitOverrunError,
      "is found",
    );
    assertEquals(error.consumed, 9);
    assertEquals(await restOf(reader), "some dataA");
  },
);

loopTest("readuntil() rejects over the limit with a position, and keeps the bytes", async () => {
  const reader = readerOf(["some dataAA"], 3);
  const missing = await assertRejects(
    () => reader.readuntil("AAA"),
    LimitOverrunError,
    "not found",
  );
  // So many can be read without tearing the separator apart.
  assertEquals(missing.consumed, 9);
  reader.feedData(bytes("A"));
  const found = await assertRejects(() => reader.readuntil("AAA"), LimitOverrunError, "is found");
  assertEquals(found.consumed, 9);
  assertEquals(text(await reader.readexactly(found.consumed)), "some data");
  assertEquals(text(await reader.readuntil("AAA")), "AAA");
});

loopTest("readuntil() rejects with the partial bytes at the end, and takes them", async () => {
  const reader = readerOf(["some ", "dataAA"]);
  reader.feedEof();
  const error = await assertRejects(
    () => reader.readuntil("AAA"),
    IncompleteReadError,
    "undefined expected bytes",
  );
  assertEquals([text(error.partial), error.expected], ["some dataAA", null]);
  assertEquals(await restOf(reader), "");
});

loopTest("readuntil() refuses no separator, and an empty one", async () => {
  const reader = readerOf(["data"]);
  await assertRejects(() => reader.readuntil(""), RangeError, "Separator should be");
  await assertRejects(() => reader.readuntil(["x", ""]), RangeError, "Separator should be");
  await assertRejects(() => reader.readuntil(new Uint8Array()), RangeError, "Separator should be");
  await assertRejects(() => reader.readuntil([]), RangeError, "Separator should contain");
  assertEquals(await restOf(reader), "data");
});

// --- feeding, ends and errors

loopTest("feedData() takes no notice of no bytes, and refuses any after feedEof()", async () => {
  const reader = new StreamReader();
  reader.feedData(new Uint8Array());
  const reading = start(() => reader.read(1));
  await tick();
  reader.feedData(new Uint8Array());
  await tick(2);
  assertEquals(reading.done(), false);
  reader.feedEof();
  assertEquals((await reading).length, 0);
  assertThrows(() => reader.feedData(bytes("x")), RuntimeError, "after feedEof()");
});

loopTest("atEof() is true once the end was received and everything read", async () => {
  const reader = readerOf(["some data\n"]);
  assertEquals(reader.atEof(), false);
  reader.feedEof();
  assertEquals(reader.atEof(), false);
  await reader.readline();
  assertEquals(reader.atEof(), true);
});

loopTest("every read rejects with a stored exception, though bytes are buffered", async () => {
  const reader = readerOf(["line\n", "line\n"]);
  assertStrictEquals(reader.exception(), null);
  const broken = new Error("broken");
  reader.setException(broken);
  assertStrictEquals(reader.exception(), broken);
  for (
    const read of [
      () => reader.read(),
      () => reader.read(0),
      () => reader.read(1),
      () => reader.readline(),
      () => reader.readexactly(1),
      () => reader.readuntil("\n"),
    ]
  ) {
    assertStrictEquals(await assertRejects(read), broken);
  }
});

loopTest(
  "setException() wakes the read that waits, and cares for none that was cancelled",
  async () => {
    const reader = new StreamReader();
    const broken = new Error("broken");
    const reading = start(() => reader.readline());
    await tick();
    reader.setException(broken);
    assertStrictEquals(await assertRejects(() => reading), broken);

    const other = new StreamReader();
    const given = start(() => other.readline());
    await tick();
    given.cancel();
    other.setException(broken);
    await assertRejects(() => given);
    assertStrictEquals(await assertRejects(() => other.read(1)), broken);
  },
);

loopTest("a second read while one waits is refused, and leaves the first alone", async () => {
  const reader = new StreamReader();
  const first = start(() => reader.readline());
  await tick();
  for (
    const [name, read] of Object.entries({
      read: () => reader.read(),
      readline: () => reader.readline(),
      readexactly: () => reader.readexactly(1),
      readuntil: () => reader.readuntil("x"),
    })
  ) {
    const message = `${name}(): called while another coroutine is already waiting`;
    await assertRejects(read, RuntimeError, message);
  }
  reader.feedData(bytes("line\n"));
  assertEquals(text(await first), "line\n");
});

// --- flow control

loopTest(
  "feedData() pauses the transport above twice the limit; a read resumes it at the limit",
  async () => {
    const calls: string[] = [];
    const transport = {
      pauseReading: () => calls.push("pause"),
      resumeReading: () => calls.push("resume"),
    };
    const reader = new StreamReader({ limit: 4 });
    reader.setTransport(transport as unknown as Parameters<StreamReader["setTransport"]>[0]);
    reader.feedData(bytes("12345678"));
    assertEquals(calls, []);
    reader.feedData(bytes("9"));
    reader.feedData(bytes("0"));
    assertEquals(calls, ["pause"]);
    await reader.read(5);
    assertEquals(calls, ["pause"]);
    await reader.read(1);
    assertEquals(calls, ["pause", "resume"]);
    // A read of more than the buffer takes must not wait for a transport that is paused.
    reader.feedData(bytes("12345"));
    assertEquals(calls, ["pause", "resume", "pause"]);
    const reading = start(() => reader.readexactly(12));
    await tick();
    assertEquals(calls, ["pause", "resume", "pause", "resume"]);
    reader.feedData(bytes("abc"));
    assertEquals(text(await reading), "789012345abc");
  },
);

Deno.test("a reader of another loop refuses to wait, and waits for its own afterwards", async () => {
  const [own, other] = [newEventLoop(), newEventLoop()];
  try {
    const reader = new StreamReader({ loop: own });
    const error = await other.runUntilComplete(() =>
      assertRejects(() => reader.read(1), RuntimeError)
    );
    assertStringIncludes(error.message, "attached to a different loop");
    own.callLater(1, () => reader.feedData(bytes("x")));
    assertEquals(text(await own.runUntilComplete(() => reader.read(1))), "x");
  } finally {
    own.close();
    other.close();
  }
});

loopTest("setTransport() begins anew with another transport", async () => {
  const calls: string[] = [];
  const transport = (name: string) =>
    ({
      pauseReading: () => calls.push(`${name} pause`),
      resumeReading: () => calls.push(`${name} resume`),
    }) as unknown as Parameters<StreamReader["setTransport"]>[0];
  const reader = new StreamReader({ limit: 2 });
  reader.setTransport(transport("old"));
  reader.feedData(bytes("12345"));
  reader.setTransport(transport("new"));
  assertEquals(calls, ["old pause", "new pause"]);
  await reader.read(5);
  assertEquals(calls, ["old pause", "new pause", "new resume"]);
});

loopTest("toString() tells the state of a reader", async () => {
  const reader = readerOf([], 123);
  assertEquals(String(new StreamReader()), "<StreamReader>");
  assertEquals(String(reader), "<StreamReader limit=123>");
  reader.feedData(bytes("data"));
  reader.feedEof();
  assertEquals(String(reader), "<StreamReader 4 bytes eof limit=123>");
  reader.setException(new TypeError("no"));
  assertEquals(
    Deno.inspect(reader),
    "<StreamReader 4 bytes eof limit=123 exception=TypeError: no>",
  );
  const waiting = new StreamReader();
  const reading = start(() => waiting.read(1));
  await tick();
  assertEquals(String(waiting), "<StreamReader waiting>");
  waiting.feedEof();
  await reading;
});
