import type { AbstractEventLoop, ExceptionContext, ExceptionHandler } from "../types/loop.ts";
import { KeyboardInterrupt } from "../errors.ts";

/** Writes a context as one record: the message, the facts in order of their names, the error with its stack. */
export function formatContext(context: ExceptionContext): string {
  const lines = [context.message];
  for (const key of Object.keys(context).sort()) {
    if (key === "message" || key === "exception") continue;
    const value = context[key];
    lines.push(
      key === "sourceTraceback"
        ? `Object created at (most recent call first):\n${value}`
        : `${key}: ${describe(value)}`,
    );
  }
  if (context.exception !== undefined) {
    lines.push(Deno.inspect(context.exception));
  }
  return lines.join("\n");
}

function describe(value: unknown): string {
  return Deno.inspect(value, { depth: 1 });
}

/**
 * Hands `context` to the handler of the loop. A handler that fails itself is
 * reported to the default one, and a default one that fails to the console:
 * reporting an error must not become another.
 */
export function reportTo(
  loop: AbstractEventLoop,
  handler: ExceptionHandler | null,
  context: ExceptionContext,
): void {
  if (handler === null) return reportByDefault(loop, context);
  try {
    handler(loop, context);
  } catch (exception) {
    if (exception instanceof KeyboardInterrupt) throw exception;
    reportByDefault(loop, {
      message: "Unhandled error in exception handler",
      exception,
      context,
    });
  }
}

function reportByDefault(
  loop: AbstractEventLoop,
  context: ExceptionContext,
): void {
  try {
    loop.defaultExceptionHandler(context);
  } catch (exception) {
    if (exception instanceof KeyboardInterrupt) throw exception;
    // deno-lint-ignore no-console
    console.error(
      "Exception in default exception handler while handling an unexpected error",
      exception,
    );
  }
}
