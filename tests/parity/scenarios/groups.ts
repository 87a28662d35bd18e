import {
  CancelledError,
  createTask,
  currentTask,
  sleep,
  type Task,
  TaskGroup,
} from "../../../mod.ts";
import { Boom, caught, outcome, rejected, thrown, type Trace } from "../harness.ts";

/** A member that sleeps long and tells when it ends. */
function sleeper(t: Trace, ...told: unknown[]): () => Promise<void> {
  return async () => {
    try {
      await sleep(10_000);
    } finally {
      t(...told);
    }
  };
}

/** A member that fails after a while. */
function failing(delay: number | null, message = "member"): () => Promise<void> {
  return async () => {
    if (delay !== null) await sleep(delay);
    throw new Boom(message);
  };
}

export async function noMembers(t: Trace): Promise<void> {
  await TaskGroup.run(() => t("body"));
  t("over");
}

export async function waitsForAll(t: Trace): Promise<void> {
  async function child(name: string, delay: number): Promise<string> {
    await sleep(delay);
    t(name);
    return name;
  }
  const tasks = await TaskGroup.run((group) => {
    const members = [["a", 2000], ["b", 1000], ["c", 3000]] as const;
    const tasks = members.map(([name, delay]) => group.createTask(() => child(name, delay)));
    t("body ends");
    return tasks;
  });
  t("over", tasks.map((task) => task.result()));
}

export async function membersEndBeforeTheBody(t: Trace): Promise<void> {
  await TaskGroup.run(async (group) => {
    group.createTask(() => t("child"));
    await sleep(1000);
    t("body ends");
  });
  t("over");
}

export async function memberEndsInTheLastStepOfTheBody(t: Trace): Promise<void> {
  await TaskGroup.run(async (group) => {
    group.createTask(() => t("child"));
    await sleep(0);
    t("body ends");
  });
  t("over");
}

export async function memberFails(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (group) => {
    group.createTask(sleeper(t, "a", "ends"));
    group.createTask(failing(1000));
    group.createTask(sleeper(t, "b", "ends"));
    try {
      await sleep(10_000);
    } finally {
      t("body", currentTask()!.cancelling());
    }
  }));
  t(error, currentTask()!.cancelling());
}

export async function memberFailsWhileTheGroupWaits(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run((group) => {
    group.createTask(sleeper(t, "sibling ends"));
    group.createTask(failing(1000));
    t("body ends");
  }));
  t(error, currentTask()!.cancelling());
}

export async function bodyFails(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (group) => {
    group.createTask(sleeper(t, "a", "ends"));
    group.createTask(sleeper(t, "b", "ends"));
    await sleep(1000);
    throw new Boom("body");
  }));
  t(error);
}

export async function bodyFailsAtOnce(t: Trace): Promise<void> {
  let task!: Task<void>;
  const error = await rejected(TaskGroup.run((group) => {
    task = group.createTask(() => t("never"));
    throw new Boom("body");
  }));
  t(error, outcome(task));
}

export async function bodyFailsWithoutMembers(t: Trace): Promise<void> {
  t(
    await rejected(TaskGroup.run(() => {
      throw new Boom("body");
    })),
  );
}

export async function bodyAndMemberFail(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (group) => {
    group.createTask(failing(null));
    try {
      await sleep(10_000);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw new Boom("body");
    }
  }));
  t(error);
}

export async function twoMembersFailInOneIteration(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run((group) => {
    group.createTask(failing(0, "a"));
    group.createTask(failing(0, "b"));
  }));
  t(error);
}

export async function errorsInTheCleanup(t: Trace): Promise<void> {
  async function sibling(name: string, delay: number): Promise<void> {
    try {
      await sleep(10_000);
    } finally {
      await sleep(delay);
      // deno-lint-ignore no-unsafe-finally
      throw new Boom(name);
    }
  }
  const error = await rejected(TaskGroup.run((group) => {
    group.createTask(() => sibling("late", 2000));
    group.createTask(() => sibling("early", 1000));
    group.createTask(failing(1000, "first"));
  }));
  t(error);
}

export async function stubbornSibling(t: Trace): Promise<void> {
  let task!: Task<string>;
  const error = await rejected(TaskGroup.run(async (group) => {
    task = group.createTask(async () => {
      t(await caught(sleep(10_000)));
      await sleep(3000);
      t("stubborn ends");
      return "value";
    });
    await sleep(0);
    group.createTask(failing(null));
  }));
  t(error, outcome(task));
}

export async function bodySwallowsTheCancellation(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (group) => {
    group.createTask(failing(null));
    t(await caught(sleep(10_000)));
    t(await caught(sleep(1000, "slept")));
    t(currentTask()!.cancelling());
  }));
  t(error, currentTask()!.cancelling());
}

export async function cancelledFromOutsideInTheBody(t: Trace): Promise<void> {
  const task = createTask(() =>
    TaskGroup.run(async (group) => {
      group.createTask(sleeper(t, "a", "ends"));
      group.createTask(sleeper(t, "b", "ends"));
      try {
        await sleep(10_000);
      } finally {
        t("body ends");
      }
    })
  );
  await sleep(1000);
  task.cancel("outside");
  t(await caught(task));
  t(task.cancelled(), task.cancelling());
}

export async function cancelledFromOutsideWhileItWaits(t: Trace): Promise<void> {
  async function child(n: number): Promise<void> {
    try {
      await sleep(10_000);
    } finally {
      await sleep(3000 - n * 1000);
      t(n, "ends");
    }
  }
  const task = createTask(() =>
    TaskGroup.run((group) => {
      for (let i = 0; i < 3; i++) group.createTask(() => child(i));
    })
  );
  await sleep(1000);
  task.cancel("outside");
  t(await caught(task));
  t(task.cancelled(), task.cancelling());
}

export async function cancelledTwiceFromOutside(t: Trace): Promise<void> {
  const task = createTask(() =>
    TaskGroup.run((group) => {
      group.createTask(async () => {
        try {
          await sleep(10_000);
        } finally {
          await sleep(5000);
          t("cleaned");
        }
      });
    })
  );
  await sleep(1000);
  task.cancel("one");
  await sleep(1000);
  task.cancel("two");
  t(await caught(task));
  t(task.cancelled(), task.cancelling());
}

export async function errorBeatsACancellation(t: Trace): Promise<void> {
  const task = createTask(async () => {
    const error = await rejected(TaskGroup.run((group) => {
      group.createTask(async () => {
        try {
          await sleep(10_000);
        } finally {
          // deno-lint-ignore no-unsafe-finally
          throw new Boom("cleanup");
        }
      });
    }));
    t(error, currentTask()!.cancelling());
    t("cancelled at the next await", await caught(sleep(10_000)));
  });
  await sleep(1000);
  task.cancel("outside");
  t(await caught(task));
  t(task.cancelling());
}

export async function errorAndCancellationInOneIteration(t: Trace): Promise<void> {
  const task = createTask(async () => {
    const error = await rejected(TaskGroup.run(async (group) => {
      group.createTask(failing(1000));
      await sleep(10_000);
    }));
    t(error, currentTask()!.cancelling());
    t(await caught(sleep(0)));
  });
  await sleep(0);
  await sleep(0);
  t.loop.callLater(1000, () => task.cancel());
  t(await caught(task));
  t(task.cancelling());
}

export async function cancellationBeforeAnErrorOfItsIteration(t: Trace): Promise<void> {
  const task = createTask(() =>
    TaskGroup.run(async (group) => {
      group.createTask(failing(1000, "never"));
      await sleep(10_000);
    })
  );
  await sleep(0);
  t.loop.callLater(1000, () => task.cancel());
  t(await caught(task));
  t(task.cancelling());
}

export async function cancelledBeforeEntry(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    self.cancel("before");
    await TaskGroup.run(async (group) => {
      group.createTask(() => t("child starts"));
      t("body");
      await sleep(0);
      t("never");
    });
  });
  t(await caught(task));
}

export async function memberCancelledExplicitly(t: Trace): Promise<void> {
  async function child(name: string): Promise<void> {
    try {
      await sleep(2000);
    } finally {
      t(name, "ends");
    }
  }
  const first = await TaskGroup.run(async (group) => {
    const first = group.createTask(() => child("a"));
    group.createTask(() => child("b"));
    await sleep(1000);
    first.cancel();
    t("body ends");
    return [first] as const;
  });
  t("over", outcome(first[0]));
}

export async function memberRaisesCancelledError(t: Trace): Promise<void> {
  let task!: Task<never>;
  await TaskGroup.run(async (group) => {
    task = group.createTask(() => {
      throw new CancelledError("own");
    });
    await sleep(1000);
    t("body goes on");
  });
  t("over", outcome(task));
}

export async function bodyRaisesCancelledError(t: Trace): Promise<void> {
  const result = await caught(TaskGroup.run(async (group) => {
    group.createTask(sleeper(t, "child ends"));
    await sleep(0);
    throw new CancelledError("own");
  }));
  t(result, currentTask()!.cancelling());
}

export async function bodyAwaitsAFailingMember(t: Trace): Promise<void> {
  t(await rejected(TaskGroup.run(async (group) => await group.createTask(failing(0)))));
}

export async function bodyAwaitsACancelledMember(t: Trace): Promise<void> {
  const result = await caught(TaskGroup.run(async (group) => {
    const task = group.createTask(() => sleep(10_000));
    t.loop.callLater(1000, () => task.cancel("member"));
    await task;
  }));
  t(result, currentTask()!.cancelling());
}

export async function memberMakesMembers(t: Trace): Promise<void> {
  await TaskGroup.run((group) => {
    async function child(n: number): Promise<void> {
      t("child", n);
      if (n < 3) {
        group.createTask(() => child(n + 1));
        await sleep(1000);
      }
      t("child", n, "ends");
    }
    group.createTask(() => child(1));
    t("body ends");
  });
  t("over");
}

export async function memberAddedByALastMember(t: Trace): Promise<void> {
  await TaskGroup.run((group) => {
    group.createTask(async () => {
      await sleep(1000);
      group.createTask(async () => {
        await sleep(1000);
        t("last");
      });
    });
  });
  t("over");
}

export async function noNewMemberAfterAFailure(t: Trace): Promise<void> {
  let add!: () => unknown;
  const error = await rejected(TaskGroup.run(async (group) => {
    add = () => thrown(() => group.createTask(() => t("never")));
    group.createTask(failing(null));
    t(await caught(sleep(10_000)));
    t(add());
  }));
  t(error, add());
}

export async function noNewMemberWhenOver(t: Trace): Promise<void> {
  let add!: () => unknown;
  await TaskGroup.run(async (group) => {
    add = () => thrown(() => group.createTask(() => t("never")));
    await sleep(0);
  });
  t(add());
}

export async function memberMadeInTheIterationOfAFailure(t: Trace): Promise<void> {
  const gate = t.loop.createFuture<void>();
  let task!: Task<void>;
  const error = await rejected(TaskGroup.run(async (group) => {
    group.createTask(async () => {
      await gate;
      throw new Boom("member");
    });
    await sleep(0);
    gate.setResult();
    t.loop.callSoon(() => {
      task = group.createTask(() => t("never"));
      t("added");
    });
    await sleep(10_000);
  }));
  t(error, outcome(task));
}

export async function namesOfMembers(t: Trace): Promise<void> {
  await TaskGroup.run((group) => t(group.createTask(() => sleep(0), { name: "member" }).getName()));
  t("over");
}

export async function resultOfAMemberInTheBody(t: Trace): Promise<void> {
  await TaskGroup.run(async (group) => {
    const slow = group.createTask(() => sleep(2000, "slow"));
    const fast = group.createTask(() => sleep(1000, "fast"));
    t(await slow);
    t(await fast);
  });
  t("over");
}
