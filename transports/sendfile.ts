import { RuntimeError, SendfileNotAvailableError } from "../errors.ts";
import type { SendfileOptions } from "../types/options.ts";
import type { WriteTransport } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { operate } from "./operation.ts";
import { StreamTransport } from "./stream_transport.ts";

/** Read and sent at a time. */
const BLOCK_SIZE = 64 * 1024;

/**
 * Sends `count` bytes of `file`, or all, from `offset` on. Nobody else can write
 * meanwhile. The file position ends behind what was sent, however it ends.
 *
 * Cancellation: what was sent is sent, to the position of the file, and the
 * transport can be used on.
 *
 * Deno's connections offer no zero-copy sendfile, so this reads and writes.
 *
 * @throws {SendfileNotAvailableError} with `fallback: false`
 * @throws {RuntimeError} if the transport is closing, or of another kind
 * @throws {Deno.errors.ConnectionReset} if the connection breaks
 */
export async function sendfile(
  loop: LoopInternals,
  transport: WriteTransport,
  file: Deno.FsFile,
  options: SendfileOptions,
): Promise<number> {
  const { offset = 0, count = null, fallback = true, signal } = options;
  checkPart(file, offset, count);
  if (!(transport instanceof StreamTransport)) {
    throw new RuntimeError(
      `Cannot send file: sendfile is not supported for transport ${transport}`,
    );
  }
  if (transport.isClosing()) throw new RuntimeError("Cannot send file: Transport is closing");
  if (!fallback) {
    throw new SendfileNotAvailableError(
      "Cannot send file: the platform offers no sendfile for this transport, and fallback is off",
    );
  }
  signal?.throwIfAborted();
  let left = count ?? Infinity;
  let sent = 0;
  return await transport.sendExclusively(async (write) => {
    let reading: Promise<unknown> = file.seek(offset, Deno.SeekMode.Start);
    try {
      await reading;
      while (left > 0) {
        const block = new Uint8Array(Math.min(BLOCK_SIZE, left));
        const got = await operate(loop, () => {
          const pending = file.read(block);
          reading = pending;
          return pending;
        }, { signal });
        if (got === null) break;
        await write(block.subarray(0, got), signal);
        sent += got;
        left -= got;
      }
      return sent;
    } finally {
      // A read that was given up still moves the position when it ends.
      await reading;
      await file.seek(offset + sent, Deno.SeekMode.Start);
    }
  });
}

/** Refuses what cannot be a part of a file. */
function checkPart(file: Deno.FsFile, offset: number, count: number | null): void {
  if (typeof file?.read !== "function" || typeof file.seek !== "function") {
    throw new TypeError(`Cannot send file: expected a Deno.FsFile, got ${Deno.inspect(file)}`);
  }
  if (!Number.isInteger(offset) || offset < 0) {
    throw new RangeError(
      `Cannot send file: offset must be a non-negative integer, got ${Deno.inspect(offset)}`,
    );
  }
  if (count !== null && (!Number.isInteger(count) || count <= 0)) {
    throw new RangeError(
      `Cannot send file: count must be a positive integer, got ${Deno.inspect(count)}`,
    );
  }
}
