/**
 * The cipher list of a TLS context.
 *
 * Deno's TLS engine (rustls) has nine suites and takes no list: `node:tls`
 * accepts `ciphers` and ignores it. A restriction that is silently not kept is
 * worse than none, so the list is read here, and a handshake that ends with a
 * suite outside of it fails.
 *
 * @module
 */

/** A suite of the engine, and the names of OpenSSL that select it. */
interface Suite {
  readonly name: string;
  readonly tags: ReadonlySet<string>;
}

/** The suites of TLS 1.3. */
const SUITES_1_3: readonly Suite[] = [
  { name: "TLS_AES_256_GCM_SHA384", tags: new Set(["TLS_AES_256_GCM_SHA384"]) },
  { name: "TLS_AES_128_GCM_SHA256", tags: new Set(["TLS_AES_128_GCM_SHA256"]) },
  { name: "TLS_CHACHA20_POLY1305_SHA256", tags: new Set(["TLS_CHACHA20_POLY1305_SHA256"]) },
];

// `SHA256` and `SHA384` are missing on purpose: in OpenSSL they mean the MAC,
// and these suites have none of their own.
const COMMON = "ALL DEFAULT HIGH TLSv1.2 ECDHE EECDH kECDHE kEECDH";
const ECDSA = "aECDSA ECDSA";
const AES256 = "AES AES256 AESGCM";
const AES128 = "AES AES128 AESGCM";
const CHACHA = "CHACHA20";

/** The suites of TLS 1.2. */
const SUITES_1_2: readonly Suite[] = [
  suite("ECDHE-ECDSA-AES256-GCM-SHA384", ECDSA, AES256),
  suite("ECDHE-ECDSA-AES128-GCM-SHA256", ECDSA, AES128),
  suite("ECDHE-ECDSA-CHACHA20-POLY1305", ECDSA, CHACHA),
  suite("ECDHE-RSA-AES256-GCM-SHA384", "aRSA", AES256),
  suite("ECDHE-RSA-AES128-GCM-SHA256", "aRSA", AES128),
  suite("ECDHE-RSA-CHACHA20-POLY1305", "aRSA", CHACHA),
];

function suite(name: string, ...tags: string[]): Suite {
  return { name, tags: new Set([name, COMMON, ...tags].join(" ").split(" ")) };
}

/** What a cipher list leaves of the engine's suites. */
export interface CipherChoice {
  /** The OpenSSL names of the suites that are left. */
  readonly allowed: ReadonlySet<string>;
  /** Whether one of TLS 1.2 is among them. */
  readonly tls12: boolean;
  /** Whether one of TLS 1.3 is among them. */
  readonly tls13: boolean;
}

/**
 * Reads a cipher list in OpenSSL's notation.
 *
 * Grammar: elements separated by `:`, `,` or a space; an element is names
 * joined by `+` (all must fit), after `!` (never), `-` (not, unless added
 * later) or `+` (order, which the engine does not know); `@…` sets a policy
 * the engine does not know. As in Node, names that start with `TLS_` select
 * suites of TLS 1.3: without one all of them stay, with nothing else TLS 1.2
 * is out.
 *
 * @throws {RangeError} when the list is malformed, or when its part for a
 * version names no suite of the engine (which catches most typing errors).
 */
export function chooseCiphers(list: string): CipherChoice {
  const chosen = new Set<string>();
  const banned = new Set<string>();
  let for12 = false;
  let for13 = false;
  for (const element of list.split(/[:, ]+/)) {
    const body = element.replace(/@[A-Z]+(=\d+)?$/, "");
    if (body === "") continue;
    const parts = /^([!+-]?)([\w.-]+(?:\+[\w.-]+)*)$/.exec(body);
    if (parts === null) {
      throw new RangeError(
        `Cannot create TLS context: ciphers "${list}" has an element ${JSON.stringify(element)}`,
      );
    }
    const sign = parts[1];
    const tags = (parts[2] as string).split("+");
    const isFor13 = tags[0]?.startsWith("TLS_") === true;
    if (sign === "" && isFor13) for13 = true;
    else if (sign === "") for12 = true;
    for (const { name, tags: has } of isFor13 ? SUITES_1_3 : SUITES_1_2) {
      if (!tags.every((tag) => has.has(tag))) continue;
      if (sign === "") chosen.add(name);
      else if (sign !== "+") chosen.delete(name);
      if (sign === "!") banned.add(name);
    }
  }
  if (!for13) { for (const { name } of SUITES_1_3) chosen.add(name); }
  const allowed = chosen.difference(banned);
  const tls12 = SUITES_1_2.some(({ name }) => allowed.has(name));
  const tls13 = SUITES_1_3.some(({ name }) => allowed.has(name));
  if ((for12 && !tls12) || (for13 && !tls13) || !(tls12 || for13)) {
    const known = [...SUITES_1_3, ...SUITES_1_2].map(({ name }) => name).join(", ");
    throw new RangeError(
      `Cannot create TLS context: ciphers "${list}" selects none of the suites there are: ${known}`,
    );
  }
  return { allowed, tls12, tls13 };
}
