import { RuntimeError } from "../../errors.ts";
import {
  checkStreamTransport,
  type CheckStreamTransportOptions,
  ConformanceError,
  type MemoryTransportOptions,
  memoryTransportPair,
  runVirtual,
  streamTransportCases,
  VirtualTimeLoop,
} from "../../testing/mod.ts";
import type {
  AnyStreamProtocol,
  StreamingProtocol,
  Transport,
  WriteBufferLimits,
} from "../../types.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

const VIRTUAL: CheckStreamTransportOptions = {
  loopFactory: () => new VirtualTimeLoop(),
  settleMs: 100,
};

/** Ways the medium may be; none may show. */
const MEDIA: Record<string, MemoryTransportOptions> = {
  "memory": {},
  "memory in pieces": { chunkSize: [1, 2, 3, 1000] },
  "slow memory": { delayMs: [5, 1] },
  "little memory": { capacity: 100 },
  "memory without half-close": { halfClose: false },
};

for (const [name, options] of Object.entries(MEDIA)) {
  Deno.test(`checkStreamTransport() passes ${name}`, async () => {
    const report = await checkStreamTransport(() => memoryTransportPair(options), VIRTUAL);
    const all = 2 * streamTransportCases.length;
    assertEquals(report.passed.length + report.notApplicable.length, all);
    assertEquals(report.notApplicable.length, options.halfClose === false ? 14 : 2);
  });
}

Deno.test("checkStreamTransport() uses the running loop, and leaves its exception handler", async () => {
  await runVirtual(async (task) => {
    const loop = task.getLoop();
    const handler = () => {};
    loop.setExceptionHandler(handler);
    let elsewhere = 0;
    await checkStreamTransport((first, second) => {
      const pair = memoryTransportPair({ protocols: [first, second] });
      if (!loop.isRunning()) elsewhere++;
      return pair;
    });
    assertEquals(elsewhere, 0);
    assert(loop.getExceptionHandler() === handler);
  });
});

Deno.test("streamTransportCases disposes of what the factory answers", async () => {
  const log: string[] = [];
  await streamTransportCases[0]?.run((first, second) => {
    memoryTransportPair({
      protocols: [{
        ...callbacksOf(first),
        connectionLost(error) {
          log.push("lost");
          first.connectionLost?.(error);
        },
      }, second],
    });
    return { [Symbol.dispose]: () => void log.push("disposed") };
  }, VIRTUAL).catch(() => {});
  assertEquals(log, ["lost", "disposed"]);
});

Deno.test("checkStreamTransport() passes on what the factory throws", async () => {
  const error = await assertRejects(
    () =>
      checkStreamTransport(() => {
        throw new Error("no connection today");
      }, VIRTUAL),
    ConformanceError,
    "no connection today",
  );
  assertEquals((error.cause as AggregateError).errors.length, 2 * streamTransportCases.length);
});

/** A way to be wrong, and the case that must find it. */
interface Defect {
  /** The case. */
  case: string;
  /** What it must say. */
  says: string;
  /** Methods of the transport, done wrong. */
  transport?(right: Transport): Record<string, unknown>;
  /** What the transport does between itself and the protocol. */
  protocol?(right: StreamingProtocol): StreamingProtocol;
}

const DEFECTS: Record<string, Defect> = {
  "delivers empty chunks": {
    case: "data arrives complete and in order, in both directions at once",
    says: "empty data",
    protocol: (right) => ({
      dataReceived(data) {
        right.dataReceived?.(new Uint8Array(0));
        right.dataReceived?.(data);
      },
    }),
  },
  "swaps two chunks": {
    case: "many small writes arrive complete (N11)",
    says: "byte",
    protocol(right) {
      let held: Uint8Array | null = null;
      return {
        dataReceived(data) {
          if (held === null) return void (held = data);
          right.dataReceived?.(data);
          right.dataReceived?.(held);
          held = null;
        },
      };
    },
  },
  "loses data": {
    case: "many small writes arrive complete (N11)",
    says: "waited 10000 ms in vain for 7995 bytes to arrive; protocol 1: made",
    protocol: (right) => ({
      dataReceived: (data) => data.length > 1 ? right.dataReceived?.(data.subarray(1)) : undefined,
    }),
  },
  "lends its read buffer": {
    case: "arrays handed to dataReceived() are the protocol's to keep",
    says: "arrays looked at again",
    protocol(right) {
      const slab = new Uint8Array(1_000_000);
      return {
        dataReceived(data) {
          slab.set(data);
          right.dataReceived?.(slab.subarray(0, data.length));
        },
      };
    },
  },
  "does not pause": {
    case: "pauseReading() and resumeReading() are idempotent",
    says: "isReading() is true after pauseReading()",
    transport: () => ({ pauseReading: () => {} }),
  },
  "counts pauses": {
    case: "pauseReading() and resumeReading() are idempotent",
    says: "isReading() is true after two resumptions and one pause",
    transport(right) {
      let pauses = 0;
      return {
        pauseReading: () => void (pauses++, right.pauseReading()),
        resumeReading: () => void (--pauses > 0 || right.resumeReading()),
        isReading: () => pauses <= 0,
      };
    },
  },
  "takes text": {
    case: "write() refuses what is no Uint8Array, and nothing else changes (N11)",
    says: 'write("text"): expected an error',
    transport: (right) => ({
      write: (data: unknown) =>
        right.write(typeof data === "string" ? new TextEncoder().encode(data) : data as Uint8Array),
    }),
  },
  "keeps the array it was given": {
    case: "an array given to write() may be reused at once",
    says: "what arrived: byte",
    transport: (right) => ({
      write: (data: Uint8Array) => queueMicrotask(() => right.write(data)),
    }),
  },
  "pauses at the mark": {
    case: "write() pauses the protocol above the high mark, not at it",
    says: "paused with the buffer at the mark",
    transport: (right) => ({
      setWriteBufferLimits: ({ high = 0, low = 0 }: WriteBufferLimits) =>
        right.setWriteBufferLimits({ high: high === Infinity ? high : high - 1, low }),
    }),
  },
  "resumes too early": {
    case: "resumeWriting() comes once, at or below the low mark",
    says: 'got [ "made", "pause", "resume" ]',
    protocol: (right) => ({
      pauseWriting() {
        right.pauseWriting?.();
        right.resumeWriting?.();
      },
      resumeWriting: () => {},
    }),
  },
  "takes any marks": {
    case: "setWriteBufferLimits() derives the marks and refuses bad ones (N6)",
    says: "expected an error, none was thrown",
    transport: (right) => ({
      setWriteBufferLimits(limits: { high?: number; low?: number }) {
        try {
          right.setWriteBufferLimits(limits);
        } catch {
          // just what it must not do
        }
      },
    }),
  },
  "throws for a lost connection": {
    case: "writing after the connection is lost neither throws nor buffers",
    says: "broken pipe",
    transport: (right) => ({
      write(data: Uint8Array) {
        if (right.isClosing()) throw new Error("broken pipe");
        right.write(data);
      },
    }),
  },
  "drops its buffer when it closes": {
    case: "close() sends what is buffered, then calls connectionLost(null) once (N3)",
    says: "connectionLost() before everything was sent",
    transport: (right) => ({ close: () => right.abort() }),
  },
  "flushes when it aborts": {
    case: "abort() drops what is buffered",
    says: "getWriteBufferSize() after abort()",
    transport: (right) => ({ abort: () => right.close() }),
  },
  "tells of the end twice": {
    case: "the peer's abort() ends the connection once",
    says: "calls of connectionLost(): expected 1, got 2",
    protocol: (right) => ({
      connectionLost(error) {
        right.connectionLost?.(error);
        right.connectionLost?.(error);
      },
    }),
  },
  "tells of the end inside close()": {
    case: "close() and abort() never call connectionLost() themselves",
    says: "connectionLost() inside close()",
    transport: (right) => ({
      close() {
        (right.getProtocol() as StreamingProtocol).connectionLost?.(null);
        right.close();
      },
    }),
  },
  "answers undefined for unknown facts": {
    case: "getExtraInfo() answers the default for what it does not know",
    says: "expected null, got undefined",
    transport: () => ({ getExtraInfo: () => undefined }),
  },
  "closes whatever eofReceived() answers": {
    case: "writeEof() ends one direction, the other goes on (N2)",
    says: "eofReceived() was true, but the transport closed",
    protocol: (right) => ({
      eofReceived: () => void right.eofReceived?.(),
    }),
  },
  "writes after writeEof()": {
    case: "write() after writeEof() is a RuntimeError",
    says: "expected an error, none was thrown",
    transport: (right) => ({
      write(data: Uint8Array) {
        try {
          right.write(data);
        } catch (error) {
          if (!(error instanceof RuntimeError)) throw error;
        }
      },
    }),
  },
  "swallows errors of the protocol": {
    case: "dataReceived() that throws is reported, and connectionLost() gets its error (N4)",
    says: "waited 10000 ms in vain for connectionLost()",
    protocol: (right) => ({
      dataReceived(data) {
        try {
          right.dataReceived?.(data);
        } catch {
          // just what it must not do
        }
      },
    }),
  },
  "delivers inside resumeReading()": {
    case: "resumeReading() delivers later, after what was ready before",
    says: "order",
    transport(right) {
      return {
        resumeReading() {
          right.resumeReading();
          (right.getProtocol() as StreamingProtocol).dataReceived?.(new Uint8Array(10));
        },
      };
    },
  },
  "calls connectionMade() of a later protocol": {
    case: "setProtocol() redirects all later callbacks, without connectionMade()",
    says: "callbacks of the new protocol",
    transport: (right) => ({
      setProtocol(protocol: AnyStreamProtocol) {
        right.setProtocol(protocol);
        protocol.connectionMade?.(right);
      },
    }),
  },
};

for (const [name, defect] of Object.entries(DEFECTS)) {
  Deno.test(`streamTransportCases finds a transport that ${name}`, async () => {
    const { run } = streamTransportCases.find((one) => one.name === defect.case) ?? {};
    assert(run !== undefined, `there is no case "${defect.case}"`);
    assertEquals(await run(() => memoryTransportPair(), VIRTUAL), "passed");
    const error = await assertRejects(() =>
      run((first, second) => {
        memoryTransportPair({ protocols: [behind(defect, first), behind(defect, second)] });
      }, VIRTUAL)
    );
    assertStringIncludes((error as Error).message, defect.says);
  });
}

/** What the right transport calls, so that `protocol` meets a transport with `defect`. */
function behind(defect: Defect, protocol: AnyStreamProtocol): AnyStreamProtocol {
  const plain = callbacksOf(protocol);
  const hidden: AnyStreamProtocol = {
    ...plain,
    ...defect.protocol?.(plain),
    connectionMade(right: Transport) {
      const methods: Record<string | symbol, unknown> = {
        getProtocol: () => right.getProtocol() === hidden ? protocol : right.getProtocol(),
        ...defect.transport?.(right),
      };
      const wrong = new Proxy(right, {
        get(target, key) {
          const method = methods[key] ?? Reflect.get(target, key, target);
          return typeof method === "function" ? method.bind(target) : method;
        },
      });
      protocol.connectionMade?.(wrong);
    },
  };
  return hidden;
}

/** The methods of a plain protocol, as an object of their own. */
function callbacksOf(protocol: AnyStreamProtocol): StreamingProtocol {
  const target = protocol as StreamingProtocol;
  return {
    connectionMade: (transport) => target.connectionMade?.(transport),
    dataReceived: (data) => target.dataReceived?.(data),
    eofReceived: () => target.eofReceived?.(),
    pauseWriting: () => target.pauseWriting?.(),
    resumeWriting: () => target.resumeWriting?.(),
    connectionLost: (error) => target.connectionLost?.(error),
  };
}
