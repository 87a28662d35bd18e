import type { Case } from "./bench.ts";
import { expect, joined, pattern, same, sameBytes } from "./expect.ts";

const SIZES = [1, 2, 1000, 65_535, 65_536, 65_537, 3, 300_000, 1];

/** Data, and pausing. */
export const readingCases: readonly Case[] = [
  {
    name: "data arrives complete and in order, in both directions at once",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const there = SIZES.map((size, at) => pattern(size, at));
      const back = SIZES.toReversed().map((size, at) => pattern(size, at + 100));
      there.forEach((piece, at) => {
        subject.transport.write(piece);
        peer.transport.write(back[at] as Uint8Array);
      });
      const [sent, answered] = [joined(there), joined(back)];
      await bench.arrival(peer, sent.length);
      await bench.arrival(subject, answered.length);
      sameBytes(peer.journal.received, sent, "what the subject sent");
      sameBytes(subject.journal.received, answered, "what the peer sent");
    },
  },
  {
    name: "many small writes arrive complete (N11)",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const pieces = Array.from({ length: 2000 }, (_, at) => pattern(at % 7 + 1, at));
      for (const [at, piece] of pieces.entries()) {
        subject.transport.write(piece);
        if (at % 100 === 0) await bench.iteration();
      }
      const sent = joined(pieces);
      await bench.arrival(peer, sent.length);
      sameBytes(peer.journal.received, sent, "what arrived");
    },
  },
  {
    name: "arrays handed to dataReceived() are the protocol's to keep",
    async body(bench) {
      const copies: Uint8Array[] = [];
      const [subject, peer] = await bench.connect({
        data: (_, data) => void copies.push(data.slice()),
      });
      for (let at = 0; at < 20; at++) {
        peer.transport.write(pattern(5000 + at, at));
        await bench.iteration();
      }
      await bench.arrival(subject, 20 * 5000 + 190);
      sameBytes(subject.journal.received, joined(copies), "arrays looked at again");
    },
  },
  {
    name: "writing to an array that was received changes no other",
    async body(bench) {
      const copies: Uint8Array[] = [];
      const [subject, peer] = await bench.connect({
        data(_, data) {
          copies.push(data.slice());
          data.fill(0);
        },
      });
      for (let at = 0; at < 20; at++) {
        peer.transport.write(pattern(100, at));
        await bench.iteration();
      }
      await bench.arrival(subject, 2000);
      const expected = joined(Array.from({ length: 20 }, (_, at) => pattern(100, at)));
      sameBytes(joined(copies), expected, "what arrived");
    },
  },
  {
    name: "pauseReading() in connectionMade() holds back all data (N1)",
    async body(bench) {
      const [subject, peer] = await bench.connect(
        { made: (transport) => transport.pauseReading() },
        { made: (transport) => transport.write(pattern(100)) },
      );
      peer.transport.write(pattern(100, 1));
      await bench.settle();
      same(subject.journal.events, ["made"], "callbacks while paused");
      subject.transport.resumeReading();
      await bench.arrival(subject, 200);
      sameBytes(subject.journal.received, joined([pattern(100), pattern(100, 1)]), "data");
    },
  },
  {
    name: "pauseReading() and resumeReading() are idempotent",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const { transport } = subject;
      transport.resumeReading();
      expect(transport.isReading(), "isReading() is false after resumeReading()");
      transport.pauseReading();
      transport.pauseReading();
      expect(!transport.isReading(), "isReading() is true after pauseReading()");
      peer.transport.write(pattern(10));
      await bench.settle();
      same(subject.journal.size, 0, "bytes delivered while paused twice");
      transport.resumeReading();
      expect(transport.isReading(), "isReading() is false after two pauses and one resumption");
      await bench.arrival(subject, 10);
      transport.resumeReading();
      transport.pauseReading();
      expect(!transport.isReading(), "isReading() is true after two resumptions and one pause");
      peer.transport.write(pattern(10));
      await bench.settle();
      same(subject.journal.size, 10, "bytes delivered after two resumptions and one pause");
    },
  },
  {
    name: "pauseReading() in dataReceived() lets nothing more through",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        data: (transport) => transport.pauseReading(),
      });
      const sent = pattern(100_000);
      let resumed = 0;
      peer.transport.write(sent.subarray(0, 50_000));
      peer.transport.write(sent.subarray(50_000));
      while (subject.journal.size < sent.length) {
        await bench.until("data", () => subject.journal.count("data") > resumed);
        if (resumed < 3) await bench.settle();
        same(subject.journal.count("data"), resumed + 1, "deliveries until resumeReading()");
        resumed++;
        subject.transport.resumeReading();
      }
      sameBytes(subject.journal.received, sent, "data");
    },
  },
  {
    name: "resumeReading() delivers later, after what was ready before",
    async body(bench) {
      const order: string[] = [];
      const [subject, peer] = await bench.connect({ data: () => void order.push("data") });
      // Paused while a read is under way, which brings the bytes all the same.
      await bench.settle();
      subject.transport.pauseReading();
      peer.transport.write(pattern(10));
      await bench.settle();
      bench.loop.callSoon(() => void order.push("ready before"));
      subject.transport.resumeReading();
      order.push("resumeReading() returned");
      await bench.arrival(subject, 10);
      same(order.slice(0, 3), ["resumeReading() returned", "ready before", "data"], "order");
    },
  },
  {
    name: "resumeReading() and pauseReading() in one go deliver nothing",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        made: (transport) => transport.pauseReading(),
      });
      peer.transport.write(pattern(10));
      await bench.settle();
      subject.transport.resumeReading();
      subject.transport.pauseReading();
      await bench.settle();
      same(subject.journal.events, ["made"], "callbacks while paused");
      subject.transport.resumeReading();
      await bench.arrival(subject, 10);
    },
  },
  {
    name: "pausing holds back EOF too",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        made: (transport) => transport.pauseReading(),
      });
      peer.transport.write(pattern(10));
      peer.transport.close();
      await bench.settle();
      same(subject.journal.events, ["made"], "callbacks while paused");
      subject.transport.resumeReading();
      await bench.loss(subject);
      sameBytes(subject.journal.received, pattern(10), "data before EOF");
      same(subject.journal.events.at(-2), "eof", "the callback before connectionLost()");
    },
  },
  {
    name: "pausing while a read is under way holds back the EOF that it brings",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      // The read has begun: nobody has paused yet.
      await bench.settle();
      subject.transport.pauseReading();
      peer.transport.close();
      await bench.settle();
      same(subject.journal.events, ["made"], "callbacks while paused");
      subject.transport.resumeReading();
      await bench.loss(subject);
      same(subject.journal.events, ["made", "eof", "lost"], "callbacks");
    },
  },
  {
    name: "pauseReading() and resumeReading() do nothing on a closing transport",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const { transport } = subject;
      transport.close();
      expect(!transport.isReading(), "isReading() is true after close()");
      transport.resumeReading();
      expect(!transport.isReading(), "isReading() is true after close() and resumeReading()");
      peer.transport.write(pattern(10));
      transport.pauseReading();
      await bench.loss(subject);
      transport.resumeReading();
      transport.pauseReading();
      same(subject.journal.size, 0, "bytes delivered after close()");
    },
  },
];
