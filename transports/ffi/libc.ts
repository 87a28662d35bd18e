/**
 * libc through FFI: loaded at the first call, unloaded when nothing uses it.
 *
 * Loading takes about 4 ms, half of it the machine code Deno makes for every
 * symbol, so a lease keeps it loaded: a socket holds one from birth to close, a
 * watcher while it watches. Unloading matters to tests: a library that stays
 * open is a leak to `deno test --sanitize-resources`. It is put off by a few
 * turns, so that sockets made one after the other share one loading.
 *
 * @module
 */

import { errnoError } from "./errno.ts";
import { type Platform, platformOf } from "./platform.ts";
import { type Libc, type Pointer, symbolsOf } from "./symbols.ts";

export type { Libc, Pointer };

interface Loaded {
  readonly library: { close(): void };
  readonly libc: Libc;
  /** Where this thread keeps errno; an isolate never changes its thread. */
  readonly errnoAt: Pointer;
}

/** Turns without a lease until libc is unloaded; the leak check of `deno test` waits for 16. */
const TURNS_UNTIL_UNLOAD = 8;

let platformHere: Platform | null = null;
let loaded: Loaded | null = null;
let leases = 0;
let unloading = false;
const errnoCell = new Int32Array(1);

/**
 * The layouts of this machine.
 *
 * @throws {Deno.errors.NotSupported} naming `call` and the machine, where they are not known
 */
export function platform(call: string): Platform {
  return platformHere ??= platformOf(Deno.build, call);
}

/**
 * libc, loaded if it is not. Requires `--allow-ffi`.
 *
 * @throws {Deno.errors.NotCapable} naming `call` and the flag
 * @throws {Deno.errors.NotSupported} naming `call`, on a machine whose layouts are not known
 */
export function libc(call: string): Libc {
  if (loaded !== null) return loaded.libc;
  loaded = load(platform(call), call);
  if (leases === 0) unloadSoon();
  return loaded.libc;
}

/** As {@linkcode libc}, and keeps it loaded until {@linkcode releaseLibc}. */
export function holdLibc(call: string): Libc {
  leases++;
  try {
    return libc(call);
  } catch (error) {
    leases--;
    throw error;
  }
}

/** Gives a lease of {@linkcode holdLibc} back. */
export function releaseLibc(): void {
  if (--leases === 0) unloadSoon();
}

/** Why the last call failed. Ask at once: the next call to anything may change it. */
export function errno(): number {
  const { libc, errnoAt } = loaded as Loaded;
  // Not Deno.UnsafePointerView: it refuses an --allow-ffi that names the path.
  libc.copyOut(errnoCell, errnoAt, 4n);
  return errnoCell[0] as number;
}

/** The error for an errno, saying `what` was tried. */
export function errorOf(code: number, what: string): Error {
  const { os } = platform(what);
  const text = new Uint8Array(128);
  libc(what).strerror(code, text, 128n);
  const end = text.indexOf(0);
  return errnoError(
    os,
    code,
    what,
    new TextDecoder().decode(text.subarray(0, end)),
  );
}

function unloadSoon(): void {
  if (unloading) return;
  unloading = true;
  let turns = TURNS_UNTIL_UNLOAD;
  const turn = () => {
    if (leases > 0 || loaded === null) {
      unloading = false;
    } else if (--turns > 0) {
      setImmediate(turn);
    } else {
      unloading = false;
      loaded.library.close();
      loaded = null;
    }
  };
  setImmediate(turn);
}

function load(here: Platform, call: string): Loaded {
  const library = openLibrary(here, call, symbolsOf(here));
  const found = { ...library.symbols } as unknown as Libc & {
    fcntlPadded?: (...args: number[]) => number;
  };
  const { fcntlPadded } = found;
  if (fcntlPadded !== undefined) {
    found.fcntl = (fd, command, argument) => fcntlPadded(fd, command, 0, 0, 0, 0, 0, 0, argument);
  }
  return { library, libc: found, errnoAt: found.errnoLocation() };
}

function openLibrary(
  { libraries }: Platform,
  call: string,
  symbols: Deno.ForeignLibraryInterface,
): Deno.DynamicLibrary<Deno.ForeignLibraryInterface> {
  const all = Deno.permissions.querySync({ name: "ffi" }).state;
  const allowed = all === "granted" ? libraries : libraries.filter((path) =>
    path.startsWith("/") &&
    Deno.permissions.querySync({ name: "ffi", path }).state === "granted"
  );
  // Not granted but not denied either: Deno asks the user, if there is one.
  const candidates = allowed.length === 0 && all === "prompt" ? libraries.slice(0, 1) : allowed;
  const causes: unknown[] = [];
  for (const path of candidates) {
    try {
      return Deno.dlopen(path, symbols);
    } catch (error) {
      causes.push(error);
      if (error instanceof Deno.errors.NotCapable) break;
    }
  }
  const [cause] = causes;
  if (cause === undefined || cause instanceof Deno.errors.NotCapable) {
    throw new Deno.errors.NotCapable(
      `Cannot call ${call}: it needs libc through FFI, run again with the --allow-ffi flag`,
      { cause },
    );
  }
  throw new Deno.errors.NotSupported(
    `Cannot call ${call}: libc was not found as any of ${candidates.join(", ")}`,
    { cause: causes.length === 1 ? cause : new AggregateError(causes) },
  );
}
