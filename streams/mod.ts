/**
 * streams.
 *
 * @module
 */

export {};
