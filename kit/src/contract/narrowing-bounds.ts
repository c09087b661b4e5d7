import type { JsonSchema } from "../schema/mod.ts";
import { shown } from "./schema-parts.ts";

const lowerBounds = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const upperBounds = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/** Compared elsewhere, or said to people only. */
const otherwise: ReadonlySet<string> = new Set(
  [
    lowerBounds,
    upperBounds,
    ["type", "enum", "const", "anyOf", "oneOf", "allOf", "properties", "required", "additionalProperties"],
    ["propertyNames", "items", "prefixItems", "$ref", "$defs", "definitions", "$schema", "$id", "id", "$comment"],
    ["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"],
  ].flat(),
);

/** Why numbers, texts and sizes that fit `from` may not fit `to`; and every keyword that differs and that nobody here knows. */
export function boundNarrowings(from: JsonSchema, to: JsonSchema): readonly string[] {
  const found: string[] = [];
  for (const name of lowerBounds) if (numberOf(to, name, -Infinity) > lowest(from, name)) found.push(tighter(name));
  for (const name of upperBounds) if (numberOf(to, name, Infinity) < highest(from, name)) found.push(tighter(name));
  for (const name of unknownKeywords(to)) if (shown(to[name]) !== shown(from[name])) found.push(tighter(name));
  return found;

  function tighter(name: string): string {
    return `${name} was ${shown(from[name])}, is ${shown(to[name])}`;
  }
}

/** Keywords that only their equality says something about. */
export function unknownKeywords(schema: JsonSchema): readonly string[] {
  return Object.keys(schema).filter((name) => !otherwise.has(name) && schema[name] !== undefined);
}

/** What is above an exclusive bound is also at least that bound. */
function lowest(from: JsonSchema, name: string): number {
  const own = numberOf(from, name, -Infinity);
  return name === "minimum" ? Math.max(own, numberOf(from, "exclusiveMinimum", -Infinity)) : own;
}

function highest(from: JsonSchema, name: string): number {
  const own = numberOf(from, name, Infinity);
  return name === "maximum" ? Math.min(own, numberOf(from, "exclusiveMaximum", Infinity)) : own;
}

function numberOf(schema: JsonSchema, keyword: string, absent: number): number {
  const value = schema[keyword];
  return typeof value === "number" ? value : absent;
}
