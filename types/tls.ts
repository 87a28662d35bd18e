/** Options of `createTlsContext`. PEM texts may hold several certificates. */
export interface TlsContextOptions {
  /** Certificate chain, PEM. */
  cert?: string;
  /** Private key of `cert`, PEM. */
  key?: string;
  /** Passphrase of `key`. */
  passphrase?: string;
  /** Authorities to trust instead of the system's, PEM. */
  caCerts?: string | readonly string[];
  /** Protocols to offer, in order of preference. */
  alpnProtocols?: readonly string[];
  /** Server: ask the client for a certificate. @default {false} */
  requestCert?: boolean;
  /** Refuse a peer whose certificate cannot be verified. @default {true} */
  rejectUnauthorized?: boolean;
  /** Lowest protocol version. @default {"TLSv1.2"} */
  minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Highest protocol version. @default {"TLSv1.3"} */
  maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** Cipher suites in OpenSSL's notation. */
  ciphers?: string;
  /** Server: the context for a server name, or `undefined` for this one. */
  sniCallback?: (serverName: string) => TlsContext | undefined;
}

/** Certificates and rules for TLS connections; made by `createTlsContext`. */
export interface TlsContext {
  /** What it was made from. */
  readonly options: Readonly<TlsContextOptions>;
}
