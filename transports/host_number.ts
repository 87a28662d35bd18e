const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** How `URL` writes an IPv4 address inside of an IPv6 one; the system writes it with dots. */
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** The family of a host that is given by number; `null` for a name. A zone may follow: `fe80::1%eth0`. */
export function literalFamily(hostname: string): "ipv4" | "ipv6" | null {
  if (IPV4.test(hostname)) return "ipv4";
  return ipv6(hostname) === null ? null : "ipv6";
}

/**
 * A number as the system writes it (RFC 5952), without brackets; a name stays
 * as it is. Two spellings of one address are the same text afterwards.
 */
export function canonicalHost(hostname: string): string {
  return ipv6(hostname) ?? hostname;
}

/** Whether two hosts are one, an IPv4 address seen from an IPv6 socket included. Zones are not compared. */
export function isSameHost(one: string, other: string): boolean {
  return one === other || bare(one) === bare(other);
}

function bare(hostname: string): string {
  const [number = ""] = canonicalHost(hostname).split("%", 1);
  return number.replace(/^::ffff:(?=\d+\.)/, "");
}

/** Only `URL` knows the grammar of IPv6 numbers without loading a module of node's. */
function ipv6(hostname: string): string | null {
  if (!hostname.includes(":")) return null;
  const text = hostname.replace(/^\[(.*)\]$/, "$1");
  const at = text.indexOf("%");
  const number = at < 0 ? text : text.slice(0, at);
  if (!/^[0-9a-f:.]+$/i.test(number)) return null;
  const url = URL.parse(`http://[${number}]`);
  if (url === null) return null;
  const canonical = url.hostname.slice(1, -1);
  const mapped = MAPPED.exec(canonical)?.slice(1).flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return (mapped === undefined ? canonical : `::ffff:${mapped.join(".")}`) +
    (at < 0 ? "" : text.slice(at));
}
