import {
  CancelledError,
  createTask,
  currentTask,
  sleep,
  TaskGroup,
  timeout,
  timeoutAt,
  TimeoutError,
} from "../../../mod.ts";
import { Boom, caught, rejected, thrown, type Trace } from "../harness.ts";

/** What a block of `timeout` calls its scope. */
type Scope = Parameters<Parameters<typeof timeout>[1]>[0];

/** Runs `body`; only a {@linkcode TimeoutError} is handed over, to `onTimeout`. */
async function tryTimeout(
  body: () => PromiseLike<unknown>,
  onTimeout: (error: TimeoutError) => void,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    onTimeout(error);
  }
}

export async function swallowedByTheBody(t: Trace): Promise<void> {
  let scope!: Scope;
  await timeout(1000, async (s) => {
    scope = s;
    t(t.ms(scope.when()!), scope.expired());
    t(await caught(sleep(10_000)));
    t("goes on", scope.expired());
    await sleep(1000);
    t("ends normally");
  });
  t(scope.expired(), currentTask()!.cancelling());
}

export async function expiresAndThrows(t: Trace): Promise<void> {
  let scope!: Scope;
  await tryTimeout(() =>
    timeout(1000, async (s) => {
      scope = s;
      try {
        await sleep(10_000);
      } finally {
        t("finally", currentTask()!.cancelling());
      }
    }), (error) => t(error, error.cause));
  t(scope.expired(), currentTask()!.cancelling(), t.ms(scope.when()!));
}

export async function doesNotExpire(t: Trace): Promise<void> {
  let scope!: Scope;
  await timeout(2000, async (s) => {
    scope = s;
    await sleep(1000);
    t("in time");
  });
  t(scope.expired());
  await sleep(5000);
  t("undisturbed", scope.expired());
}

export async function atTheVeryDeadline(t: Trace): Promise<void> {
  t(
    await caught(timeout(1000, async () => {
      await sleep(1000);
      t("never");
    })),
  );
}

export async function valueAndDeadlineInOneIteration(t: Trace): Promise<void> {
  const future = t.loop.createFuture<string>();
  t.loop.callLater(1000, () => future.done() || future.setResult("first"));
  t(await caught(timeout(1000, async () => await future)), currentTask()!.cancelling());
}

export async function noneNeverExpires(t: Trace): Promise<void> {
  let scope!: Scope;
  await timeout(null, async (s) => {
    scope = s;
    t(scope.when());
    await sleep(100_000);
  });
  t(scope.expired());
}

export async function zeroExpiresAtTheFirstWait(t: Trace): Promise<void> {
  t(
    await caught(timeout(0, async (scope) => {
      t("begins", scope.expired());
      await sleep(0);
      t("never");
    })),
  );
}

export async function zeroWithoutAWait(t: Trace): Promise<void> {
  const scopes: Scope[] = [];
  await timeout(0, (scope) => {
    scopes.push(scope);
    t("body");
  });
  await timeoutAt(t.loop.time() - 1000, (scope) => {
    scopes.push(scope);
    t("body again");
  });
  t(...scopes.map((scope) => scope.expired()));
  await sleep(0);
  t("undisturbed");
}

export async function deadlineInThePast(t: Trace): Promise<void> {
  t(
    await caught(timeout(-1000, async () => {
      await sleep(0);
      t("never");
    })),
  );
}

export async function timeoutAtAnAbsoluteTime(t: Trace): Promise<void> {
  t(await caught(timeoutAt(t.loop.time() + 2000, () => sleep(10_000))));
  t(await caught(timeoutAt(t.loop.time() - 2000, () => sleep(10_000))));
}

export async function ownErrorPasses(t: Trace): Promise<void> {
  t(
    await caught(timeout(1000, async () => {
      await sleep(0);
      throw new Boom("body");
    })),
  );
  await sleep(2000);
  t("undisturbed");
}

export async function ownErrorOnExpiry(t: Trace): Promise<void> {
  const outcome = await caught(timeout(1000, async (scope) => {
    try {
      await sleep(10_000);
    } finally {
      t("expired so far", scope.expired());
      // deno-lint-ignore no-unsafe-finally
      throw new Boom("cleanup");
    }
  }));
  t(outcome, currentTask()!.cancelling());
}

export async function slowCleanup(t: Trace): Promise<void> {
  t(
    await caught(timeout(1000, async () => {
      try {
        await sleep(10_000);
      } finally {
        await sleep(3000);
        t("cleaned");
      }
    })),
  );
}

export async function ownCancelledError(t: Trace): Promise<void> {
  t(
    await caught(timeout(1000, () => {
      throw new CancelledError("own");
    })),
  );
}

export async function nestedInnerExpires(t: Trace): Promise<void> {
  let outer!: Scope;
  await timeout(5000, async (s) => {
    outer = s;
    let inner!: Scope;
    await tryTimeout(() =>
      timeout(1000, async (s) => {
        inner = s;
        await sleep(10_000);
      }), () => t("inner timed out", inner.expired(), outer.expired()));
    await sleep(1000);
    t("outer goes on");
  });
  t(outer.expired());
}

export async function nestedOuterExpires(t: Trace): Promise<void> {
  let [outer, inner]: Scope[] = [];
  await tryTimeout(() =>
    timeout(1000, async (s) => {
      outer = s;
      try {
        await timeout(5000, async (s) => {
          inner = s;
          await sleep(10_000);
        });
      } catch (error) {
        if (error instanceof CancelledError) {
          t("inner cancelled", inner!.expired(), outer.expired());
        }
        throw error;
      }
    }), (error) => t(error, inner!.expired(), outer!.expired()));
}

export async function nestedSameDeadline(t: Trace): Promise<void> {
  const scopes: Scope[] = [];
  t(
    await caught(timeout(1000, async (outer) => {
      scopes.push(outer);
      try {
        await timeout(1000, async (inner) => {
          scopes.push(inner);
          await sleep(10_000);
        });
      } catch (error) {
        t("inner", error);
        throw error;
      }
    })),
  );
  t(scopes.map((scope) => scope.expired()), currentTask()!.cancelling());
}

export async function nestedAndTheInnerSwallows(t: Trace): Promise<void> {
  const outcome = await caught(timeout(2000, async () => {
    await timeout(1000, async () => {
      t(await caught(sleep(10_000)));
      t(await caught(sleep(10_000)));
    });
    t("inner block ended normally");
    await sleep(0);
    t("no longer cancelled");
  }));
  t(outcome, currentTask()!.cancelling());
}

export async function rescheduleLater(t: Trace): Promise<void> {
  let scope!: Scope;
  await timeout(1000, async (s) => {
    scope = s;
    await sleep(500);
    scope.reschedule(t.loop.time() + 5000);
    t(t.ms(scope.when()!));
    await sleep(2000);
    t("in time");
  });
  t(scope.expired());
}

export async function rescheduleEarlier(t: Trace): Promise<void> {
  async function block(offset: number): Promise<void> {
    await timeout(10_000, async (scope) => {
      scope.reschedule(t.loop.time() + offset);
      await sleep(20_000);
    });
  }
  t(await caught(block(1000)));
  t(await caught(block(-1000)));
}

export async function rescheduleToNoneAndBack(t: Trace): Promise<void> {
  t(
    await caught(timeout(1000, async (scope) => {
      scope.reschedule(null);
      t(scope.when());
      await sleep(5000);
      scope.reschedule(t.loop.time() + 1000);
      await sleep(5000);
    })),
  );
}

export async function rescheduleByAnotherTask(t: Trace): Promise<void> {
  async function push(scope: Scope): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await sleep(1000);
      scope.reschedule(scope.when()! + 1000);
      t("moved to", t.ms(scope.when()!));
    }
  }
  let task: PromiseLike<void> | undefined;
  t(
    await caught(timeout(2000, async (scope) => {
      task = createTask(() => push(scope));
      await sleep(100_000);
    })),
  );
  await task;
}

export async function rescheduleTooLate(t: Trace): Promise<void> {
  let expired!: Scope;
  await tryTimeout(() =>
    timeout(1000, async (s) => {
      expired = s;
      try {
        await sleep(10_000);
      } finally {
        t("expiring", thrown(() => expired.reschedule(null)));
      }
    }), () => t("expired", thrown(() => expired.reschedule(null))));
  let finished!: Scope;
  await timeout(1000, (s) => void (finished = s));
  t("finished", thrown(() => finished.reschedule(null)));
}

export async function cancelledFromOutside(t: Trace): Promise<void> {
  let scope!: Scope;
  const task = createTask(() =>
    timeout(5000, async (s) => {
      scope = s;
      await sleep(10_000);
    })
  );
  await sleep(1000);
  task.cancel("outside");
  t(await caught(task));
  t(scope.expired(), task.cancelling());
}

/** A block that tells at its end what its scope and task say. */
function telling(t: Trace): () => Promise<void> {
  return () =>
    timeout(1000, async (scope) => {
      try {
        await sleep(10_000);
      } finally {
        t(scope.expired(), currentTask()!.cancelling());
      }
    });
}

export async function cancelledFromOutsideThenExpires(t: Trace): Promise<void> {
  const task = createTask(telling(t));
  t.loop.callLater(1000, () => task.cancel("outside"));
  t(await caught(task));
  t(task.cancelled(), task.cancelling());
}

export async function expiresThenCancelledFromOutside(t: Trace): Promise<void> {
  const task = createTask(telling(t));
  await sleep(0);
  t.loop.callLater(1000, () => task.cancel("outside"));
  t(await caught(task));
  t(task.cancelled(), task.cancelling());
}

export async function cancelledDuringTheCleanupOfAnExpiry(t: Trace): Promise<void> {
  const task = createTask(() =>
    timeout(1000, async () => {
      try {
        await sleep(10_000);
      } finally {
        t("cleanup", await caught(sleep(5000)));
      }
    })
  );
  await sleep(2000);
  task.cancel("outside");
  t(await caught(task));
  t(task.cancelled(), task.cancelling());
}

export async function inATaskThatWasCancelledBefore(t: Trace): Promise<void> {
  const task = createTask(async (self) => {
    await caught(sleep(10_000));
    t(self.cancelling());
    await tryTimeout(() => timeout(0, () => sleep(1000)), (error) => t(error, self.cancelling()));
  });
  await sleep(0);
  task.cancel();
  await task;
  t(task.cancelling());
}

export async function oneAfterTheOther(t: Trace): Promise<void> {
  for (let i = 0; i < 4; i++) {
    t(
      await caught(timeout(1000, async () => {
        await sleep(i * 500);
        return i;
      })),
    );
  }
}

export async function aroundAGroup(t: Trace): Promise<void> {
  async function child(name: string): Promise<void> {
    try {
      await sleep(10_000);
    } finally {
      t(name, "ends");
    }
  }
  await tryTimeout(() =>
    timeout(1000, () =>
      TaskGroup.run((group) => {
        group.createTask(() => child("a"));
        group.createTask(() => child("b"));
      })), (error) => t(error, currentTask()!.cancelling()));
}

export async function inAMemberOfAGroup(t: Trace): Promise<void> {
  const error = await rejected(TaskGroup.run((group) => {
    group.createTask(() => timeout(1000, () => sleep(10_000)));
    group.createTask(async () => {
      try {
        await sleep(10_000);
      } finally {
        t("sibling ends");
      }
    });
  }));
  t(error);
}

export async function aroundAnAwaitedTask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    try {
      await sleep(10_000);
    } finally {
      t("child ends");
    }
  });
  t(await caught(timeout(1000, async () => await task)), task.cancelled(), task.cancelling());
}

export async function aroundAStubbornTask(t: Trace): Promise<void> {
  const task = createTask(async () => {
    t(await caught(sleep(10_000)));
    return "value";
  });
  let scope!: Scope;
  await timeout(1000, async (s) => {
    scope = s;
    t(await task);
  });
  t(scope.expired(), currentTask()!.cancelling());
}

export async function outsideOfATask(t: Trace): Promise<void> {
  let refusal: Promise<unknown> | undefined;
  t.loop.callSoon(() => {
    refusal = rejected(Promise.try(() => timeout(1000, () => t("never"))));
    t.loop.stop();
  });
  await t.loop.runForever();
  t(await refusal);
  t("end");
}
