/**
 * Order of names in scans: by code point, which is also the order of their UTF-8 bytes (SQLite, PostgreSQL with "C").
 * JavaScript's own `<` compares UTF-16 units and puts U+10000 and above before U+E000.
 */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return shifted(leftUnit) - shifted(rightUnit);
  }
  return left.length - right.length;
}

/** Moves the surrogates above all other units, as their code points are. */
function shifted(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit > 0xdfff ? unit - 0x800 : unit + 0x2000;
}

/** The least text behind all texts that begin with `prefix`, in the order of code points; `undefined` when there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // Behind the last point before the surrogates, which are no characters of their own, comes the first one after them.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
