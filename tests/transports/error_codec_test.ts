import { CancelledError, IncompleteReadError, QueueEmpty } from "../../errors.ts";
import { decodeError, encodeError } from "../../transports/_error_codec.ts";
import { workerFunction } from "../../transports/worker_function.ts";
import { WorkerPoolExecutor } from "../../transports/worker_pool_executor.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "../support/assert.ts";
import { inLoop } from "./tcp_support.ts";

/** What arrives of an error on the other side of a `postMessage`. */
function sent(error: unknown): unknown {
  return decodeError(structuredClone(encodeError(error)));
}

Deno.test("an error keeps class, name, message and stack", () => {
  const errors = [
    new Error("a"),
    new TypeError("b"),
    new Deno.errors.ConnectionRefused("c"),
    new CancelledError("d"),
    new QueueEmpty("e"),
  ];
  for (const error of errors) {
    const back = sent(error) as Error;
    assertStrictEquals(back.constructor, error.constructor);
    assert(Error.isError(back));
    assertEquals([back.name, back.message, back.stack], [error.name, error.message, error.stack]);
    assertEquals(Object.keys(back).filter((key) => key !== "name"), []);
  }
});

Deno.test("an error of an unknown class is one of the nearest known class", () => {
  class Special extends RangeError {
    override name = "Special";
  }
  const back = sent(new Special("x")) as Error;
  assertStrictEquals(back.constructor, RangeError);
  assertEquals([back.name, back.message], ["Special", "x"]);
});

Deno.test("an error keeps its causes, also in a circle, and its properties", () => {
  const root = new RangeError("root");
  const error = new TypeError("top", {
    cause: new Deno.errors.NotFound("middle", { cause: root }),
  });
  Object.assign(error, { code: "E1", data: { n: 1 }, handler: () => 1 });
  const back = sent(error) as TypeError & { code: string; data: unknown; handler?: unknown };
  assertInstanceOf(back.cause, Deno.errors.NotFound);
  assertInstanceOf((back.cause as Error).cause, RangeError);
  assertEquals([back.code, back.data, back.handler], ["E1", { n: 1 }, undefined]);

  const circle = new Error("circle");
  circle.cause = circle;
  assertInstanceOf((sent(circle) as Error).cause, Error);
  assertEquals((sent(new Error("x", { cause: "text" })) as Error).cause, "text");
});

Deno.test("an error with members or a code of its own arrives as one", () => {
  const group = sent(new AggregateError([new TypeError("one"), "two"], "both")) as AggregateError;
  assertInstanceOf(group, AggregateError);
  assertInstanceOf(group.errors[0], TypeError);
  assertEquals([group.message, group.errors[1]], ["both", "two"]);

  const abort = sent(new DOMException("stop", "AbortError")) as DOMException;
  assertInstanceOf(abort, DOMException);
  assertEquals([abort.name, abort.message], ["AbortError", "stop"]);

  const short = sent(new IncompleteReadError(new Uint8Array([1]), 2)) as IncompleteReadError;
  assertInstanceOf(short, IncompleteReadError);
  assertEquals([short.partial, short.expected], [new Uint8Array([1]), 2]);
});

Deno.test("what is thrown and is no error arrives as it is, or as text", () => {
  assertEquals(sent({ a: [1] }), { a: [1] });
  assertEquals(sent(null), null);
  assertEquals(sent(Symbol.iterator), "Symbol(Symbol.iterator)");
});

Deno.test("the error of a job comes back from its Worker", async () => {
  await inLoop(async (loop) => {
    await using pool = new WorkerPoolExecutor({ maxWorkers: 1 });
    function failing(path: string) {
      throw new Deno.errors.NotFound(`no ${path}`, { cause: new TypeError("inner") });
    }
    const error = await assertRejects(
      () => loop.runInExecutor(pool, failing, "file"),
      Deno.errors.NotFound,
      "no file",
    );
    assertInstanceOf(error.cause, TypeError);
    assertStringIncludes(error.stack ?? "", "failing");

    const fail = workerFunction(import.meta.resolve("./worker_jobs.ts"), "fail");
    const special = await assertRejects(() => loop.runInExecutor(pool, fail), RangeError, "no way");
    assertEquals([special.name, (special as { code?: string }).code], ["AccessError", "EACCESS"]);
    assertInstanceOf(special.cause, Deno.errors.NotFound);
    assertStringIncludes(special.stack ?? "", "worker_jobs.ts");

    const thrown = loop.runInExecutor(pool, () => Promise.reject("just text"));
    assertEquals(await thrown.catch((reason) => reason), "just text");
  });
});
