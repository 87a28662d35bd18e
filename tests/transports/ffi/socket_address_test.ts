import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "../../../transports/ffi/constants.ts";
import {
  decodeAddress,
  encodeAddress,
  isHostNumber,
} from "../../../transports/ffi/socket_address.ts";
import { assert, assertEquals, assertFalse, assertThrows } from "../../support/assert.ts";

function roundTrip(hostname: string, family: number): Deno.Addr | null {
  const { bytes, length } = encodeAddress({ hostname, port: 8080 }, family, "test");
  return decodeAddress(bytes, length, SOCK_STREAM);
}

Deno.test("encodeAddress() lays out sockaddr_in as the headers do", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const { bytes, length } = encodeAddress({ hostname: "192.0.2.7", port: 0x1234 }, AF_INET, "test");
  assertEquals(length, 16);
  assertEquals([...bytes.subarray(0, 16)], [
    ...[2, 0, 0x12, 0x34, 192, 0, 2, 7],
    ...[0, 0, 0, 0, 0, 0, 0, 0],
  ]);
});

Deno.test("encodeAddress() lays out sockaddr_in6 as the headers do", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const { bytes, length } = encodeAddress(
    { hostname: "2001:db8::7%9", port: 0x1234 },
    AF_INET6,
    "test",
  );
  assertEquals(length, 28);
  assertEquals([...bytes.subarray(0, 28)], [
    ...[10, 0, 0x12, 0x34, 0, 0, 0, 0],
    ...[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
    ...[9, 0, 0, 0],
  ]);
});

Deno.test("encodeAddress() and decodeAddress() agree on IP addresses", () => {
  const cases: [string, number, string][] = [
    ["127.0.0.1", AF_INET, "127.0.0.1"],
    ["", AF_INET, "0.0.0.0"],
    ["localhost", AF_INET, "127.0.0.1"],
    ["localhost", AF_INET6, "::1"],
    ["", AF_INET6, "::"],
    ["[::1]", AF_INET6, "::1"],
    ["2001:DB8:0:0:1:0:0:1", AF_INET6, "2001:db8::1:0:0:1"],
    ["1:2:3:4:5:6:7:8", AF_INET6, "1:2:3:4:5:6:7:8"],
    ["1:0:3:4:5:6:7:8", AF_INET6, "1:0:3:4:5:6:7:8"],
    ["::ffff:192.0.2.1", AF_INET6, "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", AF_INET6, "64:ff9b::c000:221"],
    ["1::", AF_INET6, "1::"],
    ["fe80::1%3", AF_INET6, "fe80::1%3"],
  ];
  for (const [given, family, expected] of cases) {
    assertEquals(roundTrip(given, family), {
      transport: "tcp",
      hostname: expected,
      port: 8080,
    });
  }
});

Deno.test("encodeAddress() finds the index of a zone by name", {
  ignore: Deno.build.os !== "linux",
}, () => {
  assertEquals(roundTrip("fe80::1%lo", AF_INET6), {
    transport: "tcp",
    hostname: "fe80::1%1",
    port: 8080,
  });
  assertThrows(() => roundTrip("fe80::1%nosuch0", AF_INET6), TypeError, "nosuch0");
});

Deno.test("encodeAddress() and decodeAddress() agree on unix sockets", () => {
  for (const path of ["/tmp/a b.sock", "ä", "\0abstract", "\0with\0nul"]) {
    if (path.startsWith("\0") && Deno.build.os !== "linux") continue;
    const { bytes, length } = encodeAddress({ path }, AF_UNIX, "test");
    assertEquals(decodeAddress(bytes, length, SOCK_STREAM), { transport: "unix", path });
    assertEquals(decodeAddress(bytes, length, SOCK_DGRAM), { transport: "unixpacket", path });
  }
});

Deno.test("decodeAddress() gives an unnamed unix socket an empty path", () => {
  const { bytes } = encodeAddress({ path: "x" }, AF_UNIX, "test");
  assertEquals(decodeAddress(bytes, 2, SOCK_STREAM), { transport: "unix", path: "" });
  assertEquals(decodeAddress(bytes, 0, SOCK_STREAM), null);
});

Deno.test("encodeAddress() refuses what is no address of the family", () => {
  const bad: [unknown, number, new (message: string) => Error, string][] = [
    [{ hostname: "example.com", port: 1 }, AF_INET, TypeError, "example.com"],
    [{ hostname: "256.0.0.1", port: 1 }, AF_INET, TypeError, "256.0.0.1"],
    [{ hostname: "::1", port: 1 }, AF_INET, TypeError, "IPv4"],
    [{ hostname: "127.0.0.1", port: 1 }, AF_INET6, TypeError, "IPv6"],
    [{ hostname: "1::2::3", port: 1 }, AF_INET6, TypeError, "1::2::3"],
    [{ hostname: "1:2:3:4:5:6:7:8:9", port: 1 }, AF_INET6, TypeError, "IPv6"],
    [{ hostname: "1:2:3:4:5:6:7::8", port: 65536 }, AF_INET6, RangeError, "65536"],
    [{ hostname: "127.0.0.1", port: -1 }, AF_INET, RangeError, "-1"],
    [{ hostname: "127.0.0.1" }, AF_INET, RangeError, "undefined"],
    [{ path: "/x" }, AF_INET, TypeError, "hostname"],
    [{ hostname: "127.0.0.1", port: 1 }, AF_UNIX, TypeError, "path"],
    [{ path: "" }, AF_UNIX, TypeError, "path"],
    [{ path: "/a\0b" }, AF_UNIX, TypeError, "NUL"],
    [{ path: "/" + "x".repeat(107) }, AF_UNIX, TypeError, "room"],
    [null, AF_INET, TypeError, "null"],
    [{ hostname: "127.0.0.1", port: 1 }, 12345, Deno.errors.NotSupported, "12345"],
  ];
  for (const [addr, family, type, message] of bad) {
    assertThrows(() => encodeAddress(addr as Deno.Addr, family, "bind(fd 3)"), type, message);
    assertThrows(() => encodeAddress(addr as Deno.Addr, family, "bind(fd 3)"), type, "bind(fd 3)");
  }
});

Deno.test("encodeAddress() takes the longest path there is room for", {
  ignore: Deno.build.os !== "linux",
}, () => {
  const path = "/" + "x".repeat(106);
  const { bytes, length } = encodeAddress({ path }, AF_UNIX, "test");
  assertEquals(length, 110);
  assertEquals(decodeAddress(bytes, length, SOCK_STREAM), { transport: "unix", path });
});

Deno.test("isHostNumber() tells numbers from names", () => {
  for (const number of ["", "localhost", "127.0.0.1", "::1", "[::1]", "fe80::1%eth0"]) {
    assert(isHostNumber(number), number);
  }
  for (const name of ["example.com", "1.2.3", "::g", "a::"]) {
    assertEquals(isHostNumber(name), name === "a::", name);
  }
  assertFalse(isHostNumber("1.2.3.4.5"));
});
