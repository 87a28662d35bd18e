import { assertEquals, assertInstanceOf } from "../support/assert.ts";

export const ignore = Deno.build.os === "windows";
export const onLinux = { ignore: Deno.build.os !== "linux" };

/** Registers a test that gets a path of its own, and finds nothing left in the folder afterwards. */
export function unixTest(
  name: string,
  fn: (path: string, folder: string) => Promise<void>,
  options: { ignore?: boolean } = { ignore },
): void {
  Deno.test({ name, ...options, fn: () => inFolder(fn) });
}

export async function inFolder(fn: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(`${folder}/socket`, folder);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

export function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket ?? false;
  } catch (error) {
    assertInstanceOf(error, Deno.errors.NotFound);
    return false;
  }
}
