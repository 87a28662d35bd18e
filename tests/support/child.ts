/** How a child ended, and what it said. */
export interface ChildResult {
  /** Exit code; 128 + n after a signal. */
  code: number;
  /** The signal that ended it. */
  signal: Deno.Signal | null;
  /** Its standard output, from where `readLine` left off. */
  stdout: string;
  /** Its standard error. */
  stderr: string;
}

/** Options of `Child.start`. */
export interface ChildOptions {
  /** Directory to run in. */
  cwd?: string;
  /** Variables added to ours. */
  env?: Record<string, string>;
  /** Longest wait for a line or for the end, in milliseconds; then the child is killed. @default {30000} */
  timeoutMs?: number;
}

/**
 * A child process that talks in lines.
 *
 * `await using` kills what still runs and waits for the end, so that no pipe
 * or process outlives its test.
 */
export class Child implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<void>;
  readonly #result: () => Promise<ChildResult>;
  #pending = "";
  #errors = "";
  #stdinOpen = true;
  #ended: Promise<ChildResult> | undefined;

  private constructor(
    child: Deno.ChildProcess,
    name: string,
    timeoutMs: number,
  ) {
    this.#child = child;
    this.#name = name;
    this.#timeoutMs = timeoutMs;
    this.#stdin = child.stdin.getWriter();
    this.#stdout = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    this.#stderr = this.#collectErrors();
    this.#result = async () => {
      let stdout = this.#pending;
      this.#pending = "";
      for (let next; !(next = await this.#stdout.read()).done;) {
        stdout += next.value;
      }
      await this.#stderr;
      const { code, signal } = await child.status;
      return { code, signal, stdout, stderr: this.#errors };
    };
  }

  /** Starts `program` with all three standard streams piped. */
  static start(
    program: string,
    args: readonly string[],
    options: ChildOptions = {},
  ): Child {
    const { timeoutMs = 30_000, ...rest } = options;
    const child = new Deno.Command(program, {
      ...rest,
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Child(child, program, timeoutMs);
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** What it wrote to its standard error until now. */
  get stderr(): string {
    return this.#errors;
  }

  /** The next line of its output without the newline; `null` at the end. */
  async readLine(
    { timeoutMs = this.#timeoutMs }: { timeoutMs?: number } = {},
  ): Promise<string | null> {
    while (true) {
      const end = this.#pending.indexOf("\n");
      if (end >= 0) {
        const line = this.#pending.slice(0, end);
        this.#pending = this.#pending.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#bounded(
        this.#stdout.read(),
        "a line",
        timeoutMs,
      );
      if (!done) {
        this.#pending += value;
        continue;
      }
      if (this.#pending === "") return null;
      const rest = this.#pending;
      this.#pending = "";
      return rest;
    }
  }

  /**
   * The handshake: skips output up to the line that starts with `word`, and
   * returns what follows the word, such as a port.
   *
   * @throws {Error} with the child's standard error when it ends before.
   */
  async waitReady(word = "ready"): Promise<string> {
    for (let line; (line = await this.readLine()) !== null;) {
      if (line === word) return "";
      if (line.startsWith(`${word} `)) return line.slice(word.length + 1);
    }
    const { code, stderr } = await this.wait();
    throw new Error(
      `${this.#name} ended with code ${code} before it printed "${word}":\n${stderr}`,
    );
  }

  /** Sends `text` and a newline to its standard input. */
  async writeLine(text: string): Promise<void> {
    await this.#write(`${text}\n`);
  }

  /** Ends its standard input; quiet if it no longer listens. */
  async closeStdin(): Promise<void> {
    if (!this.#stdinOpen) return;
    this.#stdinOpen = false;
    await unlessGone(this.#stdin.close());
  }

  /** Sends a signal; quiet if it ended already. */
  kill(signal: Deno.Signal = "SIGTERM"): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // "Child process has already terminated"
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Gives it `input`, ends its input, and waits for it to end. */
  async communicate(input = ""): Promise<ChildResult> {
    // Read first: a child that answers while it is still being told would fill
    // its output pipe and stop listening.
    this.#ended ??= this.#result();
    if (input !== "") {
      await unlessGone(this.#write(input));
    }
    await this.closeStdin();
    return await this.#bounded(this.#ended, "its end", this.#timeoutMs);
  }

  /** Ends its input and waits for it to end. */
  async wait(): Promise<ChildResult> {
    return await this.communicate();
  }

  /** Kills it if it still runs, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.wait();
  }

  async #write(text: string): Promise<void> {
    try {
      await this.#stdin.write(new TextEncoder().encode(text));
    } catch (error) {
      // A stream that failed is closed already, and says so if closed again.
      this.#stdinOpen = false;
      throw error;
    }
  }

  async #collectErrors(): Promise<void> {
    const decoder = new TextDecoderStream();
    for await (const text of this.#child.stderr.pipeThrough(decoder)) {
      this.#errors += text;
    }
  }

  async #bounded<T>(
    promise: Promise<T>,
    what: string,
    timeoutMs: number,
  ): Promise<T> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      // The pipes end with the child, and so does the wait.
      this.kill("SIGKILL");
    }, timeoutMs);
    try {
      const value = await promise;
      if (!late) return value;
    } finally {
      clearTimeout(timer);
    }
    await this.#stderr;
    throw new Error(
      `${this.#name}: waited ${timeoutMs} ms in vain for ${what}; its errors:\n${this.#errors}`,
    );
  }
}

/** Waits for a write to a child; one that ended, or closed its side, says so by its result. */
async function unlessGone(written: Promise<void>): Promise<void> {
  try {
    await written;
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
