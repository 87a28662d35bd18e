import { type Coroutine, createTask, run, Runner, sleep, type Task } from "../../../mod.ts";
import { Boom, caught, rejected, type Trace } from "../harness.ts";

function runIn<T>(t: Trace, main: Coroutine<T>): Promise<T> {
  return run(main, { loopFactory: () => t.loop });
}

export async function resultOfMain(t: Trace): Promise<void> {
  const result = await runIn(t, async () => {
    t("main");
    await sleep(1000);
    return "result";
  });
  t(result, t.loop.isClosed());
}

export async function errorOfMain(t: Trace): Promise<void> {
  const error = await rejected(runIn(t, async () => {
    await sleep(1000);
    throw new Boom("main");
  }));
  t(error, t.loop.isClosed());
}

export async function cancelsWhatIsLeft(t: Trace): Promise<void> {
  const result = await runIn(t, async () => {
    createTask(async () => {
      try {
        await sleep(10_000);
      } finally {
        t("cleans up");
        await sleep(2000);
        t("cleaned");
      }
    });
    await sleep(1000);
    t("main ends");
    return 123;
  });
  t(result);
}

export async function leftTaskOfTheLastStep(t: Trace): Promise<void> {
  await runIn(t, () => {
    const task = createTask(() => t("starts"));
    task.addDoneCallback((f) => t("callback", f.cancelled()));
  });
  t("end");
}

export async function leftTaskThatFails(t: Trace): Promise<void> {
  t.traceHandler();
  await runIn(t, async () => {
    createTask(async () => {
      try {
        await sleep(10_000);
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw new Boom("cleanup");
      }
    });
    await sleep(1000);
  });
  t("end");
}

export async function leftTaskThatIsStubborn(t: Trace): Promise<void> {
  await runIn(t, async () => {
    createTask(async () => {
      t(await caught(sleep(10_000)));
      t(await caught(sleep(5000, "slept")));
    });
    await sleep(1000);
  });
  t("end", t.now());
}

export async function cancelsWhatIsLeftAfterAnError(t: Trace): Promise<void> {
  const error = await rejected(runIn(t, async () => {
    createTask(async () => {
      try {
        await sleep(10_000);
      } finally {
        t("cleans up");
      }
    });
    await sleep(1000);
    throw new Boom("main");
  }));
  t(error);
}

export async function mainCancelsItself(t: Trace): Promise<void> {
  const error = await rejected(runIn(t, async (task) => {
    task.cancel("self");
    await sleep(1000);
  }));
  t(error, t.loop.isClosed());
}

export async function insideARunningLoop(t: Trace): Promise<void> {
  await runIn(t, async () => t(await rejected(run(() => t("never")))));
}

export async function runnerRunsSeveral(t: Trace): Promise<void> {
  let task: Task<void> | undefined;
  {
    await using runner = new Runner({ loopFactory: () => t.loop });
    const first = await runner.run(async () => {
      task = createTask(async () => {
        for (let i = 0; i < 3; i++) {
          t("background", i);
          await sleep(1000);
        }
      });
      await sleep(0);
      return "first";
    });
    t(first);
    const second = await runner.run(async () => {
      await sleep(1000);
      return "second";
    });
    t(second);
    t(runner.getLoop() === t.loop);
  }
  t(t.loop.isClosed(), task!.cancelled());
}

export async function runnerWhenClosed(t: Trace): Promise<void> {
  const runner = new Runner({ loopFactory: () => t.loop });
  runner.getLoop();
  await runner.close();
  await runner.close();
  t(
    await rejected(runner.run(() => t("never"))),
    await rejected(Promise.try(() => runner.getLoop())),
  );
}

export async function asyncGeneratorsAreClosed(t: Trace): Promise<void> {
  async function* generator(): AsyncGenerator<number> {
    try {
      yield 1;
      yield 2;
    } finally {
      t("generator closed");
    }
  }
  await runIn(t, async () => {
    const kept = generator();
    t.loop.registerAsyncgen(kept);
    t((await kept.next()).value);
    t("main ends");
  });
  t("end");
}
