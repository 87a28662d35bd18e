import { AsyncLocalStorage } from "node:async_hooks";
import type { AnyStreamProtocol } from "../../types/protocols.ts";
import type { Transport } from "../../types/transports.ts";
import type { Case } from "./bench.ts";
import { expect, pattern, same, sameBytes } from "./expect.ts";
import type { ProtocolEvent } from "./recorder.ts";

/** Beginning, facts, context, change of protocol. */
export const connectionCases: readonly Case[] = [
  {
    name: "connectionMade() is called once, first, with the transport",
    async body(bench) {
      const protocol = bench.plain();
      const [subject] = await bench.join(protocol);
      same(subject.journal.events, ["made"], "callbacks");
      expect(subject.transport.getProtocol() === protocol, "getProtocol() is another protocol");
      expect(!subject.transport.isClosing(), "isClosing() after connectionMade()");
      expect(subject.transport.isReading(), "isReading() is false after connectionMade()");
    },
  },
  {
    name: "data written in the peer's connectionMade() comes after connectionMade()",
    async body(bench) {
      const [subject] = await bench.connect({}, {
        made: (transport) => transport.write(pattern(10)),
      });
      await bench.arrival(subject, 10);
      sameBytes(subject.journal.received, pattern(10), "data");
    },
  },
  {
    name: "connectionMade() that throws is reported, and the connection works (N8)",
    async body(bench) {
      const error = new Error("thrown by connectionMade");
      const [subject, peer] = await bench.connect({
        made() {
          throw error;
        },
      });
      const report = bench.takeReport("connectionMade");
      expect(report.exception === error, "the report has another exception");
      peer.transport.write(pattern(3));
      await bench.arrival(subject, 3);
      subject.transport.close();
      await bench.loss(subject);
      same(subject.journal.lostWith, null, "connectionLost() after close()");
    },
  },
  {
    name: "getExtraInfo() answers the default for what it does not know",
    async body(bench) {
      const [{ transport }] = await bench.connect();
      const fallback = {};
      for (const name of ["no such fact", "toString", "constructor", "__proto__", ""]) {
        same(transport.getExtraInfo(name), null, `getExtraInfo(${JSON.stringify(name)})`);
        expect(
          transport.getExtraInfo(name, fallback) === fallback,
          `getExtraInfo(${JSON.stringify(name)}, fallback) is not the fallback`,
        );
      }
    },
  },
  {
    name: "getExtraInfo() does not throw after the end",
    async body(bench) {
      const [subject] = await bench.connect();
      subject.transport.abort();
      await bench.loss(subject);
      for (const name of ["peername", "sockname", "socket", "no such fact"]) {
        subject.transport.getExtraInfo(name);
      }
    },
  },
  {
    name: "setProtocol() redirects all later callbacks, without connectionMade()",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      const events: string[] = [];
      const next: AnyStreamProtocol = {
        connectionMade: () => void events.push("made"),
        dataReceived: (data) => void events.push(`data ${data}`),
        eofReceived: () => void events.push("eof"),
        connectionLost: (error) => void events.push(`lost ${error}`),
      };
      subject.transport.setProtocol(next);
      expect(subject.transport.getProtocol() === next, "getProtocol() is the old protocol");
      peer.transport.write(new Uint8Array([7]));
      await bench.until("data on the new protocol", () => events.length > 0);
      peer.transport.close();
      await bench.until("the end on the new protocol", () => events.some(isLost));
      const expected = ["data 7", "eof", "lost null"].filter((event) =>
        event !== "eof" || events.includes(event)
      );
      same(events, expected, "callbacks of the new protocol");
      same(subject.journal.events, ["made"], "callbacks of the old protocol");
    },
  },
  {
    name: "a protocol may lack every method",
    async body(bench) {
      const [subject, peer] = await bench.connect();
      subject.transport.setProtocol({});
      await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 1 });
      peer.transport.write(pattern(10));
      peer.transport.resumeReading();
      await bench.until(
        "an empty write buffer",
        () => subject.transport.getWriteBufferSize() === 0,
      );
      peer.transport.close();
      await bench.loss(peer);
      await bench.until("the end of the subject", () => subject.transport.getProtocol() === null);
    },
  },
  {
    name: "all callbacks run in the context that connectionMade() entered",
    async body(bench) {
      const storage = new AsyncLocalStorage<string>();
      const seen = new Map<ProtocolEvent, unknown>();
      const note = (event: ProtocolEvent) => void seen.set(event, storage.getStore());
      const [subject, peer] = await storage.run("outside", () =>
        bench.connect({
          made() {
            storage.enterWith("inside");
            note("made");
          },
          data: () => note("data"),
          eof() {
            note("eof");
            return true;
          },
          pause: () => note("pause"),
          resume: () => note("resume"),
          lost: () => note("lost"),
        }));
      await storage.run("caller", async () => {
        await bench.fill(subject, peer);
        subject.transport.setWriteBufferLimits({ high: 1 });
        peer.transport.resumeReading();
        await bench.until("resumeWriting()", () => subject.journal.has("resume"));
        subject.transport.pauseReading();
        peer.transport.write(pattern(3));
        await bench.settle();
        subject.transport.resumeReading();
        await bench.arrival(subject, 3);
        peer.transport.close();
        await bench.until(
          "the end",
          () => subject.journal.has("eof") || subject.journal.has("lost"),
        );
        subject.transport.close();
        await bench.loss(subject);
      });
      for (const [event, store] of seen) same(store, "inside", `store in the callback "${event}"`);
      for (const event of ["made", "data", "pause", "resume", "lost"] as const) {
        expect(seen.has(event), `no callback "${event}"`);
      }
    },
  },
  {
    name: "`using` closes the transport",
    async body(bench) {
      const [subject] = await bench.connect();
      useAndDispose(subject.transport);
      expect(subject.transport.isClosing(), "the transport is open after its scope");
      await bench.loss(subject);
      same(subject.journal.lostWith, null, "connectionLost()");
    },
  },
];

function useAndDispose(transport: Transport): void {
  using _ = transport;
}

function isLost(event: string): boolean {
  return event.startsWith("lost");
}
