#!/usr/bin/env -S deno run --allow-net --allow-read
// deno-lint-ignore-file no-console
/**
 * HTTP/1.1 over TLS, written on streams: what a protocol looks like as a
 * straight-line program. Serves until Ctrl-C.
 *
 *   openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
 *     -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem
 *   deno run --allow-net --allow-read examples/https_server.ts cert.pem key.pem [port] [hostname]
 *   curl --cacert cert.pem https://localhost:8443/
 *
 * `GET /` greets, `GET /tls` tells about the connection, `GET /bytes/N` sends N
 * bytes, `POST /echo` sends back what it is sent, however long.
 */
import {
  createTlsContext,
  IncompleteReadError,
  KeyboardInterrupt,
  LimitOverrunError,
  run,
  startServer,
  type StreamReader,
  type StreamWriter,
  timeout,
  TimeoutError,
} from "../mod.ts";

/** The longest head of a request, and the longest silence between two. */
const MAX_HEAD = 16 * 1024;
const IDLE_MS = 30_000;
const BLOCK = new Uint8Array(64 * 1024).fill(0x78);

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

/** A request that is answered with an error, after which the connection ends. */
class Refused extends Error {
  constructor(readonly status: string) {
    super(status);
  }
}

interface Request {
  method: string;
  path: string;
  version: string;
  headers: Headers;
}

/** The head of the next request; `null` when the client has no more. */
async function readHead(reader: StreamReader): Promise<Request | null> {
  let head: Uint8Array;
  try {
    head = await timeout(IDLE_MS, () => reader.readuntil("\r\n\r\n"));
  } catch (error) {
    if (error instanceof IncompleteReadError && error.partial.length === 0) return null;
    if (error instanceof TimeoutError) return null;
    if (error instanceof LimitOverrunError) {
      throw new Refused("431 Request Header Fields Too Large");
    }
    throw new Refused("400 Bad Request");
  }
  const [requestLine = "", ...lines] = decode(head).trimEnd().split("\r\n");
  const [, method, path, version] = /^(\S+) (\S+) (HTTP\/1\.[01])$/.exec(requestLine) ?? [];
  const headers = new Headers();
  try {
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
  } catch {
    throw new Refused("400 Bad Request");
  }
  if (method === undefined || path === undefined || version === undefined) {
    throw new Refused("400 Bad Request");
  }
  return { method, path, version, headers };
}

/** The body of a request, as it comes. */
async function* readBody(reader: StreamReader, headers: Headers): AsyncGenerator<Uint8Array> {
  if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) {
    for (;;) {
      const size = parseInt(decode(await reader.readline()), 16);
      if (!(size >= 0)) throw new Refused("400 Bad Request");
      if (size === 0) break;
      yield* readPieces(reader, size);
      await reader.readexactly(2);
    }
    // Trailers, up to an empty line.
    while (decode(await reader.readline()).trim() !== "");
    return;
  }
  const length = headers.get("content-length") ?? "0";
  if (!/^\d+$/.test(length)) throw new Refused("400 Bad Request");
  yield* readPieces(reader, Number(length));
}

async function* readPieces(reader: StreamReader, size: number): AsyncGenerator<Uint8Array> {
  while (size > 0) {
    const piece = await reader.read(Math.min(size, BLOCK.length));
    if (piece.length === 0) throw new Refused("400 Bad Request");
    size -= piece.length;
    yield piece;
  }
}

/** Sends an answer as chunks, no faster than the client takes them. */
class Answer {
  readonly #writer: StreamWriter;
  readonly #withBody: boolean;

  constructor(writer: StreamWriter, status: string, request: Request, keepAlive: boolean) {
    this.#writer = writer;
    this.#withBody = request.method !== "HEAD";
    writer.write(encode(
      `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Transfer-Encoding: chunked\r\nConnection: ${keepAlive ? "keep-alive" : "close"}\r\n\r\n`,
    ));
  }

  async write(piece: Uint8Array): Promise<void> {
    if (!this.#withBody || piece.length === 0) return;
    this.#writer.writelines([encode(`${piece.length.toString(16)}\r\n`), piece, encode("\r\n")]);
    await this.#writer.drain();
  }

  async end(text = ""): Promise<void> {
    await this.write(encode(text));
    if (this.#withBody) this.#writer.write(encode("0\r\n\r\n"));
    await this.#writer.drain();
  }
}

/** Answers one request; whether the connection goes on. */
async function respond(
  request: Request,
  reader: StreamReader,
  writer: StreamWriter,
): Promise<boolean> {
  const { method, path, headers, version } = request;
  const keepAlive = version === "HTTP/1.1" && headers.get("connection") !== "close";
  const body = readBody(reader, headers);
  if (headers.get("expect")?.toLowerCase() === "100-continue") {
    writer.write(encode("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  const answer = (status: string) => new Answer(writer, status, request, keepAlive);
  if (method === "POST" && path === "/echo") {
    const echo = answer("200 OK");
    for await (const piece of body) await echo.write(piece);
    await echo.end();
    return keepAlive;
  }
  // What nobody wants is read all the same: the next request comes after it.
  for await (const _ of body);
  const bytes = /^\/bytes\/(\d{1,10})$/.exec(path);
  if (method !== "GET" && method !== "HEAD") {
    await answer("405 Method Not Allowed").end("GET, HEAD, or POST /echo\n");
  } else if (path === "/") {
    await answer("200 OK").end("Hello from asyncio for Deno\n");
  } else if (path === "/tls") {
    await answer("200 OK").end(`${
      JSON.stringify({
        tlsVersion: writer.getExtraInfo("tlsVersion"),
        cipher: writer.getExtraInfo("cipher")?.name,
        alpnProtocol: writer.getExtraInfo("alpnProtocol"),
      })
    }\n`);
  } else if (bytes !== null) {
    const sending = answer("200 OK");
    for (let left = Number(bytes[1]); left > 0; left -= BLOCK.length) {
      await sending.write(BLOCK.subarray(0, left));
    }
    await sending.end();
  } else {
    await answer("404 Not Found").end(`There is no ${path}\n`);
  }
  return keepAlive;
}

async function serve(reader: StreamReader, writer: StreamWriter): Promise<void> {
  await using _closedAtTheEnd = writer;
  try {
    for (let request; (request = await readHead(reader)) !== null;) {
      if (!await respond(request, reader, writer)) return;
    }
  } catch (error) {
    // A client may hang up at any time.
    if (reader.exception() !== null || writer.isClosing()) return;
    if (!(error instanceof Refused)) throw error;
    writer.write(
      encode(`HTTP/1.1 ${error.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`),
    );
  }
}

if (import.meta.main) {
  const [certFile = "cert.pem", keyFile = "key.pem", port = "8443", hostname = "127.0.0.1"] =
    Deno.args;
  const tls = createTlsContext({
    cert: await Deno.readTextFile(certFile),
    key: await Deno.readTextFile(keyFile),
    alpnProtocols: ["http/1.1"],
  });
  try {
    await run(async () => {
      const server = await startServer(serve, {
        hostname,
        port: Number(port),
        tls,
        limit: MAX_HEAD,
        tlsHandshakeTimeoutMs: 10_000,
      });
      const { addr } = server.sockets[0] as { addr: Deno.NetAddr };
      console.log(`serving on https://${addr.hostname}:${addr.port}`);
      await server.serveForever();
    });
  } catch (error) {
    if (!(error instanceof KeyboardInterrupt)) throw error;
    console.log("interrupted, closed");
  }
}
