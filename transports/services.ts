/** The services a program is likely to name, where /etc/services may not be read, or is not there (IANA). */
const COMMON: [name: string, port: number, ...aliases: string[]][] = [
  ["ftp", 21],
  ["ssh", 22],
  ["telnet", 23],
  ["smtp", 25, "mail"],
  ["domain", 53],
  ["http", 80, "www"],
  ["pop3", 110, "pop-3"],
  ["ntp", 123],
  ["imap2", 143, "imap"],
  ["snmp", 161],
  ["ldap", 389],
  ["https", 443],
  ["submission", 587],
  ["ldaps", 636],
  ["imaps", 993],
  ["pop3s", 995],
  ["mysql", 3306],
  ["postgresql", 5432],
  ["amqp", 5672],
  ["redis", 6379],
];

/** A line of the database. */
interface Service {
  /** Names, the official one first. */
  names: string[];
  port: number;
  /** `null`: any. */
  protocol: string | null;
}

/**
 * The port of a service, from /etc/services if that may be read, else from a
 * list of common ones; `undefined` if it has none.
 */
export async function servicePort(
  name: string,
  type: "stream" | "datagram",
): Promise<number | undefined> {
  return (await find(type, ({ names }) => names.includes(name)))?.port;
}

/** The name of the service at a port; `undefined` if it has none. */
export async function serviceName(
  port: number,
  type: "stream" | "datagram",
): Promise<string | undefined> {
  return (await find(type, (service) => service.port === port))?.names[0];
}

async function find(
  type: "stream" | "datagram",
  matches: (service: Service) => boolean,
): Promise<Service | undefined> {
  const wanted = type === "stream" ? "tcp" : "udp";
  const services = await readServices() ?? COMMON.map(([name, port, ...aliases]) => ({
    names: [name, ...aliases],
    port,
    protocol: null,
  }));
  return services.find((service) => (service.protocol ?? wanted) === wanted && matches(service));
}

/** What the system knows; `null` where it may not be asked, or knows nothing. */
async function readServices(): Promise<Service[] | null> {
  const path = "/etc/services";
  const { state } = await Deno.permissions.query({ name: "read", path });
  if (state !== "granted") return null;
  try {
    return parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Lines are `name port/protocol alias...  # comment` (services(5)). */
function parse(text: string): Service[] {
  const services: Service[] = [];
  for (const line of text.split("\n")) {
    const [name = "", where = "", ...aliases] = (line.split("#")[0] as string).trim().split(/\s+/);
    const [port, protocol = ""] = where.split("/");
    if (name !== "") services.push({ names: [name, ...aliases], port: Number(port), protocol });
  }
  return services;
}
