import type { Transport } from "../../types/transports.ts";
import type { Bench, Case, Side } from "./bench.ts";
import { expect, joined, pattern, same, sameBytes } from "./expect.ts";
import type { Hooks, ProtocolEvent } from "./recorder.ts";

const NAMES: Record<ProtocolEvent, string> = {
  made: "connectionMade",
  data: "dataReceived",
  eof: "eofReceived",
  pause: "pauseWriting",
  resume: "resumeWriting",
  lost: "connectionLost",
};

/** What makes `event` happen on the subject. */
const CAUSES: Record<
  Exclude<ProtocolEvent, "made">,
  (bench: Bench, subject: Side, peer: Side) => Promise<void>
> = {
  data: (_, __, peer) => Promise.resolve(peer.transport.write(pattern(10))),
  eof: (_, __, peer) => Promise.resolve(peer.transport.close()),
  lost: (_, subject) => Promise.resolve(subject.transport.abort()),
  async pause(bench, subject, peer) {
    await bench.fill(subject, peer);
    subject.transport.setWriteBufferLimits({ high: 100 });
    peer.transport.resumeReading();
  },
  async resume(bench, subject, peer) {
    await CAUSES.pause(bench, subject, peer);
  },
};

/** The end. */
export const closingCases: readonly Case[] = [
  {
    name: "close() sends what is buffered, then calls connectionLost(null) once (N3)",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const sent = await bench.fill(subject, peer);
      subject.transport.close();
      expect(subject.transport.isClosing(), "isClosing() is false after close()");
      await bench.settle();
      same(subject.journal.has("lost"), false, "connectionLost() before everything was sent");
      peer.transport.resumeReading();
      await bench.loss(subject, peer);
      same(subject.journal.lostWith, null, "connectionLost()");
      sameBytes(peer.journal.received, sent, "what arrived");
      same(peer.journal.events.slice(-2), ["eof", "lost"], "the end on the other side");
      same(peer.journal.lostWith, null, "connectionLost() on the other side");
    },
  },
  {
    name: "what resumeWriting() writes while closing is sent too (N3)",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        resume: (transport) => transport.write(pattern(10, 5)),
      });
      const sent = await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 100 });
      subject.transport.close();
      peer.transport.resumeReading();
      await bench.loss(subject, peer);
      same(subject.journal.events, ["made", "pause", "resume", "lost"], "callbacks");
      sameBytes(peer.journal.received, joined([sent, pattern(10, 5)]), "what arrived");
    },
  },
  {
    name: "close() delivers no more data",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      peer.transport.write(pattern(100));
      subject.transport.close();
      await bench.loss(subject);
      same(subject.journal.events, ["made", "lost"], "callbacks");
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
  {
    name: "close() of a paused transport comes to its end",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        made: (transport) => transport.pauseReading(),
      });
      peer.transport.write(pattern(100));
      await bench.settle();
      subject.transport.close();
      await bench.loss(subject);
      same(subject.journal.events, ["made", "lost"], "callbacks");
    },
  },
  {
    name: "close() and abort() never call connectionLost() themselves",
    async body(bench) {
      for (const end of ["close", "abort"] as const) {
        const [subject] = await bench.connect();
        subject.transport[end]();
        same(subject.journal.has("lost"), false, `connectionLost() inside ${end}()`);
        await bench.loss(subject);
        same(subject.transport.getProtocol(), null, "getProtocol() after connectionLost()");
        expect(subject.transport.isClosing(), "isClosing() is false after connectionLost()");
      }
    },
  },
  {
    name: "abort() drops what is buffered",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const sent = await bench.fill(subject, peer);
      subject.transport.abort();
      same(subject.transport.getWriteBufferSize(), 0, "getWriteBufferSize() after abort()");
      await bench.loss(subject);
      same(subject.journal.lostWith, null, "connectionLost()");
      peer.transport.resumeReading();
      await bench.loss(peer);
      const arrived = peer.journal.received;
      sameBytes(arrived, sent.subarray(0, arrived.length), "what arrived");
      // What the medium has begun to send may still arrive; the rest must not.
      expect(arrived.length < sent.length, "everything arrived, also what abort() had to drop");
    },
  },
  {
    name: "a second close() or abort() changes nothing, and abort() cuts close() short",
    async body(bench) {
      for (const ends of [["close", "close"], ["abort", "abort"], ["abort", "close"]] as const) {
        const [subject] = await bench.connect();
        for (const end of ends) subject.transport[end]();
        await bench.loss(subject);
        for (const end of ends) subject.transport[end]();
        await bench.settle();
        same(subject.journal.events, ["made", "lost"], `callbacks after ${ends.join("() ")}()`);
      }
      const [subject, peer] = await bench.connect();
      await bench.fill(subject, peer);
      subject.transport.close();
      subject.transport.abort();
      await bench.loss(subject);
      same(subject.journal.lostWith, null, "connectionLost() after close() and abort()");
    },
  },
  {
    name: "the peer's close() is eofReceived(), then connectionLost(null)",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      peer.transport.write(pattern(10));
      peer.transport.close();
      await bench.loss(subject);
      sameBytes(subject.journal.received, pattern(10), "data before the end");
      same(subject.journal.events.slice(-2), ["eof", "lost"], "the end");
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
  {
    name: "the peer's abort() ends the connection once",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      peer.transport.abort();
      await bench.loss(subject, peer);
      await bench.settle();
      same(subject.journal.count("lost"), 1, "calls of connectionLost()");
    },
  },
  {
    name: "both sides may close at the same time",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      subject.transport.close();
      peer.transport.close();
      await bench.loss(subject, peer);
      same([subject.journal.lostWith, peer.journal.lostWith], [null, null], "connectionLost()");
    },
  },
  {
    name: "abort() in connectionMade() delivers nothing (N9)",
    async body(bench) {
      const [subject] = await bench.connect(
        { made: (transport) => transport.abort() },
        { made: (transport) => transport.write(pattern(10)) },
      );
      await bench.loss(subject);
      same(subject.journal.events, ["made", "lost"], "callbacks");
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
  {
    name: "close() in connectionMade() sends what was written there",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        made(transport) {
          transport.write(pattern(100_000));
          transport.close();
        },
      });
      await bench.loss(subject, peer);
      same(subject.journal.lostWith, null, "connectionLost()");
      sameBytes(peer.journal.received, pattern(100_000), "what arrived");
    },
  },
  ...(["data", "eof", "pause", "resume", "lost"] as const).flatMap((event) =>
    (["close", "abort"] as const).map((end) => endInside(event, end))
  ),
];

function endInside(event: Exclude<ProtocolEvent, "made">, end: "close" | "abort"): Case {
  return {
    name: `${end}() in ${NAMES[event]}() ends it once, and nothing follows`,
    async body(bench) {
      const hooks: Hooks = { [event]: (transport: Transport) => void transport[end]() };
      const [subject, peer] = await bench.connect(hooks);
      await CAUSES[event](bench, subject, peer);
      await bench.loss(subject);
      await bench.settle();
      const { events } = subject.journal;
      same(events.filter((other) => other === "lost").length, 1, "calls of connectionLost()");
      const after = events.slice(events.indexOf(event) + 1);
      // close() lets the flush go on, and with it the resumeWriting() that belongs to the pause.
      const allowed = event === "lost"
        ? []
        : event === "pause" && end === "close"
        ? ["resume", "lost"]
        : ["lost"];
      same(after, allowed, `callbacks after ${NAMES[event]}()`);
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  };
}
