/** What differs between the systems this module knows. */
export interface Platform {
  /** Kernel and C library. */
  readonly os: "linux" | "darwin";
  /** Processor. */
  readonly arch: "x86_64" | "aarch64";
  /** Where libc may be, in order of preference. */
  readonly libraries: readonly string[];
  /** Bytes of `struct epoll_event`; packed on x86-64 only. 0 without epoll. */
  readonly epollEventSize: number;
  /** Whether a sockaddr starts with a length byte before a family of one byte. */
  readonly sockaddrHasLength: boolean;
  /** Bytes of `sun_path`. */
  readonly sunPathSize: number;
  /** Size of `nfds_t` for `poll`. */
  readonly nfdsType: "u32" | "u64";
  /** `O_NONBLOCK`. */
  readonly nonblock: number;
  /** `O_CLOEXEC`; `SOCK_CLOEXEC` and `EPOLL_CLOEXEC` are the same number on Linux. */
  readonly cloexec: number;
  /** Flags for every `send`: no SIGPIPE, where there is a flag for it. */
  readonly sendFlags: number;
  /** `EAGAIN`, which is `EWOULDBLOCK`. */
  readonly eagain: number;
  /** `EINPROGRESS`. */
  readonly einprogress: number;
  /** `EALREADY`. */
  readonly ealready: number;
  /** `EISCONN`. */
  readonly eisconn: number;
}

/** How `Deno.build` names a machine. */
export interface Build {
  /** Operating system. */
  os: string;
  /** Processor. */
  arch: string;
}

/**
 * The layouts of a machine.
 *
 * @throws {Deno.errors.NotSupported} naming `what` and the machine, where they
 * are not known: a wrong offset would read or write somebody else's memory
 */
export function platformOf(build: Build, what: string): Platform {
  const { os, arch } = build;
  if (
    (os === "linux" || os === "darwin") &&
    (arch === "x86_64" || arch === "aarch64")
  ) {
    return os === "linux" ? linux(arch) : darwin(arch);
  }
  throw new Deno.errors.NotSupported(
    `Cannot call ${what}: the layout of libc's structures is not known for ${os} on ${arch}, ` +
      "only for linux and darwin on x86_64 and aarch64",
  );
}

function linux(arch: "x86_64" | "aarch64"): Platform {
  return {
    os: "linux",
    arch,
    // The bare name suits every distribution with glibc but needs the whole of
    // --allow-ffi; a permission of one path is found under that path.
    libraries: [
      "libc.so.6",
      `/lib/${arch}-linux-gnu/libc.so.6`,
      `/usr/lib/${arch}-linux-gnu/libc.so.6`,
      "/lib64/libc.so.6",
      "/usr/lib64/libc.so.6",
      "/usr/lib/libc.so.6",
      "/lib/libc.so.6",
      `/lib/ld-musl-${arch}.so.1`,
    ],
    epollEventSize: arch === "x86_64" ? 12 : 16,
    sockaddrHasLength: false,
    sunPathSize: 108,
    nfdsType: "u64",
    nonblock: 0o4000,
    cloexec: 0o2000000,
    sendFlags: 0x4000,
    eagain: 11,
    einprogress: 115,
    ealready: 114,
    eisconn: 106,
  };
}

function darwin(arch: "x86_64" | "aarch64"): Platform {
  return {
    os: "darwin",
    arch,
    libraries: ["/usr/lib/libSystem.B.dylib", "libSystem.dylib"],
    epollEventSize: 0,
    sockaddrHasLength: true,
    sunPathSize: 104,
    nfdsType: "u32",
    nonblock: 0x4,
    cloexec: 0x1000000,
    sendFlags: 0,
    eagain: 35,
    einprogress: 36,
    ealready: 37,
    eisconn: 56,
  };
}
