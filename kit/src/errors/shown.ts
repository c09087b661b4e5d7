const shownMaxLength = 80;

/** A value as a person reads it in a message: bounded, never throws, never runs the value's own code except for primitives. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(clipped(value, shownMaxLength));
  if (typeof value === "bigint") return clipped(`${value}n`, shownMaxLength);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return clipped(String(value), shownMaxLength);
  return Array.isArray(value) ? `an array of ${value.length}` : "an object";
}

/** At most `lengthMax` UTF-16 code units, the last one an ellipsis when something was cut; never ends in half a character. */
export function clipped(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const kept = text.slice(0, lengthMax - 1);
  const last = kept.charCodeAt(kept.length - 1);
  const isHighSurrogate = last >= 0xd800 && last <= 0xdbff;
  return `${isHighSurrogate ? kept.slice(0, -1) : kept}…`;
}
