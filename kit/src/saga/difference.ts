const rowsMax = 40;

/** Two step lists side by side, with the first difference marked and named. Recorded operations that the code has not asked for in
 *  their place, and operations of the code that the journal does not hold, are differences; order alone is not (steps may run in parallel). */
export function differenceOf(recorded: readonly string[], current: readonly string[]): string {
  const rows = Math.max(recorded.length, current.length);
  const first = firstDifference(recorded, current);
  const width = Math.max("recorded".length, ...recorded.map((name) => name.length));
  const start = Math.max(0, Math.min(first - rowsMax / 2, rows - rowsMax));
  const lines = Array.from({ length: Math.min(rows, start + rowsMax) - start }, (_, offset) => {
    const row = start + offset;
    const mark = row === first ? ">" : " ";
    return `${mark} ${(recorded[row] ?? "-").padEnd(width)}  ${current[row] ?? "-"}`;
  });
  return [`  ${"recorded".padEnd(width)}  current`, ...lines, describe(first, recorded, current)].join("\n");
}

function firstDifference(recorded: readonly string[], current: readonly string[]): number {
  const length = Math.max(recorded.length, current.length);
  for (let row = 0; row < length; row++) if (recorded[row] !== current[row]) return row;
  return length;
}

function describe(row: number, recorded: readonly string[], current: readonly string[]): string {
  const was = recorded[row];
  const is = current[row];
  if (was === undefined && is === undefined) return "the lists are alike";
  if (is === undefined) return `first difference: the journal holds "${was}", which the code no longer asks for`;
  if (was === undefined) return `first difference: the code asks for "${is}", where the journal ends`;
  return `first difference: the journal holds "${was}" where the code asks for "${is}"`;
}
