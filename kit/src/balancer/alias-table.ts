/** Draws places by weight in constant time: a column is a place, or with the rest of its chance another one. */
export interface AliasTable {
  /** Chance that the column stands for its own place. */
  readonly chances: Float64Array;
  readonly aliases: Int32Array;
}

/** O(n) to build. Source: Vose 1991, a linear algorithm for generating random numbers with a given distribution. */
export function aliasTable(weights: readonly number[]): AliasTable {
  const count = weights.length;
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / count;
  const rest = weights.map((weight) => weight / mean);
  const chances = new Float64Array(count).fill(1);
  const aliases = Int32Array.from(rest, (_, place) => place);
  const small = placesWhere(rest, (share) => share < 1);
  const large = placesWhere(rest, (share) => share >= 1);
  for (let low = small.pop(); low !== undefined; low = small.pop()) {
    const high = large.pop();
    if (high === undefined) break; // rounding left a column short; it stands for itself
    chances[low] = rest[low] ?? 1;
    aliases[low] = high;
    rest[high] = (rest[high] ?? 1) + (rest[low] ?? 1) - 1;
    ((rest[high] ?? 1) < 1 ? small : large).push(high);
  }
  return { chances, aliases };
}

/** The place for a number in [0, 1). */
export function placeAt(table: AliasTable, fraction: number): number {
  const spread = fraction * table.chances.length;
  const column = Math.floor(spread);
  return spread - column < (table.chances[column] ?? 1) ? column : (table.aliases[column] ?? 0);
}

function placesWhere(shares: readonly number[], holds: (share: number) => boolean): number[] {
  return shares.flatMap((share, place) => (holds(share) ? [place] : []));
}
