import { chooseCiphers } from "../../transports/_tls_ciphers.ts";
import {
  createTlsContext,
  defaultClientContext,
  isTlsContext,
  tlsMaterial,
} from "../../transports/tls_context.ts";
import type { TlsContextOptions } from "../../types.ts";
import {
  assert,
  assertEquals,
  assertFalse,
  assertStrictEquals,
  assertThrows,
} from "../support/assert.ts";
import { peerTest } from "../support/peers.ts";
import { runDeno } from "../support/process.ts";
import {
  clientContext,
  closeBoth,
  handshakeOver,
  memoryPair,
  pem,
  serverContext,
} from "./tls_support.ts";

const [cert, key] = [pem("server.pem"), pem("server.key")];

/** Fills an alternative PEM block. */
function block(label: string, body: string): string {
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

type Refusal = [typeof TypeError | typeof RangeError, string, object];

const REFUSALS: Refusal[] = [
  [TypeError, "cert must be a string", { cert: new Uint8Array(3), key }],
  [TypeError, "cert holds no PEM certificate", { cert: "server.pem", key }],
  [TypeError, "cert: certificate 1 of 1 is broken", { cert: block("CERTIFICATE", "AAAA"), key }],
  [TypeError, "cert: certificate 2 of 2 is broken", {
    cert: cert + block("CERTIFICATE", "AAAA"),
    key,
  }],
  [TypeError, "cert needs key", { cert }],
  [TypeError, "key needs cert", { key }],
  [TypeError, "key must be a string", { cert, key: 5 }],
  [TypeError, "key holds no PEM private key", { cert, key: cert }],
  [TypeError, "key holds 2 private keys", { cert, key: key + key }],
  [TypeError, "key is broken", { cert, key: block("PRIVATE KEY", "AAAA") }],
  [TypeError, "key does not belong to cert", { cert, key: pem("client.key") }],
  [TypeError, "key does not belong to cert", { cert: pem("ca.pem") + cert, key }],
  [TypeError, "key is encrypted: it needs passphrase", { cert, key: pem("server_encrypted.key") }],
  [TypeError, "passphrase does not open key", {
    cert,
    key: pem("server_encrypted.key"),
    passphrase: "guess",
  }],
  [TypeError, "passphrase does not open key", {
    cert: pem("rsa.pem"),
    key: pem("rsa_encrypted.key"),
    passphrase: "guess",
  }],
  [TypeError, "passphrase must be a string", { cert, key, passphrase: 7 }],
  [TypeError, "passphrase needs key", { passphrase: "secret" }],
  [TypeError, "caCerts must be a string", { caCerts: 5 }],
  [TypeError, "caCerts holds no PEM certificate", { caCerts: "" }],
  [TypeError, "caCerts[1] holds no PEM certificate", { caCerts: [cert, key] }],
  [TypeError, "caCerts[0] must be a string", { caCerts: [null] }],
  [RangeError, "caCerts is empty", { caCerts: [] }],
  [TypeError, "requestCert needs caCerts", { cert, key, requestCert: true }],
  [TypeError, "requestCert must be a boolean", { requestCert: "yes" }],
  [TypeError, "rejectUnauthorized must be a boolean", { rejectUnauthorized: 0 }],
  [TypeError, "sniCallback must be a function", { sniCallback: {} }],
  [TypeError, "alpnProtocols must be an array", { alpnProtocols: "h2" }],
  [TypeError, "alpnProtocols must hold strings", { alpnProtocols: [2] }],
  [RangeError, "alpnProtocols holds an empty name", { alpnProtocols: ["h2", ""] }],
  [RangeError, "alpnProtocols", { alpnProtocols: ["x".repeat(256)] }],
  [RangeError, "alpnProtocols", { alpnProtocols: ["é".repeat(128)] }],
  [RangeError, "alpnProtocols", { alpnProtocols: new Array(257).fill("x".repeat(255)) }],
  [RangeError, "minVersion must be one of TLSv1.2, TLSv1.3", { minVersion: "TLSv1.1" }],
  [RangeError, "maxVersion must be one of", { maxVersion: "1.3" }],
  [RangeError, "minVersion TLSv1.3 is above maxVersion TLSv1.2", {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.2",
  }],
  [TypeError, "ciphers must be a string", { ciphers: ["DEFAULT"] }],
  [RangeError, "ciphers", { ciphers: "ECHDE-RSA-AES128-GCM-SHA256" }],
  [RangeError, "ciphers", { ciphers: "TLS_AES_128_GCM_SHA256", maxVersion: "TLSv1.2" }],
  [RangeError, "ciphers", {
    ciphers:
      "DEFAULT:!TLS_AES_256_GCM_SHA384:!TLS_AES_128_GCM_SHA256:!TLS_CHACHA20_POLY1305_SHA256",
    minVersion: "TLSv1.3",
  }],
];

for (const [Class, message, options] of REFUSALS) {
  const names = Object.keys(options).join(" and ");
  Deno.test(`createTlsContext() refuses ${names}: ${message}`, () => {
    const error = assertThrows(() => createTlsContext(options as TlsContextOptions), Class);
    assert(error.message.startsWith(`Cannot create TLS context: ${message}`), error.message);
    // A secret has no place in a log.
    assertFalse(/guess|PRIVATE/.test(error.message), error.message);
  });
}

Deno.test("createTlsContext() refuses options that are no object", () => {
  for (const options of [null, "ca.pem", 5]) {
    assertThrows(() => createTlsContext(options as TlsContextOptions), TypeError, "options");
  }
});

peerTest("createTlsContext() refuses keys the engine cannot use", ["openssl"], async () => {
  const cases: [string[], string][] = [
    [["-newkey", "rsa:1024"], "key: "],
    [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "key of type ec secp256k1"],
  ];
  for (const [options, message] of cases) {
    const { stdout } = await new Deno.Command("openssl", {
      args: [..."req -x509 -nodes -subj /CN=x -keyout - -out -".split(" "), ...options],
      stderr: "null",
    }).output();
    const both = new TextDecoder().decode(stdout);
    assertThrows(() => createTlsContext({ cert: both, key: both }), RangeError, message);
  }
});

Deno.test("createTlsContext() keeps a copy of its options", () => {
  const options: TlsContextOptions = { alpnProtocols: ["h2"], minVersion: "TLSv1.3" };
  const context = createTlsContext(options);
  options.minVersion = "TLSv1.2";
  assertEquals(context.options, { alpnProtocols: ["h2"], minVersion: "TLSv1.3" });
  assert(Object.isFrozen(context.options));
});

Deno.test("createTlsContext() opens encrypted keys of both kinds, and takes one file for all", async () => {
  const passphrase = "secret";
  const all = pem("server.key") + "\n" + pem("server.pem") + pem("ca.pem");
  for (
    const context of [
      createTlsContext({ cert, key: pem("server_encrypted.key"), passphrase }),
      createTlsContext({ cert: pem("rsa.pem"), key: pem("rsa_encrypted.key"), passphrase }),
      createTlsContext({ cert: all, key: all }),
      // As in OpenSSL, a passphrase nobody needs is no fault.
      createTlsContext({ cert, key, passphrase }),
    ]
  ) {
    await closeBoth(...await handshakeOver(memoryPair(), { server: { context } }));
  }
});

Deno.test("createTlsContext() trusts each of several authorities", async () => {
  const both = [pem("other_ca.pem"), pem("ca.pem")];
  for (const caCerts of [both, both.join("\n")]) {
    for (const name of ["server", "other"]) {
      await closeBoth(
        ...await handshakeOver(memoryPair(), {
          client: { context: createTlsContext({ caCerts }) },
          server: { context: serverContext({}, name) },
        }),
      );
    }
  }
});

Deno.test("createTlsContext() holds a connection to minVersion and maxVersion", async () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const context = clientContext({ minVersion: version, maxVersion: version });
    const ends = await handshakeOver(memoryPair(), { client: { context } });
    assertEquals(ends[1].getExtraInfo("tlsVersion"), version);
    await closeBoth(...ends);
  }
});

Deno.test("createTlsContext() restricts the versions to those with a suite in ciphers", async () => {
  // As in Node: with names of TLS 1.3 alone, nothing is left of TLS 1.2.
  const suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
  assertEquals(tlsMaterial(createTlsContext({ ciphers: suites })).secure, {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
  });
  const context = clientContext({ ciphers: "ECDHE+AESGCM", maxVersion: "TLSv1.2" });
  const ends = await handshakeOver(memoryPair(), { client: { context } });
  assertEquals(
    (ends[0].getExtraInfo("cipher") as { name: string }).name,
    "ECDHE-ECDSA-AES256-GCM-SHA384",
  );
  await closeBoth(...ends);
});

Deno.test("chooseCiphers() reads OpenSSL's notation", () => {
  const ecdsa = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
  ];
  const rsa = [
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ];
  const cases: [list: string, tls12: string[]][] = [
    ["DEFAULT", [...ecdsa, ...rsa]],
    ["HIGH:!aNULL:!MD5:@STRENGTH", [...ecdsa, ...rsa]],
    ["DEFAULT@SECLEVEL=1", [...ecdsa, ...rsa]],
    ["ALL !aRSA", ecdsa],
    ["aECDSA,aRSA+CHACHA20", [...ecdsa, "ECDHE-RSA-CHACHA20-POLY1305"]],
    ["ECDHE+AES128:-ECDSA:ECDHE-ECDSA-AES256-GCM-SHA384", [
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-RSA-AES128-GCM-SHA256",
    ]],
    // Banned for good, and a name of a suite this engine does not have.
    ["!ECDSA:ALL:+AES128:AES128-SHA", rsa],
    // The MAC of these suites is not SHA-256.
    ["ALL:!SHA256:!SHA384", [...ecdsa, ...rsa]],
  ];
  for (const [list, expected] of cases) {
    const { allowed, tls13 } = chooseCiphers(list);
    const tls12 = [...allowed].filter((name) => !name.startsWith("TLS_"));
    assertEquals(tls12.sort(), expected.sort(), list);
    // Nothing was said about TLS 1.3.
    assert(tls13 && allowed.size === expected.length + 3, list);
  }
  for (
    const list of ["", "!aNULL", "aNULL", "a/b", "DEFAULT:a;b", "TLS_NULL_SHA256", "ALL:!ECDHE"]
  ) {
    assertThrows(() => chooseCiphers(list), RangeError, `ciphers "${list}"`);
  }
});

Deno.test("defaultClientContext() is one context that verifies", () => {
  const context = defaultClientContext();
  assertStrictEquals(defaultClientContext(), context);
  assertEquals(context.options, {});
});

Deno.test("isTlsContext() knows what createTlsContext() made", () => {
  assert(isTlsContext(createTlsContext()));
  for (const value of [{ options: {} }, null, undefined, true, "context"]) {
    assertFalse(isTlsContext(value));
  }
});

Deno.test("importing TLS loads none of it, and making a context needs no permission", async () => {
  const { code, stdout, stderr } = await runDeno(`
    import "./transports/tls_channel.ts";
    import { createTlsContext } from "./transports/tls_context.ts";
    const { getBuiltinModule } = globalThis.process;
    const loaded: string[] = [];
    globalThis.process.getBuiltinModule = ((name: string) => {
      loaded.push(name);
      return getBuiltinModule(name);
    }) as typeof getBuiltinModule;
    console.log(loaded.length);
    createTlsContext();
    console.log(loaded.join());
  `);
  assertEquals([code, stdout, stderr], [0, "0\nnode:tls\n", ""]);
});
