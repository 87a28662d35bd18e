import type { EventLoop } from "../../loop/event_loop.ts";
import type { Future } from "../../loop/future.ts";
import { SubprocessProtocol } from "../../protocols/mod.ts";
import type { SubprocessOptions, SubprocessTransport } from "../../types.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { timeout } from "../../tasks/mod.ts";
import { until } from "../support/poll.ts";
import { inLoop as inAnyLoop } from "../transports/tcp_support.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** No test comes near; one that waits for what will not come ends. */
const LONGEST_MS = 60_000;

/** As the `inLoop` of the transports, but what waits for a child does not wait for ever. */
export function inLoop<T>(
  main: (loop: EventLoop, reports: string[]) => Promise<T>,
  options?: { reports?: boolean },
): Promise<T> {
  return inAnyLoop((loop, reports) => timeout(LONGEST_MS, () => main(loop, reports)), options);
}

/** Text as bytes. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes as text; `null` stays. */
export function text(data: Uint8Array | null): string | null {
  return data && decoder.decode(data);
}

/** A protocol that writes down what happens to a child. */
export class ChildRecorder extends SubprocessProtocol {
  transport!: SubprocessTransport;
  readonly events: string[] = [];
  readonly output: Record<number, string> = { 1: "", 2: "" };
  readonly exited: Future<number>;
  readonly lost: Future<Error | null>;

  constructor(loop: EventLoop) {
    super();
    this.exited = loop.createFuture();
    this.lost = loop.createFuture();
  }

  override connectionMade(transport: SubprocessTransport): void {
    this.transport = transport;
    this.events.push("made");
  }

  override pipeDataReceived(fd: number, data: Uint8Array): void {
    this.output[fd] += decoder.decode(data);
    this.events.push(`data ${fd}`);
  }

  override pipeConnectionLost(fd: number, error: Error | null): void {
    this.events.push(`end ${fd}${error === null ? "" : ` ${error.name}`}`);
  }

  override processExited(): void {
    this.events.push("exited");
    this.exited.setResult(this.transport.getReturncode() as number);
  }

  override pauseWriting(): void {
    this.events.push("pause");
  }

  override resumeWriting(): void {
    this.events.push("resume");
  }

  override connectionLost(error: Error | null): void {
    this.events.push("lost");
    this.lost.setResult(error);
  }
}

/** Starts `command` in the shell with a {@linkcode ChildRecorder}. */
export async function startShell(
  loop: EventLoop,
  command: string,
  options: SubprocessOptions = {},
): Promise<ChildRecorder> {
  const [, child] = await loop.subprocessShell(() => new ChildRecorder(loop), command, options);
  return child;
}

/**
 * `connectionMade (pipeDataReceived | pipeConnectionLost | processExited)* connectionLost`,
 * with the data of each pipe before its one end, and one exit.
 */
export function assertGrammar(events: readonly string[], fds: readonly number[]): void {
  const told = events.join(", ");
  assertEquals([events[0], events.at(-1)], ["made", "lost"], told);
  for (const once of ["made", "exited", "lost"]) {
    assertEquals(events.filter((event) => event === once).length, 1, `${once} in: ${told}`);
  }
  for (const fd of [0, 1, 2]) {
    const ends = events.flatMap((event, at) => event.startsWith(`end ${fd}`) ? [at] : []);
    assertEquals(ends.length, fds.includes(fd) ? 1 : 0, `end ${fd} in: ${told}`);
    const last = events.lastIndexOf(`data ${fd}`);
    assert(last < 0 || last < (ends[0] as number), `data after the end of ${fd} in: ${told}`);
  }
}

/**
 * What this process has: open pipes, sockets and the like, and children, zombies
 * included. Linux. Files do not count: Deno opens its caches when it likes.
 */
export function holdings(): { fds: number; children: number } {
  const fds = [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => !isFile(name)).length;
  const children =
    [...Deno.readDirSync("/proc")].filter(({ name }) =>
      /^\d+$/.test(name) && statOf(Number(name))?.parent === Deno.pid
    ).length;
  return { fds, children };
}

function isFile(fd: string): boolean {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`).startsWith("/");
  } catch (error) {
    // Closed meanwhile, as the one through which the directory was read.
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** What the system says of a process; `null` if it is gone. */
export function statOf(
  pid: number,
): { state: string; parent: number; group: number; session: number } | null {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    // Gone before it was opened, or between that and the reading (ESRCH).
    if (error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ESRCH") {
      return null;
    }
    throw error;
  }
  const [state, ...numbers] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [parent, group, session] = numbers.map(Number);
  return { state: state!, parent: parent!, group: group!, session: session! };
}

/** Whether a process is there and no zombie. */
export function isRunning(pid: number): boolean {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== "Z";
}

/** Runs `main`; after that there must be no descriptor and no child, zombies included, that was not there before. */
export async function leavesNothing<T>(main: () => Promise<T>): Promise<T> {
  const before = holdings();
  const result = await main();
  let after = holdings();
  await until(() => {
    after = holdings();
    return after.fds <= before.fds && after.children <= before.children;
  }).catch(() => assertEquals(after, before, "left behind"));
  return result;
}
