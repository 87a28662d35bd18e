import type { ByteChannel } from "../types/transports.ts";
import type { LoopInternals } from "../loop/internals.ts";
import { ConnChannel } from "./conn_channel.ts";
import { operate } from "./operation.ts";
import { explain } from "./platform_error.ts";
import type { Acceptor } from "./server.ts";
import { DenoAcceptor } from "./tcp_server.ts";

/** Room for a path in `sockaddr_un`, without the final NUL (unix(7)). */
const LONGEST_PATH = Deno.build.os === "linux" ? 107 : 103;

/** Refuses what cannot be the path of a unix socket. */
export function checkPath(what: string, path: unknown): string {
  if (typeof path !== "string") {
    throw new TypeError(
      `Cannot call ${what}(): expected a string as path, got ${Deno.inspect(path)}`,
    );
  }
  const length = new TextEncoder().encode(path).length;
  if (length === 0 || length > LONGEST_PATH) {
    throw new RangeError(
      `Cannot call ${what}(): AF_UNIX path too long or empty: ${length} bytes, expected 1 to ${LONGEST_PATH}`,
    );
  }
  return path;
}

/** An abstract name has no file (unix(7), Linux). */
function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}

function shown(path: string): string {
  return isAbstract(path) ? `abstract socket ${Deno.inspect(path.slice(1))}` : path;
}

/** Connects to the unix socket at `path`. */
export async function connectUnix(
  loop: LoopInternals,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ByteChannel> {
  return await operate(loop, async () => {
    try {
      return new ConnChannel(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      throw explain(error, `Cannot connect to ${shown(path)}`);
    }
  }, { signal, discard: (late) => late.abort() });
}

/** Sockets that are being closed, by path: the platform removes their files a turn later. */
const closing = new Map<string, Promise<void>>();

/**
 * Listens at `path`. A socket that is there already, of a server that is gone or
 * of one that lives, is replaced (CPython `unix_events.py`); any other file is
 * in the way.
 */
export async function listenUnix(path: string, cleanup: boolean): Promise<Acceptor> {
  await closing.get(path);
  try {
    if (!isAbstract(path)) removeSocket(path);
    const listener = Deno.listen({ transport: "unix", path });
    return isAbstract(path)
      ? new DenoAcceptor(listener, false)
      : new UnixAcceptor(listener, path, cleanup);
  } catch (error) {
    throw explain(error, `Cannot listen on ${shown(path)}`);
  }
}

function removeSocket(path: string): void {
  if (inspect(path)?.isSocket) Deno.removeSync(path);
}

function inspect(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * A unix listener that removes its file and no other. Deno removes whatever is
 * at the path, and not before the pending accept has ended.
 */
class UnixAcceptor implements Acceptor {
  readonly addr: Deno.Addr;
  readonly #acceptor: DenoAcceptor;
  readonly #path: string;
  readonly #inode: number | null;
  readonly #cleanup: boolean;
  #accepting: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(listener: Deno.Listener, path: string, cleanup: boolean) {
    this.#acceptor = new DenoAcceptor(listener, false);
    this.#path = path;
    this.#cleanup = cleanup;
    this.#inode = inspect(path)?.ino ?? null;
    this.addr = { transport: "unix", path };
  }

  accept(): Promise<ByteChannel | null> {
    const accepting = this.#acceptor.accept();
    this.#accepting = accepting.catch(() => null);
    return accepting;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const path = this.#path;
    const file = inspect(path);
    const ours = file !== null && file.ino === this.#inode;
    let spared: string | null = null;
    if (ours && this.#cleanup) {
      Deno.removeSync(path);
    } else if (file !== null) {
      // Somebody else's by now, or to be kept: Deno would remove it all the same.
      spared = `${path}.${crypto.randomUUID().slice(0, 8)}`;
      Deno.renameSync(path, spared);
    }
    this.#acceptor.close();
    const gone = this.#accepting.then(() => {
      closing.delete(path);
      if (spared !== null) Deno.renameSync(spared, path);
    });
    closing.set(path, gone);
  }
}
