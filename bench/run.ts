/**
 * All benchmarks against all peers that are present: see README.md.
 *
 * ```sh
 * deno task bench --only=micro,echo --rounds=3 --seconds=3 --peers=ours,uvloop --connections=10000
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { runEcho } from "./run_echo.ts";
import { runExecutor } from "./run_executor.ts";
import { runFd } from "./run_fd.ts";
import { runIdle } from "./run_idle.ts";
import { runImport } from "./run_import.ts";
import { runMicro } from "./run_micro.ts";
import { runTls } from "./run_tls.ts";
import { runUdp } from "./run_udp.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    only: { type: "string", default: "micro,echo,tls,udp,fd,executor,idle,import" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    peers: { type: "string", default: "" },
    connections: { type: "string", default: "10000" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const peers = values.peers.split(",").filter((peer) => peer !== "");

const suites: Record<string, () => Promise<void>> = {
  micro: () => runMicro({ rounds }),
  echo: () => runEcho({ rounds, seconds, peers }),
  tls: () => runTls({ rounds, seconds, peers }),
  udp: () => runUdp({ rounds, seconds, peers }),
  fd: () => runFd({ rounds, seconds, peers }),
  executor: () => runExecutor({ rounds }),
  idle: () => runIdle({ connections: Number(values.connections) }),
  import: () => runImport({ rounds: rounds * 5 }),
};
for (const name of values.only.split(",")) {
  const suite = suites[name];
  if (suite === undefined) {
    const known = Object.keys(suites).join(", ");
    throw new RangeError(`--only: no suite "${name}"; there are ${known}`);
  }
  await suite();
}
