/** The names one module exports, by kind. */
export interface Names {
  /** Classes. */
  classes?: string;
  /** Functions. */
  functions?: string;
  /** Other values. */
  constants?: string;
  /** Interfaces and type aliases. */
  types?: string;
}

/**
 * The public names: asyncio's in camelCase, the options of what takes any, and
 * what this library adds. A name that is missing here is no promise.
 */
export const NAMES: Record<string, Names> = {
  "errors.ts": {
    classes: `CancelledError InvalidStateError TimeoutError IncompleteReadError LimitOverrunError
      BrokenBarrierError QueueEmpty QueueFull QueueShutDown SendfileNotAvailableError RuntimeError
      KeyboardInterrupt ExceptionGroup`,
  },
  "loop/mod.ts": {
    classes:
      `BaseEventLoop EventLoop IoEventLoop Future Handle SignalReceiver SystemClock Task TimerHandle`,
    functions: `getRunningLoop`,
    types: `AbstractEventLoop AbstractFuture AbstractHandle AbstractTask AbstractTimerHandle
      Awaitable Clock Coroutine CreateTaskOptions EventLoopOptions ExceptionContext
      ExceptionHandler Executor ExecutorFunction ExecutorShutdownOptions FutureOptions
      GetStackOptions Io PrintStackOptions ShutdownDefaultExecutorOptions SignalReceiverOptions
      TaskFactory TaskOptions`,
  },
  "protocols/mod.ts": {
    classes: `BaseProtocol BufferedProtocol DatagramProtocol Protocol SubprocessProtocol`,
    types: `AnyProtocol AnyStreamProtocol BufferedStreamingProtocol Connected DatagramCallbacks
      ProtocolCallbacks ProtocolFactory StreamingProtocol SubprocessCallbacks`,
  },
  "transports/mod.ts": {
    classes: `DenoIo Server Socket WorkerPoolExecutor`,
    functions: `connectLoop createTlsContext exposeLoop socketpair transfer workerFunction`,
    constants: `AF_INET AF_INET6 AF_UNIX IPPROTO_TCP IPPROTO_UDP NI_NAMEREQD NI_NUMERICHOST
      NI_NUMERICSERV SHUT_RD SHUT_RDWR SHUT_WR SOCK_DGRAM SOCK_STREAM SOL_SOCKET SO_BROADCAST
      SO_ERROR SO_KEEPALIVE SO_LINGER SO_RCVBUF SO_REUSEADDR SO_REUSEPORT SO_SNDBUF TCP_NODELAY`,
    types: `AbortableOptions AbstractServer Address AddressFamily AddrInfo BaseTransport ByteChannel
      ConnectAcceptedSocketOptions CreateConnectionOptions CreateDatagramEndpointOptions
      CreateServerOptions CreateUnixConnectionOptions CreateUnixServerOptions DatagramTransport
      ExtraInfo GetaddrinfoOptions HostAddress ListeningSocket PathAddress PipeLike ReadTransport
      SendfileOptions SendSignalOptions SocketLike SocketOptions SockSendfileOptions StartTlsOptions
      StdioOption SubprocessOptions SubprocessTransport TlsContext TlsContextOptions Transport
      WorkerPoolExecutorOptions WriteBufferLimits WriteTransport`,
  },
  "policy/mod.ts": {
    classes: `AbstractEventLoopPolicy DefaultEventLoopPolicy Runner`,
    functions: `getEventLoop getEventLoopPolicy newEventLoop run setEventLoop setEventLoopPolicy`,
    types: `RunnerOptions RunOptions`,
  },
  "tasks/mod.ts": {
    classes: `TaskGroup Timeout`,
    functions: `allTasks asCompleted captureCallGraph createEagerTaskFactory createTask currentTask
      eagerTaskFactory ensureFuture formatCallGraph gather printCallGraph runCoroutineThreadsafe
      shield sleep timeout timeoutAt toThread wait waitFor wrapFuture`,
    constants: `ALL_COMPLETED FIRST_COMPLETED FIRST_EXCEPTION`,
    types: `AsCompletedOptions CaptureCallGraphOptions EnsureFutureOptions FrameCallGraphEntry
      FutureCallGraph GatherOptions PrintCallGraphOptions ReturnWhen WaitOptions WaitResult
      WrapFutureOptions`,
  },
  "queues/mod.ts": {
    classes: `LifoQueue PriorityQueue Queue`,
    types: `Comparator QueueStatistics ShutdownOptions`,
  },
  "sync/mod.ts": {
    classes: `Barrier BoundedSemaphore Condition Event Lock Semaphore`,
    types: `BarrierStatistics ConditionStatistics EventStatistics LockStatistics Permit
      SemaphoreStatistics`,
  },
  "streams/mod.ts": {
    classes: `DatagramEndpoint StreamReader StreamReaderProtocol StreamWriter`,
    functions: `openConnection openDatagramEndpoint openUnixConnection startServer startUnixServer`,
    types: `ClientConnectedCallback Datagram OpenConnectionOptions OpenDatagramEndpointOptions
      OpenUnixConnectionOptions ReadOptions StartServerOptions StartUnixServerOptions StreamReaderOptions StreamReaderProtocolOptions
      Streams`,
  },
  "subprocess/mod.ts": {
    classes: `Process`,
    functions: `createSubprocessExec createSubprocessShell`,
    constants: `DEVNULL PIPE STDOUT`,
    types: `CreateSubprocessOptions`,
  },
  "testing/mod.ts": {
    classes: `ConformanceError DeadlockError VirtualTimeLoop`,
    functions: `checkStreamTransport memoryChannelPair memoryTransportPair runVirtual`,
    constants: `streamTransportCases`,
    types: `CheckStreamTransportOptions MemoryChannelOptions MemoryTransportOptions
      RunVirtualOptions StreamTransportFactory StreamTransportReport VirtualTimeLoopOptions`,
  },
};

/** The words of `text`. */
export function words(text: string | undefined): string[] {
  return text?.split(/\s+/).filter((word) => word !== "") ?? [];
}

/** What each object has: `name()` is a method, `name` a property. */
export const MEMBERS: Record<string, string> = {
  AbstractEventLoop: `runUntilComplete() runForever() stop() close() isRunning() isClosed()
    shutdownAsyncgens() registerAsyncgen() shutdownDefaultExecutor() setDebug() getDebug()
    slowCallbackDurationMs callSoon() callSoonThreadsafe() callLater() callAt() time()
    runInExecutor() setDefaultExecutor() createFuture() createTask() setTaskFactory()
    getTaskFactory() getaddrinfo() getnameinfo() createConnection() createServer()
    createUnixConnection() createUnixServer() connectAcceptedSocket() createDatagramEndpoint()
    sendfile() startTls() connectReadPipe() connectWritePipe() sockRecv() sockRecvInto()
    sockRecvfrom() sockRecvfromInto() sockSendall() sockSendto() sockConnect() sockAccept()
    sockSendfile() addReader() removeReader() addWriter() removeWriter() addSignalHandler()
    removeSignalHandler() subprocessExec() subprocessShell() callExceptionHandler()
    setExceptionHandler() getExceptionHandler() defaultExceptionHandler() @@asyncDispose()`,
  Handle: `cancel() cancelled()`,
  TimerHandle: `cancel() cancelled() when()`,
  Future: `cancel() cancelled() done() result() exception() addDoneCallback() removeDoneCallback()
    setResult() setException() getLoop() then() catch() finally()`,
  Task: `cancel() cancelled() done() result() exception() addDoneCallback() removeDoneCallback()
    setResult() setException() getLoop() then() catch() finally() getName() setName() getCoro()
    getStack() printStack() cancelling() uncancel() signal`,
  AbstractServer: `close() closeClients() abortClients() getLoop() isServing() startServing()
    serveForever() waitClosed() sockets @@asyncDispose()`,
  BaseTransport: `close() isClosing() getExtraInfo() setProtocol() getProtocol() @@dispose()`,
  ReadTransport: `isReading() pauseReading() resumeReading()`,
  WriteTransport: `write() writelines() canWriteEof() writeEof() abort() getWriteBufferSize()
    getWriteBufferLimits() setWriteBufferLimits()`,
  DatagramTransport: `sendto() abort()`,
  SubprocessTransport: `getPid() getPipeTransport() getReturncode() kill() sendSignal() terminate()
    close()`,
  BaseProtocol: `connectionMade() connectionLost() pauseWriting() resumeWriting()`,
  Protocol: `dataReceived() eofReceived()`,
  BufferedProtocol: `getBuffer() bufferUpdated() eofReceived()`,
  DatagramProtocol: `datagramReceived() errorReceived()`,
  SubprocessProtocol: `pipeDataReceived() pipeConnectionLost() processExited()`,
  AbstractEventLoopPolicy: `getEventLoop() setEventLoop() newEventLoop()`,
  Runner: `run() getLoop() close() @@asyncDispose()`,
  Timeout: `reschedule() when() expired()`,
  TaskGroup: `createTask() cancel()`,
  Queue: `put() putNowait() get() getNowait() qsize() empty() full() maxsize taskDone() join()
    shutdown() statistics() @@asyncIterator()`,
  Lock: `acquire() release() locked() statistics()`,
  Event: `set() clear() isSet() wait() statistics()`,
  Condition: `acquire() release() locked() wait() waitFor() notify() notifyAll() statistics()`,
  Semaphore: `acquire() release() locked() statistics()`,
  Barrier: `wait() reset() abort() parties nWaiting broken statistics()`,
  StreamReader: `read() readline() readexactly() readuntil() atEof() exception() feedData()
    feedEof() setException() readable @@asyncIterator()`,
  StreamWriter: `write() writelines() writeEof() canWriteEof() drain() close() isClosing()
    waitClosed() startTls() getExtraInfo() transport writable @@asyncDispose()`,
  Process:
    `pid returncode stdin stdout stderr wait() communicate() sendSignal() terminate() kill()`,
  Socket:
    `bind() listen() accept() connect() send() sendto() recv() recvInto() recvfrom() shutdown()
    setsockopt() getsockopt() getsockname() getpeername() fileno() detach() close() family type
    @@dispose()`,
  Executor: `submit() shutdown()`,
  SignalReceiver: `receive() close() @@asyncIterator() @@dispose()`,
  DatagramEndpoint: `send() receive() drain() close() isClosing() waitClosed() getExtraInfo() addr
    remoteAddr dropped pending transport @@asyncIterator() @@asyncDispose()`,
  LoopConnection: `call() callSoonThreadsafe() close() @@dispose()`,
};
