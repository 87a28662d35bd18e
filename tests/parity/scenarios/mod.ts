/** Every topic, by the name of its files. */
import type { Scenario } from "../harness.ts";
import * as cancelChains from "./cancel_chains.ts";
import * as cancellation from "./cancellation.ts";
import * as conditions from "./conditions.ts";
import * as context from "./context.ts";
import * as eager from "./eager.ts";
import * as futures from "./futures.ts";
import * as gather from "./gather.ts";
import * as groups from "./groups.ts";
import * as locks from "./locks.ts";
import * as loop from "./loop.ts";
import * as nestedGroups from "./nested_groups.ts";
import * as queueShutdown from "./queue_shutdown.ts";
import * as queues from "./queues.ts";
import * as runners from "./runners.ts";
import * as semaphores from "./semaphores.ts";
import * as shield from "./shield.ts";
import * as streamReader from "./stream_reader.ts";
import * as tasks from "./tasks.ts";
import * as timeouts from "./timeouts.ts";
import * as wait from "./wait.ts";
import * as waitFor from "./wait_for.ts";

/** Scenarios by name, as the files export them; topics in camelCase too. */
export const topics: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  cancelChains,
  cancellation,
  conditions,
  context,
  eager,
  futures,
  gather,
  groups,
  locks,
  loop,
  nestedGroups,
  queueShutdown,
  queues,
  runners,
  semaphores,
  shield,
  streamReader,
  tasks,
  timeouts,
  wait,
  waitFor,
};
