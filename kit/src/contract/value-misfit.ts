import type { JsonSchema } from "../schema/mod.ts";
import { unknownKeywords } from "./narrowing-bounds.ts";
import { shown, typesOf, valuesOf } from "./schema-parts.ts";

/** Why a single value of `from` does not fit `to`, or may not; checks what an enumeration can hold: texts, numbers, truth values and null. */
export function misfit(value: unknown, from: JsonSchema, to: JsonSchema): readonly string[] {
  const allowed = valuesOf(to);
  if (allowed !== undefined) return allowed.some((other) => shown(other) === shown(value)) ? [] : [refused(value)];
  const types = typesOf(to);
  const isOfType = types === undefined || typesOfValue(value).some((type) => types.includes(type));
  return isOfType && isWithin(value, to) && fitsTheRest(value, from, to) ? [] : [refused(value)];
}

function refused(value: unknown): string {
  return `${JSON.stringify(value)} is no longer accepted`;
}

function typesOfValue(value: unknown): readonly string[] {
  if (value === null) return ["null"];
  if (typeof value === "number") return Number.isInteger(value) ? ["integer", "number"] : ["number"];
  return [Array.isArray(value) ? "array" : typeof value];
}

function isWithin(value: unknown, to: JsonSchema): boolean {
  if (typeof value === "string") {
    const { length } = Array.from(value);
    return !(length < Number(to["minLength"] ?? 0)) && !(length > Number(to["maxLength"] ?? Infinity));
  }
  if (typeof value !== "number") return true;
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = to;
  return (
    value >= Number(minimum) &&
    value <= Number(maximum) &&
    value > Number(exclusiveMinimum) &&
    value < Number(exclusiveMaximum)
  );
}

function fitsTheRest(value: unknown, from: JsonSchema, to: JsonSchema): boolean {
  return unknownKeywords(to).every((name) => {
    if (shown(to[name]) === shown(from[name])) return true;
    return name === "pattern" && typeof value === "string" && matches(value, shown(to[name]));
  });
}

function matches(value: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return false; // a pattern that is none here tells nothing
  }
}
