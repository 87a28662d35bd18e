/**
 * The conformance suite over pairs of pipes, one in each direction: every
 * channel that `connectReadPipe()` and `connectWritePipe()` use, held to what
 * asyncio promises of a stream transport.
 *
 * @module
 */

import { Socket as NodeSocket } from "node:net";
import { getRunningLoop } from "../../loop/mod.ts";
import { internalsOf } from "../../loop/internals.ts";
import { checkStreamTransport, type StreamTransportFactory } from "../../testing/mod.ts";
import { establish } from "../../transports/establish.ts";
import { holdLibc, releaseLibc } from "../../transports/ffi/libc.ts";
import { FileChannel } from "../../transports/file_channel.ts";
import { NetChannel } from "../../transports/net_channel.ts";
import { ReadableStreamChannel, WritableStreamChannel } from "../../transports/web_channel.ts";
import type { ByteChannel } from "../../types.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { openBothEnds, withFifo } from "./pipe_support.ts";

const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";

/** Two pipes as one medium. */
class Duplex implements ByteChannel {
  readonly #input: ByteChannel;
  readonly #output: ByteChannel;

  constructor(input: ByteChannel, output: ByteChannel) {
    this.#input = input;
    this.#output = output;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#input.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#output.write(data);
  }

  async closeWrite(): Promise<void> {
    await this.#output.closeWrite?.();
  }

  async close(): Promise<void> {
    await this.#output.close();
    await this.#input.close();
  }

  abort(): void {
    this.#output.abort();
    this.#input.abort();
  }

  getExtraInfo(name: string): unknown {
    return this.#input.getExtraInfo(name);
  }
}

/** One direction: where it comes out, and where it goes in. */
type Pipe = [output: ByteChannel, input: ByteChannel];

function over(makePipe: () => Promise<Pipe> | Pipe): StreamTransportFactory {
  return async (first, second) => {
    const loop = internalsOf(getRunningLoop());
    const [there, back] = [await makePipe(), await makePipe()];
    await establish(loop, () => first, new Duplex(back[0], there[1]));
    await establish(loop, () => second, new Duplex(there[0], back[1]));
  };
}

function systemPipe(): Pipe {
  const fds = new Int32Array(2);
  try {
    assertEquals(holdLibc("pipe").pipe(fds), 0);
  } finally {
    releaseLibc();
  }
  const [readFd, writeFd] = fds as unknown as [number, number];
  const options = { allowHalfOpen: true };
  const reader = new NodeSocket({ fd: readFd, readable: true, writable: false, ...options });
  const writer = new NodeSocket({ fd: writeFd, readable: false, writable: true, ...options });
  return [
    new NetChannel(reader, { direction: "read" }),
    new NetChannel(writer, { direction: "write" }),
  ];
}

function webPipe(): Pipe {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return [new ReadableStreamChannel(readable), new WritableStreamChannel(writable)];
}

async function fifo(): Promise<Pipe> {
  const [reader, writer] = await withFifo(openBothEnds);
  return [new FileChannel(reader, "read"), new FileChannel(writer, "write")];
}

for (
  const [name, pipe] of [
    ["the pipes of the system", systemPipe],
    ["web streams", webPipe],
    ["FIFOs", fifo],
  ] as const
) {
  Deno.test({
    name: `StreamTransport over a pair of ${name} passes checkStreamTransport()`,
    ignore,
    fn: async () => {
      const { notApplicable } = await checkStreamTransport(over(pipe));
      assert(notApplicable.every((name) => name.startsWith("a transport that cannot half-close")));
    },
  });
}
