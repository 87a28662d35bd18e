/**
 * What the compiler must accept of the low-level interface, and what it must
 * refuse. Nothing here runs: the file has passed once it type-checks.
 */

import {
  type AbstractEventLoop,
  type AbstractServer,
  type Address,
  type AddrInfo,
  BufferedProtocol,
  type Clock,
  connectLoop,
  type Coroutine,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  createTlsContext,
  DatagramProtocol,
  type DatagramTransport,
  EventLoop,
  type ExceptionContext,
  type Executor,
  exposeLoop,
  Future,
  getEventLoop,
  getRunningLoop,
  type Handle,
  type Io,
  memoryTransportPair,
  newEventLoop,
  PIPE,
  type Process,
  Protocol,
  type ReadTransport,
  setEventLoop,
  Socket,
  socketpair,
  STDOUT,
  type StreamReader,
  type StreamWriter,
  type SubprocessTransport,
  Task,
  type TaskFactory,
  type TimerHandle,
  type TlsContext,
  toThread,
  type Transport,
  workerFunction,
  WorkerPoolExecutor,
  type WriteTransport,
} from "../mod.ts";
import { is } from "./api/same.ts";

const signal = AbortSignal.abort();

/** Loops, handles, futures, tasks. */
export async function lowLevel(loop: AbstractEventLoop): Promise<void> {
  is<EventLoop>()(getRunningLoop());
  is<EventLoop>()(getEventLoop());
  is<EventLoop>()(newEventLoop());
  setEventLoop(null);
  // @ts-expect-error: not a loop
  setEventLoop({});

  is<string>()(await loop.runUntilComplete(() => "text"));
  is<number>()(await loop.runUntilComplete(loop.createFuture<number>()));
  is<void>()(await loop.runForever());
  loop.slowCallbackDurationMs = 50;
  // @ts-expect-error: a property, in milliseconds
  loop.slowCallbackDurationMs();

  const real = new EventLoop();
  is<Handle>()(real.callSoon((a: number, b: string) => void [a, b], 1, "b"));
  is<Handle>()(real.callSoonThreadsafe(() => {}));
  is<TimerHandle>()(real.callLater(10, () => {}));
  is<TimerHandle>()(real.callAt(real.time() + 10, (a: number) => a, 1));
  // @ts-expect-error: an argument too few
  loop.callSoon((a: number, b: string) => void [a, b], 1);
  // @ts-expect-error: an argument of the wrong type
  loop.callLater(10, (a: number) => a, "1");
  // @ts-expect-error: milliseconds come first
  loop.callLater(() => {}, 10);
  // @ts-expect-error: an option is no argument of the callback
  loop.callSoon(() => {}, { context: null });

  const future = real.createFuture<number>();
  is<Future<number>>()(future);
  is<Future<number>>()(new Future<number>({ loop }));
  new Future<number>();
  future.setResult(1);
  // @ts-expect-error: of another type
  future.setResult("1");
  is<number>()(future.result());
  is<unknown>()(future.exception());
  is<boolean>()(future.cancel("why"));
  is<Future<string>>()(future.then((n) => String(n)));
  is<Future<number | null>>()(future.catch(() => null));
  is<Future<number>>()(future.finally(() => {}));
  is<number>()(await future);
  future.addDoneCallback((done) => is<Future<number>>()(done));

  const task = real.createTask(() => Promise.resolve(1), { name: "n", eagerStart: true, signal });
  is<Task<number>>()(task);
  is<Task<string>>()(createTask((own) => own.getName()));
  is<AbortSignal>()(task.signal);
  is<Coroutine<number> | null>()(task.getCoro());
  is<string[]>()(task.getStack({ limit: 3 }));
  // @ts-expect-error: a promise runs already
  createTask(Promise.resolve(1));
  // @ts-expect-error: a property
  task.signal();
  const factory: TaskFactory = (of, coro, options) => new Task(coro, { ...options, loop: of });
  loop.setTaskFactory(factory);
  loop.setTaskFactory(null);

  loop.setExceptionHandler((of, context) => {
    is<AbstractEventLoop>()(of);
    is<ExceptionContext>()(context);
    is<string>()(context.message);
  });
  loop.addSignalHandler("SIGTERM", (n: number) => n, 1);
  // @ts-expect-error: no such signal
  loop.addSignalHandler("SIGNOPE", () => {});
  is<boolean>()(loop.removeSignalHandler("SIGTERM"));
  loop.registerAsyncgen((async function* () {})());
  await loop.shutdownDefaultExecutor({ timeoutMs: null, signal });
  await loop.shutdownAsyncgens({ signal });
  await using _closing = loop;
}

/** Executors. */
export async function executors(loop: EventLoop, port: MessagePort): Promise<void> {
  const half = (n: number) => n / 2;
  is<Future<number>>()(loop.runInExecutor(null, half, 2));
  // @ts-expect-error: an argument of the wrong type
  loop.runInExecutor(null, half, "2");
  is<Future<number>>()(toThread(half, 2));
  const pool: Executor = new WorkerPoolExecutor({ maxWorkers: 2, permissions: "inherit" });
  loop.setDefaultExecutor(pool);
  await pool.shutdown({ wait: true, cancelFutures: true });
  // @ts-expect-error: `null` stands for the default, and cannot be it
  loop.setDefaultExecutor(null);
  is<Future<number>>()(
    loop.runInExecutor(pool, workerFunction<typeof half>(import.meta.url, "half"), 2),
  );
  exposeLoop(loop, port, { half }).close();
  using there = connectLoop(port);
  is<Future<number>>()(there.call<number>("half", 2));
  there.callSoonThreadsafe("half", 2).cancel();
}

/** Connections, servers, transports. */
export async function networking(loop: AbstractEventLoop, tls: TlsContext): Promise<void> {
  class Mine extends Protocol {
    override connectionMade(transport: Transport): void {
      is<Deno.Addr | null>()(transport.getExtraInfo("peername"));
      is<string>()(transport.getExtraInfo("alpnProtocol", ""));
      is<unknown>()(transport.getExtraInfo("anything"));
    }
    override eofReceived(): boolean {
      return true;
    }
  }
  const [transport, mine] = await loop.createConnection(() => new Mine(), {
    hostname: "localhost",
    port: 443,
    tls: true,
    serverHostname: "",
    family: "ipv6",
    localAddr: { hostname: "::1", port: 0 },
    happyEyeballsDelayMs: 250,
    interleave: 1,
    allErrors: true,
    tlsHandshakeTimeoutMs: 1000,
    tlsShutdownTimeoutMs: 1000,
    signal,
  });
  is<Transport>()(transport);
  is<Mine>()(mine);
  // @ts-expect-error: Deno's name is hostname
  await loop.createConnection(() => new Mine(), { host: "localhost", port: 1 });
  // @ts-expect-error: a factory, not a protocol
  await loop.createConnection(new Mine(), { port: 1 });
  await loop.createConnection(() => ({ dataReceived: (data) => data.length }), { port: 1 });
  // @ts-expect-error: what a protocol receives are bytes
  await loop.createConnection(() => ({ dataReceived: (data: string) => data.length }), { port: 1 });
  const server = await loop.createServer(() => new Mine(), {
    hostname: ["127.0.0.1", "::1"],
    port: 0,
    backlog: 10,
    tls,
    reusePort: true,
    keepAlive: true,
    startServing: false,
    maxConnections: 10,
    signal,
  });
  is<AbstractServer>()(server);
  // @ts-expect-error: a server needs a certificate
  await loop.createServer(() => new Mine(), { tls: true });
  is<Deno.Addr | undefined>()(server.sockets[0]?.addr);
  await server.serveForever({ signal });
  await server.waitClosed({ signal });
  await using _server = server;
  await loop.createUnixServer(() => new Mine(), { path: "/p", cleanupSocket: false, signal });
  await loop.createUnixConnection(() => new Mine(), { path: "/p", signal });
  await loop.connectAcceptedSocket(() => new Mine(), new Socket(), { tls, signal });
  is<Transport>()(
    await loop.startTls(transport, mine, tls, { serverSide: true, serverHostname: "x", signal }),
  );
  // @ts-expect-error: `true` is no context
  await loop.startTls(transport, mine, true);
  const [endpoint] = await loop.createDatagramEndpoint(() => new DatagramProtocol(), {
    localAddr: { path: "/p" },
    remoteAddr: { hostname: "127.0.0.1", port: 1 },
    family: "unix",
    reusePort: true,
    allowBroadcast: true,
    signal,
  });
  is<DatagramTransport>()(endpoint);
  endpoint.sendto(new Uint8Array(1), null);
  const [reading] = await loop.connectReadPipe(() => new Mine(), Deno.stdin.readable, { signal });
  const [writing] = await loop.connectWritePipe(() => new Mine(), 1, { signal });
  is<ReadTransport>()(reading);
  is<WriteTransport>()(writing);
  // @ts-expect-error: nothing to read from
  await loop.connectReadPipe(() => new Mine(), "pipe");
  using file = await Deno.open("x");
  is<number>()(
    await loop.sendfile(transport, file, { offset: 1, count: null, fallback: false, signal }),
  );
  is<[low: number, high: number]>()(transport.getWriteBufferLimits());
  transport.setWriteBufferLimits({ high: 10, low: 1 });
  // @ts-expect-error: positional in no language
  transport.setWriteBufferLimits(10);
  transport.writelines([new Uint8Array(1)]);
  // @ts-expect-error: bytes only
  transport.write("text");
  transport.setProtocol(new Protocol());
  using _transport = transport;
  const [a, b] = memoryTransportPair({ chunkSize: 1, delayMs: 5, loss: { afterBytes: 10 } });
  is<Transport>()(a);
  is<Transport>()(b);
}

/** Protocols need not override anything but `getBuffer`, and that only to be of use. */
export class Buffers extends BufferedProtocol {
  override getBuffer(sizeHint: number): Uint8Array {
    return new Uint8Array(Math.max(1, sizeHint));
  }
}

/** DNS, sockets, file descriptors. */
export async function sockets(loop: AbstractEventLoop, address: Address): Promise<void> {
  is<AddrInfo[]>()(
    await loop.getaddrinfo("localhost", "http", {
      family: "ipv4",
      type: "stream",
      proto: 6,
      flags: 0,
      signal,
    }),
  );
  is<[string, string]>()(await loop.getnameinfo({ hostname: "::1", port: 80 }, 0, { signal }));
  const [left] = socketpair();
  is<Uint8Array>()(await loop.sockRecv(left, 10, { signal }));
  is<number>()(await loop.sockRecvInto(left, new Uint8Array(1), { signal }));
  is<[Uint8Array, Deno.Addr]>()(await loop.sockRecvfrom(left, 10, { signal }));
  is<[number, Deno.Addr]>()(
    await loop.sockRecvfromInto(left, new Uint8Array(1), undefined, { signal }),
  );
  is<void>()(await loop.sockSendall(left, new Uint8Array(1), { signal }));
  is<number>()(await loop.sockSendto(left, new Uint8Array(1), address, { signal }));
  is<void>()(await loop.sockConnect(left, { path: "/p" }, { signal }));
  // @ts-expect-error: an address is { hostname, port } or { path }
  await loop.sockConnect(left, ["localhost", 80]);
  const [, peer] = await loop.sockAccept(left, { signal });
  is<Deno.Addr>()(peer);
  is<void>()(loop.addReader(left, (n: number) => n, 1));
  is<boolean>()(loop.removeReader(left.fileno()));
  is<boolean>()(loop.removeWriter(left));
  // @ts-expect-error: a callback that wants more than it is given
  loop.addWriter(1, (n: number) => n);
  using _left = left;
  createTlsContext({
    cert: "",
    key: "",
    caCerts: ["", ""],
    alpnProtocols: ["h2"],
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: "",
    passphrase: "",
    sniCallback: () => undefined,
  });
  // @ts-expect-error: a version nobody should speak
  createTlsContext({ minVersion: "TLSv1" });
}

/** Subprocesses. */
export async function subprocesses(loop: AbstractEventLoop): Promise<void> {
  const [transport] = await loop.subprocessExec(() => ({ processExited() {} }), "ls", ["-l"], {
    stdin: "null",
    stdout: 3,
    stderr: "stdout",
    cwd: "/",
    env: { A: "1" },
    clearEnv: true,
    uid: 1,
    gid: 1,
    detached: true,
    signal,
  });
  is<SubprocessTransport>()(transport);
  is<number | null>()(transport.getReturncode());
  // @ts-expect-error: arguments are a list
  await loop.subprocessExec(() => ({}), "ls", "-l");
  const child = await createSubprocessExec("cat", ["-"], { stdin: PIPE, stderr: STDOUT, limit: 1 });
  is<Process>()(child);
  is<Process>()(await createSubprocessShell("ls", { signal }));
  is<number>()(child.pid);
  is<number | null>()(child.returncode);
  is<StreamWriter | null>()(child.stdin);
  is<StreamReader | null>()(child.stdout);
  is<number>()(await child.wait({ signal }));
  is<[Uint8Array | null, Uint8Array | null]>()(
    await child.communicate(new Uint8Array(1), { signal }),
  );
  child.sendSignal("SIGINT");
  // @ts-expect-error: stdin cannot go to stdout
  await createSubprocessExec("cat", [], { stdin: STDOUT });
  await using _child = child;
}

/** Whoever brings a platform or a clock along need not have all of it. */
export function platform(clock: Clock): EventLoop {
  const io: Io = { watchSignal: () => () => {} };
  return new EventLoop({ io, clock });
}
