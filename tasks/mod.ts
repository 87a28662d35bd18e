/**
 * tasks.
 *
 * @module
 */

export {};
