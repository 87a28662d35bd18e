import type { Transport } from "../../types/transports.ts";
import type { Bench, Case, Side } from "./bench.ts";
import { expect, joined, pattern, same, sameBytes, thrownBy } from "./expect.ts";

/** Writing, and its flow control. */
export const writingCases: readonly Case[] = [
  {
    name: "setWriteBufferLimits() derives the marks and refuses bad ones (N6)",
    async body(bench) {
      const [{ transport }] = await bench.connect();
      const limits = () => transport.getWriteBufferLimits();
      same(limits(), [16 * 1024, 64 * 1024], "marks at first");
      transport.setWriteBufferLimits({ high: 1024 });
      same(limits(), [256, 1024], "marks after { high: 1024 }");
      transport.setWriteBufferLimits({ low: 128 });
      same(limits(), [128, 512], "marks after { low: 128 }");
      transport.setWriteBufferLimits({ high: 0 });
      same(limits(), [0, 0], "marks after { high: 0 }");
      transport.setWriteBufferLimits({ low: 128, high: 1024 });
      const bad = [{ high: 1, low: 2 }, { high: -1 }, { low: -1 }, { high: NaN }, { low: NaN }];
      for (const marks of bad) {
        const what = `setWriteBufferLimits(${Deno.inspect(marks)})`;
        const error = thrownBy(() => transport.setWriteBufferLimits(marks), what);
        expect(error instanceof RangeError, `${what}: expected a RangeError, got ${error}`);
        same(limits(), [128, 1024], `marks after ${what}`);
      }
      transport.setWriteBufferLimits();
      same(limits(), [16 * 1024, 64 * 1024], "marks after setWriteBufferLimits()");
    },
  },
  {
    name: "write() pauses the protocol above the high mark, not at it",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const { transport, journal } = subject;
      await bench.fill(subject, peer);
      const size = transport.getWriteBufferSize();
      transport.setWriteBufferLimits({ high: size + 100, low: 0 });
      transport.write(pattern(100));
      same(journal.has("pause"), false, "paused with the buffer at the mark");
      transport.write(pattern(1));
      same(journal.count("pause"), 1, "calls of pauseWriting() above the mark");
      transport.write(pattern(1000));
      same(journal.count("pause"), 1, "calls of pauseWriting() further above the mark");
      same(transport.getWriteBufferSize(), size + 1101, "getWriteBufferSize()");
    },
  },
  {
    name: "setWriteBufferLimits() pauses at once what is above the new mark (N6)",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 256 });
      same(subject.journal.count("pause"), 1, "calls of pauseWriting()");
    },
  },
  {
    name: "resumeWriting() comes once, at or below the low mark",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const sent = await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 2000, low: 1000 });
      await bench.settle();
      same(subject.journal.events, ["made", "pause"], "callbacks while the peer does not read");
      peer.transport.resumeReading();
      await bench.arrival(peer, sent.length);
      await bench.until("resumeWriting()", () => subject.journal.has("resume"));
      await bench.settle();
      same(subject.journal.events, ["made", "pause", "resume"], "callbacks");
      same(subject.transport.getWriteBufferSize(), 0, "getWriteBufferSize() after everything");
      sameBytes(peer.journal.received, sent, "what arrived");
    },
  },
  {
    name: "a large transfer to a slow reader stays within the high mark",
    async body(bench) {
      const [subject, peer] = await bench.connect({}, {
        data(transport) {
          transport.pauseReading();
          bench.loop.callSoon(() => bench.loop.callSoon(() => transport.resumeReading()));
        },
      });
      const piece = pattern(40_000);
      const largest = await pump(bench, subject, piece, 50);
      await bench.arrival(peer, 50 * piece.length);
      const [, high] = subject.transport.getWriteBufferLimits();
      expect(
        largest <= high + piece.length,
        `${largest} bytes were buffered by a writer that heeds pauseWriting()`,
      );
      sameBytes(
        peer.journal.received,
        joined(Array.from({ length: 50 }, () => piece)),
        "what arrived",
      );
    },
  },
  {
    name: "write() refuses what is no Uint8Array, and nothing else changes (N11)",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const write = (data: unknown) => subject.transport.write(data as Uint8Array);
      subject.transport.write(pattern(5));
      const bad = ["text", null, undefined, 5, [1, 2], new ArrayBuffer(3), new Uint16Array(2), {}];
      for (const data of bad) {
        const what = `write(${Deno.inspect(data)})`;
        const error = thrownBy(() => write(data), what);
        expect(error instanceof TypeError, `${what}: expected a TypeError, got ${error}`);
      }
      const list = [pattern(3), "text", pattern(3)] as Uint8Array[];
      const error = thrownBy(() => subject.transport.writelines(list), "writelines() of text");
      expect(
        error instanceof TypeError,
        `writelines() of text: expected a TypeError, got ${error}`,
      );
      subject.transport.write(pattern(5, 1));
      await bench.arrival(peer, 10);
      await bench.settle();
      sameBytes(peer.journal.received, joined([pattern(5), pattern(5, 1)]), "what arrived");
    },
  },
  {
    name: "write() of nothing does nothing",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      subject.transport.write(new Uint8Array(0));
      subject.transport.writelines([]);
      subject.transport.writelines([new Uint8Array(0)]);
      same(subject.transport.getWriteBufferSize(), 0, "getWriteBufferSize()");
      subject.transport.write(pattern(1));
      await bench.arrival(peer, 1);
    },
  },
  {
    name: "an array given to write() may be reused at once",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const scratch = new Uint8Array(3000);
      const sizes = [3000, 10, 1, 2999];
      sizes.forEach((size, at) => {
        const view = scratch.subarray(scratch.length - size);
        view.set(pattern(size, at));
        if (at % 2 === 0) subject.transport.write(view);
        else subject.transport.writelines([view.subarray(0, 5), view.subarray(5)]);
        scratch.fill(255);
      });
      const sent = joined(sizes.map(pattern));
      await bench.arrival(peer, sent.length);
      sameBytes(peer.journal.received, sent, "what arrived");
    },
  },
  {
    name: "an array that waits in the write buffer may be reused too",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const first = await bench.fill(subject, peer);
      const scratch = pattern(70_000, 1);
      subject.transport.write(scratch);
      scratch.fill(255);
      peer.transport.resumeReading();
      await bench.arrival(peer, first.length + scratch.length);
      sameBytes(peer.journal.received.subarray(first.length), pattern(70_000, 1), "what waited");
    },
  },
  {
    name: "writelines() is one write, and pauses like one (N5)",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const first = await bench.fill(subject, peer);
      const size = subject.transport.getWriteBufferSize();
      subject.transport.setWriteBufferLimits({ high: size + 10, low: 0 });
      function* pieces(): Generator<Uint8Array> {
        yield pattern(5);
        yield new Uint8Array(0);
        yield pattern(6, 1);
      }
      subject.transport.writelines(pieces());
      same(subject.journal.count("pause"), 1, "calls of pauseWriting()");
      same(subject.transport.getWriteBufferSize(), size + 11, "getWriteBufferSize()");
      peer.transport.resumeReading();
      await bench.arrival(peer, first.length + 11);
      const tail = peer.journal.received.subarray(first.length);
      sameBytes(tail, joined([pattern(5), pattern(6, 1)]), "what writelines() sent");
    },
  },
  {
    name: "writing after the connection is lost neither throws nor buffers",
    async body(bench) {
      const [subject] = await bench.connect();
      subject.transport.abort();
      for (let at = 0; at < 10; at++) subject.transport.write(pattern(100_000));
      await bench.loss(subject);
      for (let at = 0; at < 10; at++) {
        subject.transport.writelines([pattern(50_000), pattern(50_000)]);
      }
      same(subject.transport.getWriteBufferSize(), 0, "getWriteBufferSize()");
      same(subject.journal.events, ["made", "lost"], "callbacks");
    },
  },
  {
    name: "writing to a peer that is gone ends in connectionLost(), without a throw",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        made: (transport) => transport.pauseReading(),
      });
      peer.transport.abort();
      await bench.loss(peer);
      await bench.until("the write error", () => {
        subject.transport.write(pattern(1000));
        return subject.journal.has("lost");
      });
      expect(subject.journal.lostWith instanceof Error, "connectionLost() without the error");
    },
  },
  {
    name: "pauseWriting() may write, and is not called again for it",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        pause: (transport) => transport.write(pattern(10, 9)),
      });
      const first = await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 100 });
      same(subject.journal.count("pause"), 1, "calls of pauseWriting()");
      peer.transport.resumeReading();
      await bench.arrival(peer, first.length + 10);
      sameBytes(peer.journal.received.subarray(first.length), pattern(10, 9), "what it wrote");
    },
  },
  {
    name: "resumeWriting() may write to another transport (N10)",
    async body(bench) {
      const [other, otherPeer] = await bench.connect();
      const [subject, peer] = await bench.connect({
        resume: () => other.transport.write(pattern(1000)),
      });
      await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 100 });
      peer.transport.resumeReading();
      await bench.arrival(otherPeer, 1000);
      sameBytes(otherPeer.journal.received, pattern(1000), "what it wrote");
    },
  },
  {
    name: "an echo written in dataReceived() comes back complete",
    async body(bench) {
      const [, peer] = await bench.connect({
        data: (transport: Transport, data: Uint8Array) => transport.write(data),
      });
      const sent = pattern(500_000);
      for (let at = 0; at < sent.length; at += 9999) {
        peer.transport.write(sent.subarray(at, at + 9999));
      }
      await bench.arrival(peer, sent.length);
      sameBytes(peer.journal.received, sent, "the echo");
    },
  },
];

/** Writes `piece` so many times, whenever the protocol may; the largest write buffer on the way. */
async function pump(bench: Bench, from: Side, piece: Uint8Array, times: number): Promise<number> {
  const mayWrite = () => from.journal.count("pause") === from.journal.count("resume");
  let largest = 0;
  for (let sent = 0; sent < times; sent++) {
    await bench.until("resumeWriting()", mayWrite);
    from.transport.write(piece);
    largest = Math.max(largest, from.transport.getWriteBufferSize());
  }
  return largest;
}
