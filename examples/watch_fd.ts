#!/usr/bin/env -S deno run --allow-ffi
// deno-lint-ignore-file no-console
/**
 * Watches a file descriptor for read events: the example of asyncio's own
 * documentation ("Event Loop", "Watch a file descriptor for read events").
 *
 *   deno run --allow-ffi examples/watch_fd.ts
 */
import { newEventLoop, socketpair } from "../mod.ts";

// Create a pair of connected file descriptors
const [rsock, wsock] = socketpair();

const loop = newEventLoop();

function reader(): void {
  const data = rsock.recv(100);
  console.log("Received:", new TextDecoder().decode(data));

  // We are done: unregister the file descriptor
  loop.removeReader(rsock);

  // Stop the event loop
  loop.stop();
}

// Register the file descriptor for read event
loop.addReader(rsock, reader);

// Simulate the reception of data from the network
loop.callSoon(wsock.send, new TextEncoder().encode("abc"));

try {
  // Run the event loop
  await loop.runForever();
} finally {
  // We are done. Close sockets and the event loop.
  rsock.close();
  wsock.close();
  loop.close();
}
