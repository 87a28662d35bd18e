import { Child, type ChildOptions, type ChildResult } from "./child.ts";

/**
 * Starts Python 3 on `source`, unbuffered and without the indentation its lines share. Register the test with
 * `peerTest(name, ["python3"], fn)`.
 *
 * ```ts
 * await using server = startPython(`
 * import socket
 * listener = socket.create_server(("127.0.0.1", 0))
 * print("ready", listener.getsockname()[1])
 * connection, _ = listener.accept()
 * connection.sendall(connection.recv(100))
 * `);
 * const port = Number(await server.waitReady());
 * ```
 */
export function startPython(
  source: string,
  options: ChildOptions & { args?: readonly string[] } = {},
): Child {
  const { args = [], ...rest } = options;
  return Child.start("python3", ["-u", "-c", dedent(source), ...args], rest);
}

/** Runs Python 3 on `source` to its end; `stdin` is given to it. */
export async function runPython(
  source: string,
  options: ChildOptions & { args?: readonly string[]; stdin?: string } = {},
): Promise<ChildResult> {
  const { stdin, ...rest } = options;
  await using child = startPython(source, rest);
  return await child.communicate(stdin);
}

/** Takes away the indentation that all lines of `text` share. */
export function dedent(text: string): string {
  const indents = text.split("\n").filter((line) => line.trim() !== "").map(
    (line) => line.length - line.trimStart().length,
  );
  const shared = Math.min(...indents);
  if (!Number.isFinite(shared) || shared === 0) return text;
  return text.split("\n").map((line) => line.slice(shared)).join("\n");
}
