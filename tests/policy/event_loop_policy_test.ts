import { RuntimeError } from "../../errors.ts";
import { EventLoop } from "../../loop/mod.ts";
import {
  AbstractEventLoopPolicy,
  DefaultEventLoopPolicy,
  getEventLoop,
  getEventLoopPolicy,
  newEventLoop,
  run,
  setEventLoop,
  setEventLoopPolicy,
} from "../../policy/mod.ts";
import { assert, assertInstanceOf, assertStrictEquals, assertThrows } from "../support/assert.ts";

class Own extends AbstractEventLoopPolicy {
  made = 0;
  current: EventLoop | null = null;
  override getEventLoop(): EventLoop {
    if (this.current === null) throw new RuntimeError("none");
    return this.current;
  }
  override setEventLoop(loop: EventLoop | null): void {
    this.current = loop;
  }
  override newEventLoop(): EventLoop {
    this.made++;
    return new EventLoop();
  }
}

Deno.test("getEventLoop() never creates a loop", () => {
  setEventLoop(null);
  assertThrows(() => getEventLoop(), RuntimeError, "no current event loop");
});

Deno.test("setEventLoop() makes a loop the current one, and null none", () => {
  const loop = newEventLoop();
  setEventLoop(loop);
  assertStrictEquals(getEventLoop(), loop);
  setEventLoop(null);
  assertThrows(() => getEventLoop(), RuntimeError);
  loop.close();
});

Deno.test("setEventLoop() refuses what is not a loop and keeps the current one", () => {
  const loop = newEventLoop();
  setEventLoop(loop);
  for (const wrong of [undefined, 1, "loop", {}, () => {}]) {
    assertThrows(() => setEventLoop(wrong as unknown as EventLoop), TypeError, "expected a loop");
  }
  assertStrictEquals(getEventLoop(), loop);
  setEventLoop(null);
  loop.close();
});

Deno.test("getEventLoop() prefers the running loop to the current one", async () => {
  const other = newEventLoop();
  setEventLoop(other);
  const loop = newEventLoop();
  await loop.runUntilComplete(() => assertStrictEquals(getEventLoop(), loop));
  setEventLoop(null);
  loop.close();
  other.close();
});

Deno.test("setEventLoopPolicy() swaps what makes loops, also for run()", async () => {
  const policy = new Own();
  setEventLoopPolicy(policy);
  try {
    assertStrictEquals(getEventLoopPolicy(), policy);
    await run(() => assertStrictEquals(getEventLoop(), policy.current));
    assert(policy.made === 1 && policy.current === null);
    assertThrows(
      () => setEventLoopPolicy({} as AbstractEventLoopPolicy),
      TypeError,
      "expected a policy",
    );
  } finally {
    setEventLoopPolicy(null);
  }
  assertInstanceOf(getEventLoopPolicy(), DefaultEventLoopPolicy);
});
