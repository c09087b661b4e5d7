/** A unit and how many of the smallest one it holds; listed from the largest to the smallest. */
export type Units = readonly (readonly [unit: string, size: number])[];

/** Milliseconds and what is made of them. */
export const durationUnits: Units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
];

/** Bytes: powers of 1024 with an i, powers of 1000 without. */
export const byteUnits: Units = [
  ["TiB", 1_024 ** 4],
  ["TB", 1_000 ** 4],
  ["GiB", 1_024 ** 3],
  ["GB", 1_000 ** 3],
  ["MiB", 1_024 ** 2],
  ["MB", 1_000 ** 2],
  ["KiB", 1_024],
  ["KB", 1_000],
  ["B", 1],
];

const partPattern = /(\d{1,15}(?:\.\d{1,15})?)\s*([a-z]+)\s*/giy;

/**
 * The quantity in its smallest unit, for texts such as `5s`, `1h30m` and `64MiB`; undefined when it is none, or no whole
 * number of the smallest unit. Every part carries its unit: a bare 30 means seconds to one reader and milliseconds to another.
 */
export function quantityOf(text: string, units: Units): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  let total = 0;
  let end = 0;
  let lastSize = Infinity;
  for (const match of trimmed.matchAll(partPattern)) {
    const size = units.find(([unit]) => unit.toLowerCase() === match[2]?.toLowerCase())?.[1];
    if (size === undefined || size >= lastSize) return undefined; // 5m1h, or 5m5m: nobody means that
    total += Number(match[1]) * size;
    lastSize = size;
    end = match.index + match[0].length;
  }
  const isWhole = Number.isSafeInteger(total) && end === trimmed.length && end > 0;
  return isWhole ? total : undefined;
}

/** The quantity in the largest unit that holds it a whole number of times. */
export function quantityText(value: number, units: Units): string {
  if (value === 0) return "0";
  const [unit, size] = units.find(([, size]) => value % size === 0) ?? ["", 1];
  return `${value / size}${unit}`;
}
