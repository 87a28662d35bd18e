#!/usr/bin/env -S deno run --allow-net --allow-read
// deno-lint-ignore-file no-console
/**
 * A mail server that takes mail over STARTTLS (RFC 5321, 3207), and prints what
 * it got: a connection that begins in plaintext and becomes TLS midway. Serves
 * until Ctrl-C.
 *
 *   deno run --allow-net --allow-read examples/smtp_server.ts cert.pem key.pem [port] [hostname]
 *
 * examples/https_server.ts says how to make a certificate.
 */
import {
  createTlsContext,
  KeyboardInterrupt,
  run,
  startServer,
  type StreamReader,
  type StreamWriter,
  timeout,
  TimeoutError,
  type TlsContext,
} from "../mod.ts";

const MAX_LINE = 2000;
const MAX_MESSAGE = 10 * 1024 * 1024;
const IDLE_MS = 300_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One client, from its greeting to its goodbye. */
class Session {
  readonly #reader: StreamReader;
  readonly #writer: StreamWriter;
  readonly #tls: TlsContext;
  #greeted = false;
  #secure = false;
  #sender: string | null = null;
  #recipients: string[] = [];

  constructor(reader: StreamReader, writer: StreamWriter, tls: TlsContext) {
    this.#reader = reader;
    this.#writer = writer;
    this.#tls = tls;
  }

  async run(): Promise<void> {
    await this.#say("220 mail.test ESMTP");
    for (;;) {
      const line = await this.#readLine();
      if (line === null) return;
      const [, verb = "", argument = ""] = /^(\S*) ?(.*)$/.exec(line) ?? [];
      if (verb.toUpperCase() === "QUIT") return await this.#say("221 Bye");
      await this.#obey(verb.toUpperCase(), argument);
    }
  }

  /** The next line; `null` at the end, or when the client sleeps. */
  async #readLine(): Promise<string | null> {
    try {
      const line = await timeout(IDLE_MS, () => this.#reader.readline());
      return line.length === 0 ? null : decoder.decode(line).replace(/\r?\n$/, "");
    } catch (error) {
      if (error instanceof RangeError) return "";
      if (!(error instanceof TimeoutError)) throw error;
      await this.#say("421 Too slow, good bye");
      return null;
    }
  }

  async #say(...lines: string[]): Promise<void> {
    const last = lines.length - 1;
    const text = lines.map((line, at) => at < last ? line.replace(" ", "-") : line);
    this.#writer.write(encoder.encode(`${text.join("\r\n")}\r\n`));
    await this.#writer.drain();
  }

  async #obey(verb: string, argument: string): Promise<void> {
    switch (verb) {
      case "HELO":
        this.#forget();
        this.#greeted = true;
        return await this.#say(`250 mail.test greets ${argument}`);
      case "EHLO": {
        this.#forget();
        this.#greeted = true;
        const offer = [`250 SIZE ${MAX_MESSAGE}`, "250 8BITMIME"];
        if (!this.#secure) offer.push("250 STARTTLS");
        return await this.#say(`250 mail.test greets ${argument}`, ...offer);
      }
      case "STARTTLS":
        return await this.#startTls();
      case "MAIL":
      case "RCPT":
        return await this.#address(verb, argument);
      case "DATA":
        return await this.#receive();
      case "RSET":
        this.#forget();
        return await this.#say("250 Forgotten");
      case "NOOP":
        return await this.#say("250 Nothing done");
      default:
        return await this.#say("500 Unknown command");
    }
  }

  /** Who spoke in plaintext may have been anybody: all begins anew (RFC 3207 section 4.2). */
  async #startTls(): Promise<void> {
    if (this.#secure) return await this.#say("503 This is TLS already");
    await this.#say("220 Go ahead");
    // A command that came along with STARTTLS, from whoever, is no TLS: it breaks the handshake.
    await this.#writer.startTls(this.#tls, { tlsHandshakeTimeoutMs: 10_000 });
    this.#secure = true;
    this.#greeted = false;
    this.#forget();
  }

  #forget(): void {
    this.#sender = null;
    this.#recipients = [];
  }

  async #address(verb: "MAIL" | "RCPT", argument: string): Promise<void> {
    const [, address] = /^(?:FROM|TO): ?<([^<>]*)>/i.exec(argument) ?? [];
    const size = Number(/ SIZE=(\d+)/i.exec(argument)?.[1] ?? 0);
    if (!this.#secure) return await this.#say("530 Must issue a STARTTLS command first");
    if (!this.#greeted) return await this.#say("503 Who are you?");
    if (address === undefined) return await this.#say("501 Expected an address in <>");
    if (size > MAX_MESSAGE) return await this.#say("552 Too big");
    if (verb === "MAIL") {
      this.#forget();
      this.#sender = address;
    } else {
      if (this.#sender === null) return await this.#say("503 From whom?");
      this.#recipients.push(address);
    }
    await this.#say("250 OK");
  }

  async #receive(): Promise<void> {
    if (this.#recipients.length === 0) return await this.#say("503 To whom?");
    await this.#say("354 End with a line that is a dot");
    const lines: string[] = [];
    let size = 0;
    for (;;) {
      const line = await this.#readLine();
      if (line === null) return;
      if (line === ".") break;
      size += line.length + 2;
      if (size <= MAX_MESSAGE) lines.push(line.replace(/^\./, ""));
    }
    if (size > MAX_MESSAGE) return await this.#say("552 Too big");
    const subject = lines.find((line) => /^subject:/i.test(line))?.slice(8).trim() ?? "";
    const version = this.#writer.getExtraInfo("tlsVersion");
    console.log(JSON.stringify({
      from: this.#sender,
      to: this.#recipients,
      subject,
      lines: lines.length,
      size,
      version,
    }));
    this.#forget();
    await this.#say("250 Taken");
  }
}

if (import.meta.main) {
  const [certFile = "cert.pem", keyFile = "key.pem", port = "2525", hostname = "127.0.0.1"] =
    Deno.args;
  const tls = createTlsContext({
    cert: await Deno.readTextFile(certFile),
    key: await Deno.readTextFile(keyFile),
  });
  const handler = async (reader: StreamReader, writer: StreamWriter): Promise<void> => {
    await using _closedAtTheEnd = writer;
    try {
      await new Session(reader, writer, tls).run();
    } catch (error) {
      // Connections break, handshakes fail; the next client is served all the same.
      if (reader.exception() === null) throw error;
      console.log(`a client was lost: ${(error as Error).message}`);
    }
  };
  try {
    await run(async () => {
      const server = await startServer(handler, { hostname, port: Number(port), limit: MAX_LINE });
      const { addr } = server.sockets[0] as { addr: Deno.NetAddr };
      console.log(`serving on ${addr.hostname}:${addr.port}`);
      await server.serveForever();
    });
  } catch (error) {
    if (!(error instanceof KeyboardInterrupt)) throw error;
    console.log("interrupted, closed");
  }
}
