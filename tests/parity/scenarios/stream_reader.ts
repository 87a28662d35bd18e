import { createTask, sleep, StreamReader, type Task, waitFor } from "../../../mod.ts";
import { Boom, caught, outcome, thrown, type Trace } from "../harness.ts";

const encoder = new TextEncoder();

function feed(reader: StreamReader, text: string): void {
  reader.feedData(encoder.encode(text));
}

/** A task that feeds a part a second. */
function feeder(reader: StreamReader, parts: readonly string[], eof: boolean): Task<void> {
  return createTask(async () => {
    for (const part of parts) {
      await sleep(1000);
      feed(reader, part);
    }
    if (eof) reader.feedEof();
  });
}

export async function readWhatIsThere(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "hello world");
  t.loop.callSoon(t, "callback");
  t(await reader.read(5), await reader.read(0), await reader.read(100));
  await sleep(0);
  t("end");
}

export async function readWaitsForData(t: Trace): Promise<void> {
  const reader = new StreamReader();
  t.loop.callSoon(() => {
    t("feed");
    feed(reader, "ab");
    feed(reader, "cd");
  });
  t(await reader.read(3));
  t(await reader.read(3));
}

export async function readToTheEnd(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = createTask(async () => {
    for (const part of ["one ", "two ", "three"]) {
      feed(reader, part);
      await sleep(1000);
    }
    reader.feedEof();
  });
  t(await reader.read(), reader.atEof());
  await task;
}

export async function readAtTheEnd(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "x");
  t(reader.atEof());
  reader.feedEof();
  t(reader.atEof(), await reader.read(10), reader.atEof());
  t(await reader.read(10), await reader.read(), await reader.readline());
}

export async function eofWakesTheReader(t: Trace): Promise<void> {
  const reader = new StreamReader();
  t.loop.callLater(1000, () => reader.feedEof());
  t(await reader.read(10));
}

export async function readlineAcrossChunks(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = feeder(reader, ["first ", "line\nsecond li", "ne\nthird\nfou"], true);
  for (let i = 0; i < 5; i++) t(await reader.readline());
  await task;
}

export async function readlineOverTheLimit(t: Trace): Promise<void> {
  const reader = new StreamReader({ limit: 4 });
  feed(reader, "too long a line\nok\nlast");
  t(await caught(reader.readline()));
  t(await reader.readline());
  reader.feedEof();
  t(await caught(reader.readline()));
}

export async function readlineOverTheLimitWithoutAnEnd(t: Trace): Promise<void> {
  const reader = new StreamReader({ limit: 4 });
  feed(reader, "no end");
  t(await caught(reader.readline()));
  feed(reader, "rest\nok\n");
  t(await reader.readline(), await reader.readline());
}

export async function readexactly(t: Trace): Promise<void> {
  const reader = new StreamReader({ limit: 4 });
  const task = feeder(reader, ["0123", "4567", "89ab"], false);
  t(await reader.readexactly(0), await reader.readexactly(10), await reader.readexactly(2));
  t(await caught(reader.readexactly(-1)));
  await task;
}

export async function readexactlyCutShort(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "abc");
  t.loop.callLater(1000, () => reader.feedEof());
  t(await caught(reader.readexactly(5)));
  t(await reader.read());
}

export async function readuntilAcrossChunks(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = feeder(reader, ["first\r", "\nsecond\r\r", "\nthird", "\r\n"], false);
  for (let i = 0; i < 3; i++) t(await reader.readuntil("\r\n"));
  await task;
}

export async function readuntilCutShort(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "no separator");
  reader.feedEof();
  t(await caught(reader.readuntil("\n")));
  t(await reader.read());
}

export async function readuntilOverTheLimit(t: Trace): Promise<void> {
  const reader = new StreamReader({ limit: 4 });
  feed(reader, "some data without it");
  t(await caught(reader.readuntil("END")));
  feed(reader, "END");
  t(await caught(reader.readuntil("END")));
  t(await reader.readexactly(20), await reader.readuntil("END"));
}

export async function readuntilOneOfSeveral(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "a;b,c;;d");
  t(await reader.readuntil([",", ";"]));
  t(await reader.readuntil([",", ";"]));
  t(await reader.readuntil([";;", ";"]));
  t(await reader.readuntil(["d", ";d"]));
}

export async function readuntilRefuses(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "abc");
  t(await caught(reader.readuntil("")), await caught(reader.readuntil([])));
  t(await reader.read(10));
}

export async function exceptionWhileWaiting(t: Trace): Promise<void> {
  const reader = new StreamReader();
  t.loop.callLater(1000, () => reader.setException(new Boom("lost")));
  t(await caught(reader.read(10)));
  t(await caught(reader.readline()), reader.exception());
}

export async function exceptionWithDataThere(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "data\n");
  reader.setException(new Boom("lost"));
  t(
    await caught(reader.readline()),
    await caught(reader.readexactly(1)),
    await caught(reader.read(1)),
  );
}

export async function twoReaders(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = createTask(async () => t("first", await reader.read(10)));
  await sleep(0);
  t(await caught(reader.read(10)));
  feed(reader, "data");
  await task;
}

export async function readerCancelled(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = createTask(async () => t("never", await reader.readexactly(4)));
  await sleep(0);
  feed(reader, "ab");
  await sleep(1000);
  task.cancel();
  t(await caught(task));
  feed(reader, "cd");
  t(await reader.readexactly(4));
}

export async function readerCancelledWhenWoken(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = createTask(async () => t("never", await reader.read(10)));
  await sleep(0);
  feed(reader, "data");
  task.cancel();
  t(await caught(task));
  t(await reader.read(10));
}

export async function readWithATimeout(t: Trace): Promise<void> {
  const reader = new StreamReader();
  feed(reader, "par");
  t(await caught(waitFor(() => reader.readline(), 1000)));
  feed(reader, "tial\n");
  t(await reader.readline());
}

export async function linesByIteration(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = feeder(reader, ["a\nb", "\n", "c"], true);
  for await (const line of reader) t(line);
  await task;
  t("end", outcome(task));
}

// deno-lint-ignore require-await
export async function limitMustBePositive(t: Trace): Promise<void> {
  t(thrown(() => new StreamReader({ limit: 0 })), thrown(() => new StreamReader({ limit: -1 })));
}

export async function emptyChunksWakeNobody(t: Trace): Promise<void> {
  const reader = new StreamReader();
  const task = createTask(async () => t(await reader.read(10)));
  await sleep(0);
  feed(reader, "");
  await sleep(1000);
  t(task.done());
  feed(reader, "data");
  await task;
}
