// deno-lint-ignore-file no-console

/** The middle value; of an even count, the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The mean of ratios. */
export function geometricMean(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + Math.log(value), 0);
  return Math.exp(sum / values.length);
}

/**
 * Median of `peer / ours`, round by round: the machine's mood, which changes
 * between rounds more than the programs differ, is in both halves of a ratio.
 */
export function pairedRatio(
  peer: readonly number[],
  ours: readonly number[],
): number {
  const rounds = Math.min(peer.length, ours.length);
  const ratios = Array.from({ length: rounds }, (_, i) => peer[i]! / ours[i]!);
  return median(ratios);
}

/** A number with a fixed count of digits; a dash where there is none. */
export function digits(value: number, count: number): string {
  return Number.isFinite(value) ? value.toFixed(count) : "-";
}

/** Prints rows in columns: the first left, the others right aligned. */
export function printTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  for (const row of all) {
    console.log(
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join(
        "  ",
      ),
    );
  }
}
