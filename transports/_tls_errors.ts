import type { TlsRole } from "./_tls_options.ts";

/** What the codes of `node:tls` mean for the person who reads them. */
const EXPLANATIONS: Readonly<Record<string, (role: TlsRole) => string>> = {
  CERT_HAS_EXPIRED: () => "the peer's certificate has expired",
  CERT_NOT_YET_VALID: () => "the peer's certificate is not valid yet",
  CERT_REVOKED: () => "the peer's certificate was revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  // node:tls calls an expired certificate so, too (Deno 2.9).
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: () => `${untrusted()}, or it is out of its time`,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ serverHostname }) =>
    `the peer's certificate is not for "${serverHostname}"`,
  ERR_SSL_WRONG_VERSION_NUMBER: () => "the peer does not speak TLS",
  ERR_SSL_NO_APPLICATION_PROTOCOL: ({ material }) =>
    `the client offers none of our ALPN protocols ${material.options.alpnProtocols?.join(", ")}`,
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: () => "the client has no certificate",
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: () => "there is no certificate for the client",
};

function untrusted(): string {
  return "no trusted authority (caCerts) signed the peer's certificate";
}

/** The error of a handshake that the engine, or a rule of ours, ended. */
export function handshakeError(cause: unknown, role: TlsRole): Error {
  const { text, code } = read(cause);
  const explanation = EXPLANATIONS[code]?.(role);
  const reason = explanation === undefined ? text : `${explanation} [${text}]`;
  return invalid(`TLS handshake with ${peer(role)} failed: ${reason}`, code, cause);
}

/** The error of a handshake in which the peer hung up, perhaps because it could not be written to. */
export function hungUpError(role: TlsRole, cause: unknown): Error {
  return new Deno.errors.ConnectionReset(
    `TLS handshake with ${peer(role)} failed: the peer closed the connection`,
    cause === null ? {} : { cause },
  );
}

/** The error of a handshake that ended with a suite the context does not allow. */
export function cipherError(role: TlsRole, suite: string): Error {
  return new Deno.errors.InvalidData(
    `TLS handshake with ${
      peer(role)
    } failed: it ended with the cipher suite ${suite}, which ciphers does not select`,
  );
}

function peer({ serverSide, serverHostname }: TlsRole): string {
  if (serverSide) return "client";
  return serverHostname === "" ? "server" : `server "${serverHostname}"`;
}

/** The error of an established connection on which the peer sent garbage, or a fatal alert. */
export function brokenError(cause: unknown): Error {
  const { text, code } = read(cause);
  return invalid(`TLS connection broke: ${text}`, code, cause);
}

/** The end of the connection came without the peer's goodbye. */
export function truncatedError(): Error {
  return new Deno.errors.UnexpectedEof(
    "TLS connection ended without close_notify: the peer, or somebody on the way, cut it, and data may be missing",
  );
}

/** We closed the channel ourselves. */
export function closedError(what: string): Error {
  return new Deno.errors.Interrupted(`Cannot ${what}: the TLS channel was closed`);
}

/** `node:tls` puts what happened in `message` and a name for it in `code`. */
function read(cause: unknown): { text: string; code: string } {
  if (!(cause instanceof Error)) return { text: String(cause), code: "" };
  const code = (cause as { code?: unknown }).code;
  return { text: cause.message, code: typeof code === "string" ? code : "" };
}

/** As `Deno.TlsConn` does it; `code` is kept, because programs branch on it. */
function invalid(message: string, code: string, cause: unknown): Error {
  const error = new Deno.errors.InvalidData(message, { cause });
  return code === "" ? error : Object.assign(error, { code });
}
