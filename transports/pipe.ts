import type { PipeLike } from "../types/options.ts";
import type { ByteChannel } from "../types/transports.ts";
import { nodeModule } from "../internal/node.ts";
import { FileChannel } from "./file_channel.ts";
import { NetChannel } from "./net_channel.ts";
import { explain, fromNode } from "./platform_error.ts";
import { ReadableStreamChannel, WritableStreamChannel } from "./web_channel.ts";

type Direction = "read" | "write";

/**
 * The channel of a pipe end: an open FIFO or device, standard input or output, a
 * web stream, or a file descriptor.
 *
 * @throws {RangeError} for a regular file or directory, as asyncio: they are
 * always ready, so waiting for them means nothing
 */
export function pipeChannel(what: string, pipe: PipeLike, direction: Direction): ByteChannel {
  const fd = fdOf(pipe);
  if (fd !== null) return fdChannel(what, pipe, fd, direction);
  const stream = streamOf(pipe, direction);
  if (stream instanceof ReadableStream) return new ReadableStreamChannel(stream, { pipe });
  if (stream instanceof WritableStream) return new WritableStreamChannel(stream, { pipe });
  if (typeof (pipe as Partial<Deno.FsFile>)?.statSync === "function") {
    const file = pipe as Deno.FsFile;
    const { isFile, isDirectory } = file.statSync();
    mustNotBeFile(what, isFile || isDirectory);
    return new FileChannel(file, direction);
  }
  throw new TypeError(
    `Cannot call ${what}(): expected a pipe, a web stream or a file descriptor, got ${
      Deno.inspect(pipe)
    }`,
  );
}

/** The descriptor, where the pipe is best used by it: a pending read of Deno.stdin cannot be taken back. */
function fdOf(pipe: PipeLike): number | null {
  if (typeof pipe === "number") return pipe;
  const standard = [Deno.stdin, Deno.stdout, Deno.stderr].indexOf(
    pipe as unknown as typeof Deno.stdin,
  );
  if (standard >= 0) return standard;
  const { fileno } = pipe as { fileno?: unknown };
  return typeof fileno === "function" ? fileno.call(pipe) : null;
}

function streamOf(pipe: PipeLike, direction: Direction): unknown {
  if (pipe instanceof ReadableStream || pipe instanceof WritableStream) {
    return (pipe instanceof ReadableStream) === (direction === "read") ? pipe : null;
  }
  // A Deno.FsFile has web streams as well, but they are slower than its own methods.
  if (typeof (pipe as Partial<Deno.FsFile>)?.statSync === "function") return null;
  return direction === "read"
    ? (pipe as { readable?: unknown } | null)?.readable
    : (pipe as { writable?: unknown } | null)?.writable;
}

function fdChannel(what: string, pipe: PipeLike, fd: number, direction: Direction): ByteChannel {
  const { fstatSync } = nodeModule("node:fs");
  const { Socket } = nodeModule("node:net");
  try {
    const stats = fstatSync(fd);
    mustNotBeFile(what, stats.isFile() || stats.isDirectory());
    const readable = direction === "read";
    const socket = new Socket({ fd, readable, writable: !readable, allowHalfOpen: true });
    return new NetChannel(socket, { direction, pipe });
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw explain(fromNode(error), `Cannot call ${what}(): cannot use file descriptor ${fd}`);
  }
}

function mustNotBeFile(what: string, isFile: boolean): void {
  if (!isFile) return;
  throw new RangeError(
    `Cannot call ${what}(): Pipe transport is only for pipes, sockets and character devices`,
  );
}
