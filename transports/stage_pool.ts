/** Sizes of stages, and how many of each are kept: 1 MiB, 4 MiB, 8 MiB, 8 MiB. */
const CLASSES = [
  { size: 4 * 1024, most: 256 },
  { size: 64 * 1024, most: 64 },
  { size: 128 * 1024, most: 64 },
  { size: 256 * 1024, most: 32 },
] as const;

/** A piece of memory, and the part of it that is in use. */
export interface Stage {
  /** All of it. */
  readonly memory: Uint8Array;
  /** What is in use; kept with the memory, since traffic of one size needs the same part again. */
  view: Uint8Array;
}

const spares: Stage[][] = CLASSES.map(() => []);

/**
 * Memory for `size` bytes on their way out, used again and again by all
 * connections. As many stages are out at a time as connections write in one turn
 * of the platform; making new ones for each write costs more than the write.
 */
export function takeStage(size: number): Stage {
  const stage = spare(size);
  if (stage.view.length !== size) stage.view = stage.memory.subarray(0, size);
  return stage;
}

function spare(size: number): Stage {
  for (let at = 0; at < CLASSES.length; at++) {
    const { size: classSize } = CLASSES[at] as (typeof CLASSES)[number];
    if (size <= classSize) return (spares[at] as Stage[]).pop() ?? makeStage(classSize);
  }
  return makeStage(size);
}

function makeStage(size: number): Stage {
  const memory = new Uint8Array(size);
  return { memory, view: memory };
}

/** Gives a stage back. The platform must have finished with it. */
export function returnStage(stage: Stage): void {
  for (let at = 0; at < CLASSES.length; at++) {
    const { size, most } = CLASSES[at] as (typeof CLASSES)[number];
    if (stage.memory.length !== size) continue;
    const list = spares[at] as Stage[];
    if (list.length < most) list.push(stage);
    return;
  }
}
