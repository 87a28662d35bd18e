import {
  CancelledError,
  createTask,
  currentTask,
  gather,
  sleep,
  TaskGroup,
  timeout,
} from "../../../mod.ts";
import { Boom, caught, rejected, type Trace } from "../harness.ts";

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

/** A member that fails after a while, at once without a delay. */
function failing(message: string, delay?: number): () => Promise<void> {
  return async () => {
    if (delay !== undefined) await sleep(delay);
    throw new Boom(message);
  };
}

/** A member that answers its cancellation with an error. */
function failingCleanup(message: string): () => Promise<void> {
  return async () => {
    try {
      await sleep(10_000);
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw new Boom(message);
    }
  };
}

export async function innerMemberFails(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (outer) => {
    outer.createTask(sleeper(t, "outer member ends"));
    await TaskGroup.run(async (inner) => {
      inner.createTask(failing("inner member", 1000));
      try {
        await sleep(10_000);
      } finally {
        t("inner body ends");
      }
    });
    t("never");
  }));
  t(error, currentTask()!.cancelling());
}

export async function innerErrorHandled(t: Trace): Promise<void> {
  await TaskGroup.run(async (outer) => {
    outer.createTask(async () => {
      await sleep(2000);
      t("outer member ends");
    });
    t(await rejected(TaskGroup.run((inner) => void inner.createTask(failing("inner member")))));
    await sleep(1000);
    t("outer body goes on", currentTask()!.cancelling());
  });
  t("over");
}

export async function outerMemberFails(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (outer) => {
    outer.createTask(failing("outer member", 1000));
    try {
      await TaskGroup.run(async (inner) => {
        inner.createTask(sleeper(t, "inner member ends"));
        await sleep(10_000);
      });
    } catch (error) {
      if (error instanceof CancelledError) t("inner group cancelled", currentTask()!.cancelling());
      throw error;
    }
  }));
  t(error, currentTask()!.cancelling());
}

export async function bothFailAtOnce(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (outer) => {
    outer.createTask(failing("outer", 1000));
    try {
      await TaskGroup.run(async (inner) => {
        inner.createTask(failing("inner", 1000));
        await sleep(10_000);
      });
    } finally {
      t("between", currentTask()!.cancelling());
    }
  }));
  t(error, currentTask()!.cancelling());
}

export async function bothFailInnerFirst(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (outer) => {
    try {
      await TaskGroup.run(async (inner) => {
        inner.createTask(failing("inner", 1000));
        await sleep(0);
        outer.createTask(failing("outer", 1000));
        await sleep(10_000);
      });
    } finally {
      t("between", currentTask()!.cancelling());
    }
  }));
  t(error, currentTask()!.cancelling());
}

export async function groupsInMembers(t: Trace): Promise<void> {
  async function member(name: string, delay: number): Promise<void> {
    await TaskGroup.run((group) => {
      group.createTask(failing(name, delay));
      group.createTask(() => sleep(10_000));
    });
  }
  const error = await rejected(TaskGroup.run((group) => {
    group.createTask(() => member("a", 1000));
    group.createTask(() => member("b", 1000));
    group.createTask(() => member("c", 2000));
  }));
  t(error, t.now());
}

export async function cancelledFromOutside(t: Trace): Promise<void> {
  const task = createTask(() =>
    TaskGroup.run(async (outer) => {
      outer.createTask(sleeper(t, "outer", "ends"));
      await TaskGroup.run((inner) => void inner.createTask(sleeper(t, "inner", "ends")));
    })
  );
  await sleep(1000);
  task.cancel("outside");
  t(await caught(task));
  t(task.cancelling());
}

export async function cancelledWithAnErrorInside(t: Trace): Promise<void> {
  const task = createTask(async () => {
    const error = await rejected(TaskGroup.run(async (outer) => {
      outer.createTask(() => sleep(10_000));
      await TaskGroup.run((inner) => void inner.createTask(failingCleanup("inner cleanup")));
    }));
    t(error, currentTask()!.cancelling());
    t(await caught(sleep(0)));
  });
  await sleep(1000);
  task.cancel("outside");
  t(await caught(task));
  t(task.cancelling());
}

export async function levelIsKept(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    t(await caught(sleep(10_000)));
    t(self.cancelling());
    const error = await rejected(
      TaskGroup.run((group) => void group.createTask(failing("member"))),
    );
    t(error, self.cancelling());
    t(await caught(sleep(0)));
    t(self.cancelling());
  });
  await sleep(0);
  task.cancel("before the group");
  t(await caught(task));
}

export async function bothGroupsCancelTheParent(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    const error = await rejected(TaskGroup.run(async (outer) => {
      const error = await rejected(TaskGroup.run(async (inner) => {
        inner.createTask(failing("inner"));
        outer.createTask(failing("outer"));
        await sleep(10_000);
      }));
      t("inner", error, self.cancelling());
    }));
    t("outer", error, self.cancelling());
    t(await caught(sleep(0)));
  });
  t(await caught(task));
}

export async function doesNotLeak(t: Trace): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const error = await rejected(TaskGroup.run(async (group) => {
      group.createTask(failing("member", 0));
      await sleep(10_000);
    }));
    t(i, error);
    await sleep(0);
    t(i, currentTask()!.cancelling());
  }
}

export async function inATimeoutWithAFailingMember(t: Trace): Promise<void> {
  const error = await rejected(
    timeout(1000, () => TaskGroup.run((group) => void group.createTask(failingCleanup("cleanup")))),
  );
  t(error, currentTask()!.cancelling());
  await sleep(0);
  t("undisturbed");
}

export async function timeoutInTheBody(t: Trace): Promise<void> {
  await TaskGroup.run(async (group) => {
    group.createTask(async () => {
      await sleep(3000);
      t("child ends");
    });
    t(await rejected(timeout(1000, () => sleep(10_000))));
    t("body ends", currentTask()!.cancelling());
  });
  t("over");
}

export async function memberCancelsTheParent(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    await TaskGroup.run((group) => {
      group.createTask(async () => {
        self.cancel("by a member");
        t(await caught(sleep(10_000)));
      });
    });
  });
  t(await caught(task));
  t(task.cancelling());
}

export async function gatherInAGroup(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run(async (group) => {
    group.createTask(failing("member", 1000));
    await gather(sleeper(t, "a", "ends"), sleeper(t, "b", "ends"));
  }));
  t(error);
}

export async function threeDeep(t: Trace): Promise<void> {
  async function middle(): Promise<void> {
    await TaskGroup.run(async (two) => {
      await TaskGroup.run((three) => void three.createTask(failing("innermost")));
      two.createTask(() => sleep(1000));
    });
  }
  const error = await rejected(TaskGroup.run((one) => {
    one.createTask(middle);
    one.createTask(() => sleep(10_000));
  }));
  t(error);
}
