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
  if (!isAbstract(path) && path.includes("\0")) {
    throw new RangeError(
      `Cannot call ${what}(): the path of a unix socket contains a NUL: ${Deno.inspect(path)}`,
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

/** Closes that have not come to their end, by path: the platform removes the file with the last accept. */
const closing = new Map<string, Promise<void>>();
/** Second names of files that are to outlive such a close, and the paths they stand for. */
const spared = new Map<string, string>();

/** Hears of what a close could not do. */
export type Report = (message: string, exception: unknown) => void;

/**
 * Listens at `path`. A socket that is there already, of a server that is gone or
 * of one that lives, is replaced (CPython `unix_events.py`); any other file is
 * in the way. The backlog is the platform's.
 *
 * @throws {Deno.errors.AddrInUse} if another file is at `path`
 * @throws {Deno.errors.NotCapable} without the permissions
 */
export async function listenUnix(
  path: string,
  options: { cleanup: boolean; report: Report },
): Promise<Acceptor> {
  for (let earlier = closing.get(path); earlier !== undefined; earlier = closing.get(path)) {
    await earlier;
  }
  try {
    if (!isAbstract(path)) removeSocket(path);
    const listener = Deno.listen({ transport: "unix", path });
    return isAbstract(path)
      ? new DenoAcceptor(listener, false)
      : new UnixAcceptor(listener, path, options);
  } catch (error) {
    throw explain(error, `Cannot listen on ${shown(path)}`);
  }
}

/** Removes what is left of a socket, or in the way of a new one; no other file. */
export function removeSocket(path: string): void {
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
 * at the path when the pending accept has ended, a turn after the close: what is
 * to stay gets a second name until then.
 */
class UnixAcceptor implements Acceptor {
  readonly addr: Deno.Addr;
  readonly #acceptor: DenoAcceptor;
  readonly #path: string;
  readonly #inode: number | null;
  readonly #cleanup: boolean;
  readonly #report: Report;
  #accepting: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    listener: Deno.Listener,
    path: string,
    options: { cleanup: boolean; report: Report },
  ) {
    this.#acceptor = new DenoAcceptor(listener, false);
    this.#path = path;
    this.#cleanup = options.cleanup;
    this.#report = options.report;
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
    let second: string | null = null;
    try {
      second = this.#settleFile();
    } catch (error) {
      // The socket must be closed all the same (CPython reports it, too).
      this.#report(`Cannot clean up unix socket ${this.#path}`, error);
    }
    this.#acceptor.close();
    const path = this.#path;
    const done = Promise.all([this.#accepting, closing.get(path)]).then(() => {
      if (closing.get(path) === done) closing.delete(path);
      if (second !== null) this.#restore(second);
    });
    closing.set(path, done);
  }

  /** Removes our file; another one gets a second name, which is the answer. */
  #settleFile(): string | null {
    const path = this.#path;
    if (this.#cleanup) {
      this.#removeIfOurs(path);
      // A server that closed before us, and whose place we had taken, may be keeping our file.
      for (const [second, first] of spared) {
        if (first === path && this.#removeIfOurs(second)) spared.delete(second);
      }
    }
    if (inspect(path) === null) return null;
    const second = `${path}.${crypto.randomUUID().slice(0, 8)}`;
    Deno.linkSync(path, second);
    spared.set(second, path);
    return second;
  }

  #removeIfOurs(path: string): boolean {
    const isOurs = this.#inode !== null && inspect(path)?.ino === this.#inode;
    if (isOurs) Deno.removeSync(path);
    return isOurs;
  }

  #restore(second: string): void {
    if (!spared.delete(second)) return;
    try {
      if (inspect(this.#path) === null) Deno.renameSync(second, this.#path);
      else Deno.removeSync(second);
    } catch (error) {
      this.#report(`Cannot restore unix socket ${this.#path} from ${second}`, error);
    }
  }
}
