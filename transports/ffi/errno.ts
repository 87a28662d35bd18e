import type { Platform } from "./platform.ts";

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** Name, number on Linux, number on macOS, and class where Deno has one. */
type Row = [name: string, linux: number, darwin: number, type?: ErrorClass];

// Made at the first error: looking up `Deno.errors` 40 times is no work for import.
function makeRows(): Row[] {
  const e = Deno.errors;
  return [
    ["EPERM", 1, 1, e.PermissionDenied],
    ["ENOENT", 2, 2, e.NotFound],
    ["ESRCH", 3, 3, e.NotFound],
    ["EINTR", 4, 4, e.Interrupted],
    ["EIO", 5, 5],
    ["ENXIO", 6, 6],
    ["EBADF", 9, 9, e.BadResource],
    ["EAGAIN", 11, 35, e.WouldBlock],
    ["ENOMEM", 12, 12],
    ["EACCES", 13, 13, e.PermissionDenied],
    ["EFAULT", 14, 14],
    ["EBUSY", 16, 16, e.Busy],
    ["EEXIST", 17, 17, e.AlreadyExists],
    ["ENODEV", 19, 19, e.NotFound],
    ["ENOTDIR", 20, 20, e.NotADirectory],
    ["EISDIR", 21, 21, e.IsADirectory],
    // As Deno does: a bad argument is a TypeError.
    ["EINVAL", 22, 22, TypeError],
    ["ENFILE", 23, 23],
    ["EMFILE", 24, 24],
    ["ENOTTY", 25, 25, e.BadResource],
    ["ENOSPC", 28, 28],
    ["ESPIPE", 29, 29],
    ["EROFS", 30, 30, e.PermissionDenied],
    ["EPIPE", 32, 32, e.BrokenPipe],
    ["ENAMETOOLONG", 36, 63],
    ["ENOSYS", 38, 78, e.NotSupported],
    ["ELOOP", 40, 62, e.FilesystemLoop],
    ["ENOTSOCK", 88, 38, e.BadResource],
    ["EDESTADDRREQ", 89, 39, e.NotConnected],
    ["EMSGSIZE", 90, 40],
    ["EPROTOTYPE", 91, 41, e.NotSupported],
    ["ENOPROTOOPT", 92, 42, e.NotSupported],
    ["EPROTONOSUPPORT", 93, 43, e.NotSupported],
    ["ESOCKTNOSUPPORT", 94, 44, e.NotSupported],
    ["EOPNOTSUPP", 95, 102, e.NotSupported],
    ["EPFNOSUPPORT", 96, 46, e.NotSupported],
    ["EAFNOSUPPORT", 97, 47, e.NotSupported],
    ["EADDRINUSE", 98, 48, e.AddrInUse],
    ["EADDRNOTAVAIL", 99, 49, e.AddrNotAvailable],
    ["ENETDOWN", 100, 50, e.NetworkUnreachable],
    ["ENETUNREACH", 101, 51, e.NetworkUnreachable],
    ["ENETRESET", 102, 52, e.ConnectionReset],
    ["ECONNABORTED", 103, 53, e.ConnectionAborted],
    ["ECONNRESET", 104, 54, e.ConnectionReset],
    ["ENOBUFS", 105, 55],
    ["EISCONN", 106, 56],
    ["ENOTCONN", 107, 57, e.NotConnected],
    ["ETIMEDOUT", 110, 60, e.TimedOut],
    ["ECONNREFUSED", 111, 61, e.ConnectionRefused],
    ["EHOSTDOWN", 112, 64, e.NetworkUnreachable],
    ["EHOSTUNREACH", 113, 65, e.NetworkUnreachable],
    ["EALREADY", 114, 37, e.WouldBlock],
    ["EINPROGRESS", 115, 36, e.WouldBlock],
  ];
}

let rows: Row[] | null = null;

/** `EINTR`, the same everywhere. */
export const EINTR = 4;
/** `ENOENT`, the same everywhere. */
export const ENOENT = 2;
/** `EPERM`, the same everywhere. */
export const EPERM = 1;
/** `EBADF`, the same everywhere. */
export const EBADF = 9;
/** `EEXIST`, the same everywhere. */
export const EEXIST = 17;
/** `EINVAL`, the same everywhere. */
export const EINVAL = 22;

/**
 * The error for a failed call: of the class Deno itself throws for that errno
 * (`Error` where it has none), with `code` as in Deno and Node, and a message
 * of what was tried and what libc says about it.
 */
export function errnoError(
  os: Platform["os"],
  errno: number,
  what: string,
  text: string,
): Error & { code: string } {
  rows ??= makeRows();
  const row = rows.find(([, linux, darwin]) => errno === (os === "linux" ? linux : darwin));
  const code = row === undefined ? `errno ${errno}` : row[0];
  const error = new (row?.[3] ?? Error)(`${what}: ${text} (${code})`);
  // Deno defines `code` on its own errors the same way.
  return Object.assign(error, { code });
}
