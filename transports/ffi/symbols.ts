import type { Platform } from "./platform.ts";

/** An address outside of JavaScript's memory. */
export type Pointer = Deno.PointerValue;

/**
 * The functions of libc used here, with its types. Those that fail answer -1
 * and leave the reason to {@linkcode errno}. Lengths are bigint: a `size_t`
 * given as a number takes the slow path of the FFI (150 ns).
 */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  socketpair(
    family: number,
    type: number,
    protocol: number,
    fds: Int32Array<ArrayBuffer>,
  ): number;
  bind(fd: number, address: Uint8Array<ArrayBuffer>, length: number): number;
  listen(fd: number, backlog: number): number;
  /** `accept4` on Linux, `accept` elsewhere, where `flags` does nothing. */
  accept(
    fd: number,
    address: Uint8Array<ArrayBuffer>,
    length: Uint32Array<ArrayBuffer>,
    flags: number,
  ): number;
  connect(fd: number, address: Uint8Array<ArrayBuffer>, length: number): number;
  send(fd: number, data: BufferSource, length: bigint, flags: number): number;
  sendto(
    fd: number,
    data: BufferSource,
    length: bigint,
    flags: number,
    address: Uint8Array<ArrayBuffer>,
    addressLength: number,
  ): number;
  recv(fd: number, buffer: BufferSource, length: bigint, flags: number): number;
  recvfrom(
    fd: number,
    buffer: BufferSource,
    length: bigint,
    flags: number,
    address: Uint8Array<ArrayBuffer>,
    addressLength: Uint32Array<ArrayBuffer>,
  ): number;
  shutdown(fd: number, how: number): number;
  getsockopt(
    fd: number,
    level: number,
    name: number,
    value: Uint8Array<ArrayBuffer>,
    length: Uint32Array<ArrayBuffer>,
  ): number;
  setsockopt(
    fd: number,
    level: number,
    name: number,
    value: BufferSource,
    length: number,
  ): number;
  getsockname(
    fd: number,
    address: Uint8Array<ArrayBuffer>,
    length: Uint32Array<ArrayBuffer>,
  ): number;
  getpeername(
    fd: number,
    address: Uint8Array<ArrayBuffer>,
    length: Uint32Array<ArrayBuffer>,
  ): number;
  close(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  ifNameToIndex(name: Uint8Array<ArrayBuffer>): number;
  pipe(fds: Int32Array<ArrayBuffer>): number;
  read(fd: number, buffer: BufferSource, length: bigint): number;
  write(fd: number, data: BufferSource, length: bigint): number;
  malloc(size: bigint): Pointer;
  free(pointer: Pointer): void;
  copyIn(to: Pointer, from: BufferSource, length: bigint): void;
  copyOut(to: BufferSource, from: Pointer, length: bigint): void;
  poll(fds: BufferSource, count: number | bigint, timeout: number): number;
  /** `poll` in a thread of its own, over memory that is not JavaScript's. */
  pollWait(
    fds: Pointer,
    count: number | bigint,
    timeout: number,
  ): Promise<number>;
  /** Linux. */
  eventfd(initial: number, flags: number): number;
  /** Linux. */
  epollCreate(flags: number): number;
  /** Linux. */
  epollCtl(epoll: number, operation: number, fd: number, event: BufferSource): number;
  /** Linux. */
  epollPoll(
    epoll: number,
    events: BufferSource,
    count: number,
    timeout: number,
  ): number;
  /** Linux. `epoll_wait` in a thread of its own, over memory that is not JavaScript's. */
  epollWait(
    epoll: number,
    events: Pointer,
    count: number,
    timeout: number,
  ): Promise<number>;
  /** Linux. */
  sendfile(
    out: number,
    file: number,
    offset: BigInt64Array<ArrayBuffer>,
    count: bigint,
  ): number;
  /** Linux. */
  open(path: Uint8Array<ArrayBuffer>, flags: number, mode: number): number;
  /** Linux; `null` in an old C library. */
  getdents: ((fd: number, buffer: BufferSource, length: bigint) => number) | null;
  /** Linux; `null` in an old C library. */
  statx:
    | ((
      directory: number,
      path: Uint8Array<ArrayBuffer>,
      flags: number,
      mask: number,
      result: BufferSource,
    ) => number)
    | null;
  errnoLocation(): Pointer;
  strerror(errno: number, buffer: BufferSource, length: bigint): number;
}

/** What to ask the library for. */
export function symbolsOf(here: Platform): Deno.ForeignLibraryInterface {
  return {
    ...commonSymbols(here),
    ...(here.os === "linux" ? LINUX : DARWIN),
  };
}

function commonSymbols(
  { os, arch, nfdsType }: Platform,
): Deno.ForeignLibraryInterface {
  // Apple's calling convention for arm64 puts variadic arguments on the stack,
  // where the ninth of a fixed list would be. Not run here: no such machine.
  const padded = os === "darwin" && arch === "aarch64";
  return {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    // An ssize_t fits into 32 bits: the kernels take no more than 2 GiB at once.
    send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    sendto: {
      parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
      result: "i32",
    },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    recvfrom: {
      parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
      result: "i32",
    },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
    getsockopt: {
      parameters: ["i32", "i32", "i32", "buffer", "buffer"],
      result: "i32",
    },
    setsockopt: {
      parameters: ["i32", "i32", "i32", "buffer", "u32"],
      result: "i32",
    },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ...(padded
      ? {
        fcntlPadded: {
          name: "fcntl",
          parameters: [
            "i32",
            "i32",
            "i32",
            "i32",
            "i32",
            "i32",
            "i32",
            "i32",
            "i64",
          ],
          result: "i32",
        },
      }
      : { fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" } }),
    ifNameToIndex: {
      name: "if_nametoindex",
      parameters: ["buffer"],
      result: "u32",
    },
    pipe: { parameters: ["buffer"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    malloc: { parameters: ["usize"], result: "pointer" },
    free: { parameters: ["pointer"], result: "void" },
    copyIn: {
      name: "memcpy",
      parameters: ["pointer", "buffer", "usize"],
      result: "void",
    },
    copyOut: {
      name: "memcpy",
      parameters: ["buffer", "pointer", "usize"],
      result: "void",
    },
    poll: { parameters: ["buffer", nfdsType, "i32"], result: "i32" },
    pollWait: {
      name: "poll",
      parameters: ["pointer", nfdsType, "i32"],
      result: "i32",
      nonblocking: true,
    },
  };
}

const LINUX: Deno.ForeignLibraryInterface = {
  accept: {
    name: "accept4",
    parameters: ["i32", "buffer", "buffer", "i32"],
    result: "i32",
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  epollCreate: { name: "epoll_create1", parameters: ["i32"], result: "i32" },
  epollCtl: {
    name: "epoll_ctl",
    parameters: ["i32", "i32", "i32", "buffer"],
    result: "i32",
  },
  epollPoll: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
  },
  epollWait: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  sendfile: { parameters: ["i32", "i32", "buffer", "usize"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  getdents: {
    name: "getdents64",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
    optional: true,
  },
  statx: {
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
    optional: true,
  },
  errnoLocation: {
    name: "__errno_location",
    parameters: [],
    result: "pointer",
  },
  strerror: {
    name: "__xpg_strerror_r",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
  },
};

const DARWIN: Deno.ForeignLibraryInterface = {
  accept: {
    name: "accept",
    // A fourth argument goes into a register that accept() does not look at.
    parameters: ["i32", "buffer", "buffer", "i32"],
    result: "i32",
  },
  errnoLocation: { name: "__error", parameters: [], result: "pointer" },
  strerror: {
    name: "strerror_r",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
  },
};
