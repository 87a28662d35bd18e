import type { Transport } from "../../types/transports.ts";
import type { AnyRecorder, Case } from "./bench.ts";
import { joined, pattern, same, sameBytes } from "./expect.ts";

/** Buffer protocols, and changing between the kinds. */
export const bufferedCases: readonly Case[] = [
  ...[1, 3, 1000, 1_000_000].map((size): Case => ({
    name: `a buffer protocol with ${size} bytes gets everything, through one buffer (N7)`,
    async body(bench) {
      const buffer = new Uint8Array(size);
      const [subject, peer] = await bench.join(bench.buffered({ buffer: () => buffer }));
      const sent = pattern(Math.min(size * 500, 200_000));
      peer.transport.write(sent.subarray(0, 100));
      peer.transport.write(sent.subarray(100));
      await bench.arrival(subject, sent.length);
      sameBytes(subject.journal.received, sent, "data");
      peer.transport.close();
      await bench.loss(subject);
      same(subject.journal.events.slice(-2), ["eof", "lost"], "the end");
    },
  })),
  {
    name: "pauseReading() in bufferUpdated() lets nothing more through",
    async body(bench) {
      const [subject, peer] = await bench.join(bench.buffered({
        buffer: () => new Uint8Array(10),
        data: (transport) => transport.pauseReading(),
      }));
      peer.transport.write(pattern(35));
      for (let times = 1; subject.journal.size < 35; times++) {
        await bench.until("bufferUpdated()", () => subject.journal.count("data") >= times);
        await bench.settle();
        same(subject.journal.count("data"), times, "deliveries until resumeReading()");
        subject.transport.resumeReading();
      }
      sameBytes(subject.journal.received, pattern(35), "data");
    },
  },
  {
    name: "close() in bufferUpdated() lets nothing more through, even while it flushes",
    async body(bench) {
      const [subject, peer] = await bench.join(bench.buffered({
        buffer: () => new Uint8Array(10),
        data: (transport) => transport.close(),
      }));
      const sent = await bench.fill(subject, peer);
      peer.transport.write(pattern(35));
      await bench.until("bufferUpdated()", () => subject.journal.has("data"));
      await bench.settle();
      same(subject.journal.events, ["made", "data"], "callbacks while it flushes");
      peer.transport.resumeReading();
      await bench.loss(subject, peer);
      sameBytes(peer.journal.received, sent, "what was flushed");
    },
  },
  {
    name: "a protocol may change its kind in the middle of the stream (N7)",
    async body(bench) {
      const arrived: Uint8Array[] = [];
      const note = (other: () => AnyRecorder) => ({
        data(transport: Transport, data: Uint8Array) {
          arrived.push(data.slice());
          if (arrived.length % 3 === 0) bench.takeOver(transport, other());
        },
      });
      const plain: AnyRecorder = bench.plain(note(() => buffered));
      const buffered: AnyRecorder = bench.buffered({
        buffer: () => new Uint8Array(7),
        ...note(() => plain),
      });
      const [, peer] = await bench.join(plain);
      const sent = pattern(3000);
      for (let at = 0; at < sent.length; at += 100) {
        peer.transport.write(sent.subarray(at, at + 100));
        await bench.iteration();
      }
      await bench.until("all data", () => joined(arrived).length >= sent.length);
      sameBytes(joined(arrived), sent, "data of both kinds");
    },
  },
  {
    name: "setProtocol() in bufferUpdated() hands the rest to the new protocol",
    async body(bench) {
      const next = bench.plain();
      const [subject, peer] = await bench.join(bench.buffered({
        buffer: () => new Uint8Array(10),
        data: (transport) => bench.takeOver(transport, next),
      }));
      peer.transport.write(pattern(35));
      await bench.until("all data", () => subject.journal.size + next.journal.size === 35);
      same(subject.journal.events, ["made", "data"], "callbacks of the buffer protocol");
      const both = joined([subject.journal.received, next.journal.received]);
      sameBytes(both, pattern(35), "what both got");
    },
  },
];
