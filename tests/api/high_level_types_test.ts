/**
 * What the compiler must accept of tasks, queues, locks and streams, and what it
 * must refuse. Nothing here runs: the file has passed once it type-checks.
 */

import {
  type AbstractEventLoop,
  type AbstractServer,
  asCompleted,
  Barrier,
  BoundedSemaphore,
  Condition,
  createTask,
  currentTask,
  ensureFuture,
  Event,
  type EventLoop,
  FIRST_COMPLETED,
  type Future,
  gather,
  LifoQueue,
  Lock,
  openConnection,
  openUnixConnection,
  type Permit,
  PriorityQueue,
  Queue,
  run,
  runCoroutineThreadsafe,
  Runner,
  runVirtual,
  Semaphore,
  shield,
  sleep,
  startServer,
  StreamReader,
  type StreamWriter,
  type Task,
  TaskGroup,
  type Timeout,
  timeout,
  timeoutAt,
  type TlsContext,
  type Transport,
  VirtualTimeLoop,
  wait,
  waitFor,
  wrapFuture,
} from "../../mod.ts";
import { is } from "./same.ts";

const signal = AbortSignal.abort();

/** Tasks. */
export async function tasks(loop: AbstractEventLoop): Promise<void> {
  is<string>()(await run(() => "text", { debug: true, loopFactory: () => new VirtualTimeLoop() }));
  is<number>()(await runVirtual(async () => await Promise.resolve(1)));
  await using runner = new Runner({ debug: false });
  is<number>()(await runner.run(() => 1));
  is<EventLoop>()(runner.getLoop());
  is<void>()(await sleep(1));
  is<string>()(await sleep(1, "result", { signal }));

  const one = createTask(() => 1);
  const two = createTask(() => "2");
  is<Future<[number, string]>>()(gather(one, two));
  is<Future<[number, string, boolean]>>()(gather(one, () => "2", Promise.resolve(true)));
  is<Future<number[]>>()(gather([one, one] as Task<number>[], { signal }));
  is<(number | Error)[]>()(await gather([one] as Task<number>[], { returnExceptions: true }));
  const { done, pending } = await wait([one], {
    timeoutMs: 5,
    returnWhen: FIRST_COMPLETED,
    signal,
  });
  is<Set<Task<number>>>()(done);
  is<Set<Task<number>>>()(pending);
  // @ts-expect-error: no such condition
  await wait([one], { returnWhen: "SOMETIME" });
  // @ts-expect-error: a list, not one
  await wait(one);
  // @ts-expect-error: start it first, so that it can be told apart
  await wait([() => 1]);
  is<number>()(await waitFor(one, 10));
  is<number>()(await waitFor(() => 1, null, { signal }));
  // @ts-expect-error: milliseconds are positional
  await waitFor(one, { timeoutMs: 10 });
  for await (const task of asCompleted([one], { timeoutMs: 10 })) is<Task<number>>()(task);
  for (const next of asCompleted([one])) is<number>()(await next);
  is<Future<number>>()(shield(one));
  is<string>()(
    await timeout(10, (limit) => {
      is<Timeout>()(limit);
      is<number | null>()(limit.when());
      limit.reschedule(null);
      return "text";
    }),
  );
  is<number>()(await timeoutAt(loop.time() + 10, () => 1, { signal }));
  // @ts-expect-error: without a body it would do nothing
  timeout(10);
  is<Task<number>[]>()(
    await TaskGroup.run((group) => [group.createTask(() => 1, { name: "member" })]),
  );
  // @ts-expect-error: a group must see how its body ends
  new TaskGroup();
  is<Task<unknown> | null>()(currentTask(loop));
  is<Future<number>>()(ensureFuture(one));
  is<Future<number>>()(wrapFuture(Promise.resolve(1), { signal }));
  is<Future<number>>()(runCoroutineThreadsafe(() => 1, loop));
}

/** Queues and locks. */
export async function synchronization(): Promise<void> {
  const queue = new Queue<number>(10);
  is<number>()(queue.maxsize);
  is<number>()(queue.qsize());
  is<number>()(await queue.get({ signal }));
  await queue.put(1, { signal });
  // @ts-expect-error: of another type
  queue.putNowait("1");
  // @ts-expect-error: a property
  queue.maxsize();
  queue.shutdown({ immediate: true });
  for await (const item of queue) is<number>()(item);
  new PriorityQueue<{ at: number }>(0, (a, b) => a.at - b.at);
  new LifoQueue<string>();
  // @ts-expect-error: positional
  new Queue({ maxsize: 10 });

  const lock = new Lock();
  using held = await lock.acquire({ signal });
  is<Permit>()(held);
  using _permit = await new Semaphore(2).acquire();
  new BoundedSemaphore(2).release();
  const condition = new Condition(lock);
  is<true>()(await condition.wait({ signal }));
  is<string>()(await condition.waitFor(() => "truthy"));
  condition.notify(2);
  is<true>()(await new Event().wait({ signal }));
  const barrier = new Barrier(2);
  is<number>()(barrier.parties);
  is<number>()(barrier.nWaiting);
  is<boolean>()(barrier.broken);
  is<number>()(await barrier.wait({ signal }));
  is<void>()(await barrier.abort());
  // @ts-expect-error: how many must come is not to be guessed
  new Barrier();
}

/** Streams. */
export async function streams(tls: TlsContext): Promise<void> {
  const [reader, writer] = await openConnection({
    hostname: "localhost",
    port: 1,
    limit: 1024,
    signal,
  });
  is<StreamReader>()(reader);
  is<StreamWriter>()(writer);
  await openUnixConnection({ path: "/p", limit: 1024, signal });
  is<Uint8Array>()(await reader.read());
  is<Uint8Array>()(await reader.read(10, { signal }));
  is<Uint8Array>()(await reader.readexactly(10, { signal }));
  is<Uint8Array>()(await reader.readline({ signal }));
  is<Uint8Array>()(await reader.readuntil("\r\n", { signal }));
  is<Uint8Array>()(await reader.readuntil([new Uint8Array(1), "\0"]));
  is<boolean>()(reader.atEof());
  is<ReadableStream<Uint8Array>>()(reader.readable);
  is<WritableStream<Uint8Array>>()(writer.writable);
  is<Transport>()(writer.transport);
  for await (const line of reader) is<Uint8Array>()(line);
  new StreamReader({ limit: 10 });
  // @ts-expect-error: an option
  new StreamReader(10);
  await writer.drain({ signal });
  await writer.waitClosed({ signal });
  await writer.startTls(tls, { serverHostname: "x", tlsHandshakeTimeoutMs: 10, signal });
  await using _writer = writer;
  is<AbstractServer>()(
    await startServer(async (in_, out) => {
      is<StreamReader>()(in_);
      is<StreamWriter>()(out);
      await out.drain();
    }, { port: 0, limit: 10 }),
  );
  // @ts-expect-error: no address at all
  await openConnection();
}
