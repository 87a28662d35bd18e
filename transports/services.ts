/** The services a program is likely to name, where /etc/services may not be read (IANA). */
const COMMON: Record<string, number> = {
  "ftp": 21,
  "ssh": 22,
  "telnet": 23,
  "smtp": 25,
  "domain": 53,
  "http": 80,
  "pop3": 110,
  "ntp": 123,
  "imap2": 143,
  "imap": 143,
  "snmp": 161,
  "ldap": 389,
  "https": 443,
  "submission": 587,
  "ldaps": 636,
  "imaps": 993,
  "pop3s": 995,
  "mysql": 3306,
  "postgresql": 5432,
  "amqp": 5672,
  "redis": 6379,
};

/**
 * The port of a service, from /etc/services if it may be read, else from a list
 * of common ones; `undefined` if it has none.
 */
export async function servicePort(
  name: string,
  type: "stream" | "datagram",
): Promise<number | undefined> {
  const readable = await Deno.permissions.query({ name: "read", path: "/etc/services" });
  if (readable.state === "granted") {
    const found = inFile(await readServices(), name, type === "stream" ? "tcp" : "udp");
    if (found !== undefined) return found;
  }
  return COMMON[name];
}

async function readServices(): Promise<string> {
  try {
    return await Deno.readTextFile("/etc/services");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Lines are `name port/protocol alias...  # comment` (services(5)). */
function inFile(text: string, name: string, protocol: string): number | undefined {
  for (const line of text.split("\n")) {
    const [first, where = "", ...aliases] = (line.split("#")[0] as string).trim().split(/\s+/);
    const [port, kind] = where.split("/");
    if (kind === protocol && (first === name || aliases.includes(name))) return Number(port);
  }
  return undefined;
}
