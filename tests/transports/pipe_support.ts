import type { EventLoop } from "../../loop/mod.ts";
import type { ReadTransport, WriteTransport } from "../../types.ts";
import { assert } from "../support/assert.ts";
import { Recorder } from "./tcp_support.ts";

export const ignore = Deno.build.os !== "linux" && Deno.build.os !== "darwin";

/** Registers a test that needs a Unix. */
export function pipeTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

/** A recorder that keeps the bytes. */
export class Keeper extends Recorder {
  readonly chunks: Uint8Array[] = [];

  override dataReceived(data: Uint8Array): void {
    super.dataReceived(data);
    this.chunks.push(data);
  }

  get text(): string {
    return new TextDecoder().decode(concat(this.chunks));
  }

  /** What happened, without how the data was cut. */
  get story(): string[] {
    return this.events.filter((event, at) => event !== "data" || this.events[at - 1] !== "data");
  }
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function pattern(length: number): Uint8Array {
  return new Uint8Array(length).map((_, at) => at * 7 % 251);
}

export async function openRead(loop: EventLoop, pipe: unknown): Promise<[Keeper, ReadTransport]> {
  const [transport, keeper] = await loop.connectReadPipe(() => new Keeper(loop), pipe as number);
  return [keeper, transport];
}

export async function openWrite(loop: EventLoop, pipe: unknown): Promise<[Keeper, WriteTransport]> {
  const [transport, keeper] = await loop.connectWritePipe(() => new Keeper(loop), pipe as number);
  return [keeper, transport];
}

export async function withFifo<T>(fn: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/fifo`;
    const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
    assert(success);
    return await fn(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Both ends of a FIFO, the reading one first: an open waits for the other. */
export async function openBothEnds(path: string): Promise<[Deno.FsFile, Deno.FsFile]> {
  return await Promise.all([Deno.open(path), Deno.open(path, { write: true })]);
}
