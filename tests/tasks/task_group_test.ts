import { CancelledError, ExceptionGroup, KeyboardInterrupt, RuntimeError } from "../../errors.ts";
import type { Task } from "../../loop/mod.ts";
import {
  createTask,
  currentTask,
  eagerTaskFactory,
  sleep,
  TaskGroup,
  timeout,
} from "../../tasks/mod.ts";
import { VirtualTimeLoop } from "../../testing/mod.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import {
  assertCancelled,
  Boom,
  loopTest,
  outcomeOf,
  reportsOf,
  tick,
  WatchedController,
} from "./support.ts";

/** Sleeps long, and tells when it is made to end. */
function sleeper(log: unknown[], name: string, cleanupMs = 0): () => Promise<void> {
  return async () => {
    try {
      await sleep(10_000);
    } finally {
      if (cleanupMs > 0) await sleep(cleanupMs);
      log.push(name);
    }
  };
}

function boomAfter(ms: number, message: string): () => Promise<never> {
  return async () => {
    if (ms >= 0) await sleep(ms);
    throw new Boom(message);
  };
}

/** Errors as text, a group as the list of its errors. */
function shape(error: unknown): unknown {
  if (error instanceof ExceptionGroup) return error.errors.map(shape);
  return String(error);
}

async function shapeOf(group: Promise<unknown>): Promise<unknown> {
  return shape(await outcomeOf(group));
}

loopTest(
  "TaskGroup.run() waits for all members and resolves to what its body returned",
  async (loop) => {
    const log: string[] = [];
    const value = await TaskGroup.run((group) => {
      for (const ms of [30, 10, 20]) {
        group.createTask(async () => {
          await sleep(ms);
          log.push(`${ms}`);
        });
      }
      return "body";
    });
    assertEquals([value, log, loop.time()], ["body", ["10", "20", "30"], 30]);
    assertEquals(await TaskGroup.run(() => sleep(1, "nothing to wait for")), "nothing to wait for");
    assertEquals(currentTask()!.cancelling(), 0);
  },
);

loopTest("TaskGroup passes options on and gives the task back", async () => {
  await TaskGroup.run(async (group) => {
    const task = group.createTask(() => sleep(1, "result"), { name: "named" });
    assertEquals([task.getName(), await task], ["named", "result"]);
    const eager = group.createTask(() => 1, { eagerStart: true });
    assert(eager.done());
  });
});

loopTest("TaskGroup: the first error cancels the siblings and the body", async (loop) => {
  const log: unknown[] = [];
  const error = await assertRejects(() =>
    TaskGroup.run(async (group) => {
      group.createTask(sleeper(log, "sibling", 5));
      group.createTask(boomAfter(10, "first"));
      try {
        await sleep(1000);
      } finally {
        log.push(["body", currentTask()!.cancelling()]);
      }
    }), ExceptionGroup);
  assertEquals(error.message, "unhandled errors in a TaskGroup (1 sub-exception)");
  assertEquals(shape(error), ["Boom: first"]);
  assertEquals([log, loop.time()], [[["body", 1], "sibling"], 15]);
  assertEquals(currentTask()!.cancelling(), 0);
  await sleep(1);
});

loopTest("TaskGroup: several errors come in one group, in the order of the errors", async () => {
  assertEquals(
    await shapeOf(TaskGroup.run((group) => {
      group.createTask(boomAfter(0, "second"));
      group.createTask(boomAfter(-1, "first"));
      group.createTask(async () => {
        await outcomeOf(sleep(1000));
        throw new Boom("in the clean-up");
      });
    })),
    ["Boom: first", "Boom: second", "Boom: in the clean-up"],
  );
  assertEquals(
    await shapeOf(TaskGroup.run((group) => {
      group.createTask(boomAfter(-1, "one"));
      group.createTask(boomAfter(-1, "two"));
      throw new Boom("body");
    })),
    ["Boom: body"],
    "members that never started have no errors",
  );
  assertEquals(
    await shapeOf(TaskGroup.run(async (group) => {
      group.createTask(boomAfter(-1, "one"));
      group.createTask(boomAfter(-1, "two"));
      await outcomeOf(sleep(1000));
      throw new Boom("body");
    })),
    ["Boom: one", "Boom: two", "Boom: body"],
  );
});

loopTest("TaskGroup: an error in the body cancels the members", async (loop) => {
  const log: unknown[] = [];
  const error = await shapeOf(TaskGroup.run(async (group) => {
    group.createTask(sleeper(log, "member"));
    await sleep(5);
    throw new Boom("body");
  }));
  assertEquals([error, log, loop.time()], [["Boom: body"], ["member"], 5]);
});

loopTest("TaskGroup: a member that is cancelled is no error", async () => {
  const log: unknown[] = [];
  const value = await TaskGroup.run(async (group) => {
    const task = group.createTask(sleeper(log, "cancelled"));
    group.createTask(() => {
      throw new CancelledError("by itself");
    });
    const other = group.createTask(() => sleep(10, "goes on"));
    await tick(2);
    task.cancel();
    return await other;
  });
  assertEquals([value, log], ["goes on", ["cancelled"]]);
});

loopTest("TaskGroup: a cancellation from outside ends members and body", async () => {
  for (const inBody of [true, false]) {
    const log: unknown[] = [];
    const task = createTask(() =>
      TaskGroup.run(async (group) => {
        for (let i = 0; i < 3; i++) group.createTask(sleeper(log, "member", 5));
        if (inBody) await sleep(1000);
      })
    );
    await sleep(2);
    task.cancel("outside");
    const error = await assertRejects(() => task, CancelledError);
    assertEquals([error.message, log.length, task.cancelling()], ["outside", 3, 1]);
    assert(task.cancelled());
  }
});

loopTest(
  "TaskGroup: cancelled twice from outside, it still waits for its members",
  async (loop) => {
    const log: unknown[] = [];
    const task = createTask(() =>
      TaskGroup.run((group) => void group.createTask(sleeper(log, "cleaned up", 50)))
    );
    await tick(2);
    task.cancel("first");
    await sleep(10);
    task.cancel("second");
    await assertCancelled(task);
    assertEquals([log, loop.time(), task.cancelling()], [["cleaned up"], 50, 2]);
  },
);

loopTest("TaskGroup: an outside cancel at the moment of an error is not lost", async (loop) => {
  for (const atOnce of [true, false]) {
    let level = NaN;
    const log: string[] = [];
    const failing = loop.createFuture<void>();
    const task = createTask(async () => {
      const group = TaskGroup.run(async (group) => {
        group.createTask(() => failing);
        await sleep(1000);
      });
      log.push(String(shape(await outcomeOf(group))));
      level = currentTask()!.cancelling();
      await sleep(1000);
      log.push("lost");
    });
    await tick(3);
    failing.setException(new Boom("member"));
    // Before the member fails, or when the group has cancelled the body already.
    if (!atOnce) await tick(2);
    task.cancel();
    await assertCancelled(task);
    assertEquals([log, level], [["Boom: member"], 1], String(atOnce));
  }
});

loopTest("TaskGroup: an outside cancel during the clean-up of its own is not lost", async () => {
  // CPython gh-155433: the group asked for one cancellation, somebody else for another.
  const log: unknown[] = [];
  const task = createTask(async () => {
    await TaskGroup.run(async (group) => {
      group.createTask(sleeper(log, "member", 20));
      await tick(2);
      group.cancel();
      await outcomeOf(sleep(1000));
    });
    log.push("lost");
  });
  await sleep(5);
  task.cancel("outside");
  const error = await assertRejects(() => task, CancelledError);
  assertEquals([error.message, log], ["outside", ["member"]]);
});

loopTest("TaskGroup: nested, the errors come in nested groups", async () => {
  const log: unknown[] = [];
  const error = await shapeOf(TaskGroup.run(async (outer) => {
    outer.createTask(sleeper(log, "outer sibling"));
    await TaskGroup.run(async (inner) => {
      inner.createTask(sleeper(log, "inner sibling"));
      inner.createTask(boomAfter(5, "inner"));
      await sleep(1000);
    });
  }));
  assertEquals([error, log], [[["Boom: inner"]], ["inner sibling", "outer sibling"]]);
});

loopTest("TaskGroup: nested, an error of the outer one cancels the inner one", async () => {
  const log: unknown[] = [];
  const error = await shapeOf(TaskGroup.run(async (outer) => {
    outer.createTask(boomAfter(5, "outer"));
    await TaskGroup.run((inner) => void inner.createTask(sleeper(log, "inner member")));
    log.push("not here");
  }));
  assertEquals([error, log], [["Boom: outer"], ["inner member"]]);
  assertEquals(currentTask()!.cancelling(), 0);
});

loopTest("TaskGroup: nested, errors of both come together", async () => {
  const error = await shapeOf(TaskGroup.run(async (outer) => {
    outer.createTask(boomAfter(5, "outer"));
    await TaskGroup.run((inner) => {
      inner.createTask(async () => {
        await outcomeOf(sleep(1000));
        throw new Boom("inner");
      });
    });
  }));
  assertEquals(error, ["Boom: outer", ["Boom: inner"]]);
  assertEquals(currentTask()!.cancelling(), 0);
  await sleep(1);
});

loopTest("TaskGroup: a member that swallows its cancellation is waited for", async (loop) => {
  const error = await shapeOf(TaskGroup.run((group) => {
    group.createTask(async () => {
      await outcomeOf(sleep(1000));
      await sleep(100);
      return "stubborn";
    });
    group.createTask(boomAfter(5, "sibling"));
  }));
  assertEquals([error, loop.time()], [["Boom: sibling"], 105]);
});

loopTest("TaskGroup: a body that swallows the cancellation does not hide the error", async () => {
  const error = await shapeOf(TaskGroup.run(async (group) => {
    group.createTask(boomAfter(5, "member"));
    await outcomeOf(sleep(1000));
    await sleep(10);
    return "swallowed";
  }));
  assertEquals(error, ["Boom: member"]);
  assertEquals(currentTask()!.cancelling(), 0);
});

loopTest("TaskGroup: a body that throws CancelledError itself is passed on", async () => {
  const log: unknown[] = [];
  const error = await outcomeOf(TaskGroup.run(async (group) => {
    group.createTask(sleeper(log, "member"));
    await tick(2);
    throw new CancelledError("own");
  }));
  assertInstanceOf(error, CancelledError);
  assertEquals([error.message, log], ["own", ["member"]]);
});

loopTest("TaskGroup keeps the level of a task that was cancelled before", async () => {
  const task = createTask(async () => {
    await outcomeOf(sleep(1000));
    const levels = [currentTask()!.cancelling()];
    await TaskGroup.run((group) => void group.createTask(() => sleep(1)));
    levels.push(currentTask()!.cancelling());
    return levels;
  });
  await tick();
  task.cancel();
  assertEquals(await task, [1, 1]);
});

loopTest("TaskGroup takes members from its members, while any runs", async () => {
  const log: unknown[] = [];
  let kept!: TaskGroup;
  await TaskGroup.run((group) => {
    kept = group;
    group.createTask(async () => {
      await sleep(5);
      group.createTask(async () => {
        await sleep(5);
        log.push("grandchild");
      });
    });
  });
  assertEquals(log, ["grandchild"]);
  let called = false;
  assertThrows(() => kept.createTask(() => void (called = true)), RuntimeError, "is finished");
  await tick(2);
  assertFalse(called);
  assertEquals(String(kept), "<TaskGroup finished>");
});

loopTest("TaskGroup takes no members once it is shutting down", async () => {
  const refused: unknown[] = [];
  const error = await shapeOf(TaskGroup.run(async (group) => {
    group.createTask(boomAfter(1, "member"));
    assertEquals(String(group), "<TaskGroup tasks=1 entered>");
    try {
      await sleep(1000);
    } finally {
      refused.push(assertThrows(() => group.createTask(() => 1), RuntimeError, "shutting down"));
      assertEquals(String(group), "<TaskGroup errors=1 cancelling>");
    }
  }));
  assertEquals([error, refused.length], [["Boom: member"], 1]);
});

loopTest("TaskGroup.cancel() ends members and body without an error", async (loop) => {
  for (const fromBody of [true, false]) {
    const log: unknown[] = [];
    const start = loop.time();
    const value = await TaskGroup.run(async (group) => {
      group.createTask(sleeper(log, "member"));
      if (!fromBody) {
        group.createTask(async () => {
          await sleep(5);
          group.cancel();
          log.push("canceller goes on to its next await");
          await sleep(1000);
        });
      } else {
        await sleep(5);
        group.cancel();
        group.cancel();
      }
      await sleep(1000);
      log.push("not here");
      return "not this";
    });
    assertEquals([value, loop.time() - start], [undefined, 5]);
    assertEquals(log.at(-1), "member");
    assertEquals(currentTask()!.cancelling(), 0);
    await sleep(1);
  }
});

loopTest("TaskGroup.cancel() keeps the value of a body that had returned", async () => {
  const log: unknown[] = [];
  const value = await TaskGroup.run((group) => {
    group.createTask(sleeper(log, "member"));
    group.createTask(async () => {
      await sleep(5);
      group.cancel();
    });
    return "returned";
  });
  assertEquals([value, log], ["returned", ["member"]]);
});

loopTest("TaskGroup.cancel() does not hide errors, nor a cancellation from outside", async () => {
  assertEquals(
    await shapeOf(TaskGroup.run(async (group) => {
      group.createTask(async () => {
        await outcomeOf(sleep(1000));
        throw new Boom("clean-up");
      });
      await sleep(5);
      group.cancel();
    })),
    ["Boom: clean-up"],
  );
  const task = createTask(() =>
    TaskGroup.run(async (group) => {
      group.cancel();
      await sleep(1000);
    })
  );
  await tick();
  task.cancel("outside");
  await assertCancelled(task);
});

loopTest("TaskGroup.cancel() is without effect once the group has ended", async () => {
  let kept!: TaskGroup;
  await TaskGroup.run((group) => void (kept = group));
  kept.cancel();
  assertEquals(currentTask()!.cancelling(), 0);
  await sleep(1);
});

loopTest(
  "TaskGroup.cancel() from a member in its eager first step cancels that member too",
  async (loop) => {
    // CPython gh-155418
    const log: unknown[] = [];
    await TaskGroup.run(async (group) => {
      group.createTask(async () => {
        group.cancel();
        try {
          await sleep(1000);
        } finally {
          log.push("member ended");
        }
      }, { eagerStart: true });
      await sleep(1000);
    });
    assertEquals([log, loop.time()], [["member ended"], 0]);
  },
);

loopTest(
  "TaskGroup with eager tasks: an error of one does not cancel its creator too early",
  async (loop) => {
    // CPython gh-128550
    loop.setTaskFactory(eagerTaskFactory);
    const log: string[] = [];
    const error = await shapeOf(TaskGroup.run(async (group) => {
      group.createTask(() => {
        throw new Boom("at once");
      });
      // The group hears of it in the next iteration, as of any other task.
      group.createTask(() => void log.push("sibling"));
      log.push("creator goes on");
      await sleep(1000);
      log.push("not here");
    }));
    assertEquals([error, log], [["Boom: at once"], ["sibling", "creator goes on"]]);
  },
);

loopTest("TaskGroup cancels a member made in the iteration of a failure", async () => {
  const log: unknown[] = [];
  const error = await shapeOf(TaskGroup.run(async (group) => {
    group.createTask(boomAfter(-1, "member"));
    await sleep(0);
    const task: Task<void> = group.createTask(sleeper(log, "started"));
    await outcomeOf(sleep(1000));
    assert(task.done() || task.cancelling() === 1);
  }));
  assertEquals(error, ["Boom: member"]);
});

loopTest("TaskGroup inside timeout(), and timeout() inside TaskGroup", async (loop) => {
  const log: unknown[] = [];
  const expired = await outcomeOf(
    timeout(10, () => TaskGroup.run((group) => void group.createTask(sleeper(log, "member")))),
  );
  assertEquals([(expired as Error).name, log], ["TimeoutError", ["member"]]);
  const error = await shapeOf(TaskGroup.run((group) => {
    group.createTask(() => timeout(10, () => sleep(1000)));
  }));
  assertEquals([String(error).split(":")[0], loop.time()], ["TimeoutError", 20]);
});

loopTest(
  "TaskGroup.run() rejects with the reason of an abort when its members have ended",
  async (loop) => {
    const log: unknown[] = [];
    const aborter = new WatchedController();
    const { signal } = aborter;
    const task = createTask(() =>
      TaskGroup.run((group) => void group.createTask(sleeper(log, "member", 5)), { signal })
    );
    await tick(2);
    const reason = { any: "value" };
    aborter.abort(reason);
    assertStrictEquals(await assertRejects(() => task), reason);
    assertEquals([log, aborter.listeners, loop.time()], [["member"], 0, 5]);
    let called = false;
    const late = TaskGroup.run(() => void (called = true), { signal });
    assertStrictEquals(await assertRejects(() => late), reason);
    assertFalse(called);
  },
);

Deno.test("TaskGroup throws a KeyboardInterrupt bare, and reports the other errors", async () => {
  const reports = await reportsOf(async () => {
    const error = await outcomeOf(TaskGroup.run(async (group) => {
      group.createTask(boomAfter(-1, "lost otherwise"));
      await outcomeOf(sleep(1000));
      throw new KeyboardInterrupt("body");
    }));
    assertInstanceOf(error, KeyboardInterrupt);
  });
  assertEquals(reports.map(({ exception }) => String(exception)), ["Boom: lost otherwise"]);
  assertEquals(String(reports[0]!.taskGroup), "<TaskGroup errors=1 cancelling>");
});

Deno.test("TaskGroup throws the KeyboardInterrupt of a member bare, and reports it not", async () => {
  const loop = new VirtualTimeLoop({ deadlockMs: 0 });
  const reports: string[] = [];
  loop.setExceptionHandler((_loop, { exception }) => void reports.push(String(exception)));
  const task = loop.createTask(() =>
    TaskGroup.run((group) => {
      group.createTask(boomAfter(-1, "lost otherwise"));
      group.createTask(() => {
        throw new KeyboardInterrupt("member");
      });
    })
  );
  // Once out of the loop at once, and once out of the group.
  await assertRejects(() => loop.runUntilComplete(task), KeyboardInterrupt, "member");
  await assertRejects(() => loop.runUntilComplete(task), KeyboardInterrupt, "member");
  assertInstanceOf(task.exception(), KeyboardInterrupt);
  loop.close();
  assertEquals(reports, ["Boom: lost otherwise"]);
});

loopTest("TaskGroup refuses what is no function", async () => {
  await assertRejects(() => TaskGroup.run(5 as unknown as () => void), TypeError, "function");
  await TaskGroup.run((group) => {
    const wrong = Promise.resolve() as unknown as () => void;
    assertThrows(() => group.createTask(wrong), TypeError, "function");
  });
});

Deno.test("TaskGroup.run() is refused outside of a task", async () => {
  const { signal } = new AbortController();
  await assertRejects(() => TaskGroup.run(() => 1), RuntimeError, "outside of a task");
  await assertRejects(() => TaskGroup.run(() => 1, { signal }), RuntimeError, "TaskGroup");
});
