/**
 * subprocess.
 *
 * @module
 */

export {};
