/** A program the test needs: its name on the PATH, or a path. */
export type Peer = string;

/** When set to something, a test whose peer is missing fails. */
const REQUIRE_PEERS = "ASYNCIO_TEST_REQUIRE_PEERS";

/** Path of the executable `peer`, or `undefined` where there is none. */
export function findExecutable(peer: Peer): string | undefined {
  if (peer.includes("/")) return isExecutable(peer) ? peer : undefined;
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${directory || "."}/${peer}`;
    if (isExecutable(path)) return path;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && mode !== null && (mode & 0o111) !== 0;
  } catch (error) {
    // Broken links and directories we may not enter are on many a PATH.
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Decides what becomes of a test: run it, skip it for a reason, or fail it for one. */
export function judgePeers(
  peers: readonly Peer[],
  options: {
    find?: (peer: Peer) => string | undefined;
    required?: boolean;
  } = {},
): { verdict: "run" } | { verdict: "skip" | "fail"; reason: string } {
  const {
    find = findExecutable,
    required = Boolean(Deno.env.get(REQUIRE_PEERS)),
  } = options;
  const missing = peers.filter((peer) => find(peer) === undefined);
  if (missing.length === 0) return { verdict: "run" };
  const reason = `not installed: ${missing.join(", ")}`;
  return { verdict: required ? "fail" : "skip", reason };
}

/**
 * Registers a test against foreign programs.
 *
 * Where one is missing the test is skipped, and its name in the report says
 * why; with `ASYNCIO_TEST_REQUIRE_PEERS` in the environment (CI) it fails.
 */
export function peerTest(
  name: string,
  peers: readonly Peer[],
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const judged = judgePeers(peers);
  switch (judged.verdict) {
    case "run":
      return Deno.test(name, fn);
    case "skip":
      return Deno.test({
        name: `${name} (${judged.reason})`,
        ignore: true,
        fn,
      });
    case "fail":
      return Deno.test(name, () => {
        throw new Error(`${judged.reason}; ${REQUIRE_PEERS} is set`);
      });
  }
}
