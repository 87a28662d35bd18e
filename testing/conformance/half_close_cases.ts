import { RuntimeError } from "../../errors.ts";
import type { AnyStreamProtocol } from "../../types/protocols.ts";
import { type Case, NotApplicable } from "./bench.ts";
import { expect, joined, pattern, same, sameBytes, thrownBy } from "./expect.ts";

/** `writeEof()` and `eofReceived()`. */
export const halfCloseCases: readonly Case[] = [
  {
    name: "writeEof() ends one direction, the other goes on (N2)",
    async body(bench) {
      const [subject, peer] = await bench.connect({}, { eof: () => true });
      bench.needsHalfClose(subject);
      subject.transport.write(pattern(1000));
      subject.transport.writeEof();
      subject.transport.writeEof();
      expect(!subject.transport.isClosing(), "isClosing() after writeEof()");
      await bench.until("EOF on the other side", () => peer.journal.has("eof"));
      sameBytes(peer.journal.received, pattern(1000), "what came before EOF");
      await bench.settle();
      expect(!peer.transport.isClosing(), "eofReceived() was true, but the transport closed");
      peer.transport.write(pattern(200_000));
      await bench.arrival(subject, 200_000);
      sameBytes(subject.journal.received, pattern(200_000), "what came after writeEof()");
      peer.transport.close();
      await bench.loss(subject, peer);
      same([subject.journal.lostWith, peer.journal.lostWith], [null, null], "connectionLost()");
    },
  },
  {
    name: "writeEof() waits for what is buffered (N3)",
    async body(bench) {
      const [subject, peer] = await bench.connect({}, { eof: () => true });
      bench.needsHalfClose(subject);
      const sent = await bench.fill(subject, peer);
      subject.transport.writeEof();
      peer.transport.resumeReading();
      await bench.until("EOF on the other side", () => peer.journal.has("eof"));
      sameBytes(peer.journal.received, sent, "what came before EOF");
      await bench.settle();
      same(subject.journal.has("lost"), false, "connectionLost() after writeEof()");
    },
  },
  {
    name: "write() after writeEof() is a RuntimeError",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      bench.needsHalfClose(subject);
      subject.transport.write(pattern(3));
      subject.transport.writeEof();
      const write = thrownBy(() => subject.transport.write(pattern(1)), "write() after writeEof()");
      expect(write instanceof RuntimeError, `expected a RuntimeError, got ${write}`);
      const lines = thrownBy(
        () => subject.transport.writelines([pattern(1), pattern(1)]),
        "writelines() after writeEof()",
      );
      expect(lines instanceof RuntimeError, `expected a RuntimeError, got ${lines}`);
      await bench.loss(peer);
      sameBytes(peer.journal.received, pattern(3), "what arrived");
    },
  },
  {
    name: "close() after writeEof() sends everything, then ends",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      bench.needsHalfClose(subject);
      const sent = await bench.fill(subject, peer);
      subject.transport.writeEof();
      subject.transport.close();
      peer.transport.resumeReading();
      await bench.loss(subject, peer);
      sameBytes(peer.journal.received, sent, "what arrived");
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
  {
    name: "writeEof() does nothing on a closing transport",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      bench.needsHalfClose(subject);
      const sent = await bench.fill(subject, peer);
      subject.transport.close();
      subject.transport.writeEof();
      peer.transport.resumeReading();
      await bench.loss(subject, peer);
      subject.transport.writeEof();
      sameBytes(peer.journal.received, sent, "what arrived");
    },
  },
  {
    name: "EOF without a true answer closes the transport, after sending what is buffered",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      bench.needsHalfClose(peer);
      const sent = await bench.fill(subject, peer);
      peer.transport.writeEof();
      await bench.until("EOF", () => subject.journal.has("eof"));
      expect(subject.transport.isClosing(), "isClosing() is false after eofReceived()");
      peer.transport.resumeReading();
      await bench.loss(subject, peer);
      sameBytes(peer.journal.received, sent, "what arrived");
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
  {
    name: "EOF closes the transport of a protocol without eofReceived()",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const lost: unknown[] = [];
      const bare: AnyStreamProtocol = { connectionLost: (error) => void lost.push(error) };
      subject.transport.setProtocol(bare);
      peer.transport.close();
      await bench.until("connectionLost()", () => lost.length > 0);
      same(lost, [null], "connectionLost()");
    },
  },
  {
    name: "both sides may end their direction, in turn",
    async body(bench) {
      const [subject, peer] = await bench.connect({ eof: () => true }, { eof: () => true });
      bench.needsHalfClose(subject);
      bench.needsHalfClose(peer);
      subject.transport.write(pattern(10));
      subject.transport.writeEof();
      await bench.until("EOF on the other side", () => peer.journal.has("eof"));
      peer.transport.write(pattern(20));
      peer.transport.writeEof();
      await bench.until("EOF", () => subject.journal.has("eof"));
      sameBytes(
        joined([peer.journal.received, subject.journal.received]),
        joined([pattern(10), pattern(20)]),
        "what arrived",
      );
      subject.transport.close();
      peer.transport.close();
      await bench.loss(subject, peer);
      same([subject.journal.lostWith, peer.journal.lostWith], [null, null], "connectionLost()");
    },
  },
  {
    name: "a transport that cannot half-close says so, and EOF closes it whatever the answer",
    async body(bench) {
      const [subject, peer] = await bench.connect({ eof: () => true });
      if (subject.transport.canWriteEof()) throw new NotApplicable("canWriteEof() is true");
      const error = thrownBy(() => subject.transport.writeEof(), "writeEof()");
      expect(
        error instanceof Deno.errors.NotSupported,
        `writeEof(): expected Deno.errors.NotSupported, got ${error}`,
      );
      subject.transport.write(pattern(3));
      await bench.arrival(peer, 3);
      peer.transport.close();
      await bench.loss(subject);
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
];
