/**
 * Sending a file without copying it through this process: `sendfile(2)`, Linux.
 *
 * @module
 */

import { errno, type Libc, libc, platform } from "./libc.ts";
import { check, closeFd } from "./raw_socket.ts";

const O_ACCMODE = 3;
const O_WRONLY = 1;
const F_GETFL = 3;
const F_DUPFD_CLOEXEC = 1030;
const AT_EMPTY_PATH = 0x1000;
const STATX_INO = 0x100;

const NO_PATH = new Uint8Array(1);

/**
 * A duplicate of the fd of an open file, for reading; the caller closes it.
 * `null` where it cannot be had: not Linux, an old C library, no such file.
 *
 * Deno tells nobody the fd of a `Deno.FsFile`, but it tells the device and the
 * inode, and the system tells those of every fd of ours. Any readable fd of the
 * same file will do, as `sendfile` takes the offset along. 0.5 µs an fd.
 */
export async function duplicateFdOf(
  file: Deno.FsFile,
): Promise<number | null> {
  const call = "sendfile()";
  if (platform(call).os !== "linux") return null;
  const { dev, ino, isFile } = await file.stat();
  if (!isFile || ino === null) return null;
  const lib = libc(call);
  const matches = (fd: number) => {
    const found = identify(lib, fd);
    return found !== null && found.dev === dev && found.ino === ino &&
      isReadable(lib, fd);
  };
  for (const fd of openFds(lib)) {
    if (!matches(fd)) continue;
    const copy = lib.fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) continue;
    // Another thread of Deno may have closed it between the look and the dup.
    if (matches(copy)) return copy;
    closeFd(lib, copy);
  }
  return null;
}

/** Sends up to `count` bytes of `file` from `offset` on: how many, or minus an errno. */
export function trySendfile(
  out: number,
  file: number,
  offset: number,
  count: number,
): number {
  const at = new BigInt64Array([BigInt(offset)]);
  const sent = libc("sendfile").sendfile(out, file, at, BigInt(count));
  return sent < 0 ? -errno() : sent;
}

function isReadable(lib: Libc, fd: number): boolean {
  const flags = lib.fcntl(fd, F_GETFL, 0);
  return flags >= 0 && (flags & O_ACCMODE) !== O_WRONLY;
}

/** Device and inode of an fd, as `Deno.FileInfo` has them. */
function identify(
  lib: Libc,
  fd: number,
): { dev: number; ino: number } | null {
  const info = new DataView(new ArrayBuffer(256));
  const result = lib.statx?.(fd, NO_PATH, AT_EMPTY_PATH, STATX_INO, info) ?? -1;
  if (result < 0) return null;
  const major = BigInt(info.getUint32(136, true));
  const minor = BigInt(info.getUint32(140, true));
  // makedev(3): both numbers are split, around the 16 bits they once had together.
  const dev = (minor & 0xffn) | ((major & 0xfffn) << 8n) |
    ((minor & ~0xffn) << 12n) | ((major & ~0xfffn) << 32n);
  return { dev: Number(dev), ino: Number(info.getBigUint64(32, true)) };
}

/** The numbers in /proc/self/fd, the newest first. Read through libc: Deno would ask for --allow-read. */
function openFds(lib: Libc): number[] {
  const call = "open(/proc/self/fd)";
  const { getdents } = lib;
  if (getdents === null) return [];
  const path = new TextEncoder().encode("/proc/self/fd\0");
  const directory = lib.open(path, platform(call).cloexec, 0);
  if (directory < 0) return [];
  try {
    const fds: number[] = [];
    const buffer = new Uint8Array(32 * 1024);
    const view = new DataView(buffer.buffer);
    while (true) {
      const length = check(
        getdents(directory, buffer, BigInt(buffer.length)),
        "getdents64",
        directory,
      );
      if (length === 0) return fds.sort((a, b) => b - a);
      // struct linux_dirent64: inode and offset of 8 bytes, length of 2, type of 1, name.
      for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
        const name = buffer.subarray(at + 19, buffer.indexOf(0, at + 19));
        const fd = Number(new TextDecoder().decode(name));
        if (Number.isInteger(fd) && fd !== directory) fds.push(fd);
      }
    }
  } finally {
    closeFd(lib, directory);
  }
}
