/** Name of a function for messages. */
export function functionName(fn: unknown): string {
  return typeof fn === "function" ? fn.name || "anonymous" : String(fn);
}

/** A value on one line, cut short. */
export function brief(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : value instanceof Error
    // Its stack is for the handler, and takes 20 µs to write.
    ? `${value.name}(${JSON.stringify(value.message)})`
    : Deno.inspect(value, { depth: 1, breakLength: Infinity }).replaceAll(/\s*\n\s*/g, " ");
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** Where the caller's caller is, for debug mode: at most ten frames, as asyncio keeps. */
export function creationStack(): string {
  const stack = new Error().stack ?? "";
  return stack.split("\n").slice(3, 13).join("\n");
}
