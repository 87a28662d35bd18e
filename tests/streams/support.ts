import { getRunningLoop } from "../../loop/mod.ts";
import { StreamReader, StreamReaderProtocol, StreamWriter } from "../../streams/mod.ts";
import { type MemoryTransportOptions, memoryTransportPair } from "../../testing/mod.ts";
import type { Transport } from "../../types.ts";
import { internalsOf } from "../../loop/internals.ts";

export { loopTest, start, tick } from "../sync/support.ts";

/** `text` in UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** UTF-8 as text. */
export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** A reader with `pieces` in it. */
export function readerOf(pieces: readonly string[], limit?: number): StreamReader {
  const reader = new StreamReader(limit === undefined ? {} : { limit });
  for (const piece of pieces) reader.feedData(bytes(piece));
  return reader;
}

/** What is in the buffer, ending the reader. */
export async function restOf(reader: StreamReader): Promise<string> {
  reader.feedEof();
  return text(await reader.read());
}

/** One end of a connection. */
export interface End {
  reader: StreamReader;
  writer: StreamWriter;
  transport: Transport;
  protocol: StreamReaderProtocol;
}

/** The two ends of a connection in memory, with streams on both. */
export async function memoryStreams(
  options: MemoryTransportOptions & { limit?: number } = {},
): Promise<[End, End]> {
  const { limit, ...rest } = options;
  const loop = internalsOf(getRunningLoop());
  const readers = [0, 1].map(() => new StreamReader(limit === undefined ? {} : { limit }));
  const protocols = readers.map((reader) => new StreamReaderProtocol(reader));
  const transports = memoryTransportPair({
    ...rest,
    protocols: protocols as [StreamReaderProtocol, StreamReaderProtocol],
  });
  await new Promise<void>((resolve) => loop.callLater(0, resolve));
  return transports.map((transport, at) => {
    const reader = readers[at] as StreamReader;
    const protocol = protocols[at] as StreamReaderProtocol;
    const writer = new StreamWriter(transport, protocol, reader, loop);
    return { reader, writer, transport, protocol };
  }) as [End, End];
}
