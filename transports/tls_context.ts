import type { SecureContext } from "node:tls";
import type { TlsContext, TlsContextOptions } from "../types/tls.ts";
import { chooseCiphers } from "./_tls_ciphers.ts";
import { nodeCrypto, nodeTls } from "./_node_tls.ts";

/** Version of TLS, as the options name it. */
type Version = "TLSv1.2" | "TLSv1.3";

/** What the engine takes from a context, checked and in `node:tls`'s shape. */
export interface TlsMaterial {
  /** Options of `tls.createSecureContext`. */
  readonly secure: {
    readonly cert?: string;
    readonly key?: string;
    readonly ca?: string[];
    readonly minVersion: Version;
    readonly maxVersion: Version;
  };
  /** The same, read once; a handshake shares it. */
  readonly secureContext: SecureContext;
  /** OpenSSL's names of the suites a connection may end up with; `null` for any. */
  readonly allowedCiphers: ReadonlySet<string> | null;
  /** The options the context was made from. */
  readonly options: Readonly<TlsContextOptions>;
}

const materials = new WeakMap<TlsContext, TlsMaterial>();
const VERSIONS: readonly Version[] = ["TLSv1.2", "TLSv1.3"];
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const PRIVATE_KEY =
  /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----[\s\S]*?-----END ([A-Z]+ )*PRIVATE KEY-----/g;
const CURVES = new Set(["prime256v1", "secp384r1", "secp521r1"]);

/**
 * Makes a TLS context: certificates and rules that any number of connections,
 * of either side, can share. Everything is read and checked here, so that a
 * mistake shows at the start of a program and not at its first connection.
 * Loads `node:tls` (30 ms, once). No permission is needed.
 *
 * - A server needs `cert` and `key`, or an `sniCallback` that gives a context
 *   with both. A client needs them where the server asks for a certificate.
 * - `requestCert` with `rejectUnauthorized` (the default) requires a
 *   certificate of each client, signed by one of `caCerts`. With
 *   `rejectUnauthorized: false` a client may have none, or any;
 *   `getExtraInfo("authorized")` tells.
 * - The context an `sniCallback` gives replaces certificate, key, authorities
 *   and versions; `requestCert`, `rejectUnauthorized` and `alpnProtocols` stay
 *   those of the first.
 * - The engine chooses the cipher suite itself. Where it agrees with the peer
 *   on one that `ciphers` does not select, the handshake fails.
 *
 * ```ts
 * import { createTlsContext } from "@deno-asyncio/asyncio/transports";
 *
 * const context = createTlsContext({ alpnProtocols: ["h2", "http/1.1"], minVersion: "TLSv1.3" });
 * console.log(context.options.alpnProtocols);
 * ```
 *
 * @throws {TypeError} for an option of the wrong shape: no PEM, a wrong
 * passphrase, a key that does not belong to the certificate.
 * @throws {RangeError} for a value out of its range: an unknown version, an
 * ALPN name that is empty or longer than 255 bytes, ciphers that leave nothing.
 */
export function createTlsContext(options: TlsContextOptions = {}): TlsContext {
  if (typeof options !== "object" || options === null) {
    throw wrong(`options must be an object: current value is ${String(options)}`);
  }
  const given = Object.freeze({ ...options });
  for (const name of ["requestCert", "rejectUnauthorized"] as const) {
    checkType(name, given[name], "boolean");
  }
  checkType("sniCallback", given.sniCallback, "function");
  checkAlpn(given.alpnProtocols);
  const { minVersion, maxVersion, allowedCiphers } = checkVersions(given);
  const ca = checkAuthorities(given);
  const secure = {
    ...checkKeyPair(given),
    ...(ca === undefined ? {} : { ca }),
    minVersion,
    maxVersion,
  };
  let secureContext: SecureContext;
  try {
    secureContext = nodeTls().createSecureContext(secure);
  } catch (error) {
    // What is left: a key the security level forbids.
    throw new RangeError(`Cannot create TLS context: key: ${messageOf(error)}`, { cause: error });
  }
  const context: TlsContext = Object.freeze({ options: given });
  materials.set(context, { secure, secureContext, allowedCiphers, options: given });
  return context;
}

let clientContext: TlsContext | undefined;

/**
 * The context that `tls: true` stands for: trusts the system's authorities, as
 * Deno does (`DENO_TLS_CA_STORE`), and verifies certificate and name.
 */
export function defaultClientContext(): TlsContext {
  return clientContext ??= createTlsContext();
}

/** Whether `value` was made by {@linkcode createTlsContext}. */
export function isTlsContext(value: unknown): value is TlsContext {
  return materials.has(value as TlsContext);
}

/**
 * What the engine needs of a context. For the TLS channel only.
 *
 * @throws {TypeError} when `context` was not made by {@linkcode createTlsContext}.
 */
export function tlsMaterial(context: TlsContext): TlsMaterial {
  const material = materials.get(context);
  if (material === undefined) {
    throw new TypeError(
      "Cannot use TLS context: it was not made by createTlsContext()",
    );
  }
  return material;
}

function checkVersions(
  { minVersion = "TLSv1.2", maxVersion = "TLSv1.3", ciphers }: TlsContextOptions,
): Pick<TlsMaterial["secure"], "minVersion" | "maxVersion"> & Pick<TlsMaterial, "allowedCiphers"> {
  for (const [name, version] of Object.entries({ minVersion, maxVersion })) {
    if (!VERSIONS.includes(version)) {
      throw out(`${name} must be one of ${VERSIONS.join(", ")}: current value is ${version}`);
    }
  }
  if (minVersion > maxVersion) {
    throw out(`minVersion ${minVersion} is above maxVersion ${maxVersion}`);
  }
  checkType("ciphers", ciphers, "string");
  if (ciphers === undefined) return { minVersion, maxVersion, allowedCiphers: null };
  const { allowed, tls12, tls13 } = chooseCiphers(ciphers);
  const left = VERSIONS.filter((version) =>
    version >= minVersion && version <= maxVersion && (version === "TLSv1.2" ? tls12 : tls13)
  );
  const [lowest, highest = lowest] = left;
  if (lowest === undefined || highest === undefined) {
    throw out(
      `ciphers "${ciphers}" leaves no suite for the versions ${minVersion} to ${maxVersion}`,
    );
  }
  return { minVersion: lowest, maxVersion: highest, allowedCiphers: allowed };
}

function checkAlpn(names: readonly string[] | undefined): void {
  if (names === undefined) return;
  if (!Array.isArray(names)) throw wrong("alpnProtocols must be an array of strings");
  let total = 0;
  for (const name of names) {
    if (typeof name !== "string") {
      throw wrong(`alpnProtocols must hold strings: current value is ${String(name)}`);
    }
    // RFC 7301: each name is 1 to 255 bytes, all of them with their lengths 65535.
    const bytes = new TextEncoder().encode(name).length;
    total += bytes + 1;
    if (bytes === 0) throw out("alpnProtocols holds an empty name");
    if (bytes > 255 || total > 65535) {
      throw out(`alpnProtocols: "${name.slice(0, 20)}…" makes it too long (255 bytes a name)`);
    }
  }
}

function checkAuthorities(
  { caCerts, requestCert, rejectUnauthorized }: TlsContextOptions,
): string[] | undefined {
  if (caCerts === undefined) {
    // A server trusts the system's authorities for nobody: without `caCerts`
    // it would refuse every client.
    if (requestCert === true && rejectUnauthorized !== false) {
      throw wrong("requestCert needs caCerts to verify the certificates with");
    }
    return undefined;
  }
  const list: unknown[] = Array.isArray(caCerts) ? caCerts : [caCerts];
  if (list.length === 0) {
    throw out("caCerts is empty: leave it out to trust the system's authorities");
  }
  return list.flatMap((pem, index) => {
    const name = Array.isArray(caCerts) ? `caCerts[${index}]` : "caCerts";
    checkType(name, pem, "string");
    return readCertificates(name, pem as string);
  });
}

/** The certificates in a PEM text, each of them parsed once. */
function readCertificates(name: string, pem: string): string[] {
  const blocks = pem.match(CERTIFICATE);
  if (blocks === null) throw wrong(`${name} holds no PEM certificate`);
  for (const [index, block] of blocks.entries()) {
    try {
      new (nodeCrypto().X509Certificate)(block);
    } catch (error) {
      throw wrong(
        `${name}: certificate ${index + 1} of ${blocks.length} is broken: ${messageOf(error)}`,
        error,
      );
    }
  }
  return blocks;
}

function checkKeyPair(
  { cert, key, passphrase }: TlsContextOptions,
): { cert: string; key: string } | Record<never, never> {
  checkType("cert", cert, "string");
  checkType("key", key, "string");
  checkType("passphrase", passphrase, "string");
  if (cert === undefined && key === undefined) {
    if (passphrase !== undefined) throw wrong("passphrase needs key");
    return {};
  }
  if (key === undefined) throw wrong("cert needs key");
  if (cert === undefined) throw wrong("key needs cert");
  const [leaf] = readCertificates("cert", cert);
  const blocks = key.match(PRIVATE_KEY);
  if (blocks === null) throw wrong("key holds no PEM private key");
  if (blocks.length > 1) throw wrong(`key holds ${blocks.length} private keys: give one`);
  const [block] = blocks as [string];
  const encrypted = /ENCRYPTED/.test(block);
  if (encrypted && passphrase === undefined) throw wrong("key is encrypted: it needs passphrase");
  const { createPrivateKey, X509Certificate } = nodeCrypto();
  let parsed: ReturnType<typeof createPrivateKey>;
  try {
    parsed = createPrivateKey({ key: block, ...(encrypted && { passphrase }) });
  } catch (error) {
    const fault = encrypted ? "passphrase does not open key" : "key is broken";
    throw wrong(`${fault}: ${messageOf(error)}`, error);
  }
  const type = parsed.asymmetricKeyType;
  const curve = parsed.asymmetricKeyDetails?.namedCurve ?? "";
  if (type !== "rsa" && type !== "ed25519" && !(type === "ec" && CURVES.has(curve))) {
    throw out(
      `key of type ${type} ${curve} is not supported: use RSA, Ed25519, or EC on P-256, P-384 or P-521`,
    );
  }
  if (!new X509Certificate(leaf as string).checkPrivateKey(parsed)) {
    throw wrong("key does not belong to cert (the first certificate in it)");
  }
  // The engine reads no encrypted keys.
  const plain = encrypted ? parsed.export({ format: "pem", type: "pkcs8" }) as string : block;
  return { cert, key: plain };
}

function checkType(name: string, value: unknown, type: string): void {
  if (value !== undefined && typeof value !== type) {
    throw wrong(`${name} must be a ${type}: current value is of type ${typeof value}`);
  }
}

function wrong(what: string, cause?: unknown): TypeError {
  const message = `Cannot create TLS context: ${what}`;
  return cause === undefined ? new TypeError(message) : new TypeError(message, { cause });
}

function out(what: string): RangeError {
  return new RangeError(`Cannot create TLS context: ${what}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
