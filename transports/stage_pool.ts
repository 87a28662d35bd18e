/** Sizes of stages, and how many of each are kept: 1 MiB, 2 MiB, 4 MiB. */
const CLASSES = [
  { size: 4 * 1024, most: 256 },
  { size: 64 * 1024, most: 32 },
  { size: 256 * 1024, most: 16 },
] as const;

const spares: Uint8Array[][] = CLASSES.map(() => []);

/**
 * Memory for bytes on their way out, used again and again by all connections.
 * As many stages are out at a time as connections write in one turn of the
 * platform; making new ones for each write costs more than the write.
 */
export function takeStage(size: number): Uint8Array {
  for (let at = 0; at < CLASSES.length; at++) {
    const { size: classSize } = CLASSES[at] as (typeof CLASSES)[number];
    if (size <= classSize) return (spares[at] as Uint8Array[]).pop() ?? new Uint8Array(classSize);
  }
  return new Uint8Array(size);
}

/** Gives a stage back. The platform must have finished with it. */
export function returnStage(stage: Uint8Array): void {
  for (let at = 0; at < CLASSES.length; at++) {
    const { size, most } = CLASSES[at] as (typeof CLASSES)[number];
    const list = spares[at] as Uint8Array[];
    if (stage.length === size && list.length < most) list.push(stage);
  }
}
