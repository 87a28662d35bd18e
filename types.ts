/**
 * Contracts: what loops, transports, protocols and the platform below promise
 * each other. Types only, no code.
 *
 * @module
 */

export type * from "./types/io.ts";
export type * from "./types/loop.ts";
export type * from "./types/options.ts";
export type * from "./types/protocols.ts";
export type * from "./types/server.ts";
export type * from "./types/tls.ts";
export type * from "./types/transports.ts";
