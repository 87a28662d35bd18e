/**
 * Numbers of the platform's socket headers, for {@linkcode Socket}. They are
 * those of Linux (`asm-generic`, as on x86-64 and aarch64) or of macOS; where
 * `Socket` is not supported they are Linux's. Nothing is loaded to know them.
 *
 * @module
 */

const DARWIN = Deno.build.os === "darwin";

function number(linux: number, darwin: number): number {
  return DARWIN ? darwin : linux;
}

/** Family of IPv4 sockets. */
export const AF_INET: number = 2;
/** Family of IPv6 sockets. */
export const AF_INET6: number = number(10, 30);
/** Family of unix sockets. */
export const AF_UNIX: number = 1;
/** No particular family. */
export const AF_UNSPEC: number = 0;

/** Type of stream sockets: TCP, unix streams. */
export const SOCK_STREAM: number = 1;
/** Type of datagram sockets: UDP, unix datagrams. */
export const SOCK_DGRAM: number = 2;
/** Type of raw IP sockets. */
export const SOCK_RAW: number = 3;
/** Type of connected datagrams in order: unix sockets of Linux. */
export const SOCK_SEQPACKET: number = 5;

/** Level of the options named `SO_*`. */
export const SOL_SOCKET: number = number(1, 0xffff);
/** Bind an address that is in TIME_WAIT. */
export const SO_REUSEADDR: number = number(2, 0x4);
/** The type of the socket; read only. */
export const SO_TYPE: number = number(3, 0x1008);
/** The pending error as a number, 0 for none; reading clears it. */
export const SO_ERROR: number = number(4, 0x1007);
/** Allow datagrams to broadcast addresses. */
export const SO_BROADCAST: number = number(6, 0x20);
/** Size of the send buffer in bytes; Linux answers with the double of what was set. */
export const SO_SNDBUF: number = number(7, 0x1001);
/** Size of the receive buffer in bytes; Linux answers with the double of what was set. */
export const SO_RCVBUF: number = number(8, 0x1002);
/** Probe an idle connection. */
export const SO_KEEPALIVE: number = number(9, 0x8);
/** What `close()` does with unsent bytes: `struct linger`, as bytes. */
export const SO_LINGER: number = number(13, 0x80);
/** Let several sockets share one address. */
export const SO_REUSEPORT: number = number(15, 0x200);
/** How many bytes make a stream readable. */
export const SO_RCVLOWAT: number = number(18, 0x1004);
/** Whether the socket listens; read only. */
export const SO_ACCEPTCONN: number = number(30, 0x2);

/** Level of the options named `IP_*`. */
export const IPPROTO_IP: number = 0;
/** Protocol number of ICMP. */
export const IPPROTO_ICMP: number = 1;
/** Protocol number of TCP, and level of the options named `TCP_*`. */
export const IPPROTO_TCP: number = 6;
/** Protocol number of UDP. */
export const IPPROTO_UDP: number = 17;
/** Level of the options named `IPV6_*`. */
export const IPPROTO_IPV6: number = 41;

/** Send small segments at once. */
export const TCP_NODELAY: number = 1;
/** Largest segment in bytes. */
export const TCP_MAXSEG: number = 2;
/** Seconds of silence before the first probe. */
export const TCP_KEEPIDLE: number = number(4, 0x10);
/** Seconds between probes. */
export const TCP_KEEPINTVL: number = number(5, 0x101);
/** Probes without an answer before the connection is dropped. */
export const TCP_KEEPCNT: number = number(6, 0x102);

/** Type of service of outgoing packets. */
export const IP_TOS: number = number(1, 3);
/** Time to live of outgoing packets. */
export const IP_TTL: number = number(2, 4);
/** Interface of outgoing multicast packets: an IPv4 address, as bytes. */
export const IP_MULTICAST_IF: number = number(32, 9);
/** Time to live of outgoing multicast packets. */
export const IP_MULTICAST_TTL: number = number(33, 10);
/** Whether multicast packets come back to this host. */
export const IP_MULTICAST_LOOP: number = number(34, 11);
/** Join a group: `struct ip_mreq`, as bytes. */
export const IP_ADD_MEMBERSHIP: number = number(35, 12);
/** Leave a group: `struct ip_mreq`, as bytes. */
export const IP_DROP_MEMBERSHIP: number = number(36, 13);

/** Hop limit of outgoing packets. */
export const IPV6_UNICAST_HOPS: number = number(16, 4);
/** Interface of outgoing multicast packets: its index. */
export const IPV6_MULTICAST_IF: number = number(17, 9);
/** Hop limit of outgoing multicast packets. */
export const IPV6_MULTICAST_HOPS: number = number(18, 10);
/** Whether multicast packets come back to this host. */
export const IPV6_MULTICAST_LOOP: number = number(19, 11);
/** Join a group: `struct ipv6_mreq`, as bytes. */
export const IPV6_JOIN_GROUP: number = number(20, 12);
/** Leave a group: `struct ipv6_mreq`, as bytes. */
export const IPV6_LEAVE_GROUP: number = number(21, 13);
/** Take IPv6 peers only, no IPv4-mapped ones. */
export const IPV6_V6ONLY: number = number(26, 27);

/** End the receiving direction. */
export const SHUT_RD: number = 0;
/** End the sending direction. */
export const SHUT_WR: number = 1;
/** End both directions. */
export const SHUT_RDWR: number = 2;

/** Flag of `send` and `recv`: out-of-band data. */
export const MSG_OOB: number = 1;
/** Flag of `recv`: leave the data in the queue. */
export const MSG_PEEK: number = 2;
/** Flag of `recv`: the full length of a datagram, also where it was cut. */
export const MSG_TRUNC: number = number(0x20, 0x10);

/** Longest backlog the headers promise. */
export const SOMAXCONN: number = number(4096, 128);
