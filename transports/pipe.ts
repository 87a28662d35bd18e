import { RuntimeError } from "../errors.ts";
import type { PipeLike } from "../types/options.ts";
import type { ByteChannel } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { nodeModule } from "../internal/node.ts";
import { claimFd } from "./claim.ts";
import { fdWatcher } from "./ffi/watcher.ts";
import { FileChannel } from "./file_channel.ts";
import { NetChannel } from "./net_channel.ts";
import { explain, fromNode } from "./platform_error.ts";
import { ReadableStreamChannel, WritableStreamChannel } from "./web_channel.ts";

type Direction = "read" | "write";

/** Where a pipe is opened: the loop, the call that is to be named in errors, and which end it is. */
interface Opening {
  loop: LoopInternals;
  what: string;
  direction: Direction;
}

/**
 * The channel of a pipe end: an open FIFO or device, standard input or output, a
 * web stream, or a file descriptor. It belongs to the transport from then on.
 *
 * The writing end notices that nobody reads any more when it writes the next
 * time; at once it can only where it has an fd, and `--allow-ffi` is granted.
 *
 * @throws {RangeError} for a regular file or directory, as asyncio: they are
 * always ready, so waiting for them means nothing
 */
export function pipeChannel(pipe: PipeLike, opening: Opening): ByteChannel {
  const { what, direction } = opening;
  const fd = fdOf(pipe, what);
  if (fd !== null) return fdChannel(pipe, fd, opening);
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

const STANDARD = [
  [() => Deno.stdin, () => Deno.stdin.readable, "read"],
  [() => Deno.stdout, () => Deno.stdout.writable, "write"],
  [() => Deno.stderr, () => Deno.stderr.writable, "write"],
] as const;

/** The descriptor, where the pipe is best used by it: a pending read of Deno.stdin cannot be taken back. */
function fdOf(pipe: PipeLike, what: string): number | null {
  const standard = STANDARD.findIndex(([object]) => pipe as unknown === object());
  const { fileno } = Object(pipe) as { fileno?: unknown };
  const fd = typeof pipe === "number"
    ? pipe
    : standard >= 0
    ? standard
    : typeof fileno === "function"
    ? fileno.call(pipe)
    : null;
  if (fd === null || (Number.isInteger(fd) && fd >= 0)) return fd;
  throw new RangeError(`Cannot call ${what}(): Invalid file descriptor: ${fd}`);
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

function fdChannel(pipe: PipeLike, fd: number, { loop, what, direction }: Opening): ByteChannel {
  const { Socket } = nodeModule("node:net");
  let release = () => {};
  try {
    mustNotBeFile(what, isRegular(fd));
    release = claimFd(loop, fd, what);
    const readable = direction === "read";
    const socket = new Socket({ fd, readable, writable: !readable, allowHalfOpen: true });
    (pipe as { detach?: () => unknown }).detach?.();
    const watch = (gone: () => void) => {
      const stop = readable ? () => {} : watchHangUp(loop, fd, gone);
      return () => {
        stop();
        release();
      };
    };
    return new NetChannel(socket, { direction, pipe, watch });
  } catch (error) {
    release();
    if (error instanceof RangeError || error instanceof RuntimeError) throw error;
    if ((error as { code?: unknown }).code === "ERR_INVALID_FD_TYPE") {
      return deviceChannel(pipe, fd, { what, direction });
    }
    throw explain(fromNode(error), `Cannot call ${what}(): cannot use file descriptor ${fd}`);
  }
}

/** Whether `fd` is a file or a directory; of most descriptors that are not node's own nobody knows. */
function isRegular(fd: number): boolean {
  try {
    const stats = nodeModule("node:fs").fstatSync(fd);
    return stats.isFile() || stats.isDirectory();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EBADF") throw error;
    return false;
  }
}

/** A terminal or other device, which node:net does not take: our own standard streams only. */
function deviceChannel(
  pipe: PipeLike,
  fd: number,
  { what, direction }: Omit<Opening, "loop">,
): ByteChannel {
  const standard = STANDARD[fd];
  // Any other one that it does not take is a file, opened by libc.
  if (standard === undefined) mustNotBeFile(what, true);
  const [, stream, natural] = standard as typeof STANDARD[number];
  if (direction !== natural) {
    throw new TypeError(`Cannot call ${what}(): file descriptor ${fd} is not for that direction`);
  }
  return direction === "read"
    ? new ReadableStreamChannel(stream() as ReadableStream<Uint8Array>, { pipe })
    : new WritableStreamChannel(stream() as WritableStream<Uint8Array>, { pipe });
}

/** The end of a pipe that nobody reads any more is in an error state, which polling shows. */
function watchHangUp(loop: LoopInternals, fd: number, gone: () => void): () => void {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return () => {};
  const stop = () => fdWatcher.removeLine(loop, fd, "readLine");
  const ready = () => {
    stop();
    gone();
  };
  try {
    fdWatcher.addLine(loop, fd, "readLine", { ready });
    return stop;
  } catch (error) {
    if (error instanceof Deno.errors.NotSupported) return () => {};
    throw error;
  }
}

function mustNotBeFile(what: string, isFile: boolean): void {
  if (!isFile) return;
  throw new RangeError(
    `Cannot call ${what}(): Pipe transport is only for pipes, sockets and character devices`,
  );
}
