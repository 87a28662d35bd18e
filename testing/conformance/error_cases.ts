import type { AnyRecorder, Bench, Case } from "./bench.ts";
import { expect, pattern, same } from "./expect.ts";
import type { Hooks } from "./recorder.ts";

/** Protocols that throw. Each error reaches the exception handler, with what it needs to be found. */
export const errorCases: readonly Case[] = [
  fatal("dataReceived", "data", (bench, hooks) => bench.plain(hooks)),
  fatal("eofReceived", "eof", (bench, hooks) => bench.plain(hooks)),

  fatal("bufferUpdated", "data", (bench, hooks) => bench.buffered(hooks)),
  fatal("getBuffer", "buffer", (bench, hooks) => bench.buffered(hooks)),
  harmless("pauseWriting", "pause"),
  harmless("resumeWriting", "resume"),
  {
    name: "connectionLost() that throws is reported, and not called again",
    async body(bench) {
      const error = new Error("thrown by connectionLost");
      const [subject] = await bench.connect({
        lost() {
          throw error;
        },
      });
      subject.transport.abort();
      await bench.loss(subject);
      await bench.settle();
      expect(bench.takeReport("connectionLost").exception === error, "another error was reported");
      same(subject.transport.getProtocol(), null, "getProtocol() after connectionLost()");
    },
  },
  {
    name: "a protocol that throws no error is lost with one",
    async body(bench) {
      const [subject, peer] = await bench.connect({
        data() {
          // deno-lint-ignore no-throw-literal -- just what a protocol may do by mistake
          throw "a text";
        },
      });
      peer.transport.write(pattern(3));
      await bench.loss(subject);
      same(bench.takeReport("dataReceived").exception, "a text", "the exception of the report");
      expect(subject.journal.lostWith instanceof Error, "connectionLost() without an error");
    },
  },
  ...[new Uint8Array(0), "no buffer" as unknown as Uint8Array].map((buffer): Case => ({
    name: `getBuffer() that answers ${Deno.inspect(buffer)} ends the connection (N7)`,
    async body(bench) {
      const [subject, peer] = await bench.join(bench.buffered({ buffer: () => buffer }));
      peer.transport.write(pattern(3));
      await bench.loss(subject);
      const { exception } = bench.takeReport("getBuffer");
      expect(exception instanceof Error, "the report has no exception");
      expect(subject.journal.lostWith === exception, "connectionLost() got another error");
      same(subject.journal.events, ["made", "lost"], "callbacks");
    },
  })),
];

/** A callback whose error ends the connection. */
function fatal(
  method: string,
  hook: "data" | "eof" | "buffer",
  make: (bench: Bench, hooks: Hooks) => AnyRecorder,
): Case {
  return {
    name: `${method}() that throws is reported, and connectionLost() gets its error (N4)`,
    async body(bench) {
      const error = new Error(`thrown by ${method}`);
      const protocol = make(bench, {
        [hook]: () => {
          throw error;
        },
      });
      const [subject, peer] = await bench.join(protocol);
      peer.transport.write(pattern(3));
      if (hook === "eof") peer.transport.close();
      await bench.loss(subject);
      const report = bench.takeReport(method);
      expect(report.exception === error, `another error was reported: ${report.exception}`);
      expect(report.transport === subject.transport, "the report names another transport");
      expect(report.protocol === protocol, "the report names another protocol");
      expect(subject.journal.lostWith === error, "connectionLost() got another error");
      await bench.settle();
      same(subject.journal.events.at(-1), "lost", "the last callback");
    },
  };
}

/** A callback whose error changes nothing. */
function harmless(method: string, hook: "pause" | "resume"): Case {
  return {
    name: `${method}() that throws is reported, and the connection goes on`,
    async body(bench) {
      const error = new Error(`thrown by ${method}`);
      const [subject, peer] = await bench.connect({
        [hook]: () => {
          throw error;
        },
      });
      const sent = await bench.fill(subject, peer);
      subject.transport.setWriteBufferLimits({ high: 100 });
      peer.transport.resumeReading();
      await bench.until("resumeWriting()", () => subject.journal.has("resume"));
      const report = bench.takeReport(method);
      expect(report.exception === error, `another error was reported: ${report.exception}`);
      expect(report.transport === subject.transport, "the report names another transport");
      subject.transport.write(pattern(10));
      await bench.arrival(peer, sent.length + 10);
      peer.transport.write(pattern(10));
      await bench.arrival(subject, 10);
    },
  };
}
